"""A tar of regular files in a zstd frame: written the same every time, read as if an enemy had written it.

Only the 512-byte ustar header is understood. ``tarfile`` follows extension headers, which a hostile file makes as long
as it likes; nothing is ever unpacked to the file system, so a name can do no harm; odd ones are refused all the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from posture import zstd
from posture.errors import StoreError
from posture.store.blobs import MAX_BLOB_BYTES
from posture.store.disk import sync

MAX_TOTAL_BYTES = 64 << 30  # 100,000 hosts hold about 6 GB of raw output (stack.md: 61 KB each)
_BLOCK = 512
_NAME = re.compile(r"(?:manifest|end)\.json|blobs/[0-9a-f]{64}|hosts/[0-9]{8}\.json")
_HINT = "have it exported again, and carry it without changes"


def write_archive(path: Path, members: Iterable[tuple[str, bytes]]) -> str:
    """Return the sha256 of the file, which is there whole and synced or not at all, readable by its owner only."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            hashing = _Hashing(raw)
            squeeze = zstd.compressor(3, checksum=True)
            for name, content in members:
                for piece in (_header(name, len(content)), content, bytes(-len(content) % _BLOCK)):
                    hashing.write(squeeze.compress(piece))
            hashing.write(zstd.frame(squeeze, bytes(2 * _BLOCK)))
            raw.flush()
            os.fsync(raw.fileno())
        beside.replace(path)
        sync(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return hashing.sha256.hexdigest()


def read_archive(path: Path, *, max_total_bytes: int = MAX_TOTAL_BYTES) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every member, one in memory at a time.

    Raises:
        StoreError: it is not such an archive, is cut short, or holds more than it may.
    """
    total = 0
    with _open(path) as raw:
        stream = zstd.reader(raw)
        while True:
            header = _exactly(stream, _BLOCK, path)
            if header == bytes(_BLOCK):
                _read(stream, _BLOCK, path)  # the second empty block, and the frame's checksum behind it
                _read(stream, 1, path)
                return
            name, size = _member(header, path)
            total += size
            if size > MAX_BLOB_BYTES or total > max_total_bytes:
                raise StoreError(f"{path} holds more than it may ({name})", hint=_HINT)
            content = _exactly(stream, size, path)
            _exactly(stream, -size % _BLOCK, path)
            yield name, content


def file_sha256(path: Path) -> str:
    """Return the hex sha256 of a file."""
    whole = hashlib.sha256()
    with _open(path) as raw:
        while piece := raw.read(1 << 20):
            whole.update(piece)
    return whole.hexdigest()


class _Hashing:
    """A file that is hashed while it is written."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.sha256 = hashlib.sha256()

    def write(self, content: bytes) -> None:
        self.sha256.update(content)
        self._raw.write(content)


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, 0
    return member.tobuf(tarfile.USTAR_FORMAT)


def _member(header: bytes, path: Path) -> tuple[str, int]:
    try:
        member = tarfile.TarInfo.frombuf(header, "ascii", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError):
        raise StoreError(f"{path} is no tar archive inside", hint=_HINT) from None
    if member.type != tarfile.REGTYPE or not _NAME.fullmatch(member.name) or member.size < 0:
        raise StoreError(f"{path} holds a member that no run has: {member.name[:100]!r}", hint=_HINT)
    return member.name, member.size


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as reason:
        raise StoreError(
            f"{path} cannot be read: {reason.strerror}", hint="name a file that `posture export` wrote"
        ) from None


def _exactly(stream: zstd.Reader, size: int, path: Path) -> bytes:
    content = _read(stream, size, path)
    if len(content) != size:
        raise StoreError(f"{path} is cut short", hint=_HINT)
    return content


def _read(stream: zstd.Reader, size: int, path: Path) -> bytes:
    pieces = []
    missing = size
    while missing:
        try:
            piece = stream.read(missing)
        except EOFError:
            break
        except (zstd.ZstdError, MemoryError):
            raise StoreError(f"{path} is damaged, or no zstd file", hint=_HINT) from None
        if not piece:
            break
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)
