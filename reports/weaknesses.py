"""Findings gathered into weaknesses, as a plan of action and milestones (POA&M) counts them: one check, one decision.

Every POA&M format is made from this list, so that all of them show the same numbers.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from posture.model.assessment import Assessment
from posture.model.check import Check, Severity
from posture.model.clock import DueDate
from posture.model.finding import Closing, Finding, Waiver, WaiverState
from posture.model.host import FLEET, Host
from reports.due import governing
from reports.keys import key_uuid
from reports.words import CLOSING, counted, duration


class Standing(StrEnum):
    """What is being done about a weakness."""

    ONGOING = "ongoing"
    ACCEPTED = "accepted"
    """The authorising official has accepted the risk; any other waiver leaves it ongoing."""
    COMPLETED = "completed"
    """Fixed in this run: the check passes on every host that failed it."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """The failures of one check that share a decision."""

    check_id: str
    check: Check | None
    """``None`` when the check is in the baseline no more."""
    standing: Standing
    waiver: Waiver | None
    findings: tuple[Finding, ...]
    hosts: tuple[Host, ...]
    """Those in this run; ``host_ids`` has all."""

    @property
    def uuid(self) -> str:
        """The same in every export, as long as check and decision stay."""
        return key_uuid("weakness", self.check_id, self.standing, self.waiver.id if self.waiver else "")

    @property
    def number(self) -> str:
        """A short id for people: ``SSH-02``, ``SSH-02 W-2026-003``."""
        extra = f"-{self.waiver.id}" if self.waiver else ""
        return f"{self.check_id}{extra}{'-closed' if self.standing is Standing.COMPLETED else ''}"

    @property
    def title(self) -> str:
        """The weakness in words."""
        return self.check.title if self.check else "Fails a check that is in the baseline no more"

    @property
    def severity(self) -> Severity:
        """The check's severity; unknown counts as the worst."""
        return self.check.severity if self.check else Severity.CRITICAL

    @property
    def controls(self) -> tuple[str, ...]:
        """NIST 800-53 controls; CM-6 and SI-2 cover a failure that names none."""
        return (self.check.references.nist_800_53r5 if self.check else ()) or ("CM-6",)

    @property
    def host_ids(self) -> tuple[str, ...]:
        """Where it fails, ``fleet`` for what shows only over all hosts."""
        return tuple(sorted({finding.host for finding in self.findings}))

    @property
    def detected(self) -> date:
        """The day it was first seen on any of the hosts."""
        return min(finding.first_seen for finding in self.findings).date()

    @property
    def closed(self) -> date | None:
        """The day the last of them was fixed."""
        days = [finding.closed_at.date() for finding in self.findings if finding.closed_at]
        return max(days) if self.standing is Standing.COMPLETED and days else None

    @property
    def due(self) -> DueDate | None:
        """The earliest date that governs any of its findings."""
        dates = [due for finding in self.findings if (due := governing(finding))]
        return min(dates, key=lambda due: due.due) if dates else None

    @property
    def owners(self) -> tuple[str, ...]:
        """Who owns the hosts, as the inventory says."""
        return tuple(sorted({host.owner for host in self.hosts if host.owner}))

    @property
    def systems(self) -> tuple[str, ...]:
        """The systems (ATO boundaries) the hosts belong to."""
        return tuple(sorted({host.system for host in self.hosts if host.system}))

    @property
    def effort(self) -> str:
        """How much work it is, from the check's own estimate."""
        hosts = len(self.host_ids)
        if self.check is None:
            return "not estimated: the check is in the baseline no more"
        minutes = self.check.remediation.minutes
        return f"{duration(minutes * hosts)} of staff time: {counted(minutes, 'minute')} on {counted(hosts, 'host')}"


def weaknesses(assessment: Assessment) -> tuple[Weakness, ...]:
    """Return every weakness, by check, decision and waiver; closings that are no fix make none."""
    hosts = {entry.host.id: entry.host for entry in assessment.read_hosts() if entry.host.id != FLEET}
    waivers = {use.waiver.id: use.waiver for use in assessment.waivers if use.state is WaiverState.ACTIVE}
    checks = {check.id: check for check in assessment.baseline.checks}
    groups: dict[tuple[str, Standing, str], list[Finding]] = defaultdict(list)
    for finding in assessment.findings:
        if finding.open:
            waiver = waivers.get(finding.waiver)
            standing = Standing.ACCEPTED if waiver and accepted_by_official(waiver) else Standing.ONGOING
            groups[finding.check, standing, waiver.id if waiver else ""].append(finding)
        elif finding.closing is Closing.FIXED:
            groups[finding.check, Standing.COMPLETED, ""].append(finding)
    return tuple(
        Weakness(
            check_id=check,
            check=checks.get(check),
            standing=standing,
            waiver=waivers.get(waiver),
            findings=tuple(sorted(found, key=lambda one: (one.host, one.subject, one.id))),
            hosts=tuple(hosts[id_] for id_ in sorted({one.host for one in found} & hosts.keys())),
        )
        for (check, standing, waiver), found in sorted(groups.items())
    )


def accepted_by_official(waiver: Waiver) -> bool:
    """Return whether the authorising official is among those who approved the waiver."""
    roles = (approval.role.lower() for approval in waiver.approved_by)
    return any(
        role in ("ao", "dao", "daa") or "authorizing official" in role or "authorising official" in role
        for role in roles
    )


def decision(weakness: Weakness) -> str:
    """Return what was decided about a weakness and by whom, in one sentence; empty when nothing was."""
    waiver = weakness.waiver
    if weakness.standing is Standing.COMPLETED:
        return f"Closed: {CLOSING[Closing.FIXED]}; the check passes on {counted(len(weakness.host_ids), 'host')}."
    if waiver is None:
        return ""
    names = ", ".join(f"{one.name} ({one.role}, {one.date})" for one in waiver.approved_by)
    verb = "Risk accepted" if weakness.standing is Standing.ACCEPTED else "Waived, not accepted by the AO,"
    return f"{verb} until {waiver.expires} under {waiver.id}, approved by {names or 'nobody'}: {waiver.reason}"
