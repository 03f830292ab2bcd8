"""The verdict of a run in a sentence and a handful of numbers, the same in the page and on the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from posture.model.check import Severity
from posture.model.finding import Finding
from posture.model.host import FLEET
from reports.survey import Survey
from reports.words import counted, percent, thousands

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Headline:
    """The numbers of a run, each with what it is counted from."""

    possible: int
    decided: int
    hosts: int
    hosts_assessed: int
    open: int
    open_hosts: int
    open_fleet: int
    """Of the open findings, those that stand against the whole fleet and no single host."""
    overdue: int
    overdue_waived: int
    waived: int
    by_severity: tuple[tuple[str, int], ...]
    """Worst first, every severity, zeros included; ``unknown`` last when a check is not in this baseline."""


def headline(survey: Survey) -> Headline:
    """Return the numbers of a run."""
    coverage = survey.assessment.coverage
    counts = Counter(severity_word(survey, finding) for finding in survey.open)
    words = [severity.label for severity in sorted(Severity, reverse=True)]
    return Headline(
        possible=coverage.possible,
        decided=coverage.decided,
        hosts=max(coverage.hosts, survey.hosts_seen),
        hosts_assessed=survey.hosts_assessed,
        open=len(survey.open),
        open_hosts=len({finding.host for finding in survey.open} - {FLEET}),
        open_fleet=sum(finding.host == FLEET for finding in survey.open),
        overdue=len(survey.overdue),
        overdue_waived=len(survey.overdue & survey.waived),
        waived=len(survey.waived),
        by_severity=tuple((word, counts[word]) for word in (*words, UNKNOWN) if word != UNKNOWN or counts[word]),
    )


def severity_word(survey: Survey, finding: Finding) -> str:
    """Return the severity of a finding; ``unknown`` when its check is not in this baseline."""
    check = survey.checks.get(finding.check)
    return check.severity.label if check else UNKNOWN


def coverage_words(head: Headline) -> str:
    """Return ``Coverage 71 %: 9 of 12 hosts assessed, 852 of 1,200 results decided.``"""
    return (
        f"Coverage {percent(head.decided, head.possible)}: {thousands(head.hosts_assessed)} of "
        f"{counted(head.hosts, 'host')} assessed, {thousands(head.decided)} of "
        f"{counted(head.possible, 'result')} decided."
    )


def findings_words(head: Headline) -> str:
    """Return the count of open findings with overdue and waived ones; never a claim that all is well."""
    if not head.decided:
        return "Nothing was assessed, so nothing can be said about findings."
    if not head.open:
        return "No findings." if head.decided >= head.possible else "Nothing found as far as seen."
    waived = f" ({thousands(head.overdue_waived)} of them waived)" if head.overdue_waived else ""
    fleet = f" ({thousands(head.open_fleet)} of them across the fleet)" if head.open_fleet else ""
    hosts = f"{thousands(head.open_hosts)} of {counted(head.hosts, 'host')}{fleet}"
    return (
        f"{counted(head.open, 'open finding')} on {hosts}, "
        f"{thousands(head.overdue)} overdue{waived}, {thousands(head.waived)} waived in all."
    )


def caution(survey: Survey, head: Headline) -> str:
    """Return what must be said next to the verdict."""
    if not head.decided:
        return "No host gave a single decided result. Start with the blind spots below."
    if not survey.complete and not survey.undecided and survey.fleet_undecided:
        return (
            f"{thousands(survey.fleet_undecided)} of {counted(len(survey.fleet_checks), 'check')} of the whole fleet "
            "could not be decided, and unknown is not good."
        )
    if not survey.complete:
        return (
            f"{thousands(survey.undecided)} of {counted(head.possible, 'result')} "
            f"({percent(survey.undecided, head.possible)}) are unknown, and unknown is not good: "
            "there may be more findings than are shown."
        )
    checks = counted(survey.assessment.coverage.checks, "check")
    return f"All {checks} were decided on every host. They say nothing of what they do not look at."
