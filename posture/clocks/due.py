"""When a finding is due, under every clock of the profile: calendar days, UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from posture.errors import ConfigError
from posture.model.check import Check, Profile
from posture.model.clock import Campaign, Clock, DueDate, Rebase
from posture.model.finding import Finding


def due_dates(
    check: Check, first_seen: datetime, clocks: Iterable[Clock], campaign: Campaign, profile: Profile
) -> tuple[DueDate, ...]:
    """Return every date that runs on a finding: binding ones first, each group from the earliest.

    A clock gives none when the profile does not name it, when it is history, or for another deadline class.
    """
    modes = dict(profile.clocks)
    day = first_seen.astimezone(UTC).date()
    out: list[DueDate] = []
    for clock in clocks:
        # a table asks for more than a check and a day: posture/vulnerabilities looks it up
        if clock.id not in modes or clock.history or clock.table is not None or not _concerns(clock, check, day):
            continue
        binding = modes[clock.id] == "binding"
        match clock.starts:
            case "campaign":
                out.extend(_campaign_dates(clock, campaign, binding))
            case "detected":
                out.append(_detected_date(clock, check, day, binding))
            case "fixed":
                out.extend(_phase_dates(clock, binding) or [_fixed_date(clock, check, binding)])
            case "notified" | "kev-added":
                pass  # these start with an event that no finding of this kind carries
    return tuple(sorted(out, key=due_order))


def due_order(due: DueDate) -> tuple[bool, date, str, str]:
    """Sort key of the dates of one finding: binding ones first, each group from the earliest."""
    return (not due.binding, due.due, due.clock, due.row)


def campaign_start(campaign: Campaign) -> date:
    """Return the day the campaign counts from: the last re-basing, or its first start."""
    return campaign.rebases[-1].start if campaign.rebases else campaign.start


def rebase(campaign: Campaign, start: date, *, by: str, reason: str, recorded_at: datetime) -> Campaign:
    """Return the campaign with a new start; the old ones stay on record.

    Raises:
        ConfigError: nobody signs for it, or no reason is given.
    """
    if not by.strip() or not reason.strip():
        raise ConfigError("a campaign is re-based by somebody, for a reason", hint="give a name and a reason")
    return replace(campaign, rebases=(*campaign.rebases, Rebase(start, by.strip(), reason.strip(), recorded_at)))


class Bucket(StrEnum):
    """How a finding stands to its date."""

    OVERDUE_WHEN_SEEN = "overdue_when_first_seen"
    """The date had passed before anyone could know."""
    OVERDUE = "overdue"
    THIS_WEEK = "this_week"
    LATER = "later"
    UNDATED = "undated"


def bucket(finding: Finding, today: date) -> Bucket:
    """Return how a finding stands to its earliest binding date; the day itself is not yet overdue."""
    due = binding_due(finding)
    if due is None:
        return Bucket.UNDATED
    if due.due < today:
        seen = finding.first_seen.astimezone(UTC).date()
        return Bucket.OVERDUE_WHEN_SEEN if due.due < seen else Bucket.OVERDUE
    return Bucket.THIS_WEEK if due.due <= today + timedelta(days=7) else Bucket.LATER


def binding_due(finding: Finding) -> DueDate | None:
    """Return the earliest binding date of a finding."""
    return min((due for due in finding.due if due.binding), key=lambda due: (due.due, due.clock), default=None)


def _concerns(clock: Clock, check: Check, day: date) -> bool:
    if clock.expires is not None and day > clock.expires:
        return False
    return not clock.applies_to or check.deadline_class in clock.applies_to


def _campaign_dates(clock: Clock, campaign: Campaign, binding: bool) -> list[DueDate]:
    """Return the date from the start in force, then those of replaced starts, which bind nobody any more."""
    starts = [campaign.start, *(step.start for step in campaign.rebases)]
    out = []
    for index, start in enumerate(starts):
        current = index == len(starts) - 1
        row = f"{campaign.days} days from the start of the campaign"
        reason = f"{clock.title} (not law) began on {start} and allows {campaign.days} days"
        if not current:
            step = campaign.rebases[index]
            row += ", replaced"
            reason += f"; {step.by} replaced this start on {step.recorded_at:%Y-%m-%d}: {step.reason}"
        out.append(
            DueDate(
                due=start + timedelta(days=campaign.days),
                clock=clock.id,
                clock_version=clock.version,
                row=row,
                inputs=(("campaign_days", str(campaign.days)), ("campaign_start", start.isoformat())),
                clock_start=start,
                binding=binding and current,
                legal=clock.legal,
                reason=f"{reason}.",
            )
        )
    return out


def _detected_date(clock: Clock, check: Check, day: date, binding: bool) -> DueDate:
    days = clock.days if clock.days is not None else check.deadline_days
    start = max(day, clock.effective) if clock.effective else day
    whose = "" if clock.days is not None else f"check {check.id} allows "
    inputs = [("days", str(days)), ("first_seen", day.isoformat())]
    if clock.effective:
        inputs.append(("effective", clock.effective.isoformat()))
    return DueDate(
        due=start + timedelta(days=days),
        clock=clock.id,
        clock_version=clock.version,
        row=f"{whose}{days} days from first sight",
        inputs=tuple(sorted(inputs)),
        clock_start=start,
        binding=binding,
        legal=clock.legal,
        reason=f"{clock.title}: first seen on {day}, {whose}{days} days.",
    )


def _phase_dates(clock: Clock, binding: bool) -> list[DueDate]:
    """Return a date for each phase that dates findings: nobody can tell from here which of them a host falls under."""
    return [
        DueDate(
            due=phase.day,
            clock=clock.id,
            clock_version=clock.version,
            row=phase.title,
            inputs=(("phase", phase.day.isoformat()), ("start", (clock.start_date or clock.as_of).isoformat())),
            clock_start=clock.start_date or clock.as_of,
            binding=binding,
            legal=clock.legal,
            reason=f"{clock.title}: {phase.title}.",
        )
        for phase in clock.phases
        if phase.dates_findings
    ]


def expired_notes(clocks: Iterable[Clock], profile: Profile, today: date) -> tuple[str, ...]:
    """Return a warning for each clock of the profile that is past its end: nothing new is dated by it."""
    named = dict(profile.clocks)
    return tuple(
        f"clock {clock.id} expired on {clock.expires}: it dates nothing first seen since; look for what replaced it"
        for clock in sorted(clocks, key=lambda one: one.id)
        if clock.id in named and clock.expires is not None and today > clock.expires
    )


def _fixed_date(clock: Clock, check: Check, binding: bool) -> DueDate:
    start = clock.start_date or clock.as_of
    days = clock.days if clock.days is not None else check.deadline_days
    return DueDate(
        due=start + timedelta(days=days),
        clock=clock.id,
        clock_version=clock.version,
        row=f"{days} days from {start}",
        inputs=(("days", str(days)), ("start", start.isoformat())),
        clock_start=start,
        binding=binding,
        legal=clock.legal,
        reason=f"{clock.title} began on {start} and allows {days} days.",
    )
