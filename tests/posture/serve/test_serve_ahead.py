"""Attack paths, what-ifs and the calendar in the browser: what they say, and what an account of one system is told."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Served, served
from starlette.testclient import TestClient

from posture.assess import stored_assessment
from posture.attack import attack_of, graph_of
from posture.model.account import Role
from posture.model.attack import AttackReport
from posture.plan.calendar import Hours
from posture.planning import calendar_of, what_if_of, works_of
from reports.calendar_ics import ics

SYSTEMS = ("ai-pilot", "citizen-portal", "grants", "personnel", "records", "workstations")


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as found:
        yield found


@pytest.fixture(scope="module")
def admin(agency: Served) -> TestClient:
    return agency.signed_in(Role.ADMIN)


@pytest.fixture(scope="module")
def attack(agency: Served) -> AttackReport:
    found = attack_of(agency.store, "latest")
    assert found is not None
    return found


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", page))


def test_the_paths_stand_with_their_coverage_and_nothing_is_called_unreachable(
    agency: Served, admin: TestClient, attack: AttackReport
) -> None:
    page = admin.get("/paths").text
    for path in attack.paths():
        assert f'href="/paths/{path.id}"' in page
    share = agency.store.coverage("latest")
    assert f"{share.decided:,} of {share.possible:,}" in page
    assert "No path found in the evidence collected" in page
    assert "unreachable" not in page.lower()


def test_a_path_has_a_page_with_every_step_its_confidence_and_the_answers_behind_it(
    admin: TestClient, attack: AttackReport
) -> None:
    edges = {one.id: one for one in attack.named_edges}
    for path in attack.paths():
        page = admin.get(f"/paths/{path.id}").text
        told = text_of(page)
        for step in path.steps:
            assert step.sentence in told
            assert f"{edges[step.edge].rule}, revision" in told
        answers = set(re.findall(r'href="(/evidence/[0-9a-f]{64})"', page))
        assert answers
        assert all(admin.get(one).status_code == 200 for one in answers)
    assert admin.get("/paths/0000000000000000").status_code == 404


def test_who_may_not_read_answers_gets_the_facts_of_a_step_and_no_way_to_the_bytes(
    agency: Served, attack: AttackReport
) -> None:
    page = agency.signed_in(Role.VIEWER).get(f"/paths/{attack.paths()[0].id}").text
    assert "/evidence/" not in page
    assert "/usr/bin/" not in page
    assert "exposure.open" in page


def test_a_zone_shows_the_paths_through_it_alone(admin: TestClient, attack: AttackReport) -> None:
    page = admin.get("/paths", params={"zone": "servers"}).text
    links = set(re.findall(r'href="/paths/([0-9a-f]{16})"', page))
    assert links < {one.id for one in attack.paths()}
    assert len(links) == 1
    assert "hr-app1" in page
    nowhere = admin.get("/paths", params={"zone": "<b>"}).text
    assert "No path found in the evidence collected" in nowhere
    assert "<b>" not in nowhere.split("<main")[1].split("</h2>")[0]


def test_a_what_if_is_what_the_library_says_and_nothing_is_stored(agency: Served, admin: TestClient) -> None:
    assessment = stored_assessment(agency.store, "latest")
    graph = graph_of(agency.store, "latest")
    assert graph is not None
    works = works_of(assessment, graph)
    made = [work.id for work in works if work.conditions][:3]
    expected = what_if_of(works, graph, made)
    before = agency.store.chain_head()
    page = admin.get("/what-if", params={"fix": made}).text
    assert agency.store.chain_head() == before
    told = text_of(page)
    for who, then in expected.after.risk:
        assert f"{dict(expected.before.risk)[who].probability:.1%}" in told
        assert f"{then.probability:.1%}" in told
    for path in expected.ended:
        assert f'href="/paths/{path}"' in page
    closed = {id_ for fix, work in zip(assessment.plan.fixes, works, strict=False) if work.id in made
              for id_ in fix.findings}  # fmt: skip
    left = sum(one.open for one in assessment.findings) - len(closed)
    assert re.search(rf"Open findings</a></th>.*?<b>{left}</b>", page)
    assert page.count(" checked>") == len(made)


def test_a_fix_that_is_not_in_the_plan_is_said_and_counts_for_nothing(admin: TestClient) -> None:
    page = admin.get("/what-if", params={"fix": ["0123456789ab", "<script>"]})
    assert page.status_code == 200
    assert "2 fixes of this address are not in the plan of this run" in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_account_of_one_system_is_told_nothing_of_another(agency: Served, attack: AttackReport, system: str) -> None:
    hosts = agency.store.inventory("latest").hosts
    mine = {one.id for one in hosts if one.system == system}
    others = [one.id for one in hosts if one.id not in mine]
    foreign_owners = {one.owner for one in hosts if one.id not in mine} - {one.owner for one in hosts if one.id in mine}
    browser = agency.signed_in(Role.AUDITOR, systems=(system,))
    works = works_of(stored_assessment(agency.store, "latest"), graph_of(agency.store, "latest"))
    theirs = [work for work in works if work.hosts and not mine.intersection(work.hosts)]
    for path in ("/", "/paths", "/what-if", f"/what-if?fix={theirs[0].id}", "/burndown", "/vulnerabilities", *ALSO):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        words = (*others, *foreign_owners)
        assert [one for one in words if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", answer.text)] == [], path
    for way in attack.paths():
        edges = {one.id: one for one in attack.named_edges}
        named = {ref.host for step in way.steps for ref in edges[step.edge].evidence}
        expected = 200 if named <= mine and named else 404
        assert browser.get(f"/paths/{way.id}").status_code == expected


ALSO = ("/plan", "/plan.ics", "/plan.csv", "/ai")


def test_every_fix_of_the_overview_has_its_place_in_the_plan(admin: TestClient) -> None:
    plan = admin.get("/plan").text
    anchors = re.findall(r'href="/plan#(w-[0-9a-f]{12})"', admin.get("/").text)
    assert len(anchors) == 5
    assert all(f'id="{one}"' in plan for one in anchors)


def test_the_calendar_as_a_file_is_the_librarys_and_one_owner_gets_their_own(agency: Served, admin: TestClient) -> None:
    assessment = stored_assessment(agency.store, "latest")
    expected = calendar_of(assessment, graph_of(agency.store, "latest"), Hours())
    assert admin.get("/plan.ics").content == ics(expected)
    rows = admin.get("/plan.csv").text.strip().splitlines()
    assert len(rows) == len(expected.appointments) + 1
    mine = [one for one in expected.appointments if one.work.owner == "web-team"]
    assert mine
    assert admin.get("/plan.ics", params={"owner": "web-team"}).text.count("BEGIN:VEVENT") == len(mine)
    page = admin.get("/plan", params={"owner": "web-team"}).text
    assert page.count('<article class="work"') == len(mine)


def test_where_nobody_looked_for_ai_nothing_is_called_none(admin: TestClient) -> None:
    page = text_of(admin.get("/ai").text)
    assert "nothing is known of them, neither good nor bad" in page
    assert "0 of 12 hosts (0 %)" in page
    assert "None found" not in page
    assert "no AI service" not in page.replace('counts as "no AI service"', "")


def test_an_account_of_one_system_gets_its_own_numbers(agency: Served) -> None:
    hosts = {one.id for one in agency.store.inventory("latest").hosts if one.system == "grants"}
    open_ = sum(one.host in hosts for one in agency.store.findings(open_only=True))
    page = agency.signed_in(Role.VIEWER, systems=("grants",)).get("/").text
    assert re.search(rf'<a href="/work">{open_}</a>', page)
    whole = agency.store.coverage("latest")
    assert f"{whole.decided:,} of {whole.possible:,}" not in page
