"""What is due when, by which clock; what has passed is said plainly."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from posture.model.clock import Clock
from posture.model.finding import Finding
from reports.due import Bucket, bucket, days_late, governing, relative
from reports.sections.common import due_standing
from reports.survey import Survey
from reports.view import BucketView, CampaignView, ClockView, DueDayView, DueView, RebaseView, Share
from reports.words import CAMPAIGN_LABEL, clock_standing, counted

_LATE = (Bucket.BORN_OVERDUE, Bucket.OVERDUE)


def build_due(survey: Survey) -> DueView:
    """Return the calendar of the open findings, the campaign, and every clock."""
    by_day: dict[date, list[Finding]] = defaultdict(list)
    for finding in survey.open:
        due = governing(finding)
        if due is not None:
            by_day[due.due].append(finding)
    days = sorted(by_day.items())
    most = max((len(found) for _, found in days), default=1)
    return DueView(
        today=survey.assessment.today,
        buckets=_buckets(survey),
        days=tuple(_day(survey, day, found, most) for day, found in days[: survey.limits.due_dates]),
        left_out=max(0, len(days) - survey.limits.due_dates),
        campaign=_campaign(survey),
        clocks=tuple(_clock(survey, clock) for clock in survey.assessment.clocks),
    )


def _buckets(survey: Survey) -> tuple[BucketView, ...]:
    filled: dict[Bucket, list[Finding]] = defaultdict(list)
    for finding in survey.open:
        filled[bucket(finding, survey.assessment.today)].append(finding)
    return tuple(
        BucketView(
            name=name.value,
            count=Share(len(filled[name]), len(survey.open)),
            waived=_waived(survey, filled[name]),
            late=name in _LATE and bool(filled[name]),
        )
        for name in Bucket
    )


def _day(survey: Survey, day: date, found: list[Finding], most: int) -> DueDayView:
    today = survey.assessment.today
    standings = {due_standing(survey.assessment, due) for finding in found if (due := governing(finding))}
    return DueDayView(
        due=day,
        relative=relative(day, today),
        late=days_late(day, today) > 0,
        count=Share(len(found), len(survey.open)),
        waived=_waived(survey, found),
        width=round(100 * len(found) / most, 1),
        standings="; ".join(sorted(standings)),
    )


def _waived(survey: Survey, found: list[Finding]) -> int:
    return sum(finding.id in survey.waived for finding in found)


def _campaign(survey: Survey) -> CampaignView:
    campaign, today = survey.assessment.campaign, survey.assessment.today
    end = campaign.start + timedelta(days=campaign.days)
    day = min(max(0, (today - campaign.start).days), campaign.days)
    if today < campaign.start:
        position = f"starts {relative(campaign.start, today)}"
    elif today > end:
        position = f"ended {counted((today - end).days, 'day')} ago"
    else:
        position = f"{counted((end - today).days, 'day')} left"
    return CampaignView(
        label=CAMPAIGN_LABEL,
        start=campaign.start,
        end=end,
        day=Share(day, campaign.days),
        position=position,
        width=round(100 * day / campaign.days, 1) if campaign.days else 100.0,
        rebases=tuple(RebaseView(one.start, one.by, one.reason, one.recorded_at) for one in campaign.rebases),
    )


def _clock(survey: Survey, clock: Clock) -> ClockView:
    roles = dict(survey.assessment.baseline.profile.clocks)
    governs = [finding for finding in survey.open if (due := governing(finding)) is not None and due.clock == clock.id]
    return ClockView(
        title=clock.title,
        standing=clock_standing(clock, binding=roles.get(clock.id) == "binding"),
        history=clock.history,
        rule=_rule(clock, survey.assessment.today),
        runs_on=Share(
            sum(any(due.clock == clock.id for due in finding.due) for finding in survey.open), len(survey.open)
        ),
        governs=len(governs),
        overdue=sum(finding.id in survey.overdue for finding in governs),
        authority=clock.authority,
        version=clock.version,
        source=clock.source,
        note=clock.note,
    )


_STARTS = {
    "fixed": "a fixed day",
    "campaign": "the start of the campaign",
    "detected": "the day the finding was first seen",
    "notified": "the day of the notice",
    "kev-added": "the day the vulnerability entered the KEV list",
}


def _rule(clock: Clock, today: date) -> str:
    length = "As many calendar days as the check gives" if clock.days is None else counted(clock.days, "calendar day")
    if clock.start_date is None or clock.days is None:
        return f"{length} from {_STARTS[clock.starts]}"
    end = clock.start_date + timedelta(days=clock.days)
    passed = f", passed {counted((today - end).days, 'day')} ago" if today > end else ""
    return f"{length} from {clock.start_date:%Y-%m-%d}: {end:%Y-%m-%d}{passed}"
