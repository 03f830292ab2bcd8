"""A report over hosts whose family is proven on authored transcripts only says so before any number."""

from __future__ import annotations

from pathlib import Path

from posture.assess import stored_assessment
from posture.gather import Work
from posture.run import replay
from posture.store import Store
from reports.html_report import write_html
from tests.posture.replays import DAY, HARDENED, START, edited, job, recorded, write_inventory

ROCKY = (
    ("os.release", 'NAME="Debian GNU/Linux"', 'NAME="Rocky Linux"'),
    ("os.release", "Debian GNU/Linux 12 (bookworm)", "Rocky Linux 9.6 (Blue Onyx)"),
)
SENTENCE = "1 host runs a system of the Red Hat family."


def page_of(tmp_path: Path, *edits: tuple[str, str, str]) -> str:
    said = edited(recorded(HARDENED), *edits)
    with Store.open(tmp_path / "posture.db") as store:
        inventory = write_inventory(tmp_path / "inventory.yaml", HARDENED)
        replay(store, [said], job(inventory, tmp_path), START, Work(clock=lambda: START + DAY / 24), as_of=START)
        write_html(stored_assessment(store, "latest"), tmp_path / "report.html")
    return (tmp_path / "report.html").read_text()


def test_the_first_page_says_how_little_is_recorded_on_such_hosts(tmp_path: Path) -> None:
    page = page_of(tmp_path, *ROCKY)
    assert page.index(SENTENCE) < page.index('id="coverage-title"')
    assert "0 are proven on transcripts recorded there" in page


def test_a_report_over_debian_says_nothing_of_it(tmp_path: Path) -> None:
    assert "transcripts recorded there" not in page_of(tmp_path)
