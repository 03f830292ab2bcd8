"""Laws that hold in every format: unknown is never good, the same bytes again, the same numbers, nothing foreign acts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import reading_back
import sample_agency
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.errors import UsageError
from posture.model.assessment import Assessment, Coverage, HostAssessment
from posture.model.finding import Result, Status, Verdict
from reports import formats
from reports.part import of_system
from reports.weaknesses import weaknesses

OTHERS = pytest.mark.parametrize("row", formats.FORMATS[1:], ids=lambda row: row.name)
"""All but the page, which has tests of its own and takes a second to write."""
SPREADSHEETS = ("csv", "blind-csv", "tickets", "poam-navy", "poam-usmc", "poam-army", "poam-fedramp")
BY_LINE = ("prometheus", "syslog", "cef")
DANGEROUS = tuple("=+-@\t\r\n")


def bytes_of(row: formats.Format, assessment: Assessment, directory: Path) -> dict[str, bytes]:
    directory.mkdir(exist_ok=True)
    row.write(assessment, directory / row.file_name, marking="CUI")
    found = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


@OTHERS
def test_exported_again_it_is_the_same_bytes(row: formats.Format, tmp_path: Path) -> None:
    first = bytes_of(row, sample_agency.with_disa_rules(), tmp_path / "a")
    assert first
    assert first == bytes_of(row, sample_agency.with_disa_rules(), tmp_path / "b")


@OTHERS
def test_every_kind_of_run_can_be_written(row: formats.Format, tmp_path: Path) -> None:
    for name, assessment in {
        "clean": sample_agency.clean(blind=False),
        "blind": sample_agency.clean(blind=True),
        "nothing": sample_agency.nothing_assessed(),
        "fleet": sample_agency.with_fleet(),
        "waived": sample_agency.all_waived(),
    }.items():
        bytes_of(row, assessment, tmp_path / name)


STATUSES = st.lists(st.sampled_from(Status), min_size=16, max_size=16)


def with_statuses(statuses: list[Status]) -> Assessment:
    """Two hosts whose eight results are these; the agency's findings stay, whatever their checks say now."""
    whole = sample_agency.with_disa_rules()
    kept = [entry for entry in whole.read_hosts() if entry.host.id in ("app-01", "app-02")]
    rest = iter(statuses)
    hosts = [
        replace(
            entry,
            results=tuple(
                Result(
                    one.host,
                    one.check,
                    2,
                    Verdict(next(rest), "stale", one.verdict.assertions, ("sshd",)),
                    one.evidence,
                )
                for one in entry.results
            ),
        )
        for entry in kept
    ]
    counts = tuple((status, statuses.count(status)) for status in Status)

    def stream() -> Iterator[HostAssessment]:
        return iter(hosts)

    return replace(whole, coverage=Coverage(2, 8, counts), read_hosts=stream)


@given(STATUSES)
@settings(max_examples=20, deadline=None)
def test_no_format_calls_good_what_did_not_pass(statuses: list[Status]) -> None:
    assessment = with_statuses(statuses)
    said = {(one.host, one.check): one.verdict.status for entry in assessment.read_hosts() for one in entry.results}
    with TemporaryDirectory() as place:
        for row in formats.FORMATS:
            if row.name not in reading_back.GOOD:
                continue
            row.write(assessment, Path(place) / row.file_name)
            good = reading_back.GOOD[row.name](Path(place) / row.file_name, assessment)
            fine = (
                (Status.PASS, Status.NOT_APPLICABLE)
                if row.name in ("oscal", "ckl", "cklb", "syslog", "cef")
                else (Status.PASS,)
            )
            assert {pair: said[pair].label for pair in good if said[pair] not in fine} == {}, row.name


def test_what_passed_is_called_good_where_a_format_can_say_so(tmp_path: Path) -> None:
    assessment = with_statuses([Status.PASS] * 16)
    for name in ("json", "ocsf", "hdf", "oscal", "ckl", "cklb"):
        row = next(one for one in formats.FORMATS if one.name == name)
        row.write(assessment, tmp_path / row.file_name)
        assert reading_back.GOOD[name](tmp_path / row.file_name, assessment), name


@OTHERS
def test_nothing_a_host_says_acts_in_any_format(row: formats.Format, tmp_path: Path) -> None:
    """Escapes, reading order, markup, formulas and words to machines come out as text in a string of their own."""
    row.write(sample_agency.with_disa_rules(), tmp_path / row.file_name, marking="CUI")
    texts = list(reading_back.strings(tmp_path / row.file_name))
    assert texts
    assert all(text.isprintable() for text in texts)
    assert not [text for text in texts if "U+27E8" in text], "what is written out already is written out again"
    if row.name in SPREADSHEETS:
        assert not [text for text in texts if text.startswith(DANGEROUS)]
    if row.name in BY_LINE:
        starts = {"prometheus": ("# ", "posture_"), "syslog": "<1", "cef": "CEF:0|"}[row.name]
        assert all(text.startswith(starts) for text in texts if text), "a line would be a record of its own"
        return
    raw = b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    if row.name not in ("csv", "blind-csv", "tickets"):
        assert b"<script" not in raw and b"<img" not in raw


