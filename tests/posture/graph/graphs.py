"""Small attack graphs for tests: hand-made ones, and a hypothesis strategy for cyclic ones with joins."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from hypothesis import strategies as st

from posture.model.path import AttackGraph, AttackOrigin, Basis, Condition, Edge, Node, NodeKind, Objective, Tier


def edge(
    premises: str | Sequence[str],
    conclusion: str,
    *conditions: str,
    p: float = 1.0,
    c: float = 1.0,
    cause: str = "",
    attempt: float = 1.0,
    tier: Tier = Tier.BY_DESIGN,
    minutes: float = 1.0,
) -> Edge:
    needs = tuple(sorted(premises.split() if isinstance(premises, str) else premises))
    id_ = f"{'+'.join(needs)}>{conclusion}[{','.join(sorted(conditions))}]{p:g}{cause}"
    return Edge(
        id=id_,
        rule="test",
        revision=1,
        premises=needs,
        conclusion=conclusion,
        conditions=tuple(sorted(conditions)),
        tier=tier,
        p=p,
        confidence=c,
        cause=cause or id_,
        minutes_human=10 * minutes,
        minutes_machine=minutes,
        basis=Basis.OBSERVED,
        why=f"{' and '.join(needs) or 'nothing'} gives {conclusion}",
        attempt=attempt,
    )


def graph(
    edges: Sequence[Edge],
    origins: dict[str, float] | str = "in",
    objectives: dict[str, float] | str = "out",
    *,
    assumed: Sequence[str] = (),
) -> AttackGraph:
    starts = dict.fromkeys(origins.split(), 1.0) if isinstance(origins, str) else origins
    ends = dict.fromkeys(objectives.split(), 1.0) if isinstance(objectives, str) else objectives
    names = {*starts, *ends, *(name for one in edges for name in (*one.premises, one.conclusion))}
    conditions = sorted({name for one in edges for name in one.conditions})
    return AttackGraph(
        nodes=tuple(Node(name, NodeKind.ACCOUNT, name) for name in sorted(names)),
        edges=tuple(sorted({one.id: one for one in edges}.values())),
        conditions=tuple(Condition(name, "host", f"{name} is set") for name in conditions),
        origins=tuple(AttackOrigin(name, prior, "test", name in assumed) for name, prior in sorted(starts.items())),
        objectives=tuple(Objective(name, weight, "test", True) for name, weight in sorted(ends.items())),
    )


_NAMES = ("in", "a", "b", "c", "d", "e", "out", "vault")


@st.composite
def small_graphs(draw: st.DrawFn, *, most_edges: int = 12, certain: bool = False) -> AttackGraph:
    """Return a graph of at most eight nodes, cycles, joins, shared causes and parallel edges included."""
    edges = []
    for number in range(draw(st.integers(1, most_edges))):
        premises = draw(st.lists(st.sampled_from(_NAMES[:6]), min_size=1, max_size=3, unique=True))
        conclusion = draw(st.sampled_from(_NAMES[1:]))
        conditions = draw(st.lists(st.sampled_from("pqrstu"), max_size=2, unique=True))
        p = 1.0 if certain else draw(st.sampled_from((1.0, 0.95, 0.8, 0.45, 0.15)))
        cause = draw(st.sampled_from(("", "", "", "cve-1", "cve-2")))
        edges.append(
            edge(premises, conclusion, *conditions, p=p, cause=(cause and f"{cause} {p:g}") or f"own {number}")
        )
    return graph(edges, "in", {"out": 2.0, "vault": 1.0})


def forward(found: AttackGraph, works: Sequence[bool] | None = None, without: Sequence[str] = ()) -> set[str]:
    """Return what is held, by the plainest loop one can write."""
    held = {one.node for one in found.origins}
    while True:
        new = {
            one.conclusion
            for at, one in enumerate(found.edges)
            if held.issuperset(one.premises) and (works is None or works[at]) and not set(one.conditions) & set(without)
        } - held
        if not new:
            return held
        held |= new


def exact_chances(found: AttackGraph) -> dict[str, float]:
    """Return the probability of each objective by going through every world; priors must be 1."""
    causes = sorted({one.cause for one in found.edges})
    p = {one.cause: one.p * one.confidence for one in found.edges}
    unsure = [cause for cause in causes if p[cause] < 1]
    chances = {one.node: 0.0 for one in found.objectives}
    for outcome in product((True, False), repeat=len(unsure)):
        happened = dict(zip(unsure, outcome, strict=True))
        weight = 1.0
        for cause, happens in happened.items():
            weight *= p[cause] if happens else 1 - p[cause]
        held = forward(found, [happened.get(one.cause, True) for one in found.edges])
        for one in found.objectives:
            chances[one.node] += weight * (one.node in held)
    return chances
