"""Ways to an objective, told as numbered steps: the likeliest, and those that are left when it is closed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from posture.graph.arrays import Arrays, Bools, Longs, compiled
from posture.graph.best import FAR, Best, best, from_origins, likely
from posture.graph.trim import trimmed
from posture.model.path import AttackGraph, AttackOrigin, AttackPath, Condition, Edge, Node, Step

CONFIRMED = 0.9


@dataclass(frozen=True, eq=False)
class Chart:
    """A graph with its arrays and its names at hand."""

    graph: AttackGraph

    @cached_property
    def arrays(self) -> Arrays:
        """The graph as arrays."""
        return compiled(self.graph)

    @cached_property
    def node(self) -> Mapping[str, int]:
        """Number of each node."""
        return {one.id: index for index, one in enumerate(self.graph.nodes)}

    @cached_property
    def condition(self) -> Mapping[str, int]:
        """Number of each condition."""
        return {one.id: index for index, one in enumerate(self.graph.conditions)}

    @cached_property
    def origins(self) -> Mapping[int, AttackOrigin]:
        """The origins by the number of their node."""
        return {self.node[one.node]: one for one in self.graph.origins}

    @cached_property
    def weights(self) -> Longs:
        """Weights under which the cheapest way is the likeliest."""
        return likely(self.arrays)

    @property
    def sure(self) -> Bools:
        """Which edges are as good as seen."""
        return self.arrays.confidence >= CONFIRMED

    def edge(self, index: int) -> Edge:
        """Return the edge behind a number of the arrays."""
        return self.graph.edges[int(self.arrays.edge_of[index])]


def best_paths(chart: Chart, *, assumed: bool = False, confirmed: bool = False) -> dict[str, AttackPath]:
    """Return the likeliest way to every objective that one leads to, in one pass over the graph.

    ``assumed`` starts from assumed breaches as well; ``confirmed`` takes only steps as good as seen.
    """
    found = _search(chart, chart.sure if confirmed else None, assumed=assumed)
    return {
        one.node: path_to(chart, found, chart.node[one.node])
        for one in chart.graph.objectives
        if found.cost[chart.node[one.node]] < FAR
    }


def routes(chart: Chart, objective: str, *, most: int, first: AttackPath | None = None) -> tuple[AttackPath, ...]:
    """Return up to ``most`` ways, the likeliest first; each needs no condition that a way before it needs.

    So the second is what is left once the first is closed for good, whichever of its conditions ends it. A way that
    rests on no condition at all is the last: nothing that can be mended ends it.
    """
    target = chart.node[objective]
    found = [first] if first else []
    stands = np.ones(chart.arrays.edges, np.bool_)
    for path in found:
        stands &= chart.arrays.without([chart.condition[id_] for id_ in path.breaks])
    while len(found) < most and (not found or found[-1].breaks):
        search = _search(chart, stands, assumed=bool(found) and found[0].assumed)
        if search.cost[target] >= FAR:
            break
        path = path_to(chart, search, target)
        stands &= chart.arrays.without([chart.condition[id_] for id_ in path.breaks])
        found.append(path)
    return tuple(found)


def _search(chart: Chart, edges: Bools | None, *, assumed: bool) -> Best:
    arrays = chart.arrays
    origins = np.ones(len(arrays.origin), np.bool_) if assumed else ~arrays.assumed
    return best(arrays, chart.weights, from_origins(arrays, origins), edges)


def path_to(chart: Chart, found: Best, target: int) -> AttackPath:
    """Return the derivation of one node that was found."""
    edges = trimmed(chart.arrays, derivation(chart.arrays, found, target), target)
    number = {int(chart.arrays.conclusion[edge]): at for at, edge in enumerate(edges, start=1)}
    used = [chart.edge(edge) for edge in edges]
    origins = _origins(chart, edges, number, target)
    steps = tuple(_step(chart, at, edge, number) for at, edge in enumerate(edges, start=1))
    return AttackPath(
        id=_path_id(used, origins),
        origin=origins[0].node if origins else "",
        objective=chart.graph.nodes[target].id,
        steps=steps,
        probability=probability(used, origins),
        confidence=min((edge.confidence for edge in used), default=1.0),
        minutes_human=math.fsum(edge.minutes_human for edge in used),
        minutes_machine=math.fsum(edge.minutes_machine for edge in used),
        breaks=tuple(sorted({id_ for edge in used for id_ in edge.conditions})),
        assumed=any(origin.assumed for origin in origins),
    )


def derivation(arrays: Arrays, found: Best, target: int) -> list[int]:
    """Return the edges of the best derivation of a node, each after those that bring its premises."""
    ordered: list[int] = []
    done: set[int] = set()
    stack = [(target, False)]
    while stack:
        node, premises_done = stack.pop()
        edge = int(found.by[node])
        if edge < 0 or (node in done):
            continue
        if premises_done:
            done.add(node)
            ordered.append(edge)
            continue
        stack.append((node, True))
        stack += [(one, False) for one in reversed(arrays.premises.row(edge)) if one not in done]
    return ordered


def probability(edges: list[Edge], origins: list[AttackOrigin]) -> float:
    """Return the origins' priors times the product over distinct causes.

    Edges of one cause succeed together; where their ``p`` differ the least one decides.
    """
    least: dict[str, float] = {}
    for edge in edges:
        least[edge.cause] = min(least.get(edge.cause, 1.0), edge.p)
    priors = [one.prior for one in origins]
    return math.prod([*sorted(least.values()), *priors])


def _origins(chart: Chart, edges: list[int], number: Mapping[int, int], target: int) -> list[AttackOrigin]:
    """Return the origins a derivation starts from, the one of its first step first."""
    premises = [node for edge in edges for node in chart.arrays.premises.row(edge)] or [target]
    leaves = dict.fromkeys(node for node in premises if node not in number and node in chart.origins)
    return [chart.origins[node] for node in leaves]


def _step(chart: Chart, at: int, index: int, number: Mapping[int, int]) -> Step:
    edge = chart.edge(index)
    premises = chart.arrays.premises.row(index)
    after = tuple(sorted({number[node] for node in premises if node in number}))
    return Step(at, edge.id, after, edge.why + "".join(_joins(chart, at, premises, number)))


def _joins(chart: Chart, at: int, premises: list[int], number: Mapping[int, int]) -> Iterator[str]:
    """Yield what a step takes up from before the last step: "(with key SHA256:… from step 3)"."""
    earlier = sorted((number[node], node) for node in premises if 0 < number.get(node, 0) < at - 1)
    if earlier:
        named = ", ".join(f"{_label(chart.graph.nodes[node])} from step {step}" for step, node in earlier)
        yield f" (with {named})"


def _label(node: Node) -> str:
    return node.label or node.id


def _path_id(edges: list[Edge], origins: list[AttackOrigin]) -> str:
    names = [*sorted(edge.id for edge in edges), *sorted(one.node for one in origins)]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def conditions_of(chart: Chart, path: AttackPath) -> tuple[Condition, ...]:
    """Return the conditions whose end would end a way."""
    return tuple(chart.graph.conditions[chart.condition[id_]] for id_ in path.breaks)
