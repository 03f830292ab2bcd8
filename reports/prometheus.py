"""posture.prom: the totals of every report as gauges, for node_exporter's textfile collector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posture.model.assessment import Assessment
from posture.model.check import Severity
from posture.model.finding import Status
from reports.due import governing
from reports.files import new_file
from reports.inert import inert
from reports.survey import Survey, survey


@dataclass(frozen=True, slots=True)
class _Gauge:
    name: str
    help: str
    samples: tuple[tuple[tuple[tuple[str, str], ...], float], ...]
    """Labels and value."""


def write_prometheus(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the gauges; names of hosts stand in none of them, so the marking of the agency is not needed here.

    Raises:
        UsageError: the file cannot be written.
    """
    del marking  # totals only
    with new_file(path) as file:
        for line in prometheus_lines(survey(assessment)):
            file.write(line)


def prometheus_lines(found: Survey) -> Iterator[bytes]:
    """Yield the gauges of a run in Prometheus's text format."""
    for gauge in _gauges(found):
        yield f"# HELP {gauge.name} {gauge.help}\n# TYPE {gauge.name} gauge\n".encode()
        for labels, value in gauge.samples:
            yield f"{gauge.name}{_labels(labels)} {value:g}\n".encode()


def _gauges(found: Survey) -> Iterator[_Gauge]:
    whole = found.assessment
    run, coverage = whole.run, whole.coverage
    about = (("run", run.id), ("profile", whole.baseline.profile.id), ("version", run.tool_version))
    yield _Gauge("posture_run_info", "The run these numbers come from.", ((about, 1),))
    yield _one("posture_run_timestamp_seconds", "The moment by which the run judged dates.", run.as_of.timestamp())
    yield _Gauge(
        "posture_run_complete",
        "1 when the run ended by itself.",
        (((), float(run.state.value == "complete")),),
    )
    yield _one("posture_coverage_ratio", "Decided results over hosts times checks; 0 when nothing ran.", coverage.share)
    counts = dict(coverage.by_status)
    yield _Gauge(
        "posture_results",
        "Results by status, over the frozen denominator.",
        tuple(((("status", status.label),), float(counts.get(status, 0))) for status in Status),
    )
    hosts = (
        ("inventory", coverage.hosts),
        ("assessed", found.hosts_assessed),
        ("complete", found.hosts_complete),
        ("blind", found.hosts_blind),
    )
    yield _Gauge(
        "posture_hosts", "Hosts by what was seen of them.", tuple(((("state", name),), float(n)) for name, n in hosts)
    )
    yield from _findings(found)
    yield from _scores(whole)


def _findings(found: Survey) -> Iterator[_Gauge]:
    by_severity = Counter(found.severity(finding) for finding in found.open)
    late = Counter(found.severity(finding) for finding in found.open if finding.id in found.overdue)
    yield _Gauge("posture_findings_open", "Open findings, waived ones included.", tuple(_by_severity(by_severity)))
    yield _Gauge("posture_findings_overdue", "Open findings whose date has passed.", tuple(_by_severity(late)))
    yield _one("posture_findings_waived", "Open findings under a waiver in force.", float(len(found.waived)))
    clocks = Counter(due.clock for finding in found.open if (due := governing(finding)) and finding.id in found.overdue)
    names = sorted(clock.id for clock in found.assessment.clocks if not clock.history)
    yield _Gauge(
        "posture_clock_overdue",
        "Open findings that are overdue by the clock that governs them.",
        tuple(((("clock", name),), float(clocks[name])) for name in names),
    )
    yield _Gauge(
        "posture_check_failing_hosts",
        "Hosts that fail a check.",
        tuple(((("check", check),), float(n[Status.FAIL])) for check, n in sorted(found.by_check.items())),
    )


def _by_severity(counts: Counter[Severity]) -> Iterator[tuple[tuple[tuple[str, str], ...], float]]:
    for severity in Severity:
        yield (("severity", severity.label),), float(counts[severity])


def _scores(whole: Assessment) -> Iterator[_Gauge]:
    for end, words in (("low", "every unknown fails"), ("high", "every unknown passes")):
        yield _Gauge(
            f"posture_score_{end}",
            f"Uncalibrated score of an AI-threat category, 0 to 100, if {words}.",
            tuple(((("category", score.category),), getattr(score, end)) for score in whole.scores),
        )


def _one(name: str, words: str, value: float) -> _Gauge:
    return _Gauge(name, words, (((), value),))


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return inert(value).replace("\\", "\\\\").replace('"', '\\"')
