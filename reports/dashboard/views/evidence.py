"""One raw answer."""

from __future__ import annotations

from dataclasses import dataclass

from reports.view import Pair


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """The bytes behind a digest, made harmless."""

    digest: str
    size_bytes: int
    uses: tuple[Pair, ...]
    lines: tuple[str, ...]
    left_out: int
    """Lines that are not shown."""
    not_kept: str
    """By which policy the bytes were let go, and when; empty while they are kept."""
