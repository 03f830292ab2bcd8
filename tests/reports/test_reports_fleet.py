"""What shows only over all hosts has a section of its own, and is no host anywhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sample_agency

from posture.model.assessment import HostAssessment
from posture.model.finding import Status, Verdict
from posture.model.host import FLEET
from reports.formats import summary_lines, write_all
from reports.survey import DECLARED, survey


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("fleet")
    write_all(sample_agency.with_fleet(), directory)
    return directory


def test_the_fleet_is_in_no_count_of_hosts() -> None:
    found = survey(sample_agency.with_fleet())
    assert (found.hosts_seen, found.hosts_assessed, found.hosts_blind) == (2, 2, 0)
    assert FLEET not in {tally.host.id for tally in found.hosts}


def test_the_summary_counts_its_findings_apart() -> None:
    text = "\n".join(summary_lines(sample_agency.with_fleet()))
    assert "2 of 2 hosts assessed" in text
    assert "1 open finding on 0 of 2 hosts (1 of them across the fleet)" in text
    assert "SSH-20, across the fleet" in text


def test_the_page_shows_it_in_a_section_of_its_own(out: Path) -> None:
    html = (out / "report.html").read_text(encoding="utf-8")
    hosts, fleet = html.split('<section id="hosts"')[1].split('<section id="fleet"')
    assert "2 of 2 hosts of the inventory" in hosts
    assert "fleet" not in hosts
    assert "1 of 1 such checks are decided" in fleet
    assert "keys that open other hosts: 1 of 1" in fleet
    assert "the difference is unknown" not in html


def test_the_json_file_has_it_beside_the_hosts(out: Path) -> None:
    document = json.loads((out / "assessment.json").read_bytes())
    assert [host["id"] for host in document["hosts"]] == ["app-01", "app-02"]
    assert [(result["check"], result["status"]) for result in document["fleet"]] == [("SSH-20", "fail")]


def test_its_finding_is_a_row_of_the_csv_file(out: Path) -> None:
    with (out / "findings.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["host"], row["host_name"], row["result_now"]) == ("fleet", "across the fleet", "fail")


def test_a_check_of_the_fleet_without_a_verdict_is_a_blind_spot() -> None:
    whole = sample_agency.with_fleet(failing=False)
    assert survey(whole).complete
    without = replace(whole, read_hosts=lambda: (entry for entry in whole.read_hosts() if entry.host.id != FLEET))
    assert not survey(without).complete
    assert "No blind spots" not in "\n".join(summary_lines(without))


def test_a_host_out_of_reach_is_not_assessed_by_a_check_of_the_fleet() -> None:
    whole = sample_agency.with_fleet(failing=False)

    def stream() -> Iterator[HostAssessment]:
        for entry in whole.read_hosts():
            yield replace(entry, results=entry.results[-1:]) if entry.host.id == "app-01" else entry

    found = survey(replace(whole, read_hosts=stream))
    assert (found.hosts_seen, found.hosts_assessed, found.hosts_complete) == (2, 1, 1)


def test_a_host_judged_by_its_inventory_entry_alone_is_not_assessed() -> None:
    whole = sample_agency.clean(blind=False)
    declared = Verdict(Status.FAIL, "", (), (DECLARED,))

    def stream() -> Iterator[HostAssessment]:
        for entry in whole.read_hosts():
            if entry.host.id == "app-01":
                yield replace(entry, results=(replace(entry.results[0], verdict=declared),))
            else:
                yield entry

    assert survey(replace(whole, read_hosts=stream)).hosts_assessed == 1
