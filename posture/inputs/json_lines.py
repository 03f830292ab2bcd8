"""Files of statements, one JSON line each, that grow at their end: what people said, and nothing of it is rewritten."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from posture.errors import ConfigError

T = TypeVar("T")


def read_lines(path: Path, kind: type[T], max_bytes: int) -> Iterator[tuple[int, T]]:
    """Yield each statement with the number of its line; none when there is no file.

    Raises:
        ConfigError: the file is larger than ``max_bytes``, or a line is no such statement.
    """
    if not path.exists():
        return
    if path.stat().st_size > max_bytes:
        raise ConfigError(f"{path}: more than {max_bytes} bytes", hint="take out what has expired")
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            try:
                yield number, msgspec.json.decode(line, type=kind)
            except msgspec.MsgspecError as error:
                raise ConfigError(f"{path}:{number}: {error}", hint="one JSON object per line") from None


def add_line(path: Path, statement: object) -> Path:
    """Return the file, with one more line at its end; its owner alone may read it.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(msgspec.json.encode(statement) + b"\n")
    return path
