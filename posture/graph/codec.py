"""A graph as bytes and back: names stand once in tables, rows point at them. Equal graphs, equal bytes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from posture.model.path import (
    AttackGraph,
    AttackOrigin,
    Basis,
    Condition,
    Edge,
    EvidenceRef,
    Node,
    NotEvaluated,
    Objective,
    Tier,
)

Kind = tuple[str, int, float, float, tuple[str, ...]]
"""Rule, revision, minutes of a person and of a program, ATT&CK ids: the same for every edge of a rule."""


class EdgeRow(msgspec.Struct, array_like=True, frozen=True):
    """One edge; numbers point into the tables."""

    id: str
    kind: int
    premises: tuple[int, ...]
    conclusion: int
    conditions: tuple[int, ...]
    tier: Tier
    p: float
    confidence: float
    cause: str
    """Empty for the edge's own id."""
    basis: Basis
    why: str
    attempt: float
    evidence: tuple[int, ...]
    disputed_by: str


class GraphFile(msgspec.Struct, frozen=True):
    """The whole graph as it is stored."""

    schema: str
    kinds: tuple[Kind, ...]
    nodes: tuple[Node, ...]
    conditions: tuple[Condition, ...]
    evidence: tuple[EvidenceRef, ...]
    edges: tuple[EdgeRow, ...]
    origins: tuple[AttackOrigin, ...]
    objectives: tuple[Objective, ...]
    not_evaluated: tuple[NotEvaluated, ...]


SCHEMA = "posture.attack-graph/1"


def encode(graph: AttackGraph) -> bytes:
    """Return the graph as JSON."""
    kinds = sorted({_kind(one) for one in graph.edges})
    evidence = sorted({ref for one in graph.edges for ref in one.evidence})
    node, condition = _places(one.id for one in graph.nodes), _places(one.id for one in graph.conditions)
    kind_at = {one: at for at, one in enumerate(kinds)}
    ref_at = {one: at for at, one in enumerate(evidence)}
    rows = tuple(
        EdgeRow(
            id=one.id,
            kind=kind_at[_kind(one)],
            premises=tuple(node[id_] for id_ in one.premises),
            conclusion=node[one.conclusion],
            conditions=tuple(condition[id_] for id_ in one.conditions),
            tier=one.tier,
            p=one.p,
            confidence=one.confidence,
            cause="" if one.cause == one.id else one.cause,
            basis=one.basis,
            why=one.why,
            attempt=one.attempt,
            evidence=tuple(ref_at[ref] for ref in one.evidence),
            disputed_by=one.disputed_by,
        )
        for one in graph.edges
    )
    file = GraphFile(
        SCHEMA,
        tuple(kinds),
        graph.nodes,
        graph.conditions,
        tuple(evidence),
        rows,
        graph.origins,
        graph.objectives,
        graph.not_evaluated,
    )
    return msgspec.json.encode(file, order="deterministic")


def decode(content: bytes) -> AttackGraph:
    """Return the graph of these bytes.

    Raises:
        msgspec.ValidationError: they are none of ours.
    """
    file = msgspec.json.decode(content, type=GraphFile)
    return AttackGraph(
        nodes=file.nodes,
        edges=tuple(_edge(row, file) for row in file.edges),
        conditions=file.conditions,
        origins=file.origins,
        objectives=file.objectives,
        not_evaluated=file.not_evaluated,
    )


def _kind(edge: Edge) -> Kind:
    return (edge.rule, edge.revision, edge.minutes_human, edge.minutes_machine, edge.attack)


def _places(ids: Iterable[str]) -> dict[str, int]:
    return {id_: at for at, id_ in enumerate(ids)}


def _edge(row: EdgeRow, file: GraphFile) -> Edge:
    rule, revision, human, machine, attack = file.kinds[row.kind]
    return Edge(
        id=row.id,
        rule=rule,
        revision=revision,
        premises=tuple(file.nodes[at].id for at in row.premises),
        conclusion=file.nodes[row.conclusion].id,
        conditions=tuple(file.conditions[at].id for at in row.conditions),
        tier=row.tier,
        p=row.p,
        confidence=row.confidence,
        cause=row.cause or row.id,
        minutes_human=human,
        minutes_machine=machine,
        basis=row.basis,
        why=row.why,
        attempt=row.attempt,
        attack=attack,
        evidence=tuple(file.evidence[at] for at in row.evidence),
        disputed_by=row.disputed_by,
    )
