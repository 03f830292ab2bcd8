"""Attack paths: the worst ways as numbered sentences, what ends them, what waivers keep open, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from posture.model.attack import AttackReport, RuleGap
from posture.model.outlook import Attacker, Outlook
from posture.model.path import AttackPath, Condition, Edge, Step
from reports.due import active_waivers
from reports.sections.common import anchor, check_anchor
from reports.sections.picture import build_picture
from reports.survey import Survey
from reports.view import (
    AttackPathView,
    ChangeView,
    EndView,
    Link,
    PathStepView,
    PathsView,
    RuleGapView,
    Share,
    Tag,
)
from reports.words import counted, minutes_words

FIRST = 5
_CHANGES = 8
_ENDS_SHOWN = 12
_GAPS_SHOWN = 60
NO_RULES = "This run was judged without the rules of attack paths: scan again to see them."
NO_EXTRA = "The graph is kept, and was not searched: the extra `graph` (numpy, scipy) is not installed here."


def build_paths(survey: Survey) -> PathsView:
    """Return the section; without paths it says why there are none to show."""
    found = survey.assessment.attack
    if found is None:
        return _nothing(NO_RULES)
    if found.analysis is None:
        return _nothing(NO_EXTRA)
    told = _Told(survey, found)
    shown = told.first()
    paths = [path for path, _ in shown]
    certified = [one for one in found.objectives if one.certified]
    return PathsView(
        why_none="",
        lead=_lead(found, len(shown)),
        objectives=Share(len({one.objective for one in found.paths()}), len(found.objectives)),
        certified=Share(len(certified), len(found.objectives)),
        rules=Share(found.rules_evaluated, found.rules),
        size=f"{counted(found.nodes, 'node')} and {counted(found.edges, 'edge')}",
        coverage=Share(survey.assessment.coverage.decided, survey.assessment.coverage.possible),
        first=tuple(told.path(rank, path, outlook) for rank, (path, outlook) in enumerate(shown, start=1)),
        picture=build_picture(found, paths, survey.assessment.zones) if paths else None,
        changes=tuple(told.changes()),
        finish=told.finish(),
        waived=tuple(told.waived(paths)),
        not_found=", ".join(told.label(one) for one in found.analysis.not_found),
        unknown_ways=tuple(unknown_ways(found)),
        suggested=tuple(one.why for one in found.objectives if not one.certified),
        gaps=tuple(_gap(one) for one in found.gaps[:_GAPS_SHOWN]),
        disputed=tuple(f"{one.why} (disputed by {one.disputed_by})" for one in found.disputed),
        notes=found.analysis.notes,
    )


def shortest_words(found: AttackReport | None) -> str:
    """Return the shortest way to something that must not be lost, in one line; empty where nothing is known."""
    if found is None or found.analysis is None:
        return ""
    path = shortest_way(found)
    if path is None:
        return "Attack paths: no path found in the evidence collected (not the same as none)."
    name = {one.id: one.label for one in found.named_nodes}
    state = "confirmed" if path.confirmed else "possible"
    return (
        f"Shortest way in: {name.get(path.origin, path.origin)} to {name[path.objective]}, "
        f"{counted(len(path.steps), 'step')}, {state}"
    )


def shortest_way(found: AttackReport) -> AttackPath | None:
    """Return the way from outside that takes a program the least time, those as good as seen first."""
    outside = (path for path in found.paths() if not path.assumed)
    return min(outside, key=lambda one: (not one.confirmed, one.minutes_machine, len(one.steps), one.id), default=None)


def way_view(survey: Survey, found: AttackReport, path: AttackPath) -> AttackPathView:
    """Return one way as it is told."""
    return _Told(survey, found).path(1, path, None)


def unknown_ways(found: AttackReport, host: str = "") -> Iterator[str]:
    """Yield where somebody may get in whom nothing that was read names: everywhere, or on one host."""
    asked = [one for one in found.unknown_ways if not host or host in one.hosts]
    for one in asked[:_GAPS_SHOWN]:
        more = f" and {counted(len(one.hosts) - 4, 'more host')}" if len(one.hosts) > 4 else ""
        yield f"{host or ', '.join(one.hosts[:4]) + more}: {one.why}"
    if len(asked) > _GAPS_SHOWN:
        yield f"{len(asked) - _GAPS_SHOWN} more of these are in assessment.json"


def _nothing(why: str) -> PathsView:
    none = Share(0, 0)
    return PathsView(why, "", none, none, none, "", none, (), None, (), "", (), "", (), (), (), (), ())


def _lead(found: AttackReport, shown: int) -> str:
    if not found.objectives:
        return (
            "No host is declared essential, vital or a crown jewel, so there is nothing to look for a way to: "
            "declare `mission` in the inventory."
        )
    if not shown:
        return "No path found in the evidence collected. That is not the same as none: read what could not be asked."
    sure = sum(path.confirmed for path in found.paths())
    return (
        f"{counted(len(found.paths()), 'way')} to what must not be lost, {sure} of them confirmed at every step; "
        f"the worst {shown} are told here."
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """A report on attack paths, with names at hand."""

    survey: Survey
    found: AttackReport

    @property
    def edges(self) -> Mapping[str, Edge]:
        return {one.id: one for one in self.found.named_edges}

    @property
    def conditions(self) -> Mapping[str, Condition]:
        return {one.id: one for one in self.found.named_conditions}

    def label(self, node: str) -> str:
        """Return what a node is called."""
        return next((one.label for one in self.found.named_nodes if one.id == node), node)

    def first(self) -> list[tuple[AttackPath, Outlook | None]]:
        """Return the likeliest way to each objective, the worst first; then those from an assumed breach."""
        outlooks = self.found.analysis.outlooks if self.found.analysis else ()
        found: list[tuple[AttackPath, Outlook | None]] = [(one.paths[0], one) for one in outlooks if one.paths]
        found += [(path, None) for path in self.found.assumed]
        return found[:FIRST]

    def path(self, rank: int, path: AttackPath, outlook: Outlook | None) -> AttackPathView:
        """Return one way as it is told."""
        edges, conditions = self.edges, self.conditions
        return AttackPathView(
            rank=rank,
            anchor=anchor("p", path.id),
            id=path.id,
            title=f"From {self.label(path.origin)} to {self.label(path.objective)}",
            state=Tag("confirmed", "high") if path.confirmed else Tag("possible", "medium"),
            assumed=path.assumed,
            chance=_chance(path, outlook),
            tempo=_tempo(path),
            steps=tuple(self._step(step, edges[step.edge]) for step in path.steps),
            ends=tuple(self._end(conditions[one]) for one in path.breaks[:_ENDS_SHOWN] if one in conditions),
            ends_left_out=max(0, len(path.breaks) - _ENDS_SHOWN),
            after=self._after(outlook),
        )

    def _step(self, step: Step, edge: Edge) -> PathStepView:
        evidence = [f"{ref.host}: {ref.topic}{f'.{ref.path}' if ref.path else ''}" for ref in edge.evidence]
        return PathStepView(
            number=step.number,
            sentence=step.sentence,
            rule=edge.rule,
            tier=edge.tier.value,
            sure="seen" if edge.confidence >= 0.9 else f"confidence {edge.confidence:g}",
            certain=edge.confidence >= 0.9,
            attack=", ".join(edge.attack),
            evidence="; ".join(evidence) or edge.basis.value,
            disputed=edge.disputed_by,
        )

    def _end(self, one: Condition) -> EndView:
        if not one.check:
            return EndView(why=one.why, how=Link(one.remedy, ""))
        open_checks = {finding.check for finding in self.survey.open}
        return EndView(
            why=one.why, how=Link(f"mend {one.check}", check_anchor(one.check) if one.check in open_checks else "")
        )

    def _after(self, outlook: Outlook | None) -> str:
        if outlook is None:
            return ""
        marks = [self.conditions[one].why for one in outlook.landmarks if one in self.conditions]
        if len(outlook.paths) > 1:
            second = outlook.paths[1]
            steps = counted(len(second.steps), "step")
            return f"After fixing this, the next route is {second.id}, {steps} from {self.label(second.origin)}."
        if marks:
            more = f" (or {len(marks) - 1} other single changes)" if len(marks) > 1 else ""
            return f"One change ends every way there that was found: {marks[0]}{more}."
        return "No second way was found that needs none of these."

    def changes(self) -> Iterator[ChangeView]:
        """Yield the single changes that take away most, with the chance of loss before and after."""
        analysis = self.found.analysis
        if analysis is None:
            return
        now = dict(analysis.risk)[Attacker.AI_DRIVEN].probability
        for worth in analysis.worths[:_CHANGES]:
            one = self.conditions.get(worth.change)
            if one is None or worth.removes <= 0:
                continue
            yield ChangeView(
                how=self._end(one),
                paths=Share(worth.paths, len(analysis.outlooks)),
                before=f"{now:.1%}",
                after=f"{max(now - worth.removes, 0):.1%}",
            )

    def finish(self) -> str:
        """Return how many changes close everything that can be closed."""
        analysis = self.found.analysis
        if analysis is None or not analysis.outlooks:
            return ""
        cut = analysis.cut
        beyond = f"; nothing that can be mended closes {', '.join(map(self.label, cut.beyond))}" if cut.beyond else ""
        sure = "the fewest there are" if cut.proven else "perhaps not the fewest"
        return f"{counted(len(cut.changes), 'change')} ({sure}) would close every way that was found{beyond}."

    def waived(self, paths: Sequence[AttackPath]) -> Iterator[str]:
        """Yield what of these ways stands only because a waiver keeps a finding open."""
        waivers = active_waivers(self.survey.assessment)
        by_finding = {one.id: one.waiver for one in self.survey.open if one.waiver in waivers}
        for path in paths:
            for id_ in path.breaks:
                one = self.conditions.get(id_)
                if one is not None and one.finding in by_finding:
                    yield f"Waiver {by_finding[one.finding]} keeps {path.id} open: {one.why}"


def _tempo(path: AttackPath) -> str:
    return f"{minutes_words(path.minutes_human)} for a person, {minutes_words(path.minutes_machine)} for a program"


def _chance(path: AttackPath, outlook: Outlook | None) -> str:
    if outlook is None:
        return f"{path.probability:.1%} by this way alone, were every step real"
    estimates = ", ".join(
        f"{one.probability:.1%} ± {2 * one.standard_error:.1%} {who.value}" for who, one in outlook.chances
    )
    return f"{estimates}, over all ways; {path.probability:.1%} by this way alone, were every step real"


def _gap(one: RuleGap) -> RuleGapView:
    where = counted(one.hosts, "host") if one.hosts else "everywhere"
    return RuleGapView(rule=one.rule, title=one.title, where=where, why=one.why)
