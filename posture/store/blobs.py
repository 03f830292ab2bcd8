"""Bytes addressed by their sha256, zstd-compressed, verified at every read; and packs of references to them.

They lie in the database and not in files beside it. Measured on 20,000 typical outputs (16 MB compressed): files took
90 MB on disk (a 4 KiB block each) and 0.9 to 1.6 s to write without fsync, 5 to 8 s with it (2,000 measured). The table
took 21 MB and 0.24 s, reads were 13 times faster, and a blob and the rows that name it are committed together.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, select, true
from sqlalchemy.dialects import sqlite

from posture import zstd
from posture.errors import NotKeptError, StoreError
from posture.store.schema import BLOB, PACK

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

MAX_BLOB_BYTES = 64 << 20  # collectors cap an output at 4 MB; sixteen times that leaves room for a probe's XML
_LEVEL = 3  # stack.md: level 9 saves 6 % more and costs several times the CPU
_CACHE = 200_000  # entries of 32-byte digests: about 30 MB
NOT_KEPT_HINT = "`posture store retrieve RUN` brings back what still lies in an archive"
_IN = 500  # values in one IN list: PostgreSQL plans long ones slowly, old SQLite stops at 999

T = TypeVar("T")
Digest = bytes
"""The 32 bytes of a sha256."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Blobs in a fixed order, and what is said about them."""

    refs: tuple[Digest, ...]
    rest: bytes

    @property
    def digest(self) -> Digest:
        """The root: equal packs of different databases agree on it, for it covers digests and not row numbers."""
        head = len(self.refs).to_bytes(8, "big")
        return hashlib.sha256(b"".join((head, *self.refs, self.rest))).digest()


class Book(Protocol):
    """Another way to number the blobs a pack refers to, where there is a shorter one than row numbers."""

    def encode(self, conn: Connection, packs: Sequence[Sequence[Digest]]) -> list[list[int]]:
        """Return a number for each reference of each pack."""
        ...

    def decode(self, conn: Connection, packs: Mapping[int, Sequence[int]]) -> dict[int, tuple[Digest, ...]]:
        """Return the references of each pack."""
        ...


