"""What was told to whom, and what still waits to be told: beside the database, for their owner only.

A notice waits from before its first attempt until it is delivered, so a process that is killed forgets none.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from posture.errors import StoreError
from posture.notify.events import Event
from posture.notify.post import Sent
from reports.files import new_file

NAME, WAITING, LOCK = "notices.jsonl", "notices-waiting.json", "notices.lock"
MAX_WAITING = 500  # of all receivers; the oldest go first, and are named when they go


class _Line(msgspec.Struct, frozen=True):
    at: datetime
    target: str
    event: str
    delivered: bool
    attempts: int
    why: str


def delivered(folder: Path) -> frozenset[tuple[str, str]]:
    """Return target and event of every notice that arrived.

    Raises:
        StoreError: the file does not load.
    """
    path = folder / NAME
    if not path.is_file():
        return frozenset()
    try:
        lines = [msgspec.json.decode(line, type=_Line) for line in path.read_bytes().splitlines() if line.strip()]
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"{path} does not load: {error}", hint="move it away; notices of old runs are sent again"
        ) from None
    return frozenset((one.target, one.event) for one in lines if one.delivered)


def note(folder: Path, sent: Sent, at: datetime) -> None:
    """Write down what came of a notice."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    line = _Line(at, sent.target, sent.event, sent.delivered, sent.attempts, sent.why)
    with os.fdopen(descriptor, "ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")


class Waiting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One notice that has not arrived yet."""

    target: str
    event: Event
    since: datetime
    attempts: int = 0
    why: str = ""
    """What came of the last attempt; empty before the first."""


def waiting(folder: Path) -> tuple[Waiting, ...]:
    """Return what waits to be told, the oldest first.

    Raises:
        StoreError: the file does not load.
    """
    path = folder / WAITING
    if not path.is_file():
        return ()
    try:
        return tuple(msgspec.json.decode(path.read_bytes(), type=list[Waiting]))
    except (msgspec.MsgspecError, OSError) as error:
        raise StoreError(f"{path} does not load: {error}", hint="move it away; what waited is not told") from None


def keep_waiting(folder: Path, found: Iterable[Waiting]) -> None:
    """Write down what waits now, in place of what waited before.

    Raises:
        UsageError: it cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with new_file(folder / WAITING) as file:
        file.write(msgspec.json.encode(list(found)) + b"\n")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold every other sender back until this one has ended."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
