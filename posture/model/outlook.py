"""What an attack graph comes to: the best ways to each objective, how likely, how fast, and which changes end them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from posture.model.path import AttackPath


class Attacker(StrEnum):
    """Who is thought to try."""

    AI_DRIVEN = "ai-driven"
    """Tries everything that is open, at once."""
    OPPORTUNISTIC = "opportunistic"
    """Comes in only by what is tried everywhere: ``Edge.attempt`` counts on the first step from an origin."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """Something one can do that takes conditions away; every edge that needs one of them goes with it."""

    id: str
    conditions: tuple[str, ...]
    hours: float = 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A probability from sampled worlds, and how far off it may be."""

    probability: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of one objective that some way leads to."""

    objective: str
    weight: float
    certified: bool
    paths: tuple[AttackPath, ...]
    """The likeliest way first; each one after it needs no condition that a way before it needs: "after fixing
    this, the next route is …"."""
    chances: tuple[tuple[Attacker, Estimate], ...]
    """From every origin; an edge counts with ``p`` times its confidence."""
    confirmed_chance: Estimate
    """AI-driven, over steps as good as seen only."""
    fastest_minutes_human: float
    fastest_minutes_machine: float
    """Least time of any way when its premises are sought side by side: a lower bound."""
    landmarks: tuple[str, ...]
    """Ids of the changes each of which alone ends every way there, sorted."""

    @property
    def confirmed(self) -> bool:
        """Whether some way found there has no step that is only thought to exist."""
        return any(path.confirmed for path in self.paths)


@dataclass(frozen=True, slots=True)
class ChangeWorth:
    """What one change is good for, measured with everything else left as it is."""

    change: str
    hours: float
    exposure: float
    """Share of the origins (by prior) that reach an edge it breaks."""
    impact: float
    """Share of the objectives (by weight) that lie behind an edge it breaks."""
    paths: int
    """How many objectives' likeliest way goes through it."""
    removes: float
    """By how much the weighted mean probability of compromise falls; AI-driven."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Why a change belongs to the cut: without it, and with all others made, this way stands."""

    change: str
    path: AttackPath


@dataclass(frozen=True, slots=True)
class Cut:
    """The cheapest set of changes after which no path to an objective is found."""

    changes: tuple[str, ...]
    hours: float
    proven: bool
    """Whether the solver proved that nothing is cheaper."""
    lower_bound_hours: float
    cores: int
    """How many ways, each of which has to be cut somewhere, force these hours."""
    witnesses: tuple[Witness, ...]
    """One for each change."""
    beyond: tuple[str, ...]
    """Objectives that no set of changes closes: some way there rests on nothing that can be mended."""


@dataclass(frozen=True, slots=True)
class PathAnalysis:
    """All of it, with what the numbers rest on. Uncalibrated; for comparing, never for promising."""

    outlooks: tuple[Outlook, ...]
    """Worst first: by weight times probability, then by objective."""
    not_found: tuple[str, ...]
    """Objectives to which no path was found in the evidence collected; that is not "unreachable"."""
    risk: tuple[tuple[Attacker, Estimate], ...]
    """Weighted mean probability of compromise over all objectives."""
    worths: tuple[ChangeWorth, ...]
    """Of every change that some way goes through; what removes most comes first."""
    cut: Cut
    worlds: int
    seed: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Relief:
    """A due date that a change would move, such as BOD 26-04's when a host is no longer publicly exposed."""

    host: str
    what: str
    """CVE or finding id."""
    due_now: date
    due_then: date | None
    """``None`` when no date would bind any more."""
    why: str


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A run as it is and as it would be after some changes, judged in the same sampled worlds."""

    made: tuple[str, ...]
    hours: float
    before: PathAnalysis
    after: PathAnalysis
    closed: tuple[str, ...]
    """Objectives to which no path is found any more in the evidence collected."""
    ended: tuple[str, ...]
    """Ids of the ways that are gone."""
    risk_removed: tuple[tuple[Attacker, Estimate], ...]
    relief: tuple[Relief, ...] = ()
