"""Who may do what: every route of the running application, times every role, against a written table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from fastapi.routing import APIRoute
from served import Served, form, served
from starlette.testclient import TestClient

from posture.attack import attack_of
from posture.model.account import Role
from posture.model.schedule import Kind, Schedule

TABLE: dict[str, str | list[str]] = yaml.safe_load((Path(__file__).parent / "routes.yaml").read_text())
PAIRS = [(route, role) for route, allowed in TABLE.items() if allowed != "open" for role in Role]


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as found:
        night = Schedule("night", Kind.FEEDS, found.clock(), "seed", every_s=3600)
        found.store.schedules.add(night, by="test", at=found.clock())
        yield found


@pytest.fixture(scope="module")
def asking(agency: Served) -> Callable[[str, Role], TestClient]:
    """Give the one browser, or program, of a role: a password takes its time to check."""
    return cache(lambda door, role: agency.program(role) if door == "api" else agency.signed_in(role))


def named(path: str) -> str:
    return "/style.css" if path.startswith("/style-") else path


def test_the_table_holds_every_route_and_no_other(agency: Served) -> None:
    routes = {
        f"{method} {named(route.path)}"
        for route in agency.app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert routes == set(TABLE)
    assert len(agency.app.routes) == len(TABLE)  # nothing is mounted beside them


def first_path(agency: Served) -> str:
    found = attack_of(agency.store, "latest")
    assert found is not None
    return found.paths()[0].id


def for_programs(route: str) -> bool:
    return "/api/" in route or "/metrics" in route


def ask(agency: Served, browser: TestClient, route: str) -> int:
    method, path = route.split()
    run = agency.store.load_run().run.id
    finding = next(iter(agency.store.findings()))
    digest = next(one.sha256 for host in agency.store.read_hosts(run) for one in host.evidence)
    path = path.replace("{host}", "grants-app1").replace("{finding}", finding.id).replace("{digest}", digest)
    path = path.replace("{path}", first_path(agency))
    if path == "/api/v1/evidence":
        path += "?host=grants-app1"
    if method == "GET":
        return browser.get(path).status_code
    if path.startswith("/schedules/"):
        # On to the page of scans.
        return browser.post(path, data=form(browser, name="night"), follow_redirects=True).status_code
    return browser.post(path, data=form(browser, name="nobody", password="x", role="viewer")).status_code


@pytest.mark.parametrize(("route", "role"), PAIRS, ids=str)
def test_a_role_does_what_the_table_says_and_nothing_else(
    agency: Served, asking: Callable[[str, Role], TestClient], route: str, role: Role
) -> None:
    status = ask(agency, asking("api" if for_programs(route) else "page", role), route)
    if role.value in TABLE[route]:
        assert status in (200, 400), status  # 400: the form is looked at, and its password is too short
    else:
        assert status == 403


@pytest.mark.parametrize("route", [route for route, allowed in TABLE.items() if allowed != "open"])
def test_who_is_not_signed_in_is_sent_to_the_door(agency: Served, route: str) -> None:
    browser = agency.browser()
    method, path = route.split()
    answer = browser.request(method, path, data=form(browser) if method == "POST" else None)
    if for_programs(route):
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json().keys() == {"what", "hint"}
        return
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert answer.text == ""
