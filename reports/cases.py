"""Findings beside what is known of them now: the check, the host, and what the check says of it today."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from posture.model.assessment import Assessment, HostAssessment
from posture.model.attack import AttackReport
from posture.model.check import Check, Severity
from posture.model.finding import AssertionResult, Finding, Outcome, Result
from posture.model.host import FLEET, Host
from posture.model.observation import Evidence


@dataclass(frozen=True, slots=True)
class Case:
    """One finding with everything an export says of it."""

    finding: Finding
    check: Check | None
    """``None`` when it is in the baseline no more."""
    entry: HostAssessment | None
    """``None`` when its host is not in this run."""
    result: Result | None
    """What the check says of the host in this run; it need not be a failure: the host may be out of sight now."""

    @property
    def title(self) -> str:
        """The finding in words."""
        return self.check.title if self.check else "not a check of this baseline"

    @property
    def severity(self) -> Severity:
        """The severity of its check; one that left the baseline counts as the worst: we do not know."""
        return self.check.severity if self.check else Severity.CRITICAL

    @property
    def host(self) -> Host | None:
        """The host, unless the finding stands against the whole fleet or the host is not in this run."""
        return self.entry.host if self.entry and self.entry.host.id != FLEET else None

    @property
    def now(self) -> str:
        """What the check says today; ``no_result`` when it says nothing."""
        return self.result.verdict.status.label if self.result else "no_result"

    @property
    def lines(self) -> tuple[AssertionResult, ...]:
        """The assertions that do not hold; all of them when none is false."""
        lines = self.result.verdict.assertions if self.result else ()
        return tuple(line for line in lines if line.outcome is Outcome.FALSE) or lines

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The answers its result was read from."""
        if self.entry is None or self.result is None:
            return ()
        return tuple(record for record in self.entry.evidence if record.command_id in self.result.evidence)

    @property
    def gist(self) -> str:
        """What was there, in one line."""
        said = [line.message or f"{line.fact} is {line.actual}, expected {line.expected}" for line in self.lines]
        return "; ".join(said)


def cases(assessment: Assessment) -> Iterator[Case]:
    """Yield every finding, host by host; those of hosts that are not in this run come last."""
    found = Cases(assessment)
    for entry in assessment.read_hosts():
        yield from found.of(entry)
    yield from found.gone()


class Cases:
    """The findings of an assessment, to be met with its hosts one after the other."""

    def __init__(self, assessment: Assessment) -> None:
        self._by_host: dict[str, list[Finding]] = defaultdict(list)
        for finding in sorted(assessment.findings, key=lambda one: (one.check, one.subject, one.id)):
            self._by_host[finding.host].append(finding)
        self._checks = {check.id: check for check in assessment.baseline.checks}

    def of(self, entry: HostAssessment) -> Iterator[Case]:
        """Yield the findings of the next host."""
        findings = self._by_host.pop(entry.host.id, ())
        results = {result.check: result for result in entry.results} if findings else {}
        for finding in findings:
            yield Case(finding, self._checks.get(finding.check), entry, results.get(finding.check))

    def gone(self) -> Iterator[Case]:
        """Yield those of hosts that are not in this run, once every host was met."""
        for _, findings in sorted(self._by_host.items()):
            for finding in findings:
                yield Case(finding, self._checks.get(finding.check), None, None)


_ID = re.compile(r"(?:CVE|GHSA|DSA|DLA|RHSA|USN|OSV|PYSEC)-[A-Za-z0-9-]{4,40}(?::[0-9]{1,6})?")


def cve_of(finding: Finding) -> str:
    """Return the CVE, or the vendor's own id, that a finding is about; empty for a setting."""
    last = finding.subject.rpartition(" ")[2]
    return last if finding.subject.startswith("pkg:") and _ID.fullmatch(last) else ""


Ended = Callable[[Finding], int]
"""Says how many of the attack paths found the end of a finding would end."""


def paths_ended(attack: AttackReport | None) -> Ended | None:
    """Return what counts the attack paths that a finding is part of; ``None`` where none were judged."""
    if attack is None or attack.analysis is None:
        return None
    named = {one.id: one for one in attack.named_conditions}
    by_finding: Counter[str] = Counter()
    by_place: Counter[tuple[str, str]] = Counter()
    for path in attack.paths():
        broken = [named[id_] for id_ in path.breaks if id_ in named]
        by_finding.update({one.finding for one in broken if one.finding})
        by_place.update({(one.check, one.host) for one in broken if one.check and not one.finding})
    return lambda finding: max(by_finding[finding.id], by_place[finding.check, finding.host])


def one_line(text: str) -> str:
    """Return our own longer text on one line; what foreign text it quotes still has to be made inert."""
    return " ".join(text.split())
