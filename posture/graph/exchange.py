"""The attack graph for other programs: networkx, GraphML, node-link JSON and BloodHound OpenGraph.

In networkx a rule with several premises is a node of kind ``join``: whoever walks edges must hold all that lead into
it. BloodHound knows no joins, so there each premise has an edge of its own to the conclusion, and only the one that
comes last counts as traversable: path finding there may find ways that do not exist (an over-approximation), never
fewer. Node ids name hosts, accounts and key fingerprints: such a file is a target list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import networkx as nx

from posture.model.path import AttackGraph, Edge

JOIN = "join"
OVER_APPROXIMATION = (
    "An edge with `requires` needs those nodes as well; path finding here ignores that, so it may show ways that do "
    "not exist. posture-scanner's own paths honour every premise."
)


def to_networkx(graph: AttackGraph) -> nx.MultiDiGraph[str]:
    """Return the whole graph; edge keys are ids of rules, and parallel rules stay apart."""
    found: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    priors = {one.node: one.prior for one in graph.origins}
    weights = {one.node: one.weight for one in graph.objectives}
    for node in graph.nodes:
        found.add_node(
            node.id, kind=node.kind.value, label=node.label, host=node.host, zone=node.zone,
            origin_prior=priors.get(node.id, 0.0), objective_weight=weights.get(node.id, 0.0),
        )  # fmt: skip
    for edge in graph.edges:
        if len(edge.premises) == 1:
            found.add_edge(edge.premises[0], edge.conclusion, key=edge.id, **_told(edge))
            continue
        join = f"{JOIN}:{edge.id}"
        found.add_node(join, kind=JOIN, label=edge.rule, host="", zone="", origin_prior=0.0, objective_weight=0.0)
        for premise in edge.premises:
            found.add_edge(premise, join, key=edge.id)
        found.add_edge(join, edge.conclusion, key=edge.id, **_told(edge))
    return found


def _told(edge: Edge) -> dict[str, str | float]:
    return {
        "rule": f"{edge.rule}@{edge.revision}",
        "tier": edge.tier.value,
        "p": edge.p,
        "confidence": edge.confidence,
        "cause": edge.cause,
        "basis": edge.basis.value,
        "conditions": " ".join(edge.conditions),
        "attack": " ".join(edge.attack),
        "why": edge.why,
        "disputed_by": edge.disputed_by,
    }


def graphml(graph: AttackGraph) -> bytes:
    """Return the graph as GraphML; what XML cannot carry is written as ``\\xNN``."""
    out = BytesIO()
    nx.write_graphml(_printable(to_networkx(graph)), out, encoding="utf-8", named_key_ids=True)
    return out.getvalue()


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _printable(found: nx.MultiDiGraph[str]) -> nx.MultiDiGraph[str]:
    """Return the graph without characters that XML 1.0 forbids: hosts choose some of these strings."""
    clean: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for node, told in found.nodes(data=True):
        clean.add_node(_xml(node), **{name: _xml(value) for name, value in told.items()})
    for from_, to, key, told in found.edges(keys=True, data=True):
        clean.add_edge(_xml(from_), _xml(to), key=_xml(key), **{name: _xml(value) for name, value in told.items()})
    return clean


def _xml(value: Any) -> Any:
    return _NOT_XML.sub(lambda found: f"\\x{ord(found[0]):02x}", value) if isinstance(value, str) else value


def node_link(graph: AttackGraph) -> bytes:
    """Return the graph as node-link JSON, as ``networkx.node_link_graph`` reads it."""
    return _json(nx.node_link_data(to_networkx(graph), edges="edges"))


def open_graph(graph: AttackGraph) -> bytes:
    """Return the graph as BloodHound OpenGraph JSON: composite edges, see ``OVER_APPROXIMATION``."""
    starts, ends = {one.node for one in graph.origins}, {one.node for one in graph.objectives}
    nodes = [
        {
            "id": node.id,
            "kinds": [_kind(node.kind.value), "PostureCapability"],
            "properties": {
                "name": node.label or node.id,
                "host": node.host,
                "zone": node.zone,
                "origin": node.id in starts,
                "objective": node.id in ends,
            },
        }
        for node in graph.nodes
    ]
    edges = [one for edge in graph.edges for one in _composite(edge)]
    about = {"source_kind": "PostureScanner", "caution": OVER_APPROXIMATION}
    return _json({"metadata": about, "graph": {"nodes": nodes, "edges": edges}})


def _composite(edge: Edge) -> Iterator[dict[str, object]]:
    for premise in edge.premises:
        told = _told(edge)
        last = premise == edge.premises[-1]
        yield {
            "kind": _kind(edge.rule) if last else f"{_kind(edge.rule)}Needs",
            "start": {"value": premise, "match_by": "id"},
            "end": {"value": edge.conclusion, "match_by": "id"},
            "properties": {
                **told,
                "id": edge.id,
                "traversable": last,
                "requires": [one for one in edge.premises if one != premise],
            },
        }


def _kind(name: str) -> str:
    """Return a name as OpenGraph allows it: letters, digits and underscores."""
    return "Posture" + "".join(part.capitalize() for part in re.split("[^A-Za-z0-9]+", name))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, indent=1).encode() + b"\n"
