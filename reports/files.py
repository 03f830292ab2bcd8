"""Report files: a scan is a target list, so they are readable by their owner only and never half written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from posture.errors import UsageError


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream that becomes ``path`` (mode 0600) when the block ends well, and vanishes when it does not.

    Raises:
        UsageError: the directory cannot be written to, or the disk is full.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp creates 0600
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", hint="choose another directory with --output"
        ) from error


def new_directory(path: Path) -> None:
    """Make the directory for reports when it is missing, open to its owner only.

    Raises:
        UsageError: it cannot be made, or something else has that name.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot make {path}: {error.strerror}", hint="choose another directory with --output"
        ) from error
