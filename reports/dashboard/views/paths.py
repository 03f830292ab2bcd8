"""Attack paths: the list with its map, and one path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports.dashboard.views.common import Count
from reports.view import Pair, PictureView, Share, Tag


@dataclass(frozen=True, slots=True)
class PathLine:
    """One attack path in the list."""

    rank: int
    id: str
    path: str
    """Address of its page."""
    title: str
    state: Tag
    assumed: bool
    """It starts from a breach that is only assumed."""
    steps: int
    chance: str
    tempo: str
    gist: str
    """Its last step that is not idle, as a sentence."""


@dataclass(frozen=True, slots=True)
class MapPlace:
    """One place of the map of attack paths: where an attacker starts, a zone, a host, or hosts that are alike."""

    id: str
    name: str
    kind: str
    """start, zone, host or objective."""
    zone: str
    hosts: tuple[Count, ...]
    """The hosts that stand behind it: ``number`` is its place in ``names``; empty for zones and starts."""
    names: tuple[str, ...]
    paths: int


@dataclass(frozen=True, slots=True)
class MapHop:
    """One way from place to place."""

    id: str
    source: str
    """Id of a place."""
    source_name: str
    target: str
    target_name: str
    how: str
    """The step's sentence; of the likeliest path where several go this way."""
    state: str
    """confirmed or possible."""
    paths: tuple[Count, ...]
    """``number`` is the rank of a path, ``path`` the address of its page; the first few."""
    total: int
    """How many paths go this way."""


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """One zone with its part in the paths."""

    name: str
    trust: str
    hosts: int
    """Hosts of it that some path goes through."""
    paths: int
    path: str
    """Address of the page with this zone alone."""
    here: bool


@dataclass(frozen=True, slots=True)
class PathsPage:
    """Attack paths: the worst as sentences, by zone as a picture, by host as a map that is also a table."""

    why_none: str
    lead: str
    coverage: Share
    rules: Share
    objectives: Share
    lines: tuple[PathLine, ...]
    lines_left_out: int
    picture: PictureView | None
    zones: tuple[ZoneLine, ...]
    zone: str
    """The zone that is looked at alone; empty for all."""
    places: tuple[MapPlace, ...]
    hops: tuple[MapHop, ...]
    paths_left_out: int
    """Paths that are not on the map, so that it stays below its limit."""


@dataclass(frozen=True, slots=True)
class FactRef:
    """A fact that a step rests on, with the answers it was read from."""

    host: str
    host_path: str
    fact: str
    document: str
    observed_at: datetime
    answers: tuple[Pair, ...]
    """Command and address of its answer; empty for a reader who may not read answers."""


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step with everything behind it."""

    number: int
    sentence: str
    after: str
    """Numbers of the steps it builds on, in words; empty where that is the one before."""
    rule: str
    edge: str
    chance: str
    sure: str
    certain: bool
    basis: str
    attack: str
    disputed: str
    facts: tuple[FactRef, ...]


@dataclass(frozen=True, slots=True)
class PathEnd:
    """One thing whose end would end the path, and the fix that does it."""

    why: str
    fix: str
    fix_path: str
    """Address of the fix in the plan; empty when none is planned."""
    try_path: str
    """Address of the what-if with this fix ticked."""


@dataclass(frozen=True, slots=True)
class PathPage:
    """One attack path with each step's reason, confidence and evidence."""

    id: str
    title: str
    state: Tag
    assumed: bool
    chance: str
    tempo: str
    coverage: Share
    steps: tuple[PathStep, ...]
    ends: tuple[PathEnd, ...]
    after: str
    may_read: bool
    """Whether the account may read raw answers."""
