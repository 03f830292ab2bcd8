"""What is to be told, what waits, what arrived and what was given up: one file of lines that only grows.

A run is `to-tell` until its notices wait; a notice `waits` until it is `delivered` or `given-up`. Each step is one
line, and stands before the next step begins: whoever is killed leaves the step before, which is then done again. So a
notice may arrive twice, with the same id, and never not at all. The file lies beside the database, for its owner only.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec

from posture.errors import StoreError
from posture.notify.events import Event
from posture.store.disk import sync

NAME, LOCK = "notices.jsonl", "notices.lock"
Key = tuple[str, str]
"""Target and id of the event."""


class Step(StrEnum):
    """What a line says."""

    TO_TELL = "to-tell"
    """A run has ended; nobody has looked yet what of it is to be told."""
    TOLD = "told"
    """Everything of the run waits or has ended."""
    WAITS = "waits"
    TRIED = "tried"
    """An attempt that did not reach everybody."""
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"
    ROUND = "round"
    """Somebody began to send."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One step of a run or of a notice."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    step: Step
    run: str = ""
    target: str = ""
    event: str = ""
    """Its id."""
    notice: Event | None = None
    """What is told; with `waits` only."""
    attempts: int = 0
    reached: tuple[str, ...] = ()
    """Recipients of a mail who have it, when others of it have not."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One notice that has not reached everybody yet."""

    target: str
    event: Event
    since: datetime
    attempts: int = 0
    reached: tuple[str, ...] = ()
    why: str = ""
    """What came of the last attempt; empty before the first."""

    @property
    def key(self) -> Key:
        """What makes it one notice."""
        return self.target, self.event.id


@dataclass(slots=True)
class Outbox:
    """What all lines together say."""

    to_tell: dict[str, datetime] = field(default_factory=dict)
    """Runs, and since when."""
    waiting: dict[Key, Waiting] = field(default_factory=dict)
    """The oldest first."""
    ended: dict[Key, Step] = field(default_factory=dict)
    given_up: list[Line] = field(default_factory=list)
    """Notices, and runs that could not be read, that nobody was told of."""
    round_at: datetime | None = None
    """When somebody last began to send."""
    bad: list[int] = field(default_factory=list)
    """Numbers of the lines that do not load; whatever they said is not known."""
    torn: bool = False
    """Whether the last line was cut short: whoever wrote it was killed, and did nothing after it."""

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be done."""
        return not self.to_tell and not self.waiting


def read(folder: Path) -> Outbox:
    """Return what is to be told and what was; lines that do not load are named in it, and hold up nothing.

    Raises:
        StoreError: there is such a file, and it cannot be read.
    """
    path, found = folder / NAME, Outbox()
    try:
        if not path.exists():
            return found
        if not path.is_file():
            raise StoreError(f"{path} is no file", hint=f"ls -l {path}")
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # nobody is in the middle of a line
            content = file.read()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}", hint=f"ls -l {path}") from None
    *lines, tail = content.split(b"\n")
    for number, raw in enumerate(lines, 1):
        if raw.strip() and not _put(found, raw):
            found.bad.append(number)
    found.torn = bool(tail) and not _put(found, tail)
    return found


def note(folder: Path, *lines: Line) -> None:
    """Write steps down in one go; they stand when this returns.

    Raises:
        StoreError: they cannot be written.
    """
    path = folder / NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            start = _whole_lines(file)
            file.write(start + b"".join(msgspec.json.encode(one) + b"\n" for one in lines))
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            sync(folder)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}", hint=f"ls -l {path}; df {folder}") from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold every other sender back until this one has ended; writing down goes on beside it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _whole_lines(file: BinaryIO) -> bytes:
    """Cut a last line that was cut short already, and return what must stand before the next one."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    if file.read() in (b"", b"\n"):
        return b""
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    if _loaded(content[whole:]) is not None:
        return b"\n"  # all of it is there but the line break
    file.truncate(whole)
    file.seek(whole)
    return b""


def _loaded(raw: bytes) -> Line | None:
    try:
        line = msgspec.json.decode(raw, type=Line)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: bytes that are no UTF-8
        return None
    return line if _whole(line) else None


def _whole(line: Line) -> bool:
    """Return whether everything that its step needs stands in a line."""
    of_notice = bool(line.target and line.event)
    match line.step:
        case Step.ROUND:
            return True
        case Step.TO_TELL | Step.TOLD:
            return bool(line.run)
        case Step.WAITS:
            return of_notice and line.notice is not None and line.notice.id == line.event
        case Step.GIVEN_UP:
            return of_notice or bool(line.run)
        case Step.TRIED | Step.DELIVERED:
            return of_notice


def _put(outbox: Outbox, raw: bytes) -> bool:
    """Return whether a line loads; if so, it is taken into account."""
    line = _loaded(raw)
    if line is None:
        return False
    key = (line.target, line.event)
    match line.step:
        case Step.ROUND:
            outbox.round_at = line.at
        case Step.TO_TELL:
            outbox.to_tell.setdefault(line.run, line.at)
        case Step.TOLD:
            outbox.to_tell.pop(line.run, None)
        case Step.WAITS:
            if key not in outbox.ended and line.notice is not None:
                outbox.waiting.setdefault(key, Waiting(line.target, line.notice, line.at))
        case Step.TRIED:
            if before := outbox.waiting.get(key):
                tries = before.attempts + line.attempts
                reached = tuple(dict.fromkeys(before.reached + line.reached))
                outbox.waiting[key] = Waiting(before.target, before.event, before.since, tries, reached, line.why)
        case Step.DELIVERED:
            outbox.waiting.pop(key, None)
            outbox.ended[key] = line.step
        case Step.GIVEN_UP:
            outbox.given_up.append(line)
            outbox.to_tell.pop(line.run, None)
            if line.target:
                outbox.waiting.pop(key, None)
                outbox.ended[key] = line.step
    return True
