"""Fix first: the plan in its order, each fix with its reason."""

from __future__ import annotations

from posture.model.host import FLEET
from posture.model.plan import Fix
from reports.due import days_late, relative
from reports.sections.checks import fix_text
from reports.sections.common import FLEET_WORDS, check_anchor, host_link, listed_hosts, owner_words, severity_tag
from reports.survey import Survey
from reports.view import FixView, Link, PlanView, Share
from reports.words import RISK

FIRST = 5
_HOSTS_NAMED = 6
_PLACES_LISTED = 500


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


def where_words(hosts: tuple[str, ...]) -> str:
    """Return where a fix is made: its first hosts by name, the whole fleet, or the network between hosts."""
    if hosts == (FLEET,):
        return FLEET_WORDS
    return host_names(hosts) if hosts else "the network between hosts"


def _fix(survey: Survey, rank: int, fix: Fix) -> FixView:
    today = survey.assessment.today
    check = survey.checks.get(fix.check)
    coverage = survey.assessment.coverage
    listed = listed_hosts(survey)
    unnamed = fix.hosts if len(fix.hosts) > _HOSTS_NAMED else ()
    return FixView(
        rank=rank,
        anchor=f"fix-{rank}",
        check=Link(fix.check, check_anchor(fix.check)),
        title=fix.title,
        severity=severity_tag(fix.severity),
        owner=owner_words(fix.owner),
        across=fix.hosts == (FLEET,),
        hosts=Share(len(fix.hosts), max(coverage.hosts, survey.hosts_seen)),
        host_names=host_names(fix.hosts),
        places=tuple(host_link(listed, host) for host in unnamed[:_PLACES_LISTED]),
        places_left_out=max(0, len(fix.hosts) - _PLACES_LISTED),
        closes=Share(len(fix.findings), len(survey.open)),
        due=fix.due,
        relative=relative(fix.due, today) if fix.due else "no date",
        late=fix.due is not None and days_late(fix.due, today) > 0,
        due_reason=fix.due_reason,
        minutes=fix.minutes,
        risk=RISK[fix.risk],
        how=fix_text(check) if check else None,
        reason=fix.reason,
    )
