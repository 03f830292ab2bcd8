"""A plain tar of regular files: the same bytes every time, read as if an enemy had written it.

Only the 512-byte ustar header is understood, as in ``posture.store.archive``: no name leads out of a directory.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from posture.errors import UsageError

MAX_MEMBER_BYTES = 2 << 30  # assessment.json of 10,000 hosts is about 1 GB
_BLOCK = 512
_CHUNK = 1 << 20
_MODE = 0o600
_NAME = re.compile(r"[A-Za-z0-9_%@~-][A-Za-z0-9._%@~-]*(?:/[A-Za-z0-9_%@~-][A-Za-z0-9._%@~-]*){0,4}")
_BARE = (_MODE, 0, 0, 0, "", "", "")
_HINT = "have it made again, and carry it without changes"


class TarWriter:
    """Writes members one after the other and remembers the digest of each."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digests: dict[str, str] = {}

    def add(self, name: str, content: bytes) -> None:
        """Add a member from memory."""
        self._begin(name, len(content))
        self._file.write(content + bytes(-len(content) % _BLOCK))
        self.digests[name] = hashlib.sha256(content).hexdigest()

    def add_file(self, name: str, path: Path) -> None:
        """Add a member from a file, piece by piece."""
        size = path.stat().st_size
        self._begin(name, size)
        digest = hashlib.sha256()
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                self._file.write(chunk)
        self._file.write(bytes(-size % _BLOCK))
        self.digests[name] = digest.hexdigest()

    def close(self) -> None:
        """Write the end of the archive."""
        self._file.write(bytes(2 * _BLOCK))

    def _begin(self, name: str, size: int) -> None:
        if name in self.digests or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a member")
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, _MODE, 0
        self._file.write(member.tobuf(tarfile.USTAR_FORMAT))


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member stands in the file."""

    name: str
    offset: int
    size: int
    sha256: str


def read_members(path: Path) -> Iterator[Member]:
    """Yield every member with the digest of its bytes.

    Raises:
        UsageError: it is no such tar, is cut short, holds bytes outside its members, or a name stands twice or leads
            elsewhere.
    """
    seen: set[str] = set()
    with _open(path) as file:
        while True:
            header = file.read(_BLOCK)
            if header == bytes(_BLOCK):
                _nothing_but_zeros(file, path)
                return
            member = _member(header, path)
            # On a file system that does not tell case apart, the second of two would lie over the first.
            if member.name.lower() in seen:
                raise UsageError(f"{path}: {member.name} stands in it twice", hint=_HINT)
            seen.add(member.name.lower())
            offset, digest, missing = file.tell(), hashlib.sha256(), member.size
            while missing:
                chunk = file.read(min(_CHUNK, missing))
                if not chunk:
                    raise UsageError(f"{path} is cut short in {member.name}", hint=_HINT)
                digest.update(chunk)
                missing -= len(chunk)
            if any(file.read(-member.size % _BLOCK)):
                raise UsageError(f"{path} holds bytes behind {member.name} that no member has", hint=_HINT)
            yield Member(member.name, offset, member.size, digest.hexdigest())


def end_of(members: Iterable[Member]) -> int:
    """Return where the last member ends, in bytes: another may begin there."""
    return max((one.offset + one.size + -one.size % _BLOCK for one in members), default=0)


def content_of(path: Path, member: Member) -> bytes:
    """Return the bytes of a member."""
    with _open(path) as file:
        file.seek(member.offset)
        return file.read(member.size)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as reason:
        raise UsageError(
            f"{path} cannot be read: {reason.strerror}", hint="name a bundle of `posture bundle`"
        ) from None


def _nothing_but_zeros(file: BinaryIO, path: Path) -> None:
    while chunk := file.read(_CHUNK):
        if any(chunk):
            raise UsageError(f"{path} goes on behind the end of the archive", hint=_HINT)


def _member(header: bytes, path: Path) -> tarfile.TarInfo:
    try:
        member = tarfile.TarInfo.frombuf(header, "ascii", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError):
        raise UsageError(f"{path} is no plain tar archive, or damaged", hint=_HINT) from None
    regular = member.type == tarfile.REGTYPE and 0 <= member.size <= MAX_MEMBER_BYTES
    # Whoever unpacks as root would get a mode, an owner or a moment that no digest covers.
    bare = (member.mode, member.mtime, member.uid, member.gid, member.uname, member.gname, member.linkname)
    if not regular or bare != _BARE or not _NAME.fullmatch(member.name):
        raise UsageError(f"{path} holds a member that no bundle has: {member.name[:100]!r}", hint=_HINT)
    return member
