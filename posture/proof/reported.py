"""Holds the report inside a bundle against the evidence beside it: its results, its findings, its due dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, datetime

import msgspec

from posture.evaluate.lifecycle import finding_id
from posture.model.finding import Result, Status
from posture.model.host import FLEET
from posture.proof.answers import Answered, Line, none, tried
from posture.proof.copies import ASSESSMENT, CSV, LINES, copies
from posture.proof.layout import FIRST_SIGHTS
from posture.proof.reading import Bundle, Evidence

_APART = Status.NOT_APPLICABLE.label


class _Result(msgspec.Struct):
    check: str
    status: str


class _Host(msgspec.Struct):
    id: str
    results: list[_Result]


class _Due(msgspec.Struct):
    clock: str
    due: date


class _Finding(msgspec.Struct):
    id: str
    status: str
    first_seen: datetime
    due: list[_Due]


class _Report(msgspec.Struct):
    hosts: list[_Host]
    fleet: list[_Result] = []
    findings: list[_Finding] = []


def reported(
    bundle: Bundle, evidence: Evidence, judged: Mapping[str, Mapping[str, str]], failing: Sequence[Result]
) -> Iterator[Line]:
    """Yield whether the report says what the evidence says; ``judged`` has the status of every check on every host."""
    what = f"{ASSESSMENT} says the same"
    if ASSESSMENT not in bundle.members:
        yield Line(
            what, Answered.HOLDS, "; ".join(filter(None, ("there is none in this bundle", _unread(bundle, set()))))
        )
        return
    report, line = tried(what, lambda: bundle.json(ASSESSMENT, _Report))
    if report is None:
        yield line
        return
    yield none(what, list(_other_results(report, judged)), "differ")
    unread = _unread(bundle, {ASSESSMENT, CSV, LINES})
    said = f"{len(report.findings):,} findings, dated again from the first sight they name"
    said += f"; {unread}" if unread else ""
    what = f"{ASSESSMENT} has the findings and due dates that follow"
    yield none(what, list(_other_dates(report, evidence, failing)), "differ", said)
    yield from copies(bundle, judged)


def _unread(bundle: Bundle, read: Set[str]) -> str:
    """Return in words which reports nothing was held against."""
    others = (name for name in bundle.members if name.startswith("reports/") and name not in read)
    named = ", ".join(sorted(name.removeprefix("reports/") for name in others))
    return f"not read: {named}" if named else ""


def _other_results(report: _Report, judged: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    said = {host.id: {one.check: one.status for one in host.results} for host in report.hosts}
    said[FLEET] = {one.check: one.status for one in report.fleet}
    # Of the whole fleet a report names only the checks that are asked of it.
    asked = {
        host: {check: status for check, status in statuses.items() if host != FLEET or status != _APART}
        for host, statuses in judged.items()
    }
    for host in sorted(said.keys() | asked.keys()):
        for check in sorted(said.get(host, {}).keys() | asked.get(host, {}).keys()):
            told, true = said.get(host, {}).get(check, "nothing"), judged.get(host, {}).get(check, "nothing")
            if told != true:
                yield f"{check} on {host}: {told}, the evidence says {true}"


def _other_dates(report: _Report, evidence: Evidence, failing: Sequence[Result]) -> Iterator[str]:
    checks = {check.id: check for check in evidence.baseline.checks}
    told = {one.id: one for one in report.findings if one.status == "open"}
    for result in failing:
        for subject in result.verdict.subjects or ("",):
            place = " ".join(f"{result.check} on {result.host} {subject}".split())
            finding = told.pop(finding_id(result.check, result.host, subject), None)
            if finding is None:
                yield f"{place}: no finding, the evidence says fail"
                continue
            first_seen = evidence.first_seen(finding.id, finding.first_seen)
            if finding.first_seen > evidence.run.as_of:
                yield f"{place}: first seen after the run it stands in"
            elif finding.first_seen != first_seen:
                yield f"{place}: first seen {finding.first_seen:%Y-%m-%d}, {FIRST_SIGHTS} says {first_seen:%Y-%m-%d}"
            due = evidence.due(checks[result.check], result.host, subject, finding.first_seen) or ()
            follows = [(one.clock, one.due) for one in due]
            said = [(one.clock, one.due) for one in finding.due]
            if said != follows:
                yield f"{place}: {_dates(said)}, the clocks say {_dates(follows)}"
    yield from (f"finding {id_}: open, and nothing in the evidence fails" for id_ in sorted(told))


def _dates(dues: Sequence[tuple[str, date]]) -> str:
    return "due " + ", ".join(f"{due} ({clock})" for clock, due in dues) if dues else "no date"
