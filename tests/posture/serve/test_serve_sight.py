"""What an account of some systems is given of a run, before any page is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest
from served import Served, served

from posture.assess import stored_assessment
from posture.model.account import Account, Role
from posture.model.assessment import Assessment
from posture.serve.sight import seen_by, seen_graph, surveyed
from reports.survey import Limits, Survey, survey


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as found:
        yield found


@pytest.fixture(scope="module")
def whole(agency: Served) -> Assessment:
    return stored_assessment(agency.store, "latest")


def account(agency: Served, *systems: str) -> Account:
    name = "sight-" + "-".join(systems or ("all",))
    if agency.store.people.account(name) is None:
        agency.door.make(name, "eleven green kettles sing", Role.AUDITOR, systems, by="test")
    found = agency.store.people.account(name)
    assert found is not None
    return found


SYSTEMS = ("ai-pilot", "citizen-portal", "grants", "personnel", "records", "workstations")


@pytest.mark.parametrize("system", SYSTEMS)
def test_graph_plan_and_history_of_one_system_name_no_host_of_another(
    agency: Served, whole: Assessment, system: str
) -> None:
    who = account(agency, system)
    hosts = agency.store.inventory("latest").hosts
    mine = {one.id for one in hosts if one.system == system}
    foreign = {word for one in hosts if one.system != system for word in (one.id, *one.addresses)}
    assert mine
    seen = seen_by(who, whole, agency.store, whole.coverage)
    graph = seen_graph(who, agency.store, "latest")
    assert graph is not None
    assert {one.host for one in graph.nodes} - {""} <= mine
    told = (seen.attack, seen.plan, seen.burndowns, seen.assessed, seen.cadence, seen.published, graph)
    text = msgspec.json.encode(told).decode()
    assert [one for one in foreign if re.search(rf"(?<![\w.-]){re.escape(one)}(?![\w-])", text)] == []


def test_what_is_left_of_the_plan_counts_its_own_findings_only(agency: Served, whole: Assessment) -> None:
    seen = seen_by(account(agency, "grants", "records"), whole, agency.store, whole.coverage)
    own = {one.host.id for one in seen.read_hosts()}
    for fix in seen.plan.fixes:
        assert set(fix.hosts) <= own
        where = "1 host" if len(fix.hosts) == 1 else f"{len(fix.hosts)} hosts"
        assert where in fix.reason
    today = seen.burndowns[0].today
    assert today.open == sum(one.open for one in seen.findings)


def test_who_sees_every_system_gets_the_run_as_it_is(agency: Served, whole: Assessment) -> None:
    assert seen_by(account(agency), whole, agency.store, whole.coverage) is whole


def test_ways_inside_one_system_stay_and_are_as_likely_as_before(agency: Served, whole: Assessment) -> None:
    """The demo's second path stays on one host of the portal: its owner is told of it."""
    seen = seen_by(account(agency, "citizen-portal", "records"), whole, agency.store, whole.coverage)
    assert whole.attack is not None
    assert seen.attack is not None
    all_ways = {one.id: one.probability for one in whole.attack.paths()}
    ways = {one.id: one.probability for one in seen.attack.paths()}
    assert ways
    assert ways.items() <= all_ways.items()


@pytest.mark.parametrize("systems", [(), ("grants", "records")], ids=str)
def test_what_one_pass_finds_is_what_reading_the_assessment_finds(
    agency: Served, whole: Assessment, systems: tuple[str, ...]
) -> None:
    who, limits = account(agency, *systems), Limits(findings_per_check=2, hosts=3)
    hosts = [one.id for one in agency.store.inventory("latest").hosts if who.sees(one.system)]
    found = surveyed(who, agency.store, "latest", hosts, limits)
    told = survey(seen_by(who, whole, agency.store, found.assessment.coverage), limits)
    for field in fields(Survey):
        if field.name not in ("assessment", "bod"):
            assert getattr(found, field.name) == getattr(told, field.name), field.name
    assert (found.bod.total, found.bod.platforms()) == (told.bod.total, told.bod.platforms())
    assert sum(count for _, count in found.assessment.coverage.by_status) == sum(found.by_status)
    assert found.assessment.coverage.hosts == len(hosts)
