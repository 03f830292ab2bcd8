"""The contexts of scores: AI-threat categories, zones and systems as bands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoreView:
    """One AI-threat category as a band between two numbers."""

    category: str
    title: str
    low: float
    width: float
    """What is unknown: from the low end to the high end."""
    checks: int
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class GroupScoreView:
    """One zone or system as a band over all checks."""

    name: str
    hosts: int
    low: float
    width: float
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class GroupScoresView:
    """The zones, or the systems, the weakest first."""

    title: str
    head: str
    rows: tuple[GroupScoreView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class ScoresView:
    """Every category of the taxonomy, and every zone and system."""

    rows: tuple[ScoreView, ...]
    groups: tuple[GroupScoresView, ...]
