"""Holds a bundle against the audit log in it: what was written down of the run when it began and when it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from posture import __version__
from posture.errors import UsageError
from posture.proof.answers import Answered, Line, held, none
from posture.proof.layout import AUDIT, BASELINE, FORMAT, INVENTORY, PARTS, Manifest
from posture.proof.reading import Bundle, Evidence
from posture.store.runs import about

_WHOLE = "the audit log is whole"
_BEGUN = "run, inventory and baseline are those the audit log began the run with"
_JUDGED_BY = "scope, circumstances and known vulnerabilities are those the audit log ended the run with"
_ANSWERS = "every raw answer is the one the audit log ended the run with"
_RESULTS = "results and due dates come to what the audit log ended the run with"
_NOT_THEN = "the run was made by a version that wrote no digest of it"


@dataclass(frozen=True, slots=True)
class Pinned:
    """What the audit log says of the run: builtins, and no word of it is sure to be there or of its type."""

    begun: Mapping[str, Any]
    ended: Mapping[str, Any]


def audit_log(bundle: Bundle, manifest: Manifest) -> tuple[Line, Pinned]:
    """Return whether every row follows from the one before, and what they say of the run."""
    prev, seq, head = "00" * 32, 0, ""
    begun: Mapping[str, Any] = {}
    ended: list[Mapping[str, Any]] = []
    over = False
    try:
        for seq, text in enumerate(bundle.content(AUDIT).splitlines(), start=1):
            row = msgspec.json.decode(text)
            head = hashlib.sha256(bytes.fromhex(prev) + row["content"].encode()).hexdigest()
            if (row["seq"], row["prev"], row["digest"]) != (seq, prev, head):
                return _broken(f"row {seq} does not follow from the one before")
            prev = head
            written = msgspec.json.decode(row["content"])
            if written["run"] != manifest.run:
                continue
            event, detail = written["event"], written["detail"] or {}
            if event in ("run_begun", "run_ended", "run_pinned") and over:
                return _broken(f"row {seq}: the run had ended already")
            if event == "run_begun":
                begun = detail
            elif event in ("run_ended", "run_pinned"):
                ended.append(detail)
                over = detail.get("state") != "incomplete"
    except (UsageError, msgspec.MsgspecError, KeyError, TypeError, ValueError, AttributeError) as reason:
        return _broken(f"row {seq}: {reason}")
    if (seq, head) != (manifest.audit_rows, manifest.audit_head):
        return _broken(f"it was cut: {seq} rows of {manifest.audit_rows}, or another end")
    line = held(_WHOLE, bool(ended), "it does not hold the end of this run", f"{seq} rows")
    return line, Pinned(begun, ended[-1] if ended else {})


def _broken(why: str) -> tuple[Line, Pinned]:
    return Line(_WHOLE, Answered.FAILS, why), Pinned({}, {})


def goes_on(bundle: Bundle, earlier: Path) -> Line:
    """Return whether the audit log begins with all of an earlier bundle's: nothing in it was written anew since."""
    before, now = Bundle(earlier).content(AUDIT), bundle.content(AUDIT)
    what = "the audit log goes on from the one of the earlier bundle"
    if not before:
        return Line(what, Answered.FAILS, f"{earlier} holds no row of any")
    rows = f"its first {len(before.splitlines()):,} rows"
    return held(what, now.startswith(before), f"{rows} are others than in {earlier}", f"{rows} are those of {earlier}")


def as_pinned(bundle: Bundle, evidence: Evidence, pinned: Pinned, manifest: Manifest) -> Iterator[Line]:
    """Yield whether what the bundle holds is what was written down when the run was made."""
    if manifest.format != FORMAT or "as_of" not in pinned.begun:
        yield Line(_BEGUN, Answered.OPEN, _NOT_THEN)
    else:
        yield none(_BEGUN, list(_other_beginning(bundle, evidence, pinned.begun)), "differ")
    parts, answers = pinned.ended.get("parts"), pinned.ended.get("answers")
    if manifest.format != FORMAT or not isinstance(parts, dict):
        yield Line(_JUDGED_BY, Answered.OPEN, _NOT_THEN)
    else:
        there = {part: bundle.members[name].sha256 for part, name in PARTS.items() if name in bundle.members}
        wrong = [PARTS[part] for part in PARTS if there.get(part) != parts.get(part)]
        yield none(_JUDGED_BY, wrong, "differ")
    if answers is None:
        yield Line(_ANSWERS, Answered.OPEN, _NOT_THEN)
    else:
        otherwise = "another answer, another question, one more or one less"
        yield held(_ANSWERS, evidence.pin == answers, otherwise, f"{evidence.answers:,} answers")


def results_as_pinned(pinned: Pinned, evidence: Evidence, fingerprint: str) -> Line:
    """Return whether results, first sights and dates have the fingerprint that was written down."""
    said, version = pinned.ended.get("fingerprint"), evidence.run.tool_version
    if not evidence.knows_first_sights:
        return Line(_RESULTS, Answered.OPEN, "made by a version that put no first sights in")
    if not said:
        why = "imported: its dates were reckoned elsewhere" if "state" not in pinned.ended else "the run was broken off"
        return Line(_RESULTS, Answered.OPEN, why)
    if fingerprint != said and version != __version__:
        return Line(_RESULTS, Answered.OPEN, f"reckoned by version {version}, and otherwise by {__version__}")
    return held(_RESULTS, fingerprint == said, "other results, first sights or dates")


def _other_beginning(bundle: Bundle, evidence: Evidence, begun: Mapping[str, Any]) -> Iterator[str]:
    run = about(evidence.run)
    yield from (f"{name}: {run[name]}, the log says {begun.get(name)}" for name in run if run[name] != begun.get(name))
    for name, member in (("inventory", INVENTORY), ("baseline", BASELINE)):
        if bundle.members[member].sha256 != begun.get(name):
            yield member
