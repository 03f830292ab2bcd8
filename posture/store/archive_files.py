"""The archives beside a store: which there are, and what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from posture.errors import StoreError
from posture.store.archive import read_archive
from posture.store.blobs import Digest

STEM = "evidence-"


def files_of(archives: Path) -> list[Path]:
    """Return the archives, the newest month first."""
    return sorted(archives.glob(f"{STEM}*.tar.zst"), reverse=True) if archives.is_dir() else []


def unfinished(archives: Path) -> list[Path]:
    """Return what writing an archive left where the process was killed."""
    return sorted(archives.glob(f".{STEM}*")) if archives.is_dir() else []


def contents_of(path: Path) -> Iterator[tuple[Digest, bytes]]:
    """Yield what an archive holds, each held against its name.

    Raises:
        StoreError: something in it is not what its name says.
    """
    for name, content in read_archive(path):
        digest = hashlib.sha256(content).digest()
        if name != f"blobs/{digest.hex()}":
            raise StoreError(f"{path}: {name} is not what its digest says", hint="restore the archive from a backup")
        yield digest, content
