"""Working on findings: the queue's order, people, tickets, comments, and waivers that two people make."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from served import Served, form, served
from starlette.testclient import TestClient

from posture.assess import stored_assessment
from posture.demo import run_demo
from posture.inputs import config
from posture.model.account import Role
from posture.model.finding import Finding, WaiverState
from posture.model.host import FLEET
from posture.model.work import Decision, WaiverRequest


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as found:
        yield found


def alone(agency: Served) -> Finding:
    """Return an open finding that is all its check has on its host, and that nobody has touched yet."""
    touched = set(agency.store.work.items()) | {id_ for one in agency.store.work.requests() for id_ in one.findings}
    found = [one for one in agency.store.findings(open_only=True) if not one.subject and not one.waiver and one.due]
    return next(one for one in found if one.host != FLEET and one.id not in touched)


def request_for(agency: Served, finding: Finding) -> WaiverRequest:
    return next(one for one in agency.store.work.requests() if finding.id in one.findings)


def rows(browser: TestClient, **params: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(browser.get("/work.csv", params=params).text.lstrip("\ufeff"))))


def post(browser: TestClient, path: str, *findings: Finding, **fields: str) -> tuple[int, str]:
    sent: dict[str, str | list[str]] = {**form(browser, **fields), "pick": [one.id for one in findings]}
    answer = browser.post(path, data=sent)
    return answer.status_code, html.unescape(answer.text)


def ask(browser: TestClient, clock_day: str, *findings: Finding) -> tuple[int, str]:
    reason = "The vendor's release comes in spring."
    return post(browser, "/work/waiver", *findings, reason=reason, expires=clock_day)


def until(agency: Served, days: int = 60) -> str:
    return (agency.clock().date() + timedelta(days=days)).isoformat()


def decide(browser: TestClient, request: str, decision: str, **fields: str) -> tuple[int, str]:
    answer = browser.post("/waivers/decide", data=form(browser, request=request, decision=decision, **fields))
    return answer.status_code, html.unescape(answer.text)


def test_what_an_analyst_writes_stands_in_the_queue_on_the_finding_and_in_the_chain(agency: Served) -> None:
    browser, finding = agency.signed_in(Role.ANALYST), alone(agency)
    for path, fields in (
        ("/work/assign", {"assignee": "ada"}),
        ("/work/ticket", {"ticket": "INC-4711"}),
        ("/work/comment", {"comment": "asked <b>the owner</b>"}),
    ):
        assert post(browser, path, finding, **fields)[0] == 303
    (row,) = rows(browser, assignee="ada")
    assert (row["finding_id"], row["ticket"], row["comments"]) == (finding.id, "INC-4711", "1")
    page = browser.get(f"/findings/{finding.id}").text
    assert "asked &lt;b&gt;the owner&lt;/b&gt;" in page
    assert re.findall(r'scope="row">(assigned|ticket|comment)<', page) == ["assigned", "ticket", "comment"]
    assert page.count('data-label="By">analyst<') == 3
    events = [one for one in agency.store.events() if one.event.startswith("work_")]
    assert [one.host for one in events[-3:]] == [finding.host] * 3
    agency.store.verify_chain()


def test_several_findings_are_assigned_at_once_and_back_to_nobody(agency: Served) -> None:
    browser = agency.signed_in(Role.ANALYST)
    some = list(agency.store.findings(open_only=True))[-5:]
    assert post(browser, "/work/assign", *some, assignee="grace")[0] == 303
    assert {row["finding_id"] for row in rows(browser, assignee="grace")} == {one.id for one in some}
    taken = sum(bool(one.assignee) for one in agency.store.work.items().values())
    assert len(rows(browser, assignee="-")) == len(rows(browser)) - taken
    assert post(browser, "/work/assign", some[0], assignee="")[0] == 303
    assert len(rows(browser, assignee="grace")) == 4


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/work/assign", {"assignee": "a" * 65}),
        ("/work/assign", {"assignee": "ada\u202egnp"}),
        ("/work/ticket", {"ticket": "=cmd|' /C calc'!A0"}),
        ("/work/comment", {"comment": "   "}),
        ("/work/comment", {"comment": "x" * 1001}),
        ("/work/waiver", {"reason": "short", "expires": "2099-01-01"}),
        ("/work/waiver", {"reason": "long enough a reason", "expires": "2001-01-01"}),
        ("/work/waiver", {"reason": "long enough a reason", "expires": "2099-01-01"}),
        ("/work/waiver", {"reason": "long enough a reason", "expires": "soon"}),
    ],
    ids=str,
)
def test_what_will_not_do_changes_nothing(agency: Served, path: str, fields: dict[str, str]) -> None:
    browser = agency.signed_in(Role.ANALYST)
    head, items = agency.store.chain_head(), agency.store.work.items()
    status, page = post(browser, path, alone(agency), **fields)
    assert (status, 'role="alert"' in page) == (400, True)
    assert agency.store.chain_head() == head
    assert agency.store.work.items() == items


def test_nothing_ticked_or_something_unknown_is_said(agency: Served) -> None:
    browser = agency.signed_in(Role.ANALYST)
    assert "tick the findings" in post(browser, "/work/assign", assignee="ada")[1]
    assert browser.post("/work/assign", data=form(browser, pick="0" * 16, assignee="ada")).status_code == 404


def test_the_queue_sorts_groups_and_comes_back_as_it_was(agency: Served) -> None:
    browser = agency.signed_in(Role.ANALYST)
    hosts = [row["host"] for row in rows(browser, sort="host")]
    assert len(set(hosts)) > 3
    for params, key in (({"sort": "check"}, "check"), ({"sort": "first_seen"}, "first_seen")):
        values = [row[key] for row in rows(browser, **params)]
        assert values == sorted(values)
    severities = [row["severity"] for row in rows(browser, sort="severity")]
    order = ["critical", "high", "medium", "low"]
    assert severities == sorted(severities, key=order.index)
    grouped = [row["zone"] for row in rows(browser, group="zone")]
    seen = list(dict.fromkeys(grouped))
    assert grouped == [zone for zone in seen for _ in range(grouped.count(zone))]
    page = browser.get("/work", params={"group": "zone"}).text
    title = re.search(r'scope="rowgroup"[^>]*>([^<]*): (\d+) finding', page)
    assert title and int(title[2]) == grouped.count(title[1] if title[1] != "no zone" else "")
    fields = form(browser, pick=alone(agency).id, assignee="ada", query="sort=host&group=zone&page=2&evil=//x")
    answer = browser.post("/work/assign", data=fields)
    assert answer.headers["location"] == "/work?sort=host&group=zone&page=2"


@pytest.mark.parametrize("query", ["page=%D9%A3", "page=-1", "page=" + "9" * 40, "&" * 500, "%zz", "words=%00"])
def test_a_forged_way_back_leads_to_the_queue(agency: Served, query: str) -> None:
    browser = agency.signed_in(Role.ANALYST)
    answer = browser.post("/work/assign", data=form(browser, pick=alone(agency).id, assignee="ada", query=query))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/work?")


def test_two_people_make_a_waiver_and_the_next_run_keeps_it_a_failure_with_its_dates(
    tmp_path: Path, demo_store: Path
) -> None:
    with served(tmp_path, demo_store) as agency:
        _waive_and_run_again(agency, tmp_path)


def _waive_and_run_again(agency: Served, tmp_path: Path) -> None:
    analyst, approver, finding = agency.signed_in(Role.ANALYST), agency.signed_in(Role.APPROVER), alone(agency)
    assert ask(analyst, until(agency), finding)[0] == 303
    (asked,) = agency.store.work.requests()
    assert (asked.requested_by, asked.findings) == ("analyst", (finding.id,))
    assert rows(analyst, state="requested")[0]["finding_id"] == finding.id
    assert decide(approver, asked.id, "grant", note="Seen with the owner.")[0] == 303

    first = stored_assessment(agency.store, "latest")
    assert finding.id not in {id_ for use in first.waivers for id_ in use.findings}
    run_demo(agency.store, config.default(tmp_path), agency.clock() + timedelta(hours=1))
    second = stored_assessment(agency.store, "latest")
    (use,) = [use for use in second.waivers if use.waiver.id == asked.id]
    assert (use.state, use.findings) == (WaiverState.ACTIVE, (finding.id,))
    assert [one.name for one in use.waiver.approved_by] == ["approver"]
    now = agency.store.finding(finding.id)
    assert now.open
    assert now.waiver == asked.id
    assert now.due == finding.due
    assert second.coverage == first.coverage
    page = approver.get(f"/findings/{finding.id}").text
    assert "waiver asked for" in page
    assert "waiver granted" in page
    assert decide(approver, asked.id, "revoke", note="The release is here.")[0] == 303
    run_demo(agency.store, config.default(tmp_path), agency.clock() + timedelta(hours=2))
    assert agency.store.finding(finding.id).waiver == ""
    agency.store.verify_chain()


def test_who_asked_cannot_decide_and_a_decision_is_made_once(agency: Served) -> None:
    admin, approver, finding = agency.signed_in(Role.ADMIN), agency.signed_in(Role.APPROVER), alone(agency)
    assert ask(admin, until(agency), finding)[0] == 303
    asked = request_for(agency, finding)
    assert not agency.store.work.granted({finding.host})
    assert f'>Grant<span class="quiet"> {asked.id}' not in admin.get("/waivers/requests").text
    status, page = decide(admin, asked.id, "grant")
    assert (status, "who asked for a waiver cannot decide on it" in page) == (400, True)
    assert "has a waiver requested by admin" in ask(admin, until(agency), finding)[1]
    assert decide(approver, asked.id, "refuse", note="Mend it.")[0] == 303
    assert decide(approver, asked.id, "grant")[0] == 400
    assert decide(approver, "WR-0", "grant")[0] == 400
    assert decide(approver, asked.id, "bless")[0] == 400
    assert agency.store.work.granted({finding.host}) == ()
    agency.clock.pass_by(timedelta(seconds=1))
    assert ask(admin, until(agency), finding)[0] == 303
    assert request_for(agency, finding).id != asked.id


def test_a_request_that_lay_past_its_own_end_can_only_be_refused(agency: Served) -> None:
    finding = alone(agency)
    assert ask(agency.signed_in(Role.ANALYST), until(agency, 2), finding)[0] == 303
    asked = request_for(agency, finding)
    agency.clock.pass_by(timedelta(days=3))
    approver = agency.signed_in(Role.APPROVER)
    assert decide(approver, asked.id, "grant")[0] == 400
    assert decide(approver, asked.id, "refuse")[0] == 303


def test_a_waiver_covers_a_check_on_a_host_so_all_of_it_must_be_ticked(agency: Served) -> None:
    browser = agency.signed_in(Role.ANALYST)
    places: dict[tuple[str, str], list[Finding]] = {}
    for one in agency.store.findings(open_only=True):
        places.setdefault((one.check, one.host), []).append(one)
    several = next(found for found in places.values() if 2 <= len(found) <= 50)
    status, page = ask(browser, until(agency), several[0])
    assert (status, "more open findings than were ticked" in page) == (400, True)
    assert ask(browser, until(agency), *several)[0] == 303
    asked = request_for(agency, several[0])
    assert set(asked.findings) == {one.id for one in several}


def test_an_account_of_one_system_neither_works_nor_decides_on_the_others(agency: Served) -> None:
    hosts = {one.host.id: one.host for one in agency.store.read_hosts("latest") if one.host.id != FLEET}
    foreign = alone(agency)
    system = next(one.system for one in hosts.values() if one.system != hosts[foreign.host].system)
    analyst = agency.signed_in(Role.ANALYST, systems=(system,))
    assert post(analyst, "/work/assign", foreign, assignee="ada")[0] == 404
    assert foreign.id not in agency.store.work.items()
    assert ask(agency.signed_in(Role.ADMIN), until(agency), foreign)[0] == 303
    asked = request_for(agency, foreign)
    approver = agency.signed_in(Role.APPROVER, systems=(system,))
    assert asked.id not in approver.get("/waivers/requests").text
    assert decide(approver, asked.id, "grant")[0] == 400
    assert request_for(agency, foreign).decision is Decision.REQUESTED


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.APPROVER])
def test_who_may_not_work_is_shown_no_forms(agency: Served, role: Role) -> None:
    browser = agency.signed_in(role)
    for path in ("/work", f"/findings/{alone(agency).id}"):
        page = browser.get(path).text
        assert 'action="/work/assign"' not in page
        assert 'type="checkbox" name="pick"' not in page
