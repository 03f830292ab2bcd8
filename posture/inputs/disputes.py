"""Edges of the attack graph that somebody calls wrong: one JSON line each, in a file beside the database."""

from __future__ import annotations

from pathlib import Path

from posture.inputs.json_lines import add_line, read_lines
from posture.model.attack import Dispute

NAME = "disputes.jsonl"
MAX_BYTES = 4_000_000  # ten thousand disputes; more is not dispute but a broken rule


def read_disputes(folder: Path) -> tuple[Dispute, ...]:
    """Return the disputes, the last word on each edge, sorted; none when there is no file.

    Raises:
        ConfigError: a line is none.
    """
    found = {one.edge: one for _, one in read_lines(folder / NAME, Dispute, MAX_BYTES)}
    return tuple(sorted(found.values()))


def add_dispute(folder: Path, dispute: Dispute) -> Path:
    """Return the file, with one more line at its end.

    Raises:
        OSError: it cannot be written.
    """
    return add_line(folder / NAME, dispute)
