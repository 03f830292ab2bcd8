"""The one-screen summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sample_agency

from posture.model.asked import Unlooked
from posture.model.assessment import Assessment, Coverage
from posture.model.finding import Status
from posture.model.plan import Plan
from reports.formats import summary_lines

REPORT = Path("out/report.html")
ALL = {
    "agency": sample_agency.agency(),
    "clean": sample_agency.clean(blind=False),
    "blind": sample_agency.clean(blind=True),
    "nothing": sample_agency.nothing_assessed(),
}


def crowded() -> Assessment:
    """Long titles, large numbers, wide and hostile characters."""
    agency = sample_agency.agency()
    fixes = tuple(
        replace(fix, title=f"漢字 {sample_agency.TERMINAL} {fix.title} " * 3, minutes=9_999)
        for fix in agency.plan.fixes
    )
    counts = ((Status.PASS, 900_000), (Status.NOT_CHECKED, 100_000))
    unlooked = (Unlooked("outpost", 9_999, "it has no nmap"), Unlooked("far", 1, "the run was stopped"))
    coverage = Coverage(10_000, 100, counts)
    return replace(agency, plan=Plan(fixes, agency.plan.as_of), coverage=coverage, unlooked=unlooked)


@pytest.mark.parametrize("assessment", [*ALL.values(), crowded()], ids=[*ALL, "crowded"])
def test_it_fits_one_screen_of_80_by_24(assessment: Assessment) -> None:
    lines = summary_lines(assessment, (REPORT,))
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)


def test_coverage_comes_first_then_counts_then_the_shortest_way_in_then_fixes_then_the_report() -> None:
    text = "\n".join(summary_lines(ALL["agency"], (REPORT,)))
    order = [
        "Coverage 63 %",
        "unknown is not good",
        "23 open findings",
        "Shortest way in: an attacker in dmz",
        "Fix first (5 of 7 fixes)",
        "Report: out/report.html",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert sum(line.startswith(f"  {rank}.") for rank in range(1, 9) for line in text.splitlines()) == 5
    assert "143 days overdue" in text


def test_no_findings_with_blind_spots_is_only_as_far_as_seen() -> None:
    text = "\n".join(summary_lines(ALL["blind"]))
    assert "Nothing found as far as seen" in text
    assert "No findings" not in text


def test_no_findings_with_full_coverage_says_what_was_looked_at() -> None:
    text = "\n".join(summary_lines(ALL["clean"]))
    assert "No findings." in text
    assert "8 checks looked at" in text


def test_nothing_assessed_says_nothing_about_findings() -> None:
    assert "Nothing was assessed" in "\n".join(summary_lines(ALL["nothing"]))


@pytest.mark.parametrize("assessment", ALL.values(), ids=ALL)
def test_nobody_is_told_to_be_secure(assessment: Assessment) -> None:
    assert not {"secure", "safe", "compliant"} & set("\n".join(summary_lines(assessment)).lower().split())


def test_a_run_without_hosts_has_no_coverage() -> None:
    empty = replace(ALL["clean"], coverage=Coverage(0, 8, ()), read_hosts=lambda: iter(()))
    text = "\n".join(summary_lines(empty))
    assert "Coverage 0 %" in text
    assert "No blind spots" not in text
    assert "No findings" not in text
