"""blind_spots.csv: one row for each host and reason, so that what was not seen can be worked off like findings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from posture.model.assessment import Assessment
from posture.model.host import FLEET
from reports.files import new_file
from reports.findings_csv import write_rows
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
    del marking  # rows only: a CSV file has no place for it
    with new_file(path) as file:
        write_rows(file, COLUMNS, _rows(assessment))


def _rows(assessment: Assessment) -> Iterator[tuple[str, ...]]:
    for entry in assessment.read_hosts():
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
                str(len(entry.results) if entry.host.id == FLEET else checks_of_host(assessment)),
                "; ".join(spot.checks),
                "; ".join(details) or spot.detail,
                assessment.run.id,
            )
