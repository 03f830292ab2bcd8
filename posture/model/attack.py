"""What one run says of attack paths, for reports: the analysis, and of the graph only what it speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from posture.model.outlook import PathAnalysis
from posture.model.path import AttackOrigin, AttackPath, Condition, Edge, Node, Objective


@dataclass(frozen=True, slots=True, order=True)
class Dispute:
    """Somebody says that an edge is wrong; it is shown, and stays."""

    edge: str
    owner: str
    reason: str
    expires: date
    """Counts through that day, UTC."""

    def words(self) -> str:
        """Return it in one line."""
        return f"{self.owner} until {self.expires}: {self.reason}"


@dataclass(frozen=True, slots=True, order=True)
class RuleGap:
    """A rule that could not be asked everywhere: ways may exist there unseen."""

    rule: str
    title: str
    hosts: int
    """On how many hosts; 0 for a rule that nobody collects facts for."""
    why: str
    """Of one of them."""


@dataclass(frozen=True, slots=True, order=True)
class UnknownWay:
    """Somebody may get in whom nothing that was read names, alike on these hosts."""

    rule: str
    why: str
    hosts: tuple[str, ...]
    """Sorted."""


@dataclass(frozen=True, slots=True)
class AttackReport:
    """Attack paths of one run; never "unreachable", only "no path found in the evidence collected"."""

    nodes: int
    edges: int
    origins: tuple[AttackOrigin, ...]
    objectives: tuple[Objective, ...]
    analysis: PathAnalysis | None
    """``None`` where the extra ``graph`` was not installed."""
    assumed: tuple[AttackPath, ...]
    """The likeliest way from an assumed breach to each objective that no way from outside leads to."""
    gaps: tuple[RuleGap, ...]
    named_nodes: tuple[Node, ...]
    """Nodes of the paths, sorted."""
    named_edges: tuple[Edge, ...]
    """Edges of the paths, sorted."""
    named_conditions: tuple[Condition, ...]
    """Conditions of the paths, the changes and the cut, sorted."""
    disputed: tuple[Edge, ...]
    rules: int
    rules_evaluated: int
    unknown_ways: tuple[UnknownWay, ...] = ()

    def paths(self) -> tuple[AttackPath, ...]:
        """Return every path, the worst objective's likeliest first, those from assumed breaches last."""
        found = [path for one in self.analysis.outlooks for path in one.paths] if self.analysis else []
        return (*found, *self.assumed)
