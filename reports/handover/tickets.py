"""tickets.csv: one row for each fix of the plan, with headings that Jira's and ServiceNow's imports map by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from posture.model.assessment import Assessment
from posture.model.check import Severity
from reports.files import new_file
from reports.findings_csv import write_rows
from reports.handover.orders import Order, orders
from reports.inert import clip

COLUMNS = (
    *("Summary", "Description", "Issue Type", "Priority", "Due Date", "Assignee", "Labels", "Component"),
    *("External ID", "Risk", "Precondition", "Commands", "Validation", "Rollback", "Acceptance", "Hosts", "Findings"),
    *("Estimate Minutes", "Run"),
)
PRIORITY: dict[Severity, str] = {
    Severity.CRITICAL: "Highest",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
    Severity.INFO: "Lowest",
}
_HOSTS_CHARS = 8_000
_SUMMARY_CHARS = 250  # Jira takes 255


def write_tickets(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write one row for each fix; imported again, the External ID finds the ticket of before.

    Raises:
        UsageError: the file cannot be written.
    """
    del marking  # rows only: a CSV file has no place for it
    systems = {entry.host.id: entry.host.system for entry in assessment.read_hosts()}
    with new_file(path) as file:
        write_rows(file, COLUMNS, (_row(assessment, order, systems) for order in orders(assessment)))


def _row(assessment: Assessment, order: Order, systems: dict[str, str]) -> tuple[str, ...]:
    fix, check, remedy = order.fix, order.check, order.remedy
    found = sorted({systems.get(host, "") for host in order.hosts} - {""})
    hand = f" By hand: {order.by_hand}." if order.by_hand else ""
    return (
        f"{check.id} {fix.title}"[:_SUMMARY_CHARS],
        f"{check.rationale.strip()} Fix: {remedy.text.strip()} {fix.reason}{hand}",
        "Task",
        PRIORITY[fix.severity],
        f"{fix.due}" if fix.due else "",
        fix.owner,
        " ".join(("posture", check.id, *check.threat.categories)),
        ", ".join(found),
        _external_id(order),
        remedy.risk.value,
        order.agreement,
        *(_on_lines(one) for one in (remedy.shell, remedy.verify, remedy.rollback)),
        f"{check.id} passes at the next scan on {len(order.hosts) or 'the whole fleet'} of these hosts",
        clip(", ".join(order.hosts) or "the whole fleet", _HOSTS_CHARS),
        clip(", ".join(fix.findings), _HOSTS_CHARS),
        f"{fix.minutes}",
        assessment.run.id,
    )


def _external_id(order: Order) -> str:
    """Return what a later import knows the fix by: its check and owner, as in the plan."""
    known_by = f"{order.fix.check}\n{order.fix.owner}"
    return f"posture-{hashlib.sha256(known_by.encode()).hexdigest()[:12]}"


def _on_lines(commands: str) -> str:
    return " ↵ ".join(commands.rstrip("\n").split("\n"))