class Blobs:
    """The ``blob`` and ``pack`` tables."""

    def __init__(self) -> None:
        self._numbers: dict[Digest, int] = {}
        self._digests: dict[int, Digest] = {}
        self._packs: dict[Digest, int] = {}
        self._squeeze = zstd.compressor(_LEVEL)

    def forget(self) -> None:
        """Drop what is remembered of row numbers; a rollback may have taken them back."""
        self._numbers.clear()
        self._packs.clear()

    def put(self, conn: Connection, contents: Iterable[bytes]) -> list[Digest]:
        """Return the digest of each content, all of them stored."""
        digests = []
        fresh: dict[Digest, bytes] = {}
        for content in contents:
            if len(content) > MAX_BLOB_BYTES:
                raise StoreError(
                    f"{len(content)} bytes are more than a blob holds", hint="cap the output where it is read"
                )
            digest = hashlib.sha256(content).digest()
            digests.append(digest)
            if digest not in self._numbers:
                fresh[digest] = content
        found = _find(conn, BLOB, fresh.keys(), BLOB.c.let_go.is_(None))
        missing = {digest: content for digest, content in fresh.items() if digest not in found}
        if missing:
            found |= self._insert(conn, BLOB, missing)
        _remember(self._numbers, found)
        return digests

    def numbers(self, conn: Connection, digests: Iterable[Digest]) -> dict[Digest, int]:
        """Return the row number of each digest that is stored."""
        wanted = set(digests)
        found = {digest: self._numbers[digest] for digest in wanted if digest in self._numbers}
        found |= _find(conn, BLOB, wanted - found.keys())
        return found

    def put_pack(self, conn: Connection, pack: Pack) -> int:
        """Return the row number of a pack; its blobs must be stored already."""
        return self.put_packs(conn, [pack])[0]

    def put_packs(self, conn: Connection, packs: Sequence[Pack], book: Book | None = None) -> list[int]:
        """Return the row numbers of packs; their blobs must be stored already."""
        digests = [pack.digest for pack in packs]
        found = {digest: self._packs[digest] for digest in digests if digest in self._packs}
        fresh = {digest: pack for digest, pack in zip(digests, packs, strict=True) if digest not in found}
        found |= _find(conn, PACK, fresh.keys())
        new = {digest: pack for digest, pack in fresh.items() if digest not in found}
        if new:
            coded = self._coded(conn, list(new.values()), book)
            contents = {
                digest: _fold(codes) + pack.rest for (digest, pack), codes in zip(new.items(), coded, strict=True)
            }
            found |= self._insert(conn, PACK, contents)
        _remember(self._packs, {digest: found[digest] for digest in fresh})
        return [found[digest] for digest in digests]

    def _coded(self, conn: Connection, packs: Sequence[Pack], book: Book | None) -> list[list[int]]:
        if book is not None:
            return book.encode(conn, [pack.refs for pack in packs])
        numbers = self.numbers(conn, {ref for pack in packs for ref in pack.refs})
        return [[numbers[ref] for ref in pack.refs] for pack in packs]

    def get(self, conn: Connection, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """Return the bytes of each digest, verified.

        Raises:
            NotKeptError: the retention policy let one go.
            StoreError: one is not there, or is not what its digest says.
        """
        found, gone = self.get_kept(conn, digests)
        for digest, row in gone.items():
            raise NotKeptError(
                f"blob {digest.hex()} is no longer kept: row {row} of the audit log says why", row, hint=NOT_KEPT_HINT
            )
        return found

    def get_kept(self, conn: Connection, digests: Iterable[Digest]) -> tuple[dict[Digest, bytes], dict[Digest, int]]:
        """Return the bytes of each digest, verified, and the row of the audit chain that let each of the others go.

        Raises:
            StoreError: one was never there, or is not what its digest says.
        """
        wanted = set(digests)
        found: dict[Digest, bytes] = {}
        gone: dict[Digest, int] = {}
        for some in slices(wanted):
            for row in conn.execute(select(BLOB).where(BLOB.c.digest.in_(some))):
                if row.let_go is None:
                    found[bytes(row.digest)] = _verified(row.digest, unsqueeze(row.content, row.size))
                else:
                    gone[bytes(row.digest)] = row.let_go
        for digest in wanted - found.keys() - gone.keys():
            raise StoreError(f"blob {digest.hex()} is not in the store", hint="restore the database from a backup")
        return found, gone

    def get_number(self, conn: Connection, number: int) -> bytes:
        """Return the bytes of the blob with this row number, verified."""
        digest = self.digests(conn, [number])[number]
        return self.get(conn, [digest])[digest]

    def digests(self, conn: Connection, numbers: Iterable[int]) -> dict[int, Digest]:
        """Return the digest of each blob row number."""
        wanted = set(numbers)
        found = {number: self._digests[number] for number in wanted if number in self._digests}
        for some in slices(wanted - found.keys()):
            rows = conn.execute(select(BLOB.c.no, BLOB.c.digest).where(BLOB.c.no.in_(some)))
            found.update((number, bytes(digest)) for number, digest in rows)
        for number in wanted - found.keys():
            raise StoreError(f"blob number {number} is not in the store", hint="restore the database from a backup")
        _remember(self._digests, found)
        return found

    def get_packs(self, conn: Connection, numbers: Iterable[int], book: Book | None = None) -> dict[int, Pack]:
        """Return packs by row number, verified against their root; ``book`` must be the one they were put with.

        Raises:
            StoreError: one is not there, or does not match its root.
        """
        wanted = set(numbers)
        raw: dict[int, tuple[Digest, tuple[int, ...], bytes]] = {}
        for some in slices(wanted):
            for number, digest, size, content in conn.execute(select(PACK).where(PACK.c.no.in_(some))):
                raw[number] = (digest, *_unfold(unsqueeze(content, size)))
        for number in wanted - raw.keys():
            raise StoreError(f"pack {number} is not in the store", hint="restore the database from a backup")
        if book is None:
            names = self.digests(conn, {ref for _, refs, _ in raw.values() for ref in refs})
            named = {number: tuple(names[ref] for ref in refs) for number, (_, refs, _) in raw.items()}
        else:
            named = book.decode(conn, {number: refs for number, (_, refs, _) in raw.items()})
        packs = {}
        for number, (digest, _, rest) in raw.items():
            pack = Pack(named[number], rest)
            if pack.digest != digest:
                raise StoreError(f"pack {digest.hex()} does not match its root", hint=_DAMAGED)
            packs[number] = pack
        return packs

    def packs_naming(self, conn: Connection, digest: Digest, among: Select[tuple[int]]) -> set[int]:
        """Return which of some packs (a query for row numbers) refer to a blob; reads them all."""
        number = self.numbers(conn, [digest]).get(digest)
        if number is None:
            return set()
        packs = select(PACK.c.no, PACK.c.size, PACK.c.content).where(PACK.c.no.in_(among))
        rows = conn.execution_options(yield_per=1000).execute(packs)
        return {no for no, size, content in rows if number in _unfold(unsqueeze(content, size))[0]}

    def refs(self, conn: Connection, packs: Iterable[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield packs with the row numbers of the blobs they name; not for those that were put with a book."""
        for some in slices(packs):
            for no, size, content in conn.execute(
                select(PACK.c.no, PACK.c.size, PACK.c.content).where(PACK.c.no.in_(some))
            ):
                yield no, _unfold(unsqueeze(content, size))[0]

    def squeeze(self, content: bytes) -> bytes:
        """Return the bytes compressed."""
        return zstd.frame(self._squeeze, content)

    def _insert(self, conn: Connection, table: Table, fresh: Mapping[Digest, bytes]) -> dict[Digest, int]:
        rows = [
            {"digest": digest, "size": len(content), "content": self.squeeze(content)}
            for digest, content in fresh.items()
        ]
        if table is BLOB:
            _insert_or_bring_back(conn, rows)
        else:
            insert_new(conn, table, rows)
        return _find(conn, table, fresh.keys())


def insert_new(conn: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, leaving out those whose key is there."""
    if not rows:
        return
    conn.execute(_insert_into(conn, table).on_conflict_do_nothing(), list(rows))


def _insert_or_bring_back(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert blobs; one whose bytes the retention policy let go has them again."""
    insert = _insert_into(conn, BLOB)
    again = {"content": insert.excluded.content, "let_go": None}
    conn.execute(
        insert.on_conflict_do_update(index_elements=["digest"], set_=again, where=BLOB.c.let_go.is_not(None)),
        list(rows),
    )


def upsert(conn: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows; a row whose primary key is there is replaced in the columns given."""
    if not rows:
        return
    insert = _insert_into(conn, table)
    keys = [column.name for column in table.primary_key.columns]
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    conn.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


def _insert_into(conn: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert that can say what becomes of a row whose key is there, in the words of this database."""
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - loaded by whoever opened such a database

        return postgresql.insert(table)
    return sqlite.insert(table)


def unsqueeze(content: bytes, size: int) -> bytes:
    """Return the bytes of a zstd frame that must hold exactly ``size``; never allocates much more than that.

    Raises:
        StoreError: it is not zstd, or holds another number of bytes.
    """
    if not 0 <= size <= MAX_BLOB_BYTES:
        raise StoreError(f"a blob claims {size} bytes", hint=_DAMAGED)
    try:
        raw = zstd.at_most(content, size + 1)
    except (zstd.ZstdError, MemoryError):
        raise StoreError("a blob does not decompress", hint=_DAMAGED) from None
    if len(raw) != size:
        raise StoreError(f"a blob holds other than the {size} bytes it should", hint=_DAMAGED)
    return raw


def digest_of(text: str) -> Digest:
    """Return the digest that 64 hex digits stand for.

    Raises:
        StoreError: they are none.
    """
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise StoreError(f"`{text}` is no digest", hint="a sha256 has 64 hex digits")
    return raw


_DAMAGED = "the store was damaged or tampered with: restore it from a backup"


def _verified(digest: Digest, content: bytes) -> bytes:
    if hashlib.sha256(content).digest() != digest:
        raise StoreError(f"blob {digest.hex()} does not match its digest", hint=_DAMAGED)
    return content


def _find(
    conn: Connection, table: Table, digests: Iterable[Digest], also: ColumnElement[bool] | None = None
) -> dict[Digest, int]:
    found: dict[Digest, int] = {}
    chosen = true() if also is None else also
    for some in slices(digests):
        rows = conn.execute(select(table.c.digest, table.c.no).where(table.c.digest.in_(some), chosen))
        found.update({bytes(digest): number for digest, number in rows})
    return found


def slices(values: Iterable[T], size: int = _IN) -> Iterable[list[T]]:
    """Yield the values in lots that fit one query."""
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some


def _remember(cache: dict[Digest, int] | dict[int, Digest], found: Mapping[Digest, int] | Mapping[int, Digest]) -> None:
    if len(cache) + len(found) > _CACHE:
        cache.clear()
    cache.update(found)  # type: ignore[arg-type]


def _fold(numbers: Sequence[int]) -> bytes:
    """Byte planes: all lowest bytes first, so that zstd sees long runs of zeros and of equal high bytes."""
    raw = struct.pack(f"<{len(numbers)}Q", *numbers)
    return len(numbers).to_bytes(4, "big") + b"".join(raw[plane::8] for plane in range(8))


def _unfold(content: bytes) -> tuple[tuple[int, ...], bytes]:
    count = int.from_bytes(content[:4], "big")
    end = 4 + 8 * count
    if len(content) < end:
        raise StoreError("a pack is cut short", hint=_DAMAGED)
    raw = bytearray(8 * count)
    for plane in range(8):
        raw[plane::8] = content[4 + plane * count : 4 + (plane + 1) * count]
    return struct.unpack(f"<{count}Q", raw), content[end:]
