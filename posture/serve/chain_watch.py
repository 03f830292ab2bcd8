"""Whether the audit chain holds, without reading all of it for every page: what was verified once is not read again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from posture.errors import StoreError
from posture.store import ChainHead, Store

_AT = "%Y-%m-%d at %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the chain."""

    holds: bool
    verdict: str
    """In words: how many rows were read for it, and when the others were."""


@dataclass
class ChainWatch:
    """Verifies the whole chain the first time and when it is asked to, and otherwise what came since."""

    store: Store
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _verified: ChainHead | None = None
    _highest: ChainHead | None = None
    """The last head that held; never forgotten, or a chain written anew would hold at the next look."""
    _whole: tuple[int, datetime] = (0, datetime.min.replace(tzinfo=UTC))
    """How many rows there were when all of them were read last, and when that was."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, *, whole: bool = False) -> Standing:
        """Return how the chain stands; a chain that does not hold is read from its beginning until it does."""
        with self._lock:
            since, now = None if whole else self._verified, self.now()
            try:
                expected = self._highest if since is None else None
                head = self.store.verify_chain(expected, since=since)
            except StoreError as error:
                self._verified = None
                return Standing(False, f"The chain does not hold: {error}. {error.hint}")
            self._verified = self._highest = head
            if since is None:
                self._whole = (head.seq, now)
            rows, at = self._whole
        new = head.seq - (since.seq if since else 0)
        if since is None:
            told = f"All {new:,} rows were read on {now:{_AT}} UTC and hold: each covers the one before it."
        elif new == 0:
            told = f"No row was new on {now:{_AT}} UTC, and the last one is still the one that held."
        else:
            were = "row was" if new == 1 else "rows were"
            told = f"{new:,} new {were} read on {now:{_AT}} UTC; the chain holds from the last one that had held."
        if since is not None:
            told += (
                f" The {since.seq:,} before were not read again: rows 1 to {rows:,} were last read on {at:{_AT}} UTC"
            )
            told += f", the {since.seq - rows:,} after those when they were new." if since.seq > rows else "."
        return Standing(True, f"{told} Head {head.digest}.")
