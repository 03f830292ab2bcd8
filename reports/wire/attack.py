"""Attack paths of the run."""

from __future__ import annotations

from reports.wire.words import Wire


class PathStep(Wire, frozen=True):
    """One step of an attack path."""

    number: int
    after: list[int]
    """Steps that bring its premises."""
    edge: str
    rule: str
    sentence: str
    confidence: float
    tier: str
    attack: list[str]
    """ATT&CK technique ids."""
    disputed_by: str


class PathEnd(Wire, frozen=True):
    """A finding or a setting whose end ends a path."""

    id: str
    host: str
    why: str
    check: str
    finding: str
    remedy: str


class AttackPath(Wire, frozen=True):
    """One way to something that must not be lost."""

    id: str
    origin: str
    objective: str
    confirmed: bool
    """Every step is as good as seen."""
    assumed: bool
    """It starts from an assumed breach."""
    probability: float
    """Of this way alone, were every step real; uncalibrated."""
    confidence: float
    minutes_human: float
    minutes_machine: float
    steps: list[PathStep]
    ended_by: list[PathEnd]
    """Any one of them is enough."""


class RuleGap(Wire, frozen=True):
    """A kind of step that could not be asked everywhere."""

    rule: str
    title: str
    hosts: int
    why: str


class UnknownWay(Wire, frozen=True):
    """Somebody may get in whom nothing that was read names, alike on these hosts."""

    rule: str
    why: str
    hosts: list[str]


class AttackPaths(Wire, frozen=True):
    """Attack paths of the run; an objective without one is "no path found in the evidence collected"."""

    nodes: int
    edges: int
    objectives: list[str]
    certified: list[str]
    searched: bool
    """False where the extra ``graph`` was not installed."""
    paths: list[AttackPath]
    no_path_found: list[str]
    not_asked_everywhere: list[RuleGap]
    unknown_ways: list[UnknownWay]
    """No path says who comes this way: these hosts are not known to be shut."""
