"""Opens what a feed comes in (plain, gzip, xz, zstd, bzip2, tar, zip, a folder) as documents, and counts every byte.

Nothing that a file claims of its own size is believed: bytes are counted as they come out.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from posture import zstd
from posture.errors import FeedError

_MB = 1_000_000
_CHUNK = 256 * 1024
_MAX_DICTIONARY_BYTES = 256 * _MB  # xz -9 needs 65 MB; a hostile header may ask for 4 GB
_BOMB_RATIO = 1_000  # JSON shrinks 10 to 100 times; a file of zeros 1,030 times by gzip, 7,000 times by xz
_BOMB_FROM_BYTES = 32 * _MB


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a feed we take."""

    file_bytes: int = 2_000 * _MB
    """As it is fetched."""
    total_bytes: int = 20_000 * _MB
    """Unpacked, all documents together; they are never all in memory."""
    document_bytes: int = 64 * _MB
    """One document that must be in memory as a whole."""
    documents: int = 3_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """One file of a feed."""

    name: str
    stream: IO[bytes]
    limits: Limits

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes, piece by piece.

        Raises:
            FeedError: it is damaged, or unpacks to more than a feed may.
        """
        with _ours(self.name):
            while chunk := self.stream.read(_CHUNK):
                yield chunk

    def read(self) -> bytes:
        """Return all of it.

        Raises:
            FeedError: it is longer than a document may be.
        """
        most = self.limits.document_bytes
        kept = io.BytesIO()
        for chunk in self.chunks():
            if kept.tell() + len(chunk) > most:
                raise FeedError(f"{self.name}: longer than {most // _MB} MB", hint=_HOSTILE)
            kept.write(chunk)
        return kept.getvalue()


_HOSTILE = "this is no such feed, or somebody tampered with it; fetch it again from its source"


def documents(path: Path, limits: Limits) -> Iterator[Document]:
    """Yield every document in a file or folder; each must be read before the next is asked for.

    Raises:
        FeedError: it is truncated, malformed, encrypted or too large.
    """
    with _ours(path.name):
        if path.is_dir():
            yield from _folder(path, limits)
            return
        if (size := path.stat().st_size) > limits.file_bytes:
            raise FeedError(f"{path.name}: {size // _MB} MB, more than {limits.file_bytes // _MB}", hint=_HOSTILE)
        with path.open("rb") as file:
            head = file.read(6)
            file.seek(0)
            if head.startswith(b"PK"):
                yield from _zip(file, limits)
                return
            stream = io.BufferedReader(_Counted(_unpacker(head)(file), size, limits), _CHUNK)
            if b"ustar" in stream.peek(512)[257:265]:
                yield from _tar(stream, limits)
            else:
                yield Document(path.name, stream, limits)


class _Counted(io.RawIOBase):
    """Passes bytes on until there are more than allowed, or more than any feed shrinks to."""

    def __init__(self, inner: IO[bytes], packed_bytes: int, limits: Limits) -> None:
        self._inner, self._packed, self._limits = inner, max(packed_bytes, 1), limits
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview, /) -> int:  # type: ignore[override]
        piece = self._inner.read(min(len(into), _CHUNK))
        into[: len(piece)] = piece
        self._seen += len(piece)
        bomb = self._seen > _BOMB_FROM_BYTES and self._seen > _BOMB_RATIO * self._packed
        if bomb or self._seen > self._limits.total_bytes:
            raise FeedError(f"it unpacks to more than {self._seen // _MB} MB from {self._packed} bytes", hint=_HOSTILE)
        return len(piece)


class _Xz(io.RawIOBase):
    """Unpacks xz with a limit on the dictionary that its header may ask for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpack = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_DICTIONARY_BYTES)

    def read(self, size: int = -1) -> bytes:
        piece = b""
        while not piece:
            if self._unpack.eof:
                packed = self._unpack.unused_data.lstrip(b"\0") or self._file.read(_CHUNK)
                if not packed.strip(b"\0"):
                    return b""
                self._unpack = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_DICTIONARY_BYTES)
            elif self._unpack.needs_input:
                packed = self._file.read(_CHUNK)
                if not packed:
                    raise EOFError("the compressed file ends too early")
            else:
                packed = b""
            piece = self._unpack.decompress(packed, size if size > 0 else _CHUNK)
        return piece


def _unpacker(head: bytes) -> Callable[[IO[bytes]], IO[bytes]]:
    if head.startswith(b"\x1f\x8b"):
        return lambda file: gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
    if head.startswith(b"\xfd7zXZ\0"):
        return _Xz  # type: ignore[return-value]
    if head.startswith(b"BZh"):
        return bz2.BZ2File
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return zstd.reader  # type: ignore[return-value]
    return lambda file: file


def _tar(stream: IO[bytes], limits: Limits) -> Iterator[Document]:
    with tarfile.open(fileobj=cast("IO[bytes]", _Bounded(stream)), mode="r|") as archive:
        for count, member in enumerate(archive):
            _few(count, limits)
            if member.isfile() and (inner := archive.extractfile(member)) is not None:
                yield Document(member.name, inner, limits)
            archive.members = []  # type: ignore[attr-defined] # it would keep every header


class _Bounded:
    """Refuses a single read that no honest tar asks for: a header may claim gigabytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        if size > 16 * _MB:
            raise FeedError(f"a tar header claims {size // _MB} MB", hint=_HOSTILE)
        return self._stream.read(size)


def _zip(file: IO[bytes], limits: Limits) -> Iterator[Document]:
    unpacked = 0
    with zipfile.ZipFile(file) as archive:
        for count, entry in enumerate(archive.infolist()):
            _few(count, limits)
            if entry.is_dir():
                continue
            unpacked += entry.file_size
            if unpacked > limits.total_bytes:
                raise FeedError(f"it claims to unpack to {unpacked // _MB} MB and more", hint=_HOSTILE)
            with archive.open(entry) as inner:
                left = limits.total_bytes - unpacked + entry.file_size
                capped = Limits(limits.file_bytes, left, limits.document_bytes)
                counted = _Counted(inner, entry.compress_size, capped)
                yield Document(entry.filename, io.BufferedReader(counted, _CHUNK), limits)


def _folder(path: Path, limits: Limits) -> Iterator[Document]:
    total = 0
    for count, file in enumerate(sorted(path.rglob("*.json"))):
        _few(count, limits)
        if not file.is_file() or file.is_symlink():
            continue
        total += file.stat().st_size
        if total > limits.total_bytes:
            raise FeedError(f"{path}: more than {limits.total_bytes // _MB} MB", hint=_HOSTILE)
        with file.open("rb") as stream:
            yield Document(str(file.relative_to(path)), stream, limits)


def _few(count: int, limits: Limits) -> None:
    if count >= limits.documents:
        raise FeedError(f"more than {limits.documents} documents in it", hint=_HOSTILE)


@contextmanager
def _ours(name: str) -> Iterator[None]:
    """Turn whatever the unpackers raise into one error of ours."""
    try:
        yield
    except FeedError as error:
        text = str(error)
        raise FeedError(text if text.startswith(name) else f"{name}: {text}", hint=error.hint) from error
    except (EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError, zstd.ZstdError) as error:
        raise FeedError(f"{name}: damaged or cut short ({error})", hint=_HOSTILE) from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile: encrypted, or a method it does not know
        raise FeedError(f"{name}: cannot be unpacked ({error})", hint=_HOSTILE) from error
    except gzip.BadGzipFile as error:
        raise FeedError(f"{name}: damaged or cut short ({error})", hint=_HOSTILE) from error
