"""Holds the lists of findings in a bundle, for spreadsheets and for pipes, against the assessment beside them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from io import StringIO
from typing import Any

import msgspec

from posture.proof.answers import Line, none, tried
from posture.proof.reading import Bundle

ASSESSMENT, CSV, LINES = "reports/assessment.json", "reports/findings.csv", "reports/posture.jsonl"
Judged = Mapping[str, Mapping[str, str]]
"""The status of every check by host, as the evidence says it."""


class _Said(msgspec.Struct):
    run: Any
    coverage: Any
    fingerprint: Any
    notes: Any
    marking: Any
    findings: list[dict[str, Any]]


def copies(bundle: Bundle, judged: Judged) -> Iterator[Line]:
    """Yield for each list that is there whether every finding stands in it as in the assessment, and no other."""
    there = [name for name in _READERS if name in bundle.members]
    if not there:
        return
    said, line = tried(f"{ASSESSMENT} can be read", lambda: bundle.json(ASSESSMENT, _Said))
    if said is None:
        yield line
        return
    for name in there:
        try:
            findings = {one["id"]: one for one in said.findings}
            found = list(_READERS[name](bundle.content(name), said, findings, judged))
        except (msgspec.MsgspecError, csv.Error, KeyError, TypeError, ValueError, IndexError) as reason:
            found = [f"it cannot be read: {reason}"]
        yield none(f"{name} says the same", found, "differ", f"{len(said.findings):,} findings")


def _of_csv(content: bytes, _said: _Said, findings: Mapping[str, dict[str, Any]], judged: Judged) -> Iterator[str]:
    left = dict(findings)
    for row in csv.DictReader(StringIO(content.decode("utf-8"), newline=""), strict=True):
        finding = left.pop(row["finding_id"], None)
        if finding is None:
            yield f"finding {row['finding_id'][:40]}: not in the assessment, or twice"
            continue
        for column, value in _cells(finding, judged).items():
            if _moment_or_text(row[column]) != _moment_or_text(value):
                yield f"finding {finding['id']}: {column} {row[column][:40]}, the assessment says {value}"
    yield from (f"finding {id_}: left out" for id_ in sorted(left))


def _cells(finding: dict[str, Any], judged: Judged) -> dict[str, str]:
    """Return what the assessment says in the words of the columns; texts that hosts chose are behind the id."""
    due = finding["due"][0] if finding["due"] else None
    dated = {
        "due": due["due"],
        "clock": due["clock"],
        "clock_start": due["clock_start"],
        "binding": "yes" if due["binding"] else "no",
        "legal": "yes" if due["legal"] else "no",
        "overdue_days": str(finding["overdue_days"]) if finding["status"] == "open" else "",
    } if due else dict.fromkeys(("due", "clock", "clock_start", "binding", "legal", "overdue_days"), "")  # fmt: skip
    return {
        "status": finding["status"],
        "closing": finding["closing"] or "",
        "check_id": finding["check"],
        "first_seen": finding["first_seen"],
        "last_seen": finding["last_seen"],
        "times_opened": str(finding["times_opened"]),
        "result_now": judged.get(finding["host"], {}).get(finding["check"], "no_result"),
        **dated,
    }


def _moment_or_text(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text) if "T" in text else text
    except ValueError:
        return text


def _of_lines(content: bytes, said: _Said, findings: Mapping[str, dict[str, Any]], judged: Judged) -> Iterator[str]:
    left = dict(findings)
    for number, text in enumerate(content.splitlines(), start=1):
        line = msgspec.json.decode(text, type=dict[str, Any])
        if line["type"] == "run":
            yield from (f"{name}: not the assessment's" for name in _OF_RUN if line[name] != getattr(said, name))
        elif line["type"] == "finding":
            finding = line["finding"]
            now = judged.get(finding["host"], {}).get(finding["check"], "no_result")
            if left.pop(finding["id"], None) != finding or line["result_now"] != now:
                yield f"line {number}: not what the assessment says of finding {str(finding['id'])[:40]}"
    yield from (f"finding {id_}: left out" for id_ in sorted(left))


_OF_RUN = ("run", "coverage", "fingerprint", "notes", "marking")
_READERS: dict[str, Callable[[bytes, _Said, Mapping[str, dict[str, Any]], Judged], Iterator[str]]] = {
    CSV: _of_csv,
    LINES: _of_lines,
}
