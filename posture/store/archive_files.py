"""The archives beside a store: which there are, what they hold, and whether they are what the audit chain says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from posture.errors import StoreError
from posture.store import chain
from posture.store.archive import file_sha256, read_archive
from posture.store.blobs import Digest
from posture.store.store import Store

STEM = "evidence-"


def files_of(archives: Path) -> list[Path]:
    """Return the archives, the newest month first."""
    return sorted(archives.glob(f"{STEM}*.tar.zst"), reverse=True) if archives.is_dir() else []


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


def archive_faults(store: Store, archives: Path) -> tuple[tuple[str, ...], int]:
    """Return what is wrong with the archives, held against the audit chain, and how many there should be."""
    should: dict[str, str] = {}
    for one in store.events():
        if one.event in (chain.ARCHIVED, chain.DELETED):
            detail = chain.detail_of(one)
            if one.event == chain.ARCHIVED:
                should[detail["file"]] = detail["sha256"]
            else:
                should.pop(detail.get("file", ""), None)
    faults = []
    for name, sha256 in sorted(should.items()):
        if not (archives / name).is_file():
            faults.append(f"{archives / name} is not there")
        elif file_sha256(archives / name) != sha256:
            faults.append(f"{archives / name} is not what the audit chain says of it")
    faults += [f"{path} is in no row of the audit chain" for path in files_of(archives) if path.name not in should]
    return tuple(faults), len(should)
