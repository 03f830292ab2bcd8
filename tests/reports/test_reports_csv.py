"""findings.csv and blind_spots.csv."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import sample_agency

from reports import blind_spots_csv, findings_csv
from reports.cases import cve_of, paths_ended
from reports.formats import write_blind_spots_csv, write_findings_csv

DANGEROUS = tuple("=+-@\t\r\n")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def findings(tmp_path: Path) -> list[dict[str, str]]:
    write_findings_csv(sample_agency.agency(), tmp_path / "f.csv")
    return rows_of(tmp_path / "f.csv")


def test_every_finding_has_exactly_one_row(findings: list[dict[str, str]]) -> None:
    assert sorted(row["finding_id"] for row in findings) == [one.id for one in sample_agency.findings()]


def test_columns_are_stable(findings: list[dict[str, str]]) -> None:
    assert tuple(findings[0]) == findings_csv.COLUMNS
    assert findings_csv.COLUMNS[:8] == (
        "finding_id", "status", "closing", "result_now", "severity", "check_id", "title", "host",
    )  # fmt: skip


def test_a_waived_finding_is_open_and_failing(findings: list[dict[str, str]]) -> None:
    waived = [row for row in findings if row["waiver_state"] == "active"]
    assert len(waived) == 4
    assert {(row["status"], row["result_now"]) for row in waived} == {("open", "fail")}


def test_a_finding_that_could_not_be_seen_again_is_open_and_not_checked(findings: list[dict[str, str]]) -> None:
    row = next(row for row in findings if (row["host"], row["check_id"]) == ("db-02", "SSH-02"))
    assert (row["status"], row["result_now"]) == ("open", "not_checked")


def test_a_finding_of_a_host_that_is_gone_is_listed(findings: list[dict[str, str]]) -> None:
    row = next(row for row in findings if row["host"] == "old-01")
    assert (row["status"], row["closing"], row["result_now"]) == ("closed", "host_gone", "no_result")


def test_the_evidence_is_named(findings: list[dict[str, str]]) -> None:
    row = next(row for row in findings if (row["host"], row["check_id"]) == ("app-01", "SSH-02"))
    assert row["evidence_command"] == "/usr/sbin/sshd -T"
    assert len(row["evidence_sha256"]) == 64
    assert (row["expected"], row["actual"]) == ("eq no", "yes")


def test_law_and_campaign_are_told_apart(findings: list[dict[str, str]]) -> None:
    by_check = {row["check_id"]: row for row in findings}
    assert by_check["EXP-04"]["standing"] == "law or directive, binding here"
    assert by_check["KRN-03"]["standing"] == "agency campaign, not law"


def test_no_cell_of_any_file_is_a_formula_or_steers_a_terminal(tmp_path: Path) -> None:
    write_findings_csv(sample_agency.agency(), tmp_path / "f.csv")
    write_blind_spots_csv(sample_agency.agency(), tmp_path / "b.csv")
    for name in ("f.csv", "b.csv"):
        for row in rows_of(tmp_path / name):
            for value in row.values():
                assert not value.startswith(DANGEROUS)
                assert value.isprintable()
    text = (tmp_path / "f.csv").read_text(encoding="utf-8")
    assert "\"'=HYPERLINK" in text, "the hostile owner is there, as text"


def test_hostile_text_stays_in_its_cell(tmp_path: Path) -> None:
    agency = sample_agency.agency()
    evil = 'x","=1+1"\r\n"=cmd|calc!A0'
    first = replace(agency.findings[0], subject=evil)
    write_findings_csv(replace(agency, findings=(first, *agency.findings[1:])), tmp_path / "f.csv")
    rows = rows_of(tmp_path / "f.csv")
    assert len(rows) == len(agency.findings)
    assert next(row for row in rows if row["finding_id"] == first.id)["subject"] == (
        'x","=1+1"⟨U+000D⟩⟨U+000A⟩"=cmd|calc!A0'
    )


def test_every_blind_spot_has_a_row_with_what_to_do(tmp_path: Path) -> None:
    write_blind_spots_csv(sample_agency.agency(), tmp_path / "b.csv")
    rows = rows_of(tmp_path / "b.csv")
    assert tuple(rows[0]) == blind_spots_csv.COLUMNS
    assert {row["reason"] for row in rows} == {
        "unreachable", "login_refused", "host_key_mismatch", "command_refused", "manual", "error",
    }  # fmt: skip
    assert all(row["what_to_do"] for row in rows)
    undecided = sum(int(row["checks_undecided"]) for row in rows)
    coverage = sample_agency.coverage()
    assert undecided == coverage.possible - coverage.decided


def test_a_cve_and_the_attack_paths_a_finding_is_part_of_have_columns_of_their_own() -> None:
    agency = sample_agency.agency()
    flaw = replace(agency.findings[0], subject="pkg:deb/debian/openssl CVE-2026-0002")
    assert (cve_of(flaw), cve_of(agency.findings[0])) == ("CVE-2026-0002", "")
    assert cve_of(replace(flaw, subject="x CVE-2026-0002")) == "", "a path that a host chose is no CVE"
    assert agency.attack is not None
    ended = paths_ended(agency.attack)
    assert ended is not None
    on_the_way = replace(agency.findings[0], check="SUD-01", host="app-01")
    assert (ended(on_the_way), ended(replace(on_the_way, host="db-01"))) == (1, 0)
    assert paths_ended(None) is None, "not judged is not none"
