"""Which fixes can be handed over as commands, and which a person has to write out first; from the catalogue alone.

No word that a host chose stands in a command: commands come from the catalogue, hosts by ids of a plain form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from posture.model.assessment import Assessment
from posture.model.check import Check, Remediation, Risk
from posture.model.host import FLEET
from posture.model.plan import Fix

PLACES = frozenset(
    {
        *("ACCOUNT", "ADDRESS", "FILE", "FROM", "GATEWAY", "GOOD", "HOST"),
        *("KEY", "N", "NAME", "OLD", "OLD_VERSION", "PACKAGE", "PATH_OF_THE_ENVIRONMENT"),
        *("PORT", "PROGRAM", "SERVICE", "TO", "UNIT", "VERSION"),
    }
)
"""Words in the catalogue's commands that stand for something a person has to put in."""
HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9_])?")
"""Hosts that can stand in a playbook: anything else would be a pattern, a range or a group to Ansible."""

_WORD = re.compile(r"(?<![A-Za-z0-9_$])[A-Z][A-Z_]*(?![A-Za-z0-9_])")
_PROSE = re.compile(r"[a-z]+ the [a-z ]+\s*")  # `restore the backup`: words to a person, no command
_AGREE = (Risk.LOCKOUT, Risk.OUTAGE)


@dataclass(frozen=True, slots=True)
class Order:
    """One fix with what can be handed over of it."""

    number: int
    """Its place in the plan."""
    fix: Fix
    check: Check
    hosts: tuple[str, ...]
    by_hand: str
    """Why no commands are handed over; empty when they are."""

    @property
    def remedy(self) -> Remediation:
        """How it is mended."""
        return self.check.remediation

    @property
    def verify(self) -> str:
        """The command that shows the new state, run on the host; empty when none can be run there."""
        return "" if places_in(self.remedy.verify) else self.remedy.verify.strip()

    @property
    def agreement(self) -> str:
        """What somebody has to agree to before it is made; empty when nothing is asked."""
        risk = f"Risk: {self.remedy.risk.value}." if self.remedy.risk in _AGREE else ""
        return " ".join(part for part in (self.remedy.precondition.strip(), risk) if part)


def orders(assessment: Assessment) -> Iterator[Order]:
    """Yield every fix of the plan in its order; fixes of the whole fleet have no host to run on."""
    checks = {check.id: check for check in assessment.baseline.checks}
    for number, fix in enumerate(assessment.plan.fixes, start=1):
        check = checks.get(fix.check)
        if check is not None:
            hosts = tuple(host for host in fix.hosts if host != FLEET)
            yield Order(number, fix, check, hosts, _by_hand(check, hosts))


def places_in(commands: str) -> tuple[str, ...]:
    """Return the words in commands that a person has to replace."""
    return tuple(sorted(PLACES.intersection(_WORD.findall(commands))))


def _by_hand(check: Check, hosts: tuple[str, ...]) -> str:
    remedy = check.remediation
    if not hosts:
        return "it is about the whole fleet, not about a host"
    if not remedy.shell.strip() or remedy.shell.startswith("posture "):
        return "no command is written for it"
    if not remedy.rollback.strip() or _PROSE.fullmatch(remedy.rollback):
        return f"no command takes it back ({remedy.rollback.strip() or 'none is written'})"
    tasks = " ".join(str(dict(task)) for task in remedy.ansible)
    if places := places_in(f"{remedy.shell}\n{remedy.rollback}\n{tasks}"):
        return f"somebody has to say what stands for {', '.join(places)}"
    return ""
