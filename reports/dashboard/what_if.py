"""The what-if page: fixes to tick, and what they would come to together; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from urllib.parse import urlencode

from posture.model.assessment import CategoryScore, GroupScore
from posture.model.attack import AttackReport
from posture.model.finding import Finding
from posture.model.outlook import Attacker, Estimate, PathAnalysis, WhatIf
from posture.model.path import AttackGraph
from posture.model.plan import Fix, Work
from reports.dashboard.pages import host_path
from reports.dashboard.paths import attack_path
from reports.dashboard.views.paths import PathLine
from reports.dashboard.views.what_if import FixChoice, Moved, ReliefLine, WhatIfPage
from reports.due import days_late, governing, relative
from reports.sections.common import NOT_SAID
from reports.sections.paths import way_view
from reports.sections.plan import where_words
from reports.sections.scores import band_words
from reports.survey import Survey
from reports.view import Pair, Share
from reports.words import counted

LISTED = 200
_NOT_MORE = 25
NO_GRAPH = "Paths and chances are not shown: this run has no attack graph that could be searched."
NO_OBJECTIVE = (
    "Paths and chances are not shown: no host is declared essential, vital or a crown jewel, so there is nothing to "
    "look for a way to."
)
Bands = tuple[Sequence[CategoryScore], Sequence[GroupScore]]
"""Scores by category and by system."""


def what_if_page(
    survey: Survey,
    works: Sequence[Work],
    ticked: Sequence[str],
    *,
    graph: AttackGraph | None,
    outlook: PathAnalysis | None,
    found: WhatIf | None,
    then: Bands,
) -> WhatIfPage:
    """Return the page's context; ``found`` is the graph's answer for the ticked fixes, ``then`` the scores after them.

    Fixes that paths go through come first, what removes most before the rest; the others keep the order of the plan.
    """
    coverage = survey.assessment.coverage
    by_id = {work.id: work for work in works}
    known = [id_ for id_ in dict.fromkeys(ticked) if id_ in by_id]
    ordered = _ordered(works, outlook, known)
    removes = {one.change: one.removes for one in outlook.worths if one.removes > 0} if outlook else {}
    none = NO_GRAPH if graph is None else NO_OBJECTIVE if outlook is None else ""
    report = survey.assessment.attack
    return WhatIfPage(
        coverage=Share(coverage.decided, coverage.possible),
        fixes=tuple(_choice(survey, work, known, removes) for work in ordered[:LISTED]),
        fixes_left_out=max(0, len(ordered) - LISTED),
        ticked=tuple(by_id[id_].title for id_ in known),
        hours=round(sum(by_id[id_].hours for id_ in known), 2),
        gone=len(set(ticked)) - len(known),
        why_none=none,
        sums=(
            *(_chances(found) if found else ()),
            *(_findings(survey, [by_id[id_] for id_ in known]) if known else ()),
        ),
        objectives=tuple(_objectives(found, report)) if found and report else (),
        ended=tuple(_ended(survey, found, report)) if found and report else (),
        closed=tuple(_label(report, one) for one in found.closed) if found and report else (),
        left=tuple(_left(found, report)) if found and report else (),
        scores=tuple(_scores(survey, then)) if known else (),
        relief=tuple(_relief(found)) if found else (),
        share=f"/what-if?{urlencode([('fix', id_) for id_ in known])}" if known else "",
    )


def fix_of(survey: Survey, work: Work) -> Fix | None:
    """Return the fix of the plan behind a work; ``None`` for a setting that no check speaks of."""
    return next((fix for fix in survey.assessment.plan.fixes if _same(fix, work)), None)


def _same(fix: Fix, work: Work) -> bool:
    return not work.optional and (fix.title, fix.owner, fix.hosts) == (work.title, work.owner, work.hosts)


def _ordered(works: Sequence[Work], outlook: PathAnalysis | None, ticked: Collection[str]) -> list[Work]:
    place = {one.change: at for at, one in enumerate(outlook.worths)} if outlook else {}
    kept = [work for work in works if not work.optional or work.id in place or work.id in ticked]
    return sorted(kept, key=lambda work: (work.id not in ticked, place.get(work.id, len(place))))


def _choice(survey: Survey, work: Work, ticked: Collection[str], removes: Mapping[str, float]) -> FixChoice:
    today = survey.assessment.today
    less = removes.get(work.id, 0.0)
    return FixChoice(
        id=work.id,
        title=work.title,
        owner=work.owner,
        where=where_words(work.hosts),
        hours=work.hours,
        due=work.due,
        relative=relative(work.due, today) if work.due else "no date",
        late=work.due is not None and days_late(work.due, today) > 0,
        ticked=work.id in ticked,
        cuts=f"−{100 * less:.1f} points alone" if less else "",
    )


def _chances(found: WhatIf | None) -> Iterator[Moved]:
    if found is None:
        return
    before, after = dict(found.before.risk), dict(found.after.risk)
    for who in Attacker:
        yield Moved(f"Mean chance that something important is lost, {who.value}", _told(before[who]), _told(after[who]))


def _told(one: Estimate) -> str:
    return f"{one.probability:.1%} ± {2 * one.standard_error:.1%}"


def _objectives(found: WhatIf, report: AttackReport) -> Iterator[Moved]:
    after = {one.objective: dict(one.chances)[Attacker.AI_DRIVEN] for one in found.after.outlooks}
    for one in found.before.outlooks:
        now = dict(one.chances)[Attacker.AI_DRIVEN]
        then = after.get(one.objective)
        yield Moved(_label(report, one.objective), _told(now), _told(then) if then else "no path found")


def _ended(survey: Survey, found: WhatIf, report: AttackReport) -> Iterator[PathLine]:
    known = {path.id: path for path in report.paths()}
    for rank, id_ in enumerate([one for one in found.ended if one in known][:_NOT_MORE], start=1):
        path = known[id_]
        told = way_view(survey, report, path)
        yield PathLine(
            rank=rank,
            id=id_,
            path=attack_path(id_),
            title=told.title,
            state=told.state,
            assumed=path.assumed,
            steps=len(path.steps),
            chance=f"{path.probability:.0%}",
            tempo=told.tempo,
            gist=path.steps[-1].sentence if path.steps else "",
        )


def _left(found: WhatIf, report: AttackReport) -> Iterator[Pair]:
    for one in found.after.outlooks[:_NOT_MORE]:
        path = one.paths[0] if one.paths else None
        if path is not None:
            steps = " → ".join(step.sentence for step in path.steps)
            yield Pair(f"{_label(report, one.objective)}, {counted(len(path.steps), 'step')}", steps)


def _label(report: AttackReport | None, node: str) -> str:
    return next((one.label for one in report.named_nodes if one.id == node), node) if report else node


def _scores(survey: Survey, then: Bands) -> Iterator[Moved]:
    now = survey.assessment
    systems = [one for one in now.group_scores if one.kind == "system"]
    for old, new in zip(now.scores, then[0], strict=True):
        if (old.low, old.high) != (new.low, new.high):
            yield Moved(old.title, band_words(old.low, old.high), band_words(new.low, new.high))
    for group, other in zip(systems, then[1], strict=True):
        if (group.low, group.high) != (other.low, other.high):
            name = f"System {group.name or NOT_SAID}"
            yield Moved(name, band_words(group.low, group.high), band_words(other.low, other.high))


def _findings(survey: Survey, made: Sequence[Work]) -> Iterator[Moved]:
    if not made:
        return
    fixes = [fix for work in made if (fix := fix_of(survey, work)) is not None]
    closed = {id_ for fix in fixes for id_ in fix.findings}
    still = [one for one in survey.open if one.id not in closed]
    yield Moved("Open findings", f"{len(survey.open):,}", f"{len(still):,}", "/work")
    late = sum(one.id in survey.overdue for one in still)
    yield Moved("Overdue", f"{len(survey.overdue):,}", f"{late:,}", "/work?late=1")
    today = survey.assessment.today

    def nearest(found: Sequence[Finding]) -> str:
        days = [due.due for one in found if (due := governing(one)) is not None and due.due >= today]
        return f"{min(days)}, {relative(min(days), today)}" if days else "no date ahead"

    yield Moved("Next due date", nearest(survey.open), nearest(still))


def _relief(found: WhatIf) -> Iterator[ReliefLine]:
    for one in found.relief:
        yield ReliefLine(one.host, host_path(one.host), one.what, one.due_now, one.due_then, one.why)
