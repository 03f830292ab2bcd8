"""One digest over every raw answer of a run, to be worked out from the answers alone, without this database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from collectors.base import Command, Session, Transcript
from posture.model.observation import Hole
from posture.store.blobs import Digest
from posture.store.collected import AS_ROOT, TIMED_OUT, TRUNCATED, Visited, answer_facts

SESSION_KEYS = ("host", "transport", "vantage", "account", "origin", "host_key", "started_at", "failure")
ANSWER_KEYS = (
    *("command_id", "argv", "sudo", "ok_exit", "ran_as_root", "exit_code", "truncated", "timed_out", "redactions"),
    *("sha256", "stderr_sha256"),
)
"""What is pinned of a session, and of each of its answers; the names are those of the files in a bundle.

This order, for ever: chains that were written hold the digest of it.
"""


def pin_of_visit(visited: Visited, commands: Mapping[Digest, Command]) -> bytes:
    """Return the line of a stored session; the bytes of its answers are not read, their digests are."""
    refs, failure = visited.answers.refs, visited.about.failure
    answers = []
    for index, (exit_code, flags, redactions, _) in enumerate(answer_facts(visited)):
        marks = bool(flags & AS_ROOT), exit_code, bool(flags & TRUNCATED), bool(flags & TIMED_OUT), redactions
        digests = refs[3 * index + 1].hex(), refs[3 * index + 2].hex()
        answers.append(_answer(commands[refs[3 * index]], marks, digests))
    return _line(visited.session, failure, answers)


def pin_of_transcript(transcript: Transcript) -> bytes:
    """Return the line of a session whose answers are here."""
    answers = []
    for _, one in sorted(transcript.answers.items()):
        marks = one.ran_as_root, one.exit_code, one.truncated, one.timed_out, one.redactions
        digests = hashlib.sha256(one.stdout).hexdigest(), hashlib.sha256(one.stderr).hexdigest()
        answers.append(_answer(one.command, marks, digests))
    return _line(transcript.session, _told(transcript.failure), answers)


def _told(failure: Hole | None) -> tuple[str, str, str] | None:
    return (failure.path, failure.reason.value, failure.detail) if failure else None


def _answer(
    command: Command, marks: tuple[bool, int | None, bool, bool, int], digests: tuple[str, str]
) -> tuple[Any, ...]:
    return (command.id, command.argv, command.sudo, command.ok_exit, *marks, *digests)


def _line(session: Session, failure: object, answers: Iterable[tuple[Any, ...]]) -> bytes:
    about = (session.host, session.transport, session.vantage, session.account, session.origin, session.host_key)
    return msgspec.json.encode((*about, session.started_at, failure, answers)) + b"\n"
