"""The audit chain of a store, and whether runs are what it says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from posture.errors import StoreError
from posture.store import chain
from posture.store.opened import Opened
from posture.store.values import (
    ChainHead,
    Event,
)


class Auditing(Opened):
    """Reads the chain and verifies."""

    def events(self, *, of_hosts: bool = True) -> Iterator[Event]:
        """Yield every row of the audit chain in order; without ``of_hosts`` only the few that are about no host."""
        with self.database.read() as conn:
            yield from chain.events(conn, runs_only=not of_hosts)

    def chain_rows(self) -> Iterator[dict[str, Any]]:
        """Yield every row of the audit chain with its digests, to be checked without this database."""
        with self.database.read() as conn:
            yield from chain.rows(conn)

    def chain_head(self) -> ChainHead:
        """Return the end of the audit chain, to be written down elsewhere."""
        with self.database.read() as conn:
            return chain.head(conn)

    def newest_events(self, before: int, count: int) -> list[Event]:
        """Return so many of the last rows of the audit chain, the newest first; those before a row, if it is not 0."""
        with self.database.read() as conn:
            return chain.newest(conn, before, count)

    def verify_chain(self, expected: ChainHead | None = None, *, since: ChainHead | None = None) -> ChainHead:
        """Return the end of the audit chain after recomputing all of it, or what came since a head that was verified.

        Raises:
            StoreError: a row is missing, was changed or moved, or the chain never reached the head that is expected.
        """
        with self.database.read() as conn:
            return chain.verify(conn, expected, since)

    def verify_run(self, ref: str) -> str:
        """Return the root digest of an ended run after recomputing it from what is stored of every host.

        Raises:
            StoreError: it is not the root that the audit chain holds.
        """
        run = self._reading.open(ref)
        root = self._reading.root(run)
        with self.database.read() as conn:
            pinned = chain.last_root(conn, run.no)
        if pinned != root:
            raise StoreError(
                f"run {run.id} is not what the audit chain says of it" if pinned else f"run {run.id} has not ended",
                hint="restore the database from a backup" if pinned else "a root is written when a run ends",
            )
        return root
