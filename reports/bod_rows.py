"""BOD 26-04 as rows and counts: each CVE on each host with its inputs, dates and status."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from posture.model.assessment import Assessment, HostAssessment
from posture.model.clock import Clock, DueDate, TriageStep
from posture.model.finding import Finding
from posture.model.host import FLEET, Host
from posture.model.vulnerability import Decision, Vulnerability
from posture.vulnerabilities.assess import TABLE_CLOCK, subject
from posture.vulnerabilities.decide import ERROR
from posture.vulnerabilities.register import DEFERRED

DISCOVERY_DAYS, ENUMERATION_DAYS = 7, 14
"""BOD 23-01, as reported; the checks SCN-01 and SCN-02 hold the agency's own numbers."""


class BodStatus(StrEnum):
    """How one CVE on one host stands to its date."""

    ERROR = "error: in KEV, CISA's values are missing"
    BORN_OVERDUE = "overdue when first seen"
    OVERDUE = "overdue"
    WEEK = "due within 7 days"
    LATER = "due later"
    DEFERRED = "fix on system upgrade"
    UNDATED = "not dated by this profile"


@dataclass(frozen=True, slots=True)
class BodRow:
    """One CVE on one host: what an auditor needs to work out its date again."""

    host: str
    system: str
    owner: str
    cve: str
    package: str
    installed: str
    fixed_in: str
    vendor_says: str
    source: str
    """Feed or scanner that says it is affected."""
    confidence: str
    publicly_exposed: str
    publicly_exposed_by: str
    in_kev: str
    in_kev_by: str
    automatable: str
    automatable_by: str
    technical_impact: str
    technical_impact_by: str
    defaulted: str
    row: str
    outcome: str
    lenient_row: str
    lenient_outcome: str
    complete: str
    clock_start: str
    why: str
    due: str
    due_from_binding_day: str
    """The same days counted from when the table binds, where the clock began before."""
    status: str
    standing: str
    first_seen: str
    first_seen_by: str
    triage_required: str
    triage: str
    """The steps with their target times."""
    table: str


COLUMNS = tuple(field.name for field in fields(BodRow))


def table_clock(assessment: Assessment) -> Clock | None:
    """Return the clock with BOD 26-04's table; ``None`` when the run had none."""
    return next((clock for clock in assessment.clocks if clock.id == TABLE_CLOCK), None)


def bod_rows(assessment: Assessment) -> Iterator[BodRow]:
    """Yield every known vulnerability, host by host."""
    for entry in assessment.read_hosts():
        if entry.host.id != FLEET:
            for one in assessment.read_vulnerabilities(entry.host.id):
                yield _row(assessment, entry.host, one)


def bod_due(one: Vulnerability) -> DueDate | None:
    """Return the date of the directive, or for an error the day that stands in for it."""
    return next((due for due in one.due if due.clock == TABLE_CLOCK), None)


def bod_status(one: Vulnerability, today: date) -> BodStatus:
    """Return how it stands; what was late before anybody could know is a bucket of its own."""
    if one.decision.outcome == ERROR:
        return BodStatus.ERROR
    due = min((due for due in one.due if due.clock == TABLE_CLOCK), key=lambda due: due.due, default=None)
    if due is None:
        return BodStatus.DEFERRED if one.decision.outcome == DEFERRED else BodStatus.UNDATED
    if due.due < today:
        late = due.due < one.first_seen.astimezone(UTC).date()
        return BodStatus.BORN_OVERDUE if late else BodStatus.OVERDUE
    return BodStatus.WEEK if due.due <= today + timedelta(days=7) else BodStatus.LATER


def triage_required(finding: Finding) -> bool:
    """Return whether evidence has to be taken before this finding is patched away."""
    return any(due.clock == TABLE_CLOCK and ("triage_required", "yes") in due.inputs for due in finding.due)


def triage_times(clock: Clock | None, one: Vulnerability) -> tuple[tuple[TriageStep, datetime], ...]:
    """Return each step of forensic triage with the moment it is aimed at.

    Counted from the listing in KEV, or from the first sight where that came later: nobody could begin before.
    """
    if clock is None or clock.table is None:
        return ()
    listed = datetime.combine(one.record.kev_added or date.min, time(), UTC)
    start = max(one.first_seen.astimezone(UTC), listed)
    return tuple((step, start + timedelta(hours=step.hours)) for step in clock.table.triage)


def public_addresses(assessment: Assessment) -> Iterator[tuple[str, str, str, str]]:
    """Yield address, port, host and why: the list that is attested every quarter, to be completed by a person."""
    for one in sorted(assessment.published, key=lambda one: (one.address, one.port, one.proto, one.host)):
        yield one.address, f"{one.proto}/{one.port}", one.host, "published in the inventory"
    for entry in assessment.read_hosts():
        for address in entry.host.addresses:
            if routable(address):
                yield address, "", entry.host.id, "routable address of the host"


