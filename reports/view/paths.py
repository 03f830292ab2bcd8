"""The contexts of attack paths and of their picture."""

from __future__ import annotations

from dataclasses import dataclass

from reports.view.words import Link, Share, Tag


@dataclass(frozen=True, slots=True)
class PathStepView:
    """One step of a way, as a sentence with what it rests on."""

    number: int
    sentence: str
    rule: str
    tier: str
    sure: str
    certain: bool
    attack: str
    evidence: str
    disputed: str


@dataclass(frozen=True, slots=True)
class EndView:
    """One setting or finding, and what takes it away."""

    why: str
    how: Link


@dataclass(frozen=True, slots=True)
class AttackPathView:
    """One way to something that must not be lost."""

    rank: int
    anchor: str
    id: str
    title: str
    state: Tag
    assumed: bool
    chance: str
    tempo: str
    steps: tuple[PathStepView, ...]
    ends: tuple[EndView, ...]
    """Any one of them ends it."""
    ends_left_out: int
    after: str


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One zone of the picture, as a box."""

    name: str
    trust: str
    hosts: str
    x: int
    y: int
    width: int
    height: int
    text_x: int
    name_y: int
    hosts_y: int


@dataclass(frozen=True, slots=True)
class HopView:
    """One way between zones, as an arrow and as a row."""

    source: str
    target: str
    ports: str
    paths: int
    state: str
    line: str
    head: str


@dataclass(frozen=True, slots=True)
class PictureView:
    """The paths by zone."""

    width: int
    height: int
    places: tuple[PlaceView, ...]
    hops: tuple[HopView, ...]
    words: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change, with the mean chance of loss before and after it."""

    how: EndView
    paths: Share
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RuleGapView:
    """A kind of step that could not be asked everywhere."""

    rule: str
    title: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class PathsView:
    """What an attacker could make of it all; never "unreachable"."""

    why_none: str
    lead: str
    objectives: Share
    certified: Share
    rules: Share
    size: str
    coverage: Share
    first: tuple[AttackPathView, ...]
    picture: PictureView | None
    changes: tuple[ChangeView, ...]
    finish: str
    waived: tuple[str, ...]
    not_found: str
    unknown_ways: tuple[str, ...]
    """Where somebody may get in whom nothing names."""
    suggested: tuple[str, ...]
    gaps: tuple[RuleGapView, ...]
    disputed: tuple[str, ...]
    notes: tuple[str, ...]
