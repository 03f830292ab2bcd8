"""Fix first: the plan in its order, each fix with its reason."""

from __future__ import annotations

from posture.model.plan import Fix
from reports.due import days_late, relative
from reports.sections.common import check_anchor, owner_words, severity_tag
from reports.survey import Survey
from reports.view import FixView, Link, PlanView, Share
from reports.words import RISK

FIRST = 5
_HOSTS_NAMED = 6


def build_plan(survey: Survey) -> PlanView:
    """Return the top five fixes and the rest of the plan."""
    plan = survey.assessment.plan
    shown = [_fix(survey, rank, fix) for rank, fix in enumerate(plan.fixes[: survey.limits.fixes], start=1)]
    return PlanView(
        as_of=plan.as_of,
        total=len(plan.fixes),
        minutes=sum(fix.minutes for fix in plan.fixes),
        first=tuple(shown[:FIRST]),
        rest=tuple(shown[FIRST:]),
        left_out=len(plan.fixes) - len(shown),
    )


def host_names(hosts: tuple[str, ...]) -> str:
    """Return the first hosts by name and how many more there are."""
    more = len(hosts) - _HOSTS_NAMED
    return ", ".join(hosts[:_HOSTS_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _fix(survey: Survey, rank: int, fix: Fix) -> FixView:
    today = survey.assessment.today
    check = survey.checks.get(fix.check)
    coverage = survey.assessment.coverage
    return FixView(
        rank=rank,
        check=Link(fix.check, check_anchor(fix.check)),
        title=fix.title,
        severity=severity_tag(fix.severity),
        owner=owner_words(fix.owner),
        hosts=Share(len(fix.hosts), max(coverage.hosts, survey.hosts_seen)),
        host_names=host_names(fix.hosts),
        closes=Share(len(fix.findings), len(survey.open)),
        due=fix.due,
        relative=relative(fix.due, today) if fix.due else "no date",
        late=fix.due is not None and days_late(fix.due, today) > 0,
        due_reason=fix.due_reason,
        minutes=fix.minutes,
        risk=RISK[fix.risk],
        precondition=check.remediation.precondition if check else "",
        reason=fix.reason,
    )
