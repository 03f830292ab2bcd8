"""The editions as pages: the report's numbers for three readers, nothing foreign acts, unknown stays apart from good."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sample_agency
import sample_proof
from test_reports_html import Page

from posture.model.assessment import Assessment, HostAssessment
from posture.model.finding import Status
from reports.editions.auditor import build_auditor
from reports.editions.ciso import build_ciso
from reports.editions.document import Document, Part
from reports.editions.html import Build, write_edition_html
from reports.editions.samples import FAILURES, OTHERS, samples
from reports.editions.soc import build_soc
from reports.formats import write_html
from reports.survey import survey

EDITIONS: dict[str, Build] = {"soc": build_soc, "ciso": build_ciso, "auditor": build_auditor}
EACH = pytest.mark.parametrize("build", EDITIONS.values(), ids=EDITIONS)


def document(build: Build, assessment: Assessment) -> Document:
    return build(survey(assessment), marking="CUI//SP-VULN TLP:AMBER")


def page(build: Build, assessment: Assessment, tmp_path: Path) -> Page:
    write_edition_html(build, assessment, tmp_path / "e.html", marking="CUI//SP-VULN TLP:AMBER")
    return Page((tmp_path / "e.html").read_text(encoding="utf-8"))


def part(found: Document, title: str) -> Part:
    return next(one for section in found.sections for one in section.parts if title in one.title)


def words(one: Part) -> dict[str, str]:
    return {fact.term: fact.value for fact in one.facts}


@EACH
def test_an_edition_says_the_verdict_of_the_report(build: Build, tmp_path: Path) -> None:
    write_html(sample_agency.agency(), tmp_path / "r.html")
    whole = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    found = document(build, sample_agency.agency())
    assert found.sentence in whole.text
    assert found.caution in whole.text
    assert "61 of 96" in page(build, sample_agency.agency(), tmp_path).text


@EACH
def test_the_page_loads_nothing_and_is_well_made(build: Build, tmp_path: Path) -> None:
    found = page(build, sample_agency.agency(), tmp_path)
    assert not {name for name, _ in found.elements} & {"script", "link", "img", "iframe", "form", "object"}
    assert found.open == []
    assert len(set(found.ids)) == len(found.ids)
    assert {attrs["href"][1:] for attrs in found.all("a")} <= set(found.ids)
    levels = [int(name[1]) for name, _ in found.elements if re.fullmatch(r"h[1-6]", name)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))
    assert len(found.all("table")) == len(found.all("caption")) > 0
    assert found.texts.count("CUI//SP-VULN TLP:AMBER") == 2


@EACH
def test_nothing_a_host_says_acts_on_the_page(build: Build, tmp_path: Path) -> None:
    evil = f"\"><script>{sample_agency.ESC}{sample_agency.RLO}'</script>"
    agency = sample_agency.agency()
    spoiled = replace(
        agency,
        run=replace(agency.run, operator=evil, authorisation=evil, id=evil),
        notes=(evil,),
        findings=tuple(replace(one, subject=evil, host=evil) for one in agency.findings),
        waivers=tuple(replace(use, waiver=replace(use.waiver, id=evil, reason=evil)) for use in agency.waivers[:1]),
        clocks=tuple(replace(clock, title=evil, version=evil) for clock in agency.clocks),
        plan=replace(agency.plan, fixes=tuple(replace(fix, owner=evil, hosts=(evil,)) for fix in agency.plan.fixes)),
    )
    found = page(build, spoiled, tmp_path)
    assert "<script" not in found.html
    assert "script" in found.text, "it is shown, only dead"
    assert found.open == []
    assert not [char for char in found.html if not char.isprintable() and char != "\n"]


KINDS: dict[str, Callable[[], Assessment]] = {
    "blind": lambda: sample_agency.clean(blind=True),
    "nothing": sample_agency.nothing_assessed,
}


@EACH
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_nothing_found_is_not_called_good_where_little_was_seen(
    build: Build, kind: Callable[[], Assessment], tmp_path: Path
) -> None:
    text = page(build, kind(), tmp_path).text
    assert re.search("unknown|nothing was assessed|No result was decided|is not good", text), text
    assert not re.search(r"\b(compliant|secure|all good|all clear)\b", text, re.I)


# --- operations ------------------------------------------------------------------------------------------------------


def test_the_work_list_keeps_the_order_of_the_plan_and_leaves_nothing_out() -> None:
    agency = sample_agency.agency()
    found = document(build_soc, agency)
    listed = next(section for section in found.sections if section.anchor == "list").parts[0].table
    assert listed is not None
    assert [one.cells[2].text for one in listed.rows] == [fix.title for fix in agency.plan.fixes]
    assert listed.left_out == ""


def test_each_fix_has_its_date_row_owner_commands_precondition_way_back_and_proof() -> None:
    found = document(build_soc, sample_agency.agency())
    one = part(found, "Redis answers other hosts without a password")
    facts = words(one)
    assert facts["Due"] == "2026-11-03, 19 days overdue"
    assert facts["Row"].startswith("14 days from discovery (BOD 23-02")
    assert facts["Owner"] == "data team"
    listings = {listing.title: listing.lines for listing in one.listings}
    assert listings["Before you start"] == ("Know which services use it: ss -tnp | grep 6379.",)
    assert listings["To undo it"] and listings["Commands"]
    assert listings["To see that it worked"] == ("ss -Hltn 'sport = :6379'", "posture show check EXP-04")


def test_a_fix_without_a_written_way_back_says_so() -> None:
    one = part(document(build_soc, sample_agency.agency()), "An account besides root")
    listings = {listing.title: listing.lines for listing in one.listings}
    assert listings["To undo it"] == ("none is written for this check",)


def test_without_attack_paths_no_fix_is_said_to_end_none() -> None:
    found = document(build_soc, replace(sample_agency.agency(), attack=None))
    assert words(part(found, "Logs do not leave"))["Ends attack paths"].startswith("not judged")


# --- the head of security --------------------------------------------------------------------------------------------


def test_a_campaign_is_never_law_and_scores_are_uncalibrated(tmp_path: Path) -> None:
    text = page(build_ciso, sample_agency.agency(), tmp_path).text
    assert "agency campaign, not law" in text
    assert "Uncalibrated" in text
    assert "23 to 67 of 100" in text and "no check looks at this" in text


def test_what_is_closed_without_a_fix_is_not_counted_as_fixed() -> None:
    agency = sample_agency.agency()
    changed = words(document(build_ciso, agency).sections[-1].parts[0])
    closed = [one for one in agency.findings if not one.open]
    assert changed["Closed by this run"] == f"{len(closed)} findings, 1 of them fixed"


def test_no_path_found_is_not_the_same_as_none() -> None:
    found = document(build_ciso, replace(sample_agency.agency(), attack=None))
    path = next(section for section in found.sections if section.anchor == "path").parts[0]
    assert "judged without the rules" in path.text[0]


# --- the auditor -----------------------------------------------------------------------------------------------------


def test_every_check_of_the_baseline_has_a_part_whether_it_fails_or_not() -> None:
    agency = sample_agency.agency()
    found = document(build_auditor, agency)
    titles = [one.title for one in next(one for one in found.sections if one.anchor == "checks").parts]
    assert titles == [f"{check.id} {check.title}" for check in agency.baseline.checks]


def test_a_result_names_command_account_vantage_time_and_digest() -> None:
    table = part(document(build_auditor, sample_agency.agency()), "SSH-02").table
    assert table is not None
    failing = next(one.cells for one in table.rows if one.cells[0].text == "app-01")
    assert failing[1].text == "fail"
    assert failing[3].text == "/usr/sbin/sshd -T"
    assert failing[4].text == "posture+sudo, scan-dmz, 2026-11-22 09:10:00 UTC, live"
    assert re.fullmatch("[0-9a-f]{64}", failing[5].text)


def test_what_is_unknown_is_never_among_what_passed() -> None:
    one = part(document(build_auditor, sample_agency.agency()), "SSH-02")
    assert words(one)["Result"] == "5 fail, 3 not checked, 4 pass"
    assert one.table is not None
    unknown = [row.cells for row in one.table.rows if row.cells[1].text == "not checked"]
    assert unknown and all(cells[1].tone == "unknown" for cells in unknown)


def test_drafts_are_marked_and_waivers_name_approver_and_expiry(tmp_path: Path) -> None:
    found = document(build_auditor, sample_agency.agency())
    drafts = part(found, "Drafts").table
    assert drafts is not None and "none is called required" in drafts.caption
    assert "(draft, not required)" in page(build_auditor, sample_agency.agency(), tmp_path).text
    waivers = next(one for one in found.sections if one.anchor == "waivers").parts[0].table
    assert waivers is not None
    for row, use in zip(waivers.rows, sample_agency.waivers(), strict=True):
        assert row.cells[5].text.startswith(use.waiver.approved_by[0].name)
        assert row.cells[6].text == f"{use.waiver.expires}"


def test_the_crosswalk_counts_every_result_of_a_control() -> None:
    agency = sample_agency.agency()
    table = next(one for one in document(build_auditor, agency).sections if one.anchor == "crosswalk").parts[0].table
    assert table is not None
    for row in table.rows:
        checks = row.cells[1].text.split(", ")
        assert sum(int(cell.text) for cell in row.cells[2:]) == 12 * len(checks)


def test_of_a_large_fleet_a_few_results_are_shown_and_all_are_counted() -> None:
    agency = sample_agency.agency()
    model = next(entry for entry in agency.read_hosts() if entry.host.id == "app-01")

    def stream() -> Iterator[HostAssessment]:
        for number in range(500):
            name = f"h{number:03}"
            results = tuple(replace(one, host=name) for one in model.results)
            yield replace(model, host=replace(model.host, id=name), results=results)

    found = samples(replace(agency, read_hosts=stream))
    assert found.total("SSH-02") == 500
    assert len(found.of("SSH-02")) == FAILURES
    passing = next(one.check for one in model.results if one.verdict.status is Status.PASS)
    assert len(found.of(passing)) == OTHERS
    assert found.words("SSH-02") == "500 fail"


# --- proof, and what changed ------------------------------------------------------------------------------------------


def cells_of(one: Part) -> str:
    assert one.table is not None
    return "\n".join(f"{cell.text} {cell.note}" for line in one.table.rows for cell in line.cells)


def test_the_auditor_sees_receipts_with_both_digests_and_which_of_them_do_not_hold() -> None:
    found = document(build_auditor, sample_agency.agency())
    text = cells_of(part(found, "Receipts"))
    assert "holds" in text and "no receipt" in text and "changed, not in force" in text
    assert "CHG0012345" in text and "passing for 7 days" in text and "reopened 1 time" in text
    assert "KRN-03" in cells_of(part(found, "Changed, not in force"))


def test_what_is_attested_is_never_called_measured() -> None:
    section = next(one for one in document(build_auditor, sample_agency.agency()).sections if one.anchor == "attested")
    text = cells_of(section.parts[0])
    assert "is not a pass" in text and "A. Reyes" in text and "contract.pdf" in text and "Expired" in text


@pytest.mark.parametrize("build", [build_soc, build_auditor], ids=["soc", "auditor"])
def test_hosts_that_nobody_assessed_are_listed_and_in_no_count(build: Build) -> None:
    agency = sample_agency.agency()
    text = cells_of(part(document(build, agency), "Hosts that nobody assessed"))
    assert "10.20.3.77" in text and "9100/tcp" in text
    alone = document(build, replace(agency, unassessed=()))
    assert alone.sentence == document(build, agency).sentence


def test_the_head_of_security_sees_what_changed_since_the_run_before() -> None:
    agency = sample_agency.agency()
    told = replace(agency, read_trend=lambda: sample_proof.trend(agency))
    found = document(build_ciso, told)
    changed = next(one for one in found.sections if one.anchor == "changed").parts[0]
    assert words(changed)["Run before"].startswith("20261115T000000Z-000002")
    assert words(changed)["Coverage"].startswith("41 % then, 63 % now")
    scores = next(one for one in found.sections if one.anchor == "scores").parts[0]
    assert "0 to 20 +33.3 at the low end" in cells_of(scores) and "as now" in cells_of(scores)
    alone = next(one for one in document(build_ciso, agency).sections if one.anchor == "changed").parts[0]
    assert words(alone)["Run before"].startswith("none that can be compared")
