"""The ordered plan: one fix for each check and owner; nearest date first, then worst, weightiest and quickest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from posture.model.check import Check
from posture.model.clock import DueDate
from posture.model.finding import Finding
from posture.model.host import Host
from posture.model.named import Named
from posture.model.plan import Fix, Plan
from posture.plan.weights import Weights

NOBODY = "(no owner)"

_TIERS = (7, 14, 30, 60)  # days ahead; the steps in which directives and campaigns count


def make_plan(
    findings: Iterable[Finding],
    hosts: Mapping[str, Host],
    checks: Mapping[str, Check],
    *,
    weights: Weights,
    taxonomy: Mapping[str, str],
    today: date,
    named: Iterable[Named] = (),
) -> Plan:
    """Return the plan for all open findings that no waiver covers; it does not depend on their order.

    BOD 26-04 knows no waiver: a known vulnerability stays in the plan under one.

    Fixes are ordered by due date tier (overdue, then within 7, 14, 30, 60 days, then later, then undated), severity,
    summed weight, minutes, and last by check and owner. Neither severity nor weight moves a fix across tiers. What a
    list of others names goes first within its tier, and no further: a list sets no date.
    """
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.open and finding.check in checks and _to_do(finding, checks[finding.check]):
            host = hosts.get(finding.host)
            owner = (host.owner if host else "") or NOBODY
            groups.setdefault((finding.check, owner), []).append(finding)
    by_id = {one.id: one for one in sorted(named, reverse=True)}
    drafts = [
        _draft(checks[check], owner, sorted(group, key=lambda f: f.id), hosts, weights, by_id)
        for (check, owner), group in groups.items()
    ]
    drafts.sort(key=lambda draft: draft.place(today))
    return Plan(tuple(draft.fix(today, taxonomy) for draft in drafts), today)


def _to_do(finding: Finding, check: Check) -> bool:
    return not finding.waiver or check.deadline_class == "bod_26_04"


def tier(due: date | None, today: date) -> int:
    """Return how near a date is, as a small number: 0 is overdue, 6 is undated."""
    if due is None:
        return len(_TIERS) + 2
    if due < today:
        return 0
    return next((n + 1 for n, days in enumerate(_TIERS) if due <= today + timedelta(days=days)), len(_TIERS) + 1)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A fix before it has its place."""

    check: Check
    owner: str
    findings: tuple[Finding, ...]
    hosts: tuple[str, ...]
    exposed: int
    due: DueDate | None
    weight: float
    named: tuple[Named, ...] = ()
    """What others name as urgent, of its check and its findings."""

    @property
    def minutes(self) -> int:
        return self.check.remediation.minutes * max(len(self.hosts), 1)

    def place(self, today: date) -> tuple[int, bool, int, float, int, str, str]:
        due = self.due.due if self.due else None
        return (
            tier(due, today),
            not self.named,
            -self.check.severity,
            -self.weight,
            self.minutes,
            self.check.id,
            self.owner,
        )

    def fix(self, today: date, taxonomy: Mapping[str, str]) -> Fix:
        return Fix(
            check=self.check.id,
            owner=self.owner,
            title=self.check.title,
            hosts=self.hosts,
            findings=tuple(finding.id for finding in self.findings),
            severity=self.check.severity,
            due=self.due.due if self.due else None,
            due_reason=self.due.reason if self.due else "no clock of the profile gives it a date",
            minutes=self.minutes,
            risk=self.check.remediation.risk,
            weight=self.weight,
            reason=self._reason(today, taxonomy),
        )

    def _reason(self, today: date, taxonomy: Mapping[str, str]) -> str:
        primary = self.check.threat.categories[0]
        where = "1 host" if len(self.hosts) == 1 else f"{len(self.hosts)} hosts"
        exposed = f", {self.exposed} of them exposed or not declared" if self.exposed else ""
        effect = _EFFECTS[self.check.threat.effect.value]
        return (
            f"{self._when(today)}: {self.check.severity.label} severity, {where}{exposed}; "
            f"it {effect} {taxonomy.get(primary, primary)} ({primary}), "
            f"weight {self.weight:g} (uncalibrated), about {self.minutes} min.{self._named()}"
        )

    def _named(self) -> str:
        if not self.named:
            return ""
        more = f" and {len(self.named) - _IDS:,} more" if len(self.named) > _IDS else ""
        sources = ", ".join(sorted({one.source for one in self.named}))
        return f" Named by {sources}: {', '.join(one.id for one in self.named[:_IDS])}{more}; it sets no date."

    def _when(self, today: date) -> str:
        if self.due is None:
            return "Undated"
        days = (self.due.due - today).days
        if days < 0:
            return f"Overdue by {-days} days ({self.due.clock})"
        return f"Due {'today' if days == 0 else f'in {days} days'} ({self.due.clock})"


_IDS = 3  # named in the reason; all are counted
_EFFECTS = {"prevents": "prevents", "slows": "slows", "limits_blast": "limits", "detects": "detects"}


def _draft(
    check: Check,
    owner: str,
    findings: list[Finding],
    hosts: Mapping[str, Host],
    weights: Weights,
    named: Mapping[str, Named],
) -> _Draft:
    dues = [due for finding in findings for due in finding.due if due.binding]
    first = min(dues, key=lambda due: (due.due, not due.legal, due.clock, due.row), default=None)
    places = sorted({finding.host for finding in findings})
    own = weights.of_check(check, legal=any(due.legal for due in dues))
    # sorted, so that the sum of floats does not depend on the order of findings
    factors = sorted(weights.of_host(hosts[id_]) if id_ in hosts else weights.context["other"] for id_ in places)
    exposed = sum(1 for id_ in places if id_ in hosts and hosts[id_].tags.exposure in (None, "public"))
    # the subject of a known vulnerability is its package and its id
    ids = sorted({check.id, *(finding.subject.rpartition(" ")[2] for finding in findings)} & named.keys())
    return _Draft(
        check,
        owner,
        tuple(findings),
        tuple(places),
        exposed,
        first,
        round(own * sum(factors), 2),
        tuple(named[id_] for id_ in ids),
    )
