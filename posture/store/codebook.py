"""Small codes for rendered verdicts, counted up in each check.

A fleet has a handful of verdicts per check, so most codes are below ten and squeeze well: a host with 150 results takes
some 240 bytes of table. By row number of the blob it took 450 (bench/store_size.py, 5,000 hosts that are all unlike).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select

from posture.errors import StoreError
from posture.store.blobs import Digest, slices
from posture.store.names import Interned
from posture.store.schema import VERDICT

_CACHE = 200_000  # codes kept in memory, some 40 MB


class Books:
    """The ``verdict`` table."""

    def __init__(self, interned: Interned) -> None:
        self._interned = interned
        self._codes: dict[tuple[int, Digest], int] = {}
        self._digests: dict[tuple[int, int], Digest] = {}

    def forget(self) -> None:
        """Drop what a rollback may have taken back."""
        self._codes.clear()
        self._digests.clear()

    def of(self, conn: Connection, checks: Sequence[tuple[str, int]], *, new: bool = False) -> CheckBook:
        """Return the book of these checks, in this order; ``new`` numbers those that never had a result."""
        ids = [check for check, _ in checks]
        numbers = self._interned.checks.number(conn, ids) if new else self._interned.checks.find(conn, ids)
        return CheckBook(self, [numbers.get(id_, -1) for id_ in ids])

    def codes(self, conn: Connection, wanted: set[tuple[int, Digest]]) -> dict[tuple[int, Digest], int]:
        """Return a code for each check and verdict; new ones are given out."""
        found = {key: self._codes[key] for key in wanted if key in self._codes}
        missing = sorted(wanted - found.keys())
        if missing:
            found |= self._stored(conn, missing)
            found |= self._given_out(conn, [key for key in missing if key not in found])
            if len(self._codes) + len(missing) > _CACHE:
                self._codes.clear()
            self._codes.update((key, found[key]) for key in missing)
        return found

    def digests(self, conn: Connection, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Digest]:
        """Return the verdict of each check and code."""
        known = self._digests
        found = {key: known[key] for key in wanted if key in known}
        by_check: dict[int, list[int]] = {}
        for check_no, code in wanted - found.keys():
            by_check.setdefault(check_no, []).append(code)
        rows = [
            (check_no, code, content)
            for check_no, codes in by_check.items()
            for some in slices(codes)
            for code, content in conn.execute(
                select(VERDICT.c.code, VERDICT.c.content).where(
                    VERDICT.c.check_no == check_no, VERDICT.c.code.in_(some)
                )
            )
        ]
        names = self._interned.blobs.digests(conn, (content for _, _, content in rows))
        fresh = {(check_no, code): names[content] for check_no, code, content in rows}
        if found.keys() | fresh.keys() != wanted:
            raise StoreError(
                "a result refers to a verdict that is not there", hint="restore the database from a backup"
            )
        self._digests = known | fresh if len(known) < _CACHE else fresh
        return found | fresh

    def _stored(self, conn: Connection, missing: Sequence[tuple[int, Digest]]) -> dict[tuple[int, Digest], int]:
        numbers = self._interned.blobs.numbers(conn, (digest for _, digest in missing))
        names = {number: digest for digest, number in numbers.items()}
        found = {}
        for some in slices(names):
            for row in conn.execute(select(VERDICT).where(VERDICT.c.content.in_(some))):
                found[row.check_no, names[row.content]] = row.code
        return found

    def _given_out(self, conn: Connection, fresh: Sequence[tuple[int, Digest]]) -> dict[tuple[int, Digest], int]:
        given: dict[tuple[int, Digest], int] = {}
        if fresh and conn.dialect.name == "postgresql":
            # Or two writers give out the same code; who waited here looks again at what the other has given out.
            conn.exec_driver_sql("LOCK TABLE verdict IN EXCLUSIVE MODE")
            given = self._stored(conn, fresh)
            fresh = [key for key in fresh if key not in given]
        if not fresh:
            return given
        numbers = self._interned.blobs.numbers(conn, (digest for _, digest in fresh))
        highest: dict[int, int] = {}
        for some in slices({check_no for check_no, _ in fresh}):
            last = select(VERDICT.c.check_no, func.max(VERDICT.c.code)).where(VERDICT.c.check_no.in_(some))
            highest.update((check_no, code) for check_no, code in conn.execute(last.group_by(VERDICT.c.check_no)))
        rows = []
        for check_no, digest in fresh:
            code = highest[check_no] = highest.get(check_no, -1) + 1
            given[check_no, digest] = code
            rows.append({"check_no": check_no, "code": code, "content": numbers[digest]})
        conn.execute(VERDICT.insert(), rows)
        return given


class CheckBook:
    """Numbers the references of a results pack: the n-th belongs to the n-th check."""

    def __init__(self, books: Books, check_nos: Sequence[int]) -> None:
        self._books, self._check_nos = books, check_nos

    def encode(self, conn: Connection, packs: Sequence[Sequence[Digest]]) -> list[list[int]]:
        """Return the code of each verdict of each pack."""
        keyed = [list(zip(self._check_nos, refs, strict=True)) for refs in packs]
        codes = self._books.codes(conn, {key for keys in keyed for key in keys})
        return [[codes[key] for key in keys] for keys in keyed]

    def decode(self, conn: Connection, packs: Mapping[int, Sequence[int]]) -> dict[int, tuple[Digest, ...]]:
        """Return the verdicts of each pack."""
        keyed = {number: list(zip(self._check_nos, codes, strict=True)) for number, codes in packs.items()}
        digests = self._books.digests(conn, {key for keys in keyed.values() for key in keys})
        return {number: tuple(digests[key] for key in keys) for number, keys in keyed.items()}
