"""blind_spots.csv: one row for each host and reason, so that what was not seen can be worked off like findings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posture.model.assessment import Assessment, HostAssessment
from posture.model.host import FLEET
from reports.files import new_file
from reports.findings_csv import row_writer
from reports.one_pass import Take, in_one_pass
from reports.survey import blind_of, checks_of_host
from reports.words import blind_words

COLUMNS = (
    "host", "zone", "owner", "reason", "meaning", "what_to_do", "topics_unseen", "checks_undecided",
    "checks_of_profile", "checks", "detail", "run",
)  # fmt: skip


def write_blind_spots_csv(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write what was not seen, host by host.

    Raises:
        UsageError: the file cannot be written.
    """
    in_one_pass(assessment, [blind_spots_csv(assessment, path, marking=marking)])


@contextmanager
def blind_spots_csv(assessment: Assessment, path: Path, *, marking: str = "") -> Iterator[Take]:
    """Yield what takes the hosts."""
    del marking  # rows only: a CSV file has no place for it
    asked = checks_of_host(assessment)
    with new_file(path) as file, row_writer(file, COLUMNS) as write:
        yield lambda entry: write(_rows(entry, asked, assessment.run.id))


def _rows(entry: HostAssessment, asked: int, run: str) -> Iterator[tuple[str, ...]]:
    for reason, spot in blind_of(entry):
        words = blind_words(reason)
        details = dict.fromkeys(detail for _, detail in sorted(spot.topics.items()) if detail)
        yield (
            spot.host,
            spot.zone,
            spot.owner,
            reason,
            words.meaning,
            words.action,
            "; ".join(sorted(spot.topics)),
            str(len(spot.checks)),
            str(len(entry.results) if entry.host.id == FLEET else asked),
            "; ".join(spot.checks),
            "; ".join(details) or spot.detail,
            run,
        )
