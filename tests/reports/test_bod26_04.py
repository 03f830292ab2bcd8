"""The BOD 26-04 report: every row can be worked out again, the denominator comes first, nothing unknown looks good."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from reports.bod26_04 import write_bod26_04
from reports.bod_rows import COLUMNS
from reports.bod_tally import tally_of
from reports.formats import write_all
from reports.html_report import write_html
from reports.terminal import summary_lines
from tests.reports.sample_known import with_known


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bod") / "bod26-04"
    write_bod26_04(with_known(), home)
    return home


def rows(place: Path, name: str) -> list[dict[str, str]]:
    with (place / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_row_has_its_inputs_who_says_so_and_a_date_to_work_out_again(place: Path) -> None:
    found = {row["cve"]: row for row in rows(place, "vulnerabilities.csv")}
    assert tuple(next(iter(found.values()))) == COLUMNS
    late = found["CVE-2021-0001"]
    assert (late["row"], late["outcome"], late["due"]) == ("15", "3DF", "2021-11-06")
    assert (late["status"], late["due_from_binding_day"]) == ("overdue when first seen", "2026-12-10")
    assert late["in_kev_by"] == "CISA KEV 2026.12.17, listed 2021-11-03"
    assert late["publicly_exposed_by"].startswith("measured: tcp/443 is open")
    assert found["CVE-2026-0006"]["status"] == "overdue" and found["CVE-2026-0006"]["standing"] == "binding"
    assert found["CVE-2026-0002"]["status"] == "due within 7 days"
    assert found["CVE-2026-0003"]["status"] == "fix on system upgrade" and found["CVE-2026-0003"]["due"] == ""
    missing = found["CVE-2019-0004"]
    assert (missing["complete"], missing["row"], missing["lenient_row"]) == ("INCOMPLETE", "10", "0")
    assert (missing["automatable"], missing["automatable_by"]) == ("unknown", "nobody")
    assert missing["standing"] == "binding here, not law: an input is missing"
    for row in found.values():
        if row["due"]:
            days = {"3DF": 3, "3D": 3, "14D": 14, "60D": 60, "ERROR": 3}[row["outcome"]]
            assert date.fromisoformat(row["due"]) == date.fromisoformat(row["clock_start"]) + timedelta(days=days)


def test_kev_without_cisas_values_is_an_error_with_no_row(place: Path) -> None:
    error = next(row for row in rows(place, "vulnerabilities.csv") if row["cve"] == "CVE-2026-0005")
    assert (error["outcome"], error["row"], error["complete"]) == ("ERROR", "", "INCOMPLETE")
    assert error["status"].startswith("error") and error["first_seen_by"] == "ACAS"
    assert error["defaulted"] == "automatable, publicly_exposed, technical_impact"


def test_triage_comes_with_its_targets_and_evidence_before_the_patch(place: Path) -> None:
    triage = {row["cve"]: row["triage"] for row in rows(place, "vulnerabilities.csv")}
    # listed on the 16th, first seen on the 15th: the listing starts it
    assert "by 2026-12-16T02:00Z" in triage["CVE-2026-0002"]
    assert "(BEFORE PATCHING): by 2026-12-17T00:00Z" in triage["CVE-2026-0002"]
    # listed in 2021, first seen now: nobody could begin before
    assert "by 2026-12-15T08:00Z" in triage["CVE-2021-0001"]
    assert triage["CVE-2026-0003"] == ""


def test_the_denominator_stands_beside_every_count(place: Path) -> None:
    head = json.loads((place / "vulnerabilities.json").read_text())
    total = {
        key: sum(one[key] for one in head["denominator"]) for key in ("hosts", "by_us", "imported", "not_assessed")
    }
    assert total == {"hosts": 12, "by_us": 2, "imported": 1, "not_assessed": 9}
    assert len(head["vulnerabilities"]) == sum(head["by_status"].values()) == 6
    assert head["inputs_defaulted"] == {"automatable": 2, "publicly_exposed": 1, "technical_impact": 2}
    assert (head["clock"]["id"], head["clock"]["version"], head["feeds"][0]["version"]) == (
        "bod-26-04", "1.0.0", "2026.12.17",
    )  # fmt: skip
    assert all(one.hosts == one.by_us + one.imported + one.not_assessed for one in tally_of(with_known()).platforms())


def test_tags_and_public_addresses_are_lists_a_person_can_complete(place: Path) -> None:
    tags = {row["host"]: row["missing"] for row in rows(place, "asset_tags.csv")}
    assert tags["web-01"] == "" and "organisation" in tags["db-01"] and len(tags) == 12
    (published, *_) = rows(place, "public_addresses.csv")
    assert (published["address"], published["port"], published["host"]) == ("203.0.113.7", "tcp/443", "web-01")


def test_the_scan_cadence_says_never_and_never_in_time(place: Path) -> None:
    found = {row["host"]: row for row in rows(place, "scan_cadence.csv")}
    in_time = {host: (row["discovered_in_time"], row["enumerated_in_time"]) for host, row in found.items()}
    assert in_time == {"web-01": ("yes", "yes"), "db-01": ("yes", "no"), "gpu-01": ("yes", "no")}
    assert found["gpu-01"]["last_enumerated"] == "never"


def test_cells_are_no_formulas(place: Path) -> None:
    with (place / "vulnerabilities.csv").open(encoding="utf-8", newline="") as file:
        assert not any(re.match(r"[=+@\t\r-]", cell) for row in csv.reader(file) for cell in row)


@pytest.mark.parametrize(
    ("profile", "now", "words"),
    [
        ("fceb", datetime(2026, 12, 18, tzinfo=UTC), "For profile fceb BOD 26-04 is binding. It knows no waiver"),
        ("fceb", datetime(2026, 11, 22, tzinfo=UTC), "binds from 2026-12-07: until then its dates are targets"),
        ("dow", datetime(2026, 12, 18, tzinfo=UTC), "For profile dow BOD 26-04 is informative"),
    ],
)
def test_the_page_says_whom_the_directive_binds(profile: str, now: datetime, words: str, tmp_path: Path) -> None:
    write_html(with_known(profile, now), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    section = page.split('<section id="known"')[1].split("</section>")[0]
    assert words in section
    assert section.index("What this is counted from") < section.index("overdue when first seen")
    assert "Counted from the day the table binds it would be 2026-12-10" in section
    assert "Forensic triage before the patch" in section and "as reported" in section
    assert "1 of 12" in section  # hosts with all four tags
    burn = page.split('<section id="burndown"')[1].split("</section>")[0]
    assert "95 % interval" in burn or "less than a day" in burn
    assert burn.count("<polyline") == 2 * burn.count("<h3>") and "<caption>" in burn


def test_the_terminal_says_from_how_many_hosts(tmp_path: Path) -> None:
    lines = summary_lines(with_known(), write_all(with_known(), tmp_path / "out"))
    (line,) = (line for line in lines if "Known vulnerabilities" in line)
    assert line == "  Known vulnerabilities: 6 on 3 of 12 hosts assessed; 2 overdue, 1 may wait"
    assert len(lines) <= 24
