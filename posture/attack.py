"""Attack paths of a run: built when it is judged, kept as two of its parts, read again for reports.

``attack-graph`` is the whole graph, for what-ifs and exports; ``attack-report`` is what reports read.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from posture.graph import codec, extra_installed
from posture.model.attack import AttackReport, RuleGap, UnknownWay
from posture.model.outlook import PathAnalysis
from posture.model.path import AttackGraph, AttackPath
from posture.model.rule import RuleBook
from posture.store import Store

GRAPH, REPORT = "attack-graph", "attack-report"
_ASSUMED = 25


class _Judged(msgspec.Struct, frozen=True):
    """Of what a run was judged by, the rules of attack paths."""

    rulebook: RuleBook


def keep_attack(store: Store, run_id: str, graph: AttackGraph, book: RuleBook) -> None:
    """Keep a graph and what it comes to with its run."""
    store.save_part(run_id, GRAPH, codec.encode(graph))
    store.save_part(run_id, REPORT, msgspec.json.encode(attack_report(graph, book), order="deterministic"))


def attack_of(store: Store, ref: str) -> AttackReport | None:
    """Return what a run says of attack paths; ``None`` for one that was judged without rules.

    Raises:
        StoreError: there is no such run.
    """
    if REPORT not in store.parts(ref):
        return None
    try:
        return msgspec.json.decode(store.part(ref, REPORT), type=AttackReport)
    except msgspec.ValidationError:  # an earlier version of this program said it in other words: the graph stays
        book = msgspec.json.decode(store.part(ref, "circumstances"), type=_Judged).rulebook
        return attack_report(codec.decode(store.part(ref, GRAPH)), book)


def graph_of(store: Store, ref: str) -> AttackGraph | None:
    """Return the graph of a run; ``None`` for one that was judged without rules.

    Raises:
        StoreError: there is no such run.
    """
    return codec.decode(store.part(ref, GRAPH)) if GRAPH in store.parts(ref) else None


def attack_report(graph: AttackGraph, book: RuleBook) -> AttackReport:
    """Return what a graph comes to; without the extra ``graph`` that is its size and its gaps only."""
    analysis, assumed = _analysed(graph) if extra_installed() else (None, ())
    paths = [*([path for one in analysis.outlooks for path in one.paths] if analysis else []), *assumed]
    if analysis:
        paths += [one.path for one in analysis.cut.witnesses]
    edges = {step.edge for path in paths for step in path.steps}
    named = tuple(one for one in graph.edges if one.id in edges)
    nodes = {id_ for one in named for id_ in (*one.premises, one.conclusion)} | {one.node for one in graph.objectives}
    conditions = {id_ for one in named for id_ in one.conditions} | set(_changed(analysis))
    return AttackReport(
        nodes=len(graph.nodes),
        edges=len(graph.edges),
        origins=graph.origins,
        objectives=graph.objectives,
        analysis=analysis,
        assumed=assumed,
        gaps=_gaps(graph, book),
        named_nodes=tuple(one for one in graph.nodes if one.id in nodes),
        named_edges=named,
        named_conditions=tuple(one for one in graph.conditions if one.id in conditions),
        disputed=tuple(one for one in graph.edges if one.disputed_by),
        rules=len(book.rules),
        rules_evaluated=sum(rule.evaluated for rule in book.rules),
        unknown_ways=_unknown_ways(graph),
    )


def _analysed(graph: AttackGraph) -> tuple[PathAnalysis, tuple[AttackPath, ...]]:
    from posture.graph.analysis import analyse  # noqa: PLC0415 - numpy and scipy are an extra
    from posture.graph.paths import Chart, best_paths  # noqa: PLC0415 - so are these

    found = analyse(graph)
    known = {one.objective for one in found.outlooks}
    more = best_paths(Chart(graph), assumed=True)
    assumed = [path for node, path in sorted(more.items()) if node not in known]
    return found, tuple(assumed[:_ASSUMED])


def _changed(analysis: PathAnalysis | None) -> Iterable[str]:
    if analysis is None:
        return ()
    marks = (id_ for one in analysis.outlooks for id_ in one.landmarks)
    return (*marks, *(one.change for one in analysis.worths), *analysis.cut.changes)


def _gaps(graph: AttackGraph, book: RuleBook) -> tuple[RuleGap, ...]:
    """Return the rules that could not be asked everywhere, with how many hosts and one reason."""
    title = {rule.id: rule.title for rule in book.rules}
    hosts: dict[str, int] = {}
    why: dict[str, str] = {}
    for one in graph.not_evaluated:
        hosts[one.rule] = hosts.get(one.rule, 0) + bool(one.host)
        why.setdefault(one.rule, f"{one.host}: {one.why}" if one.host else one.why)
    return tuple(RuleGap(rule, title.get(rule, rule), hosts[rule], why[rule]) for rule in sorted(hosts))


def _unknown_ways(graph: AttackGraph) -> tuple[UnknownWay, ...]:
    """Return where somebody may get in whom nothing names, hosts with the same reason together."""
    hosts: dict[tuple[str, str], set[str]] = {}
    for one in graph.not_evaluated:
        if one.lets_in:
            hosts.setdefault((one.rule, one.why), set()).add(one.host)
    return tuple(UnknownWay(rule, why, tuple(sorted(hosts[rule, why]))) for rule, why in sorted(hosts))
