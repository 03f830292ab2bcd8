"""Small numbers for what stands in many rows: host ids, check ids, moments; and everything interned, in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection, Table, select

from posture.store.blobs import Blobs, insert_new, slices
from posture.store.schema import CHECK_NAME, CHECK_VERSION, HOST, MOMENT

K = TypeVar("K", str, int)


class Names(Generic[K]):
    """One table of ``no`` and ``id``."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._numbers: dict[K, int] = {}
        self._ids: dict[int, K] = {}

    def forget(self) -> None:
        """Drop what is remembered; a rollback may have taken it back."""
        self._numbers.clear()
        self._ids.clear()

    def find(self, conn: Connection, ids: Iterable[K]) -> dict[K, int]:
        """Return the numbers of those ids that have one."""
        wanted = set(ids)
        found = {id_: self._numbers[id_] for id_ in wanted if id_ in self._numbers}
        table = self._table
        for some in slices(wanted - found.keys()):
            for no, id_ in conn.execute(select(table.c.no, table.c.id).where(table.c.id.in_(some))):
                found[id_] = no
        self._numbers.update(found)
        return found

    def number(self, conn: Connection, ids: Iterable[K]) -> dict[K, int]:
        """Return the number of every id, new ones numbered in sorted order."""
        wanted = set(ids)
        found = self.find(conn, wanted)
        missing = sorted(wanted - found.keys())
        if missing:
            insert_new(conn, self._table, [{"id": id_} for id_ in missing])
            found |= self.find(conn, missing)
        return found

    def ids(self, conn: Connection, numbers: Iterable[int]) -> dict[int, K]:
        """Return the id of every number."""
        wanted = set(numbers)
        found = {no: self._ids[no] for no in wanted if no in self._ids}
        table = self._table
        for some in slices(wanted - found.keys()):
            for no, id_ in conn.execute(select(table.c.no, table.c.id).where(table.c.no.in_(some))):
                found[no] = id_
        self._ids.update(found)
        return found


@dataclass(frozen=True, slots=True)
class Interned:
    """What rows refer to by number."""

    blobs: Blobs
    hosts: Names[str]
    checks: Names[str]
    versions: Names[str]
    """Digests of tailored checks."""
    moments: Names[int]
    """Microseconds since 1970."""

    @classmethod
    def fresh(cls) -> Interned:
        """Return empty caches over the tables."""
        return cls(Blobs(), Names(HOST), Names(CHECK_NAME), Names(CHECK_VERSION), Names(MOMENT))

    def forget(self) -> None:
        """Drop every cache that a rollback may have made wrong."""
        self.blobs.forget()
        self.hosts.forget()
        self.checks.forget()
        self.versions.forget()
        self.moments.forget()