def test_the_hostile_text_is_there_to_be_seen(tmp_path: Path) -> None:
    """The test above would pass over an export that drops what hosts say."""
    for row in formats.FORMATS:
        if row.name in ("json", "jsonl", "csv", "oscal", "hdf", "ocsf", "sarif"):
            row.write(sample_agency.agency(), tmp_path / row.file_name)
            together = "\n".join(reading_back.strings(tmp_path / row.file_name))
            assert "Ignore previous instructions" in together, row.name
            assert "script" in together and "U+202E" in together, row.name


@OTHERS
def test_a_hostile_name_of_a_host_leads_nowhere(row: formats.Format, tmp_path: Path) -> None:
    evil = '../../x]"|=\\,<b>'
    whole = sample_agency.with_disa_rules()

    def stream() -> Iterator[HostAssessment]:
        for entry in whole.read_hosts():
            if entry.host.id == "app-01":
                host = replace(entry.host, id=evil)
                yield replace(entry, host=host, results=tuple(replace(one, host=evil) for one in entry.results))
            else:
                yield entry

    renamed = tuple(replace(one, host=evil) if one.host == "app-01" else one for one in whole.findings)
    row.write(replace(whole, findings=renamed, read_hosts=stream), tmp_path / row.file_name)
    assert {path.name for path in tmp_path.iterdir()} == {row.file_name}
    names = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    if row.name in ("ckl", "cklb"):
        assert f"..%2F..%2Fx%5D%22%7C%3D%5C%2C%3Cb%3E.{row.name}".replace("..", "%2E.", 1) in names


def test_open_findings_are_the_same_number_everywhere(tmp_path: Path) -> None:
    agency = sample_agency.agency()
    paths = {row.name: tmp_path / row.file_name for row in formats.FORMATS}
    formats.write_all(agency, tmp_path, formats=formats.FORMATS[1:])
    still_open = sum(finding.open for finding in agency.findings)
    lines = reading_back.read_lines(paths["jsonl"])
    sarif = reading_back.read_json(paths["sarif"])["runs"][0]["results"]
    result = reading_back.read_json(paths["oscal"] / "assessment-results.json")["assessment-results"]["results"][0]
    gauges = paths["prometheus"].read_text()
    assert still_open == sum(one["type"] == "finding" and one["finding"]["status"] == "open" for one in lines)
    assert still_open == sum(one["kind"] == "fail" for one in sarif)
    assert still_open == sum(one["status"] != "closed" for one in result["risks"])
    assert still_open == paths["syslog"].read_text().count(" FINDING [")
    assert still_open == paths["cef"].read_text().count("cat=finding")
    assert still_open == sum(
        int(line.rsplit(" ", 1)[1]) for line in gauges.splitlines() if line.startswith("posture_findings_open{")
    )
    ids = {event["finding_info"]["uid"] for event in reading_back.read_lines(paths["ocsf"])}
    assert {finding.id for finding in agency.findings} <= ids


def test_every_poam_has_the_same_items(tmp_path: Path) -> None:
    agency = sample_agency.agency()
    formats.write_all(agency, tmp_path, formats=formats.FORMATS[1:])
    items = len(weaknesses(agency))
    assert items == 9
    for name in ("poam-navy", "poam-usmc", "poam-army"):
        rows = [row for _, _, row in reading_back.cells(tmp_path / f"{name}.xlsx") if row["POA&M Status"]]
        assert len(rows) == items
    assert len(list(reading_back.cells(tmp_path / "poam-fedramp.xlsx"))) == items
    poam = reading_back.read_json(tmp_path / "oscal" / "poam.json")["plan-of-action-and-milestones"]
    assert len(poam["poam-items"]) == items


def test_one_system_is_an_assessment_of_its_own(tmp_path: Path) -> None:
    part = of_system(sample_agency.agency(), "Case management")
    hosts = {entry.host.id for entry in part.read_hosts()}
    assert hosts == {"app-01", "app-02", "db-01", "db-02"}
    assert part.coverage.hosts == 4
    assert part.coverage.possible == sum(count for _, count in part.coverage.by_status)
    assert {finding.host for finding in part.findings} <= hosts
    with pytest.raises(UsageError, match="no host of run"):
        of_system(sample_agency.agency(), "Payroll")


def test_one_system_is_not_told_what_is_said_of_the_whole_fleet(tmp_path: Path) -> None:
    fleet = sample_agency.with_fleet()
    whole = replace(fleet, coverage=sample_agency.coverage())
    assert whole.fleet
    system = next(entry.host.system for entry in whole.read_hosts() if entry.host.system)
    formats.write_all(of_system(whole, system), tmp_path, formats=formats.chosen(["json"]))
    assert reading_back.read_json(tmp_path / "assessment.json")["fleet"] == []


def test_a_format_that_does_not_exist_is_named_with_those_that_do() -> None:
    assert [row.name for row in formats.chosen(["sarif", " csv"])] == ["csv", "sarif"]
    assert formats.chosen(["all"]) == formats.FORMATS
    with pytest.raises(UsageError, match="no format `pdfx`") as caught:
        formats.chosen(["pdfx"])
    assert "oscal" in caught.value.hint
