"""From a stored run to its calendar and its what-ifs: the fixes of the plan joined with the attack graph they cut."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from posture.graph import extra_installed, need_extra
from posture.judged import stored
from posture.model.assessment import Assessment
from posture.model.check import Check, Risk
from posture.model.host import Host
from posture.model.observation import Observation
from posture.model.outlook import Change, PathAnalysis, Relief, WhatIf
from posture.model.path import AttackGraph, Condition
from posture.model.plan import Calendar, Fix, Work
from posture.plan.calendar import Chooser, Hours, begun_soon, make_calendar
from posture.plan.make import NOBODY
from posture.store import Store
from posture.vulnerabilities.relief import relieved

DueDates = Callable[[frozenset[str]], Iterable[Relief]]
"""From the conditions that would be gone to the dates that would move."""

SEED = 20_260_101
_EACH_MORE = 0.25  # of a check's minutes for every host after the first: preparing and announcing is done once
_SETTING_HOURS = 1.0


def works_of(
    assessment: Assessment, graph: AttackGraph | None, hosts: Mapping[str, Host] | None = None
) -> tuple[Work, ...]:
    """Return every fix of the plan in its order with the conditions it takes away, then what is no finding.

    Without ``hosts``, of whom those with such a setting have owners, the assessment is read for them.

    A setting that no check speaks of, such as a key that is meant to be there, can be a step of a way too: it is
    optional, and never in the calendar unless a way goes through it.
    """
    checks = {check.id: check for check in assessment.baseline.checks}
    conditions = graph.conditions if graph else ()
    by_finding: dict[str, list[str]] = {}
    by_place: dict[tuple[str, str], list[str]] = {}
    for one in conditions:
        by_finding.setdefault(one.finding, []).append(one.id)
        by_place.setdefault((one.check, one.host), []).append(one.id)
    works = [_work(fix, checks, by_finding, by_place) for fix in assessment.plan.fixes]
    taken = {id_ for work in works for id_ in work.conditions}
    settings = [one for one in conditions if one.id not in taken]
    if settings and hosts is None:
        hosts = {one.host.id: one.host for one in assessment.read_hosts()}
    return (*works, *_settings(settings, hosts or {}))


def _work(
    fix: Fix,
    checks: Mapping[str, Check],
    by_finding: Mapping[str, list[str]],
    by_place: Mapping[tuple[str, str], list[str]],
) -> Work:
    remediation = checks[fix.check].remediation
    found = {id_ for finding in fix.findings for id_ in by_finding.get(finding, ())}
    found |= {id_ for host in fix.hosts for id_ in by_place.get((fix.check, host), ())}
    minutes = remediation.minutes * (1 + _EACH_MORE * (max(len(fix.hosts), 1) - 1))
    return Work(
        id=work_id(fix.check, fix.owner),
        title=fix.title,
        owner=fix.owner,
        hosts=fix.hosts,
        hours=round(minutes / 60, 2),
        conditions=tuple(sorted(found)),
        due=fix.due,
        due_reason=fix.due_reason,
        risk=fix.risk,
        rollback=remediation.rollback,
        proof=f"check {fix.check} passes at the next scan on {_count(len(fix.hosts))}",
        reason=fix.reason,
    )


def _settings(conditions: Iterable[Condition], hosts: Mapping[str, Host]) -> Iterator[Work]:
    for one in conditions:
        host = hosts.get(one.host)
        title = one.remedy or one.why
        yield Work(
            id=work_id("setting", one.id),
            title=title[:1].upper() + title[1:],
            owner=(host.owner if host else "") or NOBODY,
            hosts=(one.host,) if one.host else (),
            hours=_SETTING_HOURS,
            conditions=(one.id,),
            risk=Risk.NONE,
            proof="the step is gone from the attack graph of the next scan",
            reason=one.why,
            optional=True,
        )


def work_id(kind: str, owner: str) -> str:
    """Return the id of a fix: stable across runs as long as check and owner are."""
    return hashlib.sha256(f"{kind}\n{owner}".encode()).hexdigest()[:12]


def _count(hosts: int) -> str:
    return "1 host" if hosts == 1 else f"{hosts} hosts"


def calendar_of(
    assessment: Assessment,
    graph: AttackGraph | None,
    hours: Hours,
    *,
    works: Sequence[Work] = (),
    days: int = 30,
    last: Calendar | None = None,
    today: date | None = None,
) -> Calendar:
    """Return the calendar of a run; without the extra ``graph`` or a graph in the order of the plan, and it says so.

    ``works`` are those of `works_of`, where they are at hand.
    """
    day = today or assessment.today
    works = works or works_of(assessment, graph)
    chooser = _chooser(graph, works) if graph and graph.objectives and extra_installed() else None
    kept = begun_soon(last, day) if last else ()
    return make_calendar(works, hours, as_of=day, days=days, chooser=chooser, kept=kept)


def _chooser(graph: AttackGraph, works: Sequence[Work]) -> Chooser:
    from posture.graph.analysis import labels_of  # noqa: PLC0415 - numpy and scipy are an extra
    from posture.graph.paths import Chart  # noqa: PLC0415
    from posture.graph.remaining import Remaining  # noqa: PLC0415

    chart = Chart(graph)
    labels = labels_of(chart, [Change(work.id, work.conditions) for work in works])
    return Remaining(chart.arrays.relabelled(labels), [max(work.hours, 0.05) for work in works], seed=SEED)


def outlook_of(graph: AttackGraph, works: Sequence[Work]) -> PathAnalysis:
    """Return what the graph comes to when the fixes are what can be done: ways, chances, what each fix is good for.

    Raises:
        UsageError: the extra ``graph`` is not installed.
    """
    need_extra()
    from posture.graph.analysis import analyse  # noqa: PLC0415

    return analyse(graph, _all_changes(works), seed=SEED)


def what_if_of(
    works: Sequence[Work],
    graph: AttackGraph,
    made: Sequence[str],
    *,
    before: PathAnalysis | None = None,
    due_dates: DueDates | None = None,
) -> WhatIf:
    """Return what these of the fixes would come to, made together; nothing stored is touched.

    ``before`` is what ``outlook_of`` says of the same graph and fixes, where it is at hand.

    Raises:
        UsageError: a fix is not in the plan, or the extra ``graph`` is not installed.
    """
    need_extra()
    from posture.graph.whatif import what_if  # noqa: PLC0415

    return what_if(graph, _all_changes(works), made, seed=SEED, due_dates=due_dates, before=before)


def relief_of(store: Store, ref: str, graph: AttackGraph) -> DueDates:
    """Return what knows which dates of BOD 26-04 would move in a run, once conditions of its graph are gone."""
    judged = stored(store, ref)

    def looked(host: str) -> Observation | None:
        return next((one for one in store.read_observations(ref, host) if one.topic == "exposure"), None)

    return lambda gone: relieved(graph, gone, judged.known, judged.inventory, looked)


def _all_changes(works: Sequence[Work]) -> list[Change]:
    return [Change(work.id, work.conditions, work.hours) for work in works]
