"""Attack paths as they stand in assessment.json."""

from __future__ import annotations

from posture.model.attack import AttackReport
from posture.model.path import AttackPath
from reports import wire


def attack_paths(found: AttackReport | None) -> wire.AttackPaths | None:
    """Return the paths with what ends each; ``None`` for a run that was judged without their rules."""
    if found is None:
        return None
    return wire.AttackPaths(
        nodes=found.nodes,
        edges=found.edges,
        objectives=[one.node for one in found.objectives],
        certified=[one.node for one in found.objectives if one.certified],
        searched=found.analysis is not None,
        paths=[_path(found, path) for path in found.paths()],
        no_path_found=list(found.analysis.not_found) if found.analysis else [],
        not_asked_everywhere=[wire.RuleGap(rule=o.rule, title=o.title, hosts=o.hosts, why=o.why) for o in found.gaps],
        unknown_ways=[wire.UnknownWay(rule=o.rule, why=o.why, hosts=list(o.hosts)) for o in found.unknown_ways],
    )


def _path(found: AttackReport, path: AttackPath) -> wire.AttackPath:
    edges = {one.id: one for one in found.named_edges}
    return wire.AttackPath(
        id=path.id,
        origin=path.origin,
        objective=path.objective,
        confirmed=path.confirmed,
        assumed=path.assumed,
        probability=path.probability,
        confidence=path.confidence,
        minutes_human=path.minutes_human,
        minutes_machine=path.minutes_machine,
        steps=[
            wire.PathStep(
                number=step.number,
                after=list(step.after),
                edge=step.edge,
                rule=edges[step.edge].rule,
                sentence=step.sentence,
                confidence=edges[step.edge].confidence,
                tier=edges[step.edge].tier.value,
                attack=list(edges[step.edge].attack),
                disputed_by=edges[step.edge].disputed_by,
            )
            for step in path.steps
        ],
        ended_by=[
            wire.PathEnd(id=one.id, host=one.host, why=one.why, check=one.check, finding=one.finding, remedy=one.remedy)
            for one in found.named_conditions
            if one.id in path.breaks
        ],
    )
