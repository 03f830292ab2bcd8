"""The part of an attack graph that is about some hosts and no other: for readers who may not know of the rest."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from posture.model.host import Host
from posture.model.path import AttackGraph, Condition, Edge, Node, NodeKind

_WORD = re.compile(r"[\w.:-]+")


def part_of(graph: AttackGraph, hosts: Collection[str], others: Iterable[Host]) -> AttackGraph:
    """Return the nodes and rules that speak of ``hosts`` only, and of zones that hold them or where attackers start.

    A rule goes when anything of it lies on another host or its words name one, so a way through a host of somebody
    else is not in it: fewer ways than there are, never more.
    """
    foreign = {name for one in others for name in (one.id, one.name, *one.addresses) if name}
    zones = _zones(graph, hosts)
    kept = {one.id for one in graph.nodes if _may(one, hosts, zones) and not _names(one.label, foreign)}
    good = {one.id for one in graph.conditions if one.host in ("", *hosts) and not _names(_words(one), foreign)}
    edges = tuple(
        edge
        for edge in graph.edges
        if kept.issuperset((*edge.premises, edge.conclusion))
        and good.issuperset(edge.conditions)
        and all(ref.host in hosts for ref in edge.evidence)
        and not _names(edge.why, foreign)
    )
    edges = _leading_on(edges, {one.id for one in graph.nodes if one.kind is NodeKind.REACH})
    named = {id_ for edge in edges for id_ in (*edge.premises, edge.conclusion)}
    named |= {one.id for one in graph.nodes if one.id in kept and one.host}
    used = {id_ for edge in edges for id_ in edge.conditions}
    return replace(
        graph,
        nodes=tuple(one for one in graph.nodes if one.id in named),
        edges=edges,
        conditions=tuple(one for one in graph.conditions if one.id in used),
        origins=tuple(one for one in graph.origins if one.node in named),
        objectives=tuple(one for one in graph.objectives if one.node in named),
        not_evaluated=tuple(
            one for one in graph.not_evaluated if one.host in ("", *hosts) and not _names(one.why, foreign)
        ),
    )


def _zones(graph: AttackGraph, hosts: Collection[str]) -> set[str]:
    """Return the zones of these hosts, and those in which attackers start without any assumption."""
    starts = {one.node for one in graph.origins if not one.assumed}
    return {one.zone for one in graph.nodes if one.host in hosts or one.id in starts}


def _may(node: Node, hosts: Collection[str], zones: Collection[str]) -> bool:
    return node.host in hosts if node.host else not node.zone or node.zone in zones


def _words(condition: Condition) -> str:
    return f"{condition.why} {condition.remedy}"


def _names(text: str, foreign: Collection[str]) -> bool:
    """Return whether a sentence names somebody else's host."""
    for word in _WORD.findall(text):
        bare = word.rstrip(".:-")
        if bare in foreign or bare.partition(":")[0] in foreign:
            return True
    return False


def _leading_on(edges: Iterable[Edge], ports: Collection[str]) -> tuple[Edge, ...]:
    """Return the edges without those to a port class behind which no host is left."""
    edges = tuple(edges)
    used = {premise for edge in edges for premise in edge.premises}
    return tuple(edge for edge in edges if edge.conclusion not in ports or edge.conclusion in used)
