"""The API: tokens, what they see, reading on with a cursor, ETags, and what stands in the description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from served import Served, form, served
from starlette.testclient import TestClient

from posture.demo import run_demo
from posture.inputs import config
from posture.model.account import Role
from posture.model.host import FLEET
from posture.serve.tokens import Tokens, digest


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as found:
        yield found


@pytest.fixture(scope="module")
def admin(agency: Served) -> TestClient:
    return agency.program(Role.ADMIN)


def status(agency: Served, token: str) -> int:
    return agency.browser().get("/api/v1/scans", headers={"authorization": f"Bearer {token}"}).status_code


def test_a_list_is_read_on_to_its_end_and_is_what_the_page_shows(agency: Served, admin: TestClient) -> None:
    ids, cursor = [], ""
    while True:
        answer = admin.get("/api/v1/findings", params={"limit": 7, "cursor": cursor}).json()
        ids += [one["id"] for one in answer["items"]]
        if not (cursor := answer["next"]):
            break
    page = agency.signed_in(Role.ADMIN).get("/work.csv").text
    assert ids == re.findall(r'"([0-9a-f]{16})"', page)
    assert len(ids) == answer["total"] == len(list(agency.store.findings(open_only=True)))


def test_a_cursor_stays_with_its_run_while_another_scan_comes(tmp_path: Path, demo_store: Path) -> None:
    with served(tmp_path, demo_store) as agency:
        program = agency.program(Role.VIEWER)
        first = program.get("/api/v1/hosts", params={"limit": 5}).json()
        run_demo(agency.store, config.default(tmp_path), agency.clock() + timedelta(hours=1))
        second = program.get("/api/v1/hosts", params={"limit": 5, "cursor": first["next"]}).json()
        assert second["run"] == first["run"] != program.get("/api/v1/overview").json()["run"]
        assert not {one["id"] for one in first["items"]} & {one["id"] for one in second["items"]}


def test_every_host_says_how_much_of_it_was_seen(agency: Served, admin: TestClient) -> None:
    hosts = admin.get("/api/v1/hosts", params={"limit": 200}).json()["items"]
    share = agency.store.coverage("latest")
    assert sum(one["decided"]["part"] for one in hosts) == share.decided
    assert sum(one["decided"]["whole"] for one in hosts) == share.possible
    coverage = admin.get("/api/v1/overview").json()["item"]["coverage"]
    assert f"{share.decided}" in str(coverage).replace(",", "")


def test_an_answer_that_did_not_change_is_not_sent_again(admin: TestClient) -> None:
    for path in ("/overview", "/findings", "/hosts/grants-app1", "/plan", "/openapi.json"):
        first = admin.get(f"/api/v1{path}")
        again = admin.get(f"/api/v1{path}", headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert admin.get(f"/api/v1{path}", headers={"if-none-match": '"other"'}).status_code == 200
        assert first.headers["cache-control"] == "private, no-cache"


def test_what_somebody_wrote_changes_the_answer(agency: Served, admin: TestClient) -> None:
    before = admin.get("/api/v1/findings")
    one = before.json()["items"][0]["id"]
    browser = agency.signed_in(Role.ANALYST)
    browser.post("/work/ticket", data=form(browser, pick=one, ticket="INC-1"))
    after = admin.get("/api/v1/findings", headers={"if-none-match": before.headers["etag"]})
    assert (after.status_code, after.json()["items"][0]["ticket"]) == (200, "INC-1")


def test_a_token_ends_is_revoked_and_is_never_kept(agency: Served) -> None:
    tokens = Tokens(agency.store, agency.clock)
    token = tokens.make("short-lived", Role.VIEWER, (), 2, by="test")
    assert status(agency, token) == 200
    assert status(agency, token + "x") == status(agency, "posture_") == status(agency, "") == 401
    agency.store.tokens.revoke("short-lived", by="test", at=agency.clock())
    assert status(agency, token) == 401
    ending = tokens.make("ending", Role.VIEWER, (), 1, by="test")
    agency.clock.pass_by(timedelta(days=1))
    assert status(agency, ending) == 401
    assert [one.event for one in agency.store.events()][-2:] == ["token_revoked", "token_made"]
    assert agency.store.database.path is not None
    agency.store.database.checkpoint()
    kept = agency.store.database.path.read_bytes()
    assert token.encode() not in kept
    assert bytes.fromhex(digest(token)) in kept


def test_an_administrator_makes_and_revokes_one_in_the_browser(agency: Served) -> None:
    browser = agency.signed_in(Role.ADMIN)
    page = browser.post("/accounts/tokens", data=form(browser, name="siem", role="viewer", days="30")).text
    found = re.search(r"<code>(posture_[^<]*)</code>", page)
    assert found
    assert status(agency, found[1]) == 200
    assert found[1] not in browser.get("/accounts").text
    for fields in (
        {"name": "siem"},
        {"name": "x", "days": "0"},
        {"name": "x", "days": "٣"},
        {"name": "x", "role": "king"},
    ):
        data = form(browser, **({"role": "viewer", "days": "30"} | fields))
        assert browser.post("/accounts/tokens", data=data).status_code == 400
    assert browser.post("/accounts/tokens/revoke", data=form(browser, name="siem")).status_code == 303
    assert status(agency, found[1]) == 401


def test_neither_a_session_nor_a_token_opens_the_other_door(agency: Served) -> None:
    assert agency.signed_in(Role.ADMIN).get("/api/v1/scans").status_code == 401
    assert agency.program(Role.ADMIN).get("/scans").headers["location"] == "/sign-in"


def test_a_token_of_one_system_sees_nothing_of_the_others(agency: Served) -> None:
    hosts = {one.host.id: one.host for one in agency.store.read_hosts("latest") if one.host.id != FLEET}
    system = hosts["grants-app1"].system
    others = sorted(id_ for id_, host in hosts.items() if host.system != system)
    program = agency.program(Role.ADMIN, systems=(system,))
    for path in (
        "overview",
        "findings",
        "hosts",
        "hosts/grants-app1",
        "checks",
        "paths",
        "what-if",
        "calendar",
        "ai",
        "fixed",
        "plan",
        "scans",
    ):
        text = program.get(f"/api/v1/{path}").text
        assert [one for one in others if re.search(rf"\b{re.escape(one)}\b", text)] == [], path
    for other in others:
        assert program.get(f"/api/v1/hosts/{other}").status_code == 404
        assert program.get("/api/v1/evidence", params={"host": other}).status_code == 404
    foreign = next(one for one in agency.store.findings(open_only=True) if one.host in others)
    writer = agency.signed_in(Role.ANALYST)
    writer.post("/work/comment", data=form(writer, pick=foreign.id, comment="between the two of us"))
    assert "between the two of us" in agency.program(Role.ADMIN).get("/api/v1/audit").text
    seen = program.get("/api/v1/audit", params={"limit": 200})
    assert seen.json()["items"]
    assert {one["about"] for one in seen.json()["items"]} <= hosts.keys() - set(others)
    assert "between the two of us" not in seen.text
    assert program.get(f"/api/v1/findings/{foreign.id}").status_code == 404


def test_the_audit_chain_is_read_backwards_to_its_first_row(agency: Served) -> None:
    program, rows, cursor = agency.program(Role.AUDITOR), [], ""
    head = agency.store.chain_head().seq
    while True:
        answer = program.get("/api/v1/audit", params={"limit": 5, "cursor": cursor}).json()
        assert answer["holds"]
        rows += [one["seq"] for one in answer["items"]]
        if not (cursor := answer["next"]):
            break
    assert rows == list(range(head, 0, -1))
    other = program.get("/api/v1/findings", params={"limit": 1}).json()["next"]
    assert program.get("/api/v1/audit", params={"cursor": other}).status_code == 400


def test_the_description_names_every_route_and_says_what_fields_mean(agency: Served, admin: TestClient) -> None:
    told = admin.get("/api/v1/openapi.json").json()
    paths = {route.path for route in agency.app.routes if getattr(route, "path", "").startswith("/api/")}
    assert set(told["paths"]) == paths - {"/api/v1/openapi.json"}
    for path in told["paths"].values():
        assert path["get"]["description"]
        assert path["get"]["security"] == [{"HTTPBearer": []}]
        assert {"200", "304", "401", "403", "422"} <= set(path["get"]["responses"])
    schemas = told["components"]["schemas"]
    assert "nobody" in schemas["WorkLine"]["properties"]["assignee"]["description"]
    assert all(schema.get("description") for name, schema in schemas.items() if "_" not in name)
