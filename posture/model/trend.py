"""How a run stood among those before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from posture.model.assessment import CategoryScore, GroupScore


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """The bands of one stored run."""

    run: str
    as_of: datetime
    decided: int
    possible: int
    categories: tuple[CategoryScore, ...]
    systems: tuple[GroupScore, ...]
    """Group scores of kind ``system``, by name."""


@dataclass(frozen=True, slots=True)
class ScoreTrend:
    """Runs that may be compared with the last of them: same inventory name, baseline and kind of evidence."""

    points: tuple[ScorePoint, ...]
    """Oldest first; the last one is the run that is looked at. Empty when its own bands were not kept."""
    other_baseline: int
    """Earlier runs that were judged by another baseline: their scores cannot be compared."""
    not_kept: int
    """Earlier runs whose bands were not kept."""
