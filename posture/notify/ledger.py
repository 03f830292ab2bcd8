"""What was told to whom: one JSON line each, beside the database, so that nobody is told the same twice."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import msgspec

from posture.errors import StoreError
from posture.notify.post import Sent

NAME = "notices.jsonl"


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