@dataclass(frozen=True, slots=True)
class CadenceRow:
    """One host held to BOD 23-01: found every 7 days, read with a login every 14 (reported)."""

    host: str
    last_discovered: str
    discovered_in_time: str
    last_enumerated: str
    enumerated_in_time: str


def cadence_rows(assessment: Assessment) -> Iterator[CadenceRow]:
    """Yield when each host was last found and read, over all runs of the store."""
    now = assessment.run.as_of
    for one in assessment.cadence:
        yield CadenceRow(
            one.host,
            _said(one.discovered),
            _in_time(one.discovered, now, DISCOVERY_DAYS),
            _said(one.enumerated),
            _in_time(one.enumerated, now, ENUMERATION_DAYS),
        )


def _said(moment: datetime | None) -> str:
    return "never" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _in_time(moment: datetime | None, now: datetime, days: int) -> str:
    return "yes" if moment is not None and (now - moment).days <= days else "no"


def missing_tags(host: Host) -> tuple[str, ...]:
    """Return which of the four tags of phase III nobody declared."""
    tags = host.tags
    declared = {
        "organisation": tags.organisation,
        "environment": tags.environment,
        "exposure": tags.exposure,
        "asset_type": tags.asset_type,
    }
    return tuple(name for name, value in declared.items() if not value)


def untagged(assessment: Assessment) -> Iterator[tuple[HostAssessment, tuple[str, ...]]]:
    """Yield every host that lacks a tag, with those it lacks."""
    for entry in assessment.read_hosts():
        if entry.host.id != FLEET and (missing := missing_tags(entry.host)):
            yield entry, missing


def _row(assessment: Assessment, host: Host, one: Vulnerability) -> BodRow:
    decided, affected = one.decision, one.affected
    said = {name: (value, by) for name, value, by in decided.inputs}
    due, clock = bod_due(one), table_clock(assessment)
    compared = [other for other in one.due if other.clock == TABLE_CLOCK and other is not due]
    values = {f"{name}{end}": said[name][n] for name in said for n, end in enumerate(("", "_by"))}
    return BodRow(
        host=host.id,
        system=host.system,
        owner=host.owner,
        cve=affected.cve,
        package=subject(affected).split(" ")[0],
        installed=affected.package.version,
        fixed_in=affected.fixed,
        vendor_says=affected.state.value,
        source=affected.feed,
        confidence=str(affected.confidence),
        **{name: values.get(name, "") for name in _INPUTS},
        defaulted=", ".join(decided.defaulted),
        row="" if decided.outcome == ERROR else str(decided.row),
        outcome=decided.outcome,
        lenient_row=str(decided.lenient_row),
        lenient_outcome=decided.lenient_outcome,
        complete=_completeness(decided),
        clock_start=due.clock_start.isoformat() if due else "",
        why=due.reason if due else "the table sets no day: fix on system upgrade",
        due=due.due.isoformat() if due else "",
        due_from_binding_day=compared[0].due.isoformat() if compared else "",
        status=bod_status(one, assessment.today).value,
        standing=_standing(due, assessment.today),
        first_seen=one.first_seen.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        first_seen_by=one.detections[0].source,
        triage_required="yes" if decided.triage_required else "no",
        triage=_triage(clock, one) if decided.triage_required else "",
        table=clock.table.id if clock and clock.table else "",
    )


def _completeness(decided: Decision) -> str:
    """Return ``INCOMPLETE`` only where the row itself is open: an unknown exposure is decided by the directive."""
    if decided.complete:
        return "yes"
    return "exposure defaulted" if decided.defaulted == ("publicly_exposed",) else "INCOMPLETE"


_INPUTS = tuple(
    f"{name}{end}" for name in ("publicly_exposed", "in_kev", "automatable", "technical_impact") for end in ("", "_by")
)


def _standing(due: DueDate | None, today: date) -> str:
    if due is None:
        return ""
    if not due.binding:
        return "informative"
    if not due.legal:
        return "binding here, not law: an input is missing"
    if due.binds_from and today < due.binds_from:
        return f"target, binding from {due.binds_from}"
    return "binding"


def _triage(clock: Clock | None, one: Vulnerability) -> str:
    return "; ".join(
        f"{step.title}{' (BEFORE PATCHING)' if step.before_patching else ''}: by {moment:%Y-%m-%dT%H:%MZ}"
        for step, moment in triage_times(clock, one)
    )


def routable(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
