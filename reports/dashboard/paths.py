"""The pages of attack paths: the list with its map, and one page for each path; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

from posture.model.assessment import Assessment
from posture.model.attack import AttackReport
from posture.model.outlook import Outlook
from posture.model.path import AttackPath, Condition, Edge, EvidenceRef, Node, Step
from posture.model.plan import Work
from reports.dashboard.overview import fix_path
from reports.dashboard.pages import host_path
from reports.dashboard.path_map import PathMap, path_map
from reports.dashboard.views.host import HostWay, HostWays
from reports.dashboard.views.paths import FactRef, PathEnd, PathLine, PathPage, PathsPage, PathStep, ZoneLine
from reports.sections.paths import NO_EXTRA, NO_RULES, unknown_ways, way_view
from reports.sections.picture import build_picture
from reports.survey import Survey
from reports.view import AttackPathView, Pair, Share, Tag
from reports.words import counted

LISTED = 25
_ENDS = 50
_TIERS = {
    "S": "structural, nothing to attack",
    "A": "works by design, no exploit needed",
    "B": "a known trick or a short wait",
    "C": "an exploit is used as a weapon",
    "D": "an exploit is public",
    "E": "no exploit is known to be public",
    "R": "an unknown flaw in what is exposed",
}
_NO_OBJECTIVE = (
    "No host is declared essential, vital or a crown jewel, so there is nothing to look for a way to: declare "
    "`mission` in the inventory."
)
Answers = Callable[[EvidenceRef], tuple[Pair, ...]]
"""Gives the answers that a fact was read from: the command, and the address of what it said."""


def attack_path(path: str) -> str:
    """Return the address of a path's page."""
    return f"/paths/{quote(path, safe='')}"


def paths_page(survey: Survey, zone: str) -> PathsPage:
    """Return the list of paths with the map, of one zone alone if it is named."""
    found, section = survey.assessment.attack, survey.assessment.coverage
    coverage = Share(section.decided, section.possible)
    none = Share(0, 0)
    if found is None or found.analysis is None:
        why = NO_RULES if found is None else NO_EXTRA
        return PathsPage(why, "", coverage, none, none, (), 0, None, (), "", (), (), 0)
    every = found.paths()
    crossed = _crossed(found, every)
    through = {id_: frozenset(node.zone for node in nodes if node.zone) for id_, nodes in crossed.items()}
    chosen = [path for path in every if not zone or zone in through[path.id]]
    drawn = path_map(found, chosen, _addresses(found, every)) if chosen else PathMap((), (), 0)
    return PathsPage(
        why_none="",
        lead=_lead(found, every),
        coverage=coverage,
        rules=Share(found.rules_evaluated, found.rules),
        objectives=Share(len({one.objective for one in every}), len(found.objectives)),
        lines=tuple(_line(survey, found, rank, path) for rank, path in enumerate(chosen[:LISTED], start=1)),
        lines_left_out=max(0, len(chosen) - LISTED),
        picture=build_picture(found, chosen, survey.assessment.zones) if chosen else None,
        zones=tuple(_zone_lines(survey, crossed, through, zone)),
        zone=zone if any(zone in names for names in through.values()) else "",
        places=drawn.places,
        hops=drawn.hops,
        paths_left_out=drawn.left_out,
    )


def ways_through(assessment: Assessment, host: str) -> HostWays:
    """Return the attack paths that go through a host, each with what happens there."""
    found = assessment.attack
    if found is None or found.analysis is None:
        return HostWays(NO_RULES if found is None else NO_EXTRA, (), 0)
    here = {one.id for one in found.named_nodes if one.host == host}
    edges = {one.id: one for one in found.named_edges}
    labels = {one.id: one.label for one in found.named_nodes}
    told = [(path, _step_there(path, edges, here)) for path in found.paths()]
    lines = [
        HostWay(
            id=path.id,
            path=attack_path(path.id),
            title=f"From {labels.get(path.origin, path.origin)} to {labels.get(path.objective, path.objective)}",
            state=Tag("confirmed", "high") if path.confirmed else Tag("possible", "medium"),
            why=f"Step {step.number} of {len(path.steps)}: {step.sentence}.",
        )
        for path, step in told
        if step is not None
    ]
    none = "" if lines else _no_way(found)
    return HostWays(none, tuple(lines[:LISTED]), max(0, len(lines) - LISTED), tuple(unknown_ways(found, host)))


def _step_there(path: AttackPath, edges: Mapping[str, Edge], here: Collection[str]) -> Step | None:
    """Return the step by which the path comes to one of these nodes, or else the first that goes on from one."""
    onward = None
    for step in path.steps:
        edge = edges[step.edge]
        if edge.conclusion in here:
            return step
        if onward is None and any(one in here for one in edge.premises):
            onward = step
    return onward


def _no_way(found: AttackReport) -> str:
    if not found.objectives:
        return _NO_OBJECTIVE
    return (
        f"No path through this host was found in the evidence collected: {found.rules_evaluated} of {found.rules} "
        "kinds of step could be asked. That is not the same as none."
    )


def _crossed(found: AttackReport, paths: Sequence[AttackPath]) -> dict[str, tuple[Node, ...]]:
    """Return for each path the nodes that it goes through."""
    nodes = {one.id: one for one in found.named_nodes}
    edges = {one.id: one for one in found.named_edges}

    def of(path: AttackPath) -> Iterator[Node]:
        for step in path.steps:
            edge = edges[step.edge]
            yield from (nodes[id_] for id_ in (*edge.premises, edge.conclusion))

    return {path.id: tuple(of(path)) for path in paths}


