"""What a collector is, what it asks, and what it makes of the answers.

A collector is a value: the commands it sends, the dataclass its facts have, and one pure function from answers to
facts.
Transports (``ssh``, ``openssh``, ``local``, ``replay``) bring the answers home; they know nothing of topics.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from posture.model.host import Host
from posture.model.observation import Blind, FactDocument, Hole, Observation, Origin, Unseen


@dataclass(frozen=True, slots=True)
class Command:
    """One reviewed question: an argument tuple with an absolute path, never a shell text."""

    id: str
    """``topic.name``, such as ``sshd.effective``; arguments of the second batch are appended after ``/``."""
    argv: tuple[str, ...]
    sudo: bool = False
    """Run through ``sudo -n`` when the account is not root."""
    timeout_s: int = 20
    max_bytes: int = 4_000_000
    """Output beyond this is cut on the target and marked truncated."""
    ok_exit: tuple[int, ...] = (0,)
    """Exit codes that mean "the answer is complete"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one command, redacted before anyone else sees it."""

    command: Command
    stdout: bytes
    stderr: bytes
    exit_code: int | None
    """``None`` when it never ended or never ran."""
    duration_ms: int
    truncated: bool = False
    timed_out: bool = False
    redactions: int = 0
    ran_as_root: bool = False
    gone: str = ""
    """Why its bytes are no longer kept, where a retention policy let them go; nothing is read from it then."""

    @property
    def text(self) -> str:
        """Standard output, decoded for good; undecodable bytes are replaced."""
        return self.stdout.decode("utf-8", "replace")


Answers = Mapping[str, Answer]
"""By command id; a command that was never sent is missing."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What ``parse`` returns: a topic's dataclass, and the paths below it that could not be seen."""

    value: Any
    holes: tuple[Hole, ...] = ()


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list that says whether it is all there is; in an incomplete one only a counterexample counts."""

    items: list[T]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Collector:
    """One topic: its questions, the shape of its facts, and how to read the answers."""

    topic: str
    version: int
    commands: tuple[Command, ...]
    facts: type
    """The dataclass of the facts; its JSON schema is published, so a check can be checked before any scan."""
    parse: Callable[[Answers], Facts | Hole]
    """Pure. A ``Hole`` with an empty path means the whole topic is unseen."""
    follow_up: Callable[[Answers], tuple[Command, ...]] | None = None
    """Commands of the second batch, from the answers of the first."""
    second: tuple[Command, ...] = ()
    """What ``follow_up`` may send, for the manifest; an argument written ``{name}`` or holding it varies."""
    volatile: bool = False
    """True when it holds what is never the same twice (pids, times): kept apart so that rescans stay cheap."""
    reads: str = ""
    """Topic whose answers it reads, where several topics come out of one visit; its own when empty."""


@dataclass(frozen=True, slots=True)
class Session:
    """One visit to a host."""

    host: str
    account: str
    vantage: str
    origin: Origin
    started_at: datetime
    host_key: str = ""
    """Fingerprint ``SHA256:…`` of the server's key; empty for local and replay."""
    transport: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything one host answered in one session; the unit that is stored, replayed and judged again."""

    session: Session
    answers: Mapping[str, Answer] = field(default_factory=dict)
    failure: Hole | None = None
    """Why the session brought nothing, or ended early."""


class Transport(Protocol):
    """Runs batches of commands on one host over one connection."""

    session: Session

    def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        """Run them all and return every answer that came back.

        Raises:
            CollectError: the host cannot be read any further.
        """
        ...

    def close(self) -> None:
        """End the session."""
        ...


def hole(answer: Answer | None, path: str = "") -> Hole | None:
    """Return why this answer cannot be believed, or ``None`` when it is complete."""
    if answer is None:
        return Hole(path, Blind.NOT_ATTEMPTED, "the command was never sent or never answered")
    if answer.timed_out:
        return Hole(path, Blind.TIMED_OUT, f"{answer.command.id} ran longer than {answer.command.timeout_s} s")
    stderr = answer.stderr.decode("utf-8", "replace")
    # A refusing sudo exits with 1, which may be a command's own "complete" code (grep: no line): never trust it then.
    if answer.exit_code != 0 and any(word in stderr for word in _SUDO_REFUSALS):
        return Hole(path, Blind.COMMAND_REFUSED, _first_line(stderr))
    if answer.exit_code == COMMAND_NOT_FOUND or _SUDO_MISSING.search(stderr):
        return Hole(path, Blind.COMMAND_MISSING, f"{answer.command.argv[0]} is not on the host")
    if answer.exit_code not in answer.command.ok_exit and any(word in stderr for word in _REFUSALS):
        return Hole(path, Blind.COMMAND_REFUSED, _first_line(stderr))
    if answer.truncated:
        return Hole(path, Blind.TRUNCATED, f"{answer.command.id} said more than {answer.command.max_bytes} bytes")
    if answer.exit_code is None:
        return Hole(path, Blind.NOT_ATTEMPTED, f"{answer.command.id} never ended")
    if answer.exit_code not in answer.command.ok_exit:
        detail = f"{answer.command.id} ended with {answer.exit_code}: {_first_line(stderr)}"
        return Hole(path, Blind.UNPARSEABLE, detail)
    return None


COMMAND_NOT_FOUND = 127  # POSIX sh, 2.8.2 Exit Status for Commands
_SUDO_REFUSALS = (
    "sudo: a password is required",
    "sudo: a terminal is required",
    "is not in the sudoers file",
    "is not allowed to execute",
    "may not run sudo",
    "sudo: not found",
    "sudo: command not found",
    "sudo: No such file or directory",
    "sudo: you must have a tty",
    "sudo: sorry, you must have a tty",
    "sudo: effective uid is not 0",
    'sudo: The "no new privileges" flag is set',
    "sudo: sorry, you are not allowed",
    "sudo: no valid sudoers sources found",
    "sudo: unable to initialize policy plugin",
)
_SUDO_MISSING = re.compile(r"^sudo: /[^:\n]+: command not found$", re.MULTILINE)
_REFUSALS = (
    "Permission denied",
    "Operation not permitted",
    "you must be root",
    "must be superuser",
)


def _first_line(text: str) -> str:
    # sudo puts this warning first on hosts that do not know their own name.
    telling = [line for line in text.strip().split("\n") if "unable to resolve host" not in line]
    return telling[0][:200] if telling else ""


def observe(collector: Collector, transcript: Transcript) -> Observation:
    """Return the topic's document, or why it is unseen; a parser's own bug becomes ``Blind.BUG``, never a verdict."""
    session = transcript.session
    source = collector.reads or collector.topic
    asked = {id_: answer for id_, answer in transcript.answers.items() if id_.split(".", 1)[0] == source}
    if not asked and transcript.failure is not None:
        return Unseen(session.host, collector.topic, transcript.failure.reason, transcript.failure.detail)
    if gone := next((answer.gone for answer in asked.values() if answer.gone), ""):
        return Unseen(session.host, collector.topic, Blind.NOT_KEPT, gone)  # half an answer would look like all of it
    try:
        parsed = collector.parse(asked)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as bug:
        detail = f"{collector.topic}@{collector.version}: {type(bug).__name__}"
        return Unseen(session.host, collector.topic, Blind.BUG, detail)
    if isinstance(parsed, Hole):
        return Unseen(session.host, collector.topic, parsed.reason, parsed.detail)
    return document(
        host=session.host,
        topic=collector.topic,
        facts=msgspec.to_builtins(parsed.value),
        holes=parsed.holes,
        evidence=tuple(sorted(asked)),
        taken_at=session.started_at,
        origin=session.origin,
    )


def document(
    *,
    host: str,
    topic: str,
    facts: Any,
    evidence: tuple[str, ...],
    taken_at: datetime,
    origin: Origin,
    holes: tuple[Hole, ...] = (),
) -> FactDocument:
    """Return a fact document in canonical JSON with its digest."""
    body = {"facts": facts, "holes": sorted([h.path, h.reason.value, h.detail] for h in holes)}
    content = msgspec.json.encode(body, order="sorted")
    return FactDocument(host, topic, content, hashlib.sha256(content).hexdigest(), evidence, taken_at, origin)


def schema_of(collector: Collector) -> dict[str, Any]:
    """Return the JSON schema of a topic's facts."""
    return msgspec.json.schema(collector.facts)


def applies(collector: Collector, host: Host) -> bool:
    """Return whether this host is asked for the topic: every Linux topic where there is a login."""
    return host.access.transport.value != "none"
