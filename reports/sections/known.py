"""Known vulnerabilities under BOD 26-04: what they are counted from, how they stand, and the first to do."""

from __future__ import annotations

from collections.abc import Iterator

from posture.model.assessment import Assessment
from posture.model.clock import Clock
from posture.model.vulnerability import FeedStamp, Vulnerability
from reports.bod_rows import BodStatus, bod_due, bod_status, cadence_rows, table_clock, triage_times
from reports.bod_tally import BodTally
from reports.survey import Survey
from reports.view import KnownView, Pair, PlatformView, Share, StandingView, VulnerabilityView
from reports.words import counted

_LATE = (BodStatus.ERROR, BodStatus.BORN_OVERDUE, BodStatus.OVERDUE)
_INPUT = {
    "publicly_exposed": "Publicly exposed",
    "in_kev": "In KEV",
    "automatable": "Automatable",
    "technical_impact": "Technical impact",
}


def build_known(survey: Survey) -> KnownView:
    """Return the section; without an assessed host it says so and nothing else."""
    assessment = survey.assessment
    clock = table_clock(assessment)
    found, cadence = survey.bod, tuple(cadence_rows(assessment))
    return KnownView(
        standing=_standing(assessment, clock),
        source=f"{clock.authority}, version {clock.version}. Source: {clock.source}" if clock else "",
        platforms=tuple(_platforms(found)),
        total=found.total,
        standings=tuple(
            StandingView(
                status.value,
                Share(found.by_status[status], found.total),
                status in _LATE and bool(found.by_status[status]),
            )
            for status in BodStatus
        ),
        defaulted=tuple(
            Pair(_INPUT.get(name, name), f"{count:,} of {found.total:,}")
            for name, count in sorted(found.defaulted.items())
        ),
        first=tuple(vulnerability_view(assessment, clock, one) for one in found.first()),
        left_out=found.dated - len(found.first()),
        feeds=tuple(Pair(one.id, _feed(one)) for one in assessment.feeds),
        tagged=Share(found.tagged, found.hosts),
        public_addresses=len(assessment.published) + found.routable,
        discovered=Share(sum(row.discovered_in_time == "yes" for row in cadence), found.hosts),
        enumerated=Share(sum(row.enumerated_in_time == "yes" for row in cadence), found.hosts),
    )


def _standing(assessment: Assessment, clock: Clock | None) -> str:
    if clock is None:
        return "This run had no table of BOD 26-04."
    mode = dict(assessment.baseline.profile.clocks).get(clock.id)
    name = assessment.baseline.profile.id
    if mode is None:
        return f"Profile {name} does not name BOD 26-04: its dates are not shown as due."
    if mode == "informative":
        return f"For profile {name} BOD 26-04 is informative: its dates bind nobody here."
    if clock.effective and assessment.today < clock.effective:
        return f"For profile {name} BOD 26-04 binds from {clock.effective}: until then its dates are targets."
    return f"For profile {name} BOD 26-04 is binding. It knows no waiver: one changes no date here."


def _platforms(found: BodTally) -> Iterator[PlatformView]:
    for one in found.platforms():
        yield PlatformView(
            platform=one.platform,
            hosts=one.hosts,
            by_us=Share(one.by_us, one.hosts),
            imported=Share(one.imported, one.hosts),
            not_assessed=Share(one.not_assessed, one.hosts),
            with_gaps=Share(one.with_gaps, one.hosts),
        )


def vulnerability_view(assessment: Assessment, clock: Clock | None, one: Vulnerability) -> VulnerabilityView:
    """Return one vulnerability of one host, with its day and what the day rests on."""
    due, status = bod_due(one), bod_status(one, assessment.today)
    others = [other for other in one.due if due is not None and other.clock == due.clock and other is not due]
    steps = triage_times(clock, one) if one.decision.triage_required else ()
    fixed = one.affected.fixed
    return VulnerabilityView(
        host=one.host,
        cve=one.affected.cve,
        package=f"{one.affected.package.name} {one.affected.package.version}",
        fix=f"update to {fixed}" if fixed else f"no fixed version ({one.affected.state.value})",
        status=status.value,
        late=status in _LATE,
        due=due.due.isoformat() if due else "",
        other_due=others[0].due.isoformat() if others else "",
        why=due.reason if due else "",
        said=tuple(Pair(_INPUT.get(name, name), f"{value} ({by})") for name, value, by in one.decision.inputs),
        triage=tuple(
            f"{step.title}: by {moment:%Y-%m-%d %H:%M} UTC{', before patching' if step.before_patching else ''}"
            for step, moment in steps
        ),
    )


def _feed(stamp: FeedStamp) -> str:
    entries = counted(stamp.entries, "entry", "entries")
    return f"{stamp.version or 'no version'}, fetched {stamp.fetched_at:%Y-%m-%d %H:%M} UTC, {entries}"
