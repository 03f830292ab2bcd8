"""What stands on the pages, and what an account of one system may not see there."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from served import Served, served
from starlette.testclient import TestClient

from posture.model.account import Role
from posture.model.assessment import HostAssessment
from posture.model.finding import Status
from posture.serve.app import create_app
from posture.serve.gate import Settings
from posture.store import Store, letting

PAGES = ("/", "/paths", "/what-if", "/ai", "/burndown", "/vulnerabilities", "/work", "/plan", "/hosts", "/checks", "/coverage", "/fleet", "/waivers", "/baseline", "/evidence", "/fixed", "/scans", "/audit", "/method", "/accounts")  # fmt: skip


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as found:
        yield found


@pytest.fixture(scope="module")
def admin(agency: Served) -> TestClient:
    return agency.signed_in(Role.ADMIN)


def links(page: str) -> set[str]:
    return {html.unescape(one) for one in re.findall(r'href="([^"]*)"', page)}


def test_every_link_of_every_page_leads_somewhere(agency: Served, admin: TestClient) -> None:
    seen: set[str] = set()
    waiting = set(PAGES)
    while waiting and len(seen) < 250:
        path = waiting.pop()
        seen.add(path)
        answer = admin.get(path)
        assert answer.status_code == 200, path
        if "text/html" not in answer.headers["content-type"]:
            continue
        anchors = set(re.findall(r'id="([^"]*)"', answer.text))
        for link in links(answer.text):
            place, _, anchor = link.partition("#")
            if not place:
                assert anchor in anchors, f"{path} -> {link}"
            elif place not in seen:
                waiting.add(place)
    assert len(seen) > 60


def test_all_hosts_are_read_for_the_run_that_is_shown_and_for_no_page_again(
    agency: Served, admin: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, hosts = [], agency.store.read_hosts

    def counted(ref: str) -> Iterator[HostAssessment]:
        read.append(ref)
        return hosts(ref)

    monkeypatch.setattr(agency.store, "read_hosts", counted)
    browser = TestClient(create_app(agency.store, agency.door, Settings(secure=False)), base_url=str(admin.base_url))
    browser.cookies = admin.cookies
    for path in ("/hosts", "/", "/plan", "/fixed", "/audit"):
        assert browser.get(path).status_code == 200
    assert len(read) == 1


def test_the_numbers_are_those_of_the_store(agency: Served, admin: TestClient) -> None:
    open_ = list(agency.store.findings(open_only=True))
    page = admin.get("/work").text
    assert f"of {len(open_)} open findings" in page
    assert len(admin.get("/work.csv").text.strip().splitlines()) == len(open_) + 1
    share = agency.store.coverage("latest")
    assert f"{share.decided:,} of {share.possible:,}" in admin.get("/").text


def test_each_number_of_the_clocks_is_the_length_of_the_list_it_leads_to(admin: TestClient) -> None:
    page = admin.get("/").text.split('id="clocks"')[1].split("</table>")[0]
    numbers = re.findall(r'<a href="(/work\?[^"]*)">([\d,]+)</a>', page)
    assert len(numbers) >= 3
    for address, number in numbers:
        path = html.unescape(address).replace("/work?", "/work.csv?")
        assert len(admin.get(path).text.strip().splitlines()) - 1 == int(number.replace(",", "")), address


def test_with_one_run_there_is_no_trend_and_the_page_says_so(admin: TestClient) -> None:
    page = admin.get("/").text
    assert "No trend yet: this is the only run that can be compared." in page
    assert "One day of history" in page
    assert page.index('id="clocks"') < page.index('id="burn"') < page.index('id="seen"') < page.index('id="score"')
    order = re.findall(r'<span class="tag plain">(law or directive|agency)', page)
    assert order == sorted(order, reverse=True)


def test_before_the_first_run_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    with Store.open(tmp_path / "empty.db") as store:
        store.database.checkpoint()
    with served(tmp_path, tmp_path / "empty.db") as agency:
        page = agency.signed_in(Role.VIEWER).get("/")
    assert page.status_code == 200
    assert "nothing is known: neither good nor bad" in page.text


def test_the_queue_is_filtered_and_sorted_by_date(admin: TestClient) -> None:
    lines = admin.get("/work.csv", params={"severity": "high"}).text.strip().splitlines()[1:]
    assert lines
    assert all('"high"' in line for line in lines)
    dues = [re.findall(r'"(\d{4}-\d\d-\d\d)"', line)[-1] for line in lines if re.search(r'"\d{4}-\d\d-\d\d"', line)]
    assert dues == sorted(dues)
    assert "No open finding matches" in admin.get("/work", params={"words": "no such words"}).text


def test_what_is_not_known_stands_on_the_hosts_page_as_unknown(agency: Served, admin: TestClient) -> None:
    hosts = [one for one in agency.store.read_hosts("latest") if one.host.id != "fleet"]
    blind = max(hosts, key=lambda one: sum(not result.verdict.status.decided for result in one.results))
    unknown = sum(one.verdict.status is Status.NOT_CHECKED for one in blind.results)
    page = admin.get(f"/hosts/{blind.host.id}").text
    assert unknown > 50
    assert page.count('<span class="tag unknown">not checked</span>') == unknown
    assert "What was not seen" in page


def test_a_viewer_gets_digests_but_no_way_to_the_bytes(agency: Served) -> None:
    page = agency.signed_in(Role.VIEWER).get("/hosts/grants-app1").text
    assert not any(link.startswith("/evidence") for link in links(page))
    assert any(
        link.startswith("/evidence/") for link in links(agency.signed_in(Role.AUDITOR).get("/hosts/grants-app1").text)
    )


def test_an_account_of_one_system_sees_nothing_of_the_others(agency: Served) -> None:
    hosts = {one.host.id: one.host for one in agency.store.read_hosts("latest") if one.host.id != "fleet"}
    system = hosts["grants-app1"].system
    mine = {id_ for id_, host in hosts.items() if host.system == system}
    others = sorted(hosts.keys() - mine)
    assert mine
    assert others
    browser = agency.signed_in(Role.AUDITOR, systems=(system,))
    for path in (
        "/",
        "/burndown",
        "/vulnerabilities",
        "/work",
        "/work.csv",
        "/plan",
        "/hosts",
        "/checks",
        "/coverage",
        "/fleet",
        "/waivers",
        "/evidence",
        "/audit",
        *(f"/hosts/{one}" for one in mine),
    ):
        page = browser.get(path).text
        assert [one for one in others if re.search(rf"\b{re.escape(one)}\b", page)] == [], path
    for one in others:
        assert browser.get(f"/hosts/{one}").status_code == 404
    foreign = next(one for one in agency.store.findings() if one.host in others)
    assert browser.get(f"/findings/{foreign.id}").status_code == 404
    digests = {one.host.id: {record.sha256 for record in one.evidence} for one in agency.store.read_hosts("latest")}
    only_theirs = set().union(*(digests[one] for one in others)) - set().union(*(digests[one] for one in mine))
    assert browser.get(f"/evidence/{min(only_theirs)}").status_code == 404


def test_every_page_carries_the_marking_of_its_run(admin: TestClient) -> None:
    assert "made-up agency, replayed" in admin.get("/").text
    assert "made-up agency, replayed" in admin.get("/work").text


def test_what_a_stranger_types_comes_back_harmless(admin: TestClient) -> None:
    for path in ("/work?words=<script>alert(1)</script>", "/hosts/<script>", "/findings/%3Cscript%3E", "/?run=<b>"):
        assert "<script>" not in admin.get(path).text
        assert "<b>" not in admin.get(path).text.split("<main")[0]


def test_evidence_that_was_let_go_is_said_to_be_gone(agency: Served, admin: TestClient, tmp_path: Path) -> None:
    store, now = agency.store, agency.clock()
    # All of them are read: whoever reads half keeps the database open, and what is let go waits for that.
    answers = [one for spoken in store.read_transcripts("latest") for one in spoken.answers.values() if one.stdout]
    digest = hashlib.sha256(answers[0].stdout).hexdigest()
    cut = letting.Cut(now + timedelta(days=1), now - timedelta(days=3650), "searchable 6 months, retrievable 12")
    letting.let_go(store, cut, tmp_path, now, by="test")
    try:
        answer = admin.get(f"/evidence/{digest}")
        assert answer.status_code == 200
        said = re.search(r"Not kept.</strong> (.*)</p>", answer.text)
        assert said is not None
        assert "evidence no longer kept: moved to evidence-" in said[1]
        assert "by policy (searchable 6 months, retrievable 12)" in said[1]
    finally:
        letting.retrieve(store, "latest", tmp_path, now, by="test")
    assert "no longer kept" not in admin.get(f"/evidence/{digest}").text


def test_numbers_and_dates_of_the_queue_stand_with_what_limits_and_explains_them(
    agency: Served, admin: TestClient
) -> None:
    share, page = agency.store.coverage("latest"), html.unescape(admin.get("/work").text)
    assert f"of the results are decided ({share.decided:,} of {share.possible:,}): there may be more" in page
    assert page.count("<small>The agency's 30-day hardening campaign</small>") > 3
    one = next(iter(agency.store.findings(open_only=True)))
    assert any(link.startswith("/checks#") for link in links(admin.get(f"/findings/{one.id}").text))


def test_known_vulnerabilities_that_nobody_looked_for_are_no_nought(admin: TestClient) -> None:
    page = admin.get("/").text
    line = page[page.index("BOD 26-04, known vulnerabilities") :].split("</tr>")[0]
    assert re.sub(r"<[^>]+>", "|", line).count("unknown") == 3
    assert ">0<" not in line


def test_what_was_done_is_told_in_words(admin: TestClient) -> None:
    page = html.unescape(admin.get("/audit").text)
    assert "account admin; by test; role admin; systems all" in page
    assert '{"' not in page
