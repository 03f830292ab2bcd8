"""Edges of the attack graph that somebody calls wrong: one JSON line each, in a file beside the database."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from posture.errors import ConfigError
from posture.model.attack import Dispute

NAME = "disputes.jsonl"
MAX_BYTES = 4_000_000  # ten thousand disputes; more is not dispute but a broken rule


def read_disputes(folder: Path) -> tuple[Dispute, ...]:
    """Return the disputes, the last word on each edge, sorted; none when there is no file.

    Raises:
        ConfigError: a line is none.
    """
    path = folder / NAME
    if not path.exists():
        return ()
    if path.stat().st_size > MAX_BYTES:
        raise ConfigError(f"{path}: more than {MAX_BYTES} bytes", hint="take out what has expired")
    found: dict[str, Dispute] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            try:
                one = msgspec.json.decode(line, type=Dispute)
            except msgspec.MsgspecError as error:
                raise ConfigError(f"{path}:{number}: {error}", hint="one JSON object per line") from None
            found[one.edge] = one
    return tuple(sorted(found.values()))


def add_dispute(folder: Path, dispute: Dispute) -> Path:
    """Return the file, with one more line at its end.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(msgspec.json.encode(dispute) + b"\n")
    return path
