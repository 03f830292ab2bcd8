"""The agency scanned three times with two fixes in between, read over real HTTP by an administrator and by a viewer."""

from __future__ import annotations

import html
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import uvicorn
from agency_in_three_days import CACHE, LOGIN
from served import PASSWORD, Clock

from posture.model.account import Role
from posture.model.finding import Closing, Finding
from posture.model.host import FLEET
from posture.serve.app import create_app
from posture.serve.door import Door
from posture.serve.gate import Settings
from posture.serve.tokens import Tokens
from posture.store import Store


@dataclass
class Agency:
    """A server on loopback over three runs."""

    store: Store
    door: Door
    place: str
    runs: list[str]
    admin: httpx2.Client
    tokens: Tokens

    def visitor(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.place, timeout=60)

    def program(self, role: Role, *systems: str) -> httpx2.Client:
        token = self.tokens.make(f"token-{len(self.store.tokens.all())}", role, systems, 1, by="test")
        return httpx2.Client(base_url=self.place, timeout=60, headers={"authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, three_days_store: Path) -> Iterator[Agency]:
    folder, clock = tmp_path_factory.mktemp("three-days"), Clock()
    shutil.copy(three_days_store, folder / "posture.db")
    with Store.open(folder / "posture.db") as store, socket.socket() as listening:
        runs = [one.run.id for one in store.runs()][::-1]
        door = Door(store, clock, fips=False)
        app = create_app(store, door, Settings(secure=False))
        token = door.first_token()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        place = f"http://127.0.0.1:{listening.getsockname()[1]}"
        admin = httpx2.Client(base_url=place, timeout=60)
        sent(admin, "/sign-in", "/first", token=token, name="root.admin", password=PASSWORD)
        yield Agency(store, door, place, runs, admin, Tokens(store, clock))
        server.should_exit = True
        thread.join()


def sent(browser: httpx2.Client, page: str, path: str, **fields: str) -> httpx2.Response:
    """Return the answer to a form of a page, filled in."""
    form = re.search(r'name="form" value="([0-9a-f]{64})"', browser.get(page).text)
    assert form
    answer = browser.post(path, data={"form": form[1], **fields})
    assert answer.status_code == 303, answer.text
    return answer


def fixed(agency: Agency) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {CACHE: [], LOGIN: []}
    for one in agency.store.findings():
        if not one.open:
            assert one.closing is Closing.FIXED
            found[one.host].append(one)
    return found


def test_three_scans_stand_on_the_page_of_scans(agency: Agency) -> None:
    page = agency.admin.get("/scans").text
    assert [page.index(run) for run in agency.runs] == sorted((page.index(run) for run in agency.runs), reverse=True)


def test_each_fix_closed_what_it_should_and_nothing_else(agency: Agency) -> None:
    assert {(one.check, one.host) for found in fixed(agency).values() for one in found} == {
        ("EXP-01", CACHE),
        ("EXP-07", CACHE),
        ("SSH-01", LOGIN),
    }


def test_burn_down_goes_down_by_what_each_day_mended(agency: Agency) -> None:
    mended, still = fixed(agency), list(agency.store.findings(open_only=True))
    with agency.program(Role.VIEWER) as program:
        days = program.get("/api/v1/overview").json()["item"]["ahead"]["burn"]["days"]
    told = [(one["open"], one["fixed"]) for one in days]
    assert told == [(len(still) + 3, 0), (len(still) + 1, len(mended[CACHE])), (len(still), len(mended[LOGIN]))]
    page = agency.admin.get("/work").text
    assert f"{len(still)} of {len(still)} open findings" in page


def test_every_fix_has_its_receipt_with_both_runs(agency: Agency) -> None:
    page = html.unescape(agency.admin.get("/fixed").text)
    first, second, third = agency.runs
    with agency.program(Role.ANALYST) as program:
        receipts = {one["id"]: one for one in program.get("/api/v1/fixed").json()["item"]["receipts"]}
    mended = fixed(agency)
    assert receipts.keys() == {one.id for found in mended.values() for one in found}
    for host, before, after in ((CACHE, first, second), (LOGIN, second, third)):
        for one in mended[host]:
            receipt = receipts[one.id]
            assert receipt["holds"]["text"] == "holds"
            assert receipt["failed"]["value"].endswith(before)
            assert receipt["passes"]["value"].endswith(after)
            assert f'href="/findings/{one.id}"' in page
            assert "closed (fixed)" in agency.admin.get(f"/findings/{one.id}").text


def test_the_path_that_needed_the_first_fix_is_gone_with_its_proof(agency: Agency) -> None:
    first, second, third = agency.runs
    with agency.program(Role.AUDITOR) as program:
        then = program.get("/api/v1/fixed", params={"run": second}).json()["item"]
        now = program.get("/api/v1/fixed", params={"run": third}).json()["item"]
        ways = [len(program.get("/api/v1/paths", params={"run": run}).json()["item"]["first"]) for run in agency.runs]
    (gone,) = then["gone"]
    assert then["since"] == first
    assert CACHE in gone["steps"][-1]
    assert (gone["proof"]["text"], f"EXP-07 on {CACHE}" in gone["why"]) == ("proven", True)
    assert (now["gone"], now["new"], now["left"]) == ([], 0, then["left"])
    assert ways == [then["left"] + 1, then["left"], then["left"]]


def test_the_trend_of_scores_has_three_days_and_rises_where_something_was_mended(agency: Agency) -> None:
    with agency.program(Role.VIEWER) as program:
        trends = program.get("/api/v1/overview").json()["item"]["ahead"]["trends"]
    assert trends
    assert {len(one["points"]) for one in trends} == {3}
    checks = {one.id: one for one in agency.store.baseline("latest").checks}
    mended = {one.check for found in fixed(agency).values() for one in found}
    touched = {one for check in mended for one in checks[check].threat.categories}
    assert {one["name"] for one in trends if one["change"].startswith("+")} == touched
    assert all(one["change"].startswith("as on") for one in trends if one["name"] not in touched)


def test_a_second_viewer_in_another_role_sees_only_what_is_theirs(agency: Agency) -> None:
    hosts = {one.id: one for one in agency.store.inventory("latest").hosts}
    system = hosts[LOGIN].system
    mine = {id_ for id_, one in hosts.items() if one.system == system}
    others = sorted(hosts.keys() - mine)
    agency.door.make("grants.viewer", PASSWORD, Role.VIEWER, (system,), by="test")
    with agency.visitor() as browser:
        sent(browser, "/sign-in", "/sign-in", name="grants.viewer", password=PASSWORD)
        for path in ("/", "/work", "/fixed", "/paths", "/plan", "/hosts", "/checks", "/scans", "/burndown"):
            page = browser.get(path)
            assert page.status_code == 200, path
            assert [one for one in others if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", page.text)] == [], path
        assert [browser.get(path).status_code for path in ("/evidence", "/audit", "/accounts")] == [403] * 3
        assert browser.get(f"/hosts/{LOGIN}").status_code == 200
        assert browser.get(f"/hosts/{CACHE}").status_code == 404
        mended = fixed(agency)
        page = browser.get("/fixed").text
        assert [one.id for found in mended.values() for one in found if f"/findings/{one.id}" in page] == [
            one.id for one in mended[LOGIN]
        ]
        assert browser.get(f"/findings/{mended[CACHE][0].id}").status_code == 404
    own = [one for one in agency.store.findings(open_only=True) if one.host in mine and one.host != FLEET]
    with agency.program(Role.VIEWER, system) as program:
        days = program.get("/api/v1/overview").json()["item"]["ahead"]["burn"]["days"]
        assert (days[0]["open"], days[-1]["open"], days[-1]["fixed"]) == (len(own) + 1, len(own), 1)
        assert {one["id"] for one in program.get("/api/v1/findings").json()["items"]} == {one.id for one in own}
        assert program.get("/api/v1/audit").status_code == 403