def _addresses(found: AttackReport, paths: Sequence[AttackPath]) -> dict[str, str]:
    hosts = {node.host for node in found.named_nodes if node.host}
    return {host: host_path(host) for host in hosts} | {path.id: attack_path(path.id) for path in paths}


def _lead(found: AttackReport, paths: Sequence[AttackPath]) -> str:
    if not found.objectives:
        return _NO_OBJECTIVE
    if not paths:
        return "No path found in the evidence collected. That is not the same as none: read what could not be asked."
    sure = sum(path.confirmed for path in paths)
    aimed = counted(len({path.objective for path in paths}), "objective")
    return f"{counted(len(paths), 'path')} found to {aimed}, {sure} confirmed at every step. The worst objective first."


def _line(survey: Survey, found: AttackReport, rank: int, path: AttackPath) -> PathLine:
    told = way_view(survey, found, path)
    return PathLine(
        rank=rank,
        id=path.id,
        path=attack_path(path.id),
        title=told.title,
        state=told.state,
        assumed=path.assumed,
        steps=len(path.steps),
        chance=f"{path.probability:.0%}",
        tempo=told.tempo,
        gist=path.steps[-1].sentence if path.steps else "",
    )


def _zone_lines(
    survey: Survey, crossed: Mapping[str, tuple[Node, ...]], through: Mapping[str, frozenset[str]], chosen: str
) -> Iterator[ZoneLine]:
    trust = {zone.name: zone.trust.value for zone in survey.assessment.zones}
    hosts: dict[str, set[str]] = {}
    for nodes in crossed.values():
        for node in nodes:
            if node.host and node.zone:
                hosts.setdefault(node.zone, set()).add(node.host)
    for name in sorted(set().union(*through.values())):
        yield ZoneLine(
            name=name,
            trust=trust.get(name, "not declared"),
            hosts=len(hosts.get(name, ())),
            paths=sum(name in zones for zones in through.values()),
            path=f"/paths?{urlencode({'zone': name})}",
            here=name == chosen,
        )


def path_page(
    survey: Survey, found: AttackReport, path: AttackPath, works: Sequence[Work], answers: Answers, *, may_read: bool
) -> PathPage:
    """Return one path with what is behind each step."""
    told = way_view(survey, found, path)
    edges = {one.id: one for one in found.named_edges}
    conditions = {one.id: one for one in found.named_conditions}
    coverage = survey.assessment.coverage
    return PathPage(
        id=path.id,
        title=told.title,
        state=told.state,
        assumed=path.assumed,
        chance=f"{path.probability:.1%} by this path alone, were every step real; uncalibrated",
        tempo=told.tempo,
        coverage=Share(coverage.decided, coverage.possible),
        steps=tuple(_step(step, edges[step.edge], answers) for step in path.steps),
        ends=tuple(_ends(path, conditions, works)),
        after=_after(found, path, told),
        may_read=may_read,
    )


def _after(found: AttackReport, path: AttackPath, told: AttackPathView) -> str:
    outlook = next((one for one in _outlooks(found) if path.id in {way.id for way in one.paths}), None)
    if outlook is None:
        return told.after
    ids = [way.id for way in outlook.paths]
    later = ids[ids.index(path.id) + 1 :]
    if later:
        return f"After closing this one, the next path to the same objective is {later[0]}."
    return "No further path to this objective was found that needs none of these. That is not the same as none."


def _outlooks(found: AttackReport) -> tuple[Outlook, ...]:
    return found.analysis.outlooks if found.analysis else ()


def _step(step: Step, edge: Edge, answers: Answers) -> PathStep:
    before = [one for one in step.after if one != step.number - 1]
    return PathStep(
        number=step.number,
        sentence=step.sentence,
        after=f"with {', '.join(f'step {one}' for one in step.after)}" if before else "",
        rule=f"{edge.rule}, revision {edge.revision}",
        edge=edge.id,
        chance=f"tier {edge.tier.value}: {_TIERS[edge.tier.value]} ({edge.p:.0%} if tried, uncalibrated)",
        sure="as good as seen" if edge.confidence >= 0.9 else f"confidence {edge.confidence:g}: nobody saw it whole",
        certain=edge.confidence >= 0.9,
        basis=edge.basis.value,
        attack=", ".join(edge.attack),
        disputed=edge.disputed_by,
        facts=tuple(_fact(ref, answers) for ref in edge.evidence),
    )


def _fact(ref: EvidenceRef, answers: Answers) -> FactRef:
    return FactRef(
        host=ref.host,
        host_path=host_path(ref.host),
        fact=f"{ref.topic}.{ref.path}" if ref.path else ref.topic,
        document=ref.document,
        observed_at=ref.observed_at,
        answers=answers(ref),
    )


def _ends(path: AttackPath, conditions: Mapping[str, Condition], works: Sequence[Work]) -> Iterator[PathEnd]:
    by_condition = {condition: work for work in reversed(works) for condition in work.conditions}
    for id_ in path.breaks[:_ENDS]:
        one = conditions.get(id_)
        if one is None:
            continue
        work = by_condition.get(id_)
        yield PathEnd(
            why=one.why,
            fix=work.title if work else one.remedy or f"mend {one.check}",
            fix_path=fix_path(work.id) if work and not work.optional else "",
            try_path=f"/what-if?{urlencode({'fix': work.id})}" if work else "",
        )
