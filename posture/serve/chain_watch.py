"""Whether the audit chain holds, without reading all of it for every page: what was verified once is not read again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from posture.errors import StoreError
from posture.store import ChainHead, Store


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the chain."""

    holds: bool
    verdict: str
    """In words, with when all of it was read last."""


@dataclass
class ChainWatch:
    """Verifies the whole chain the first time and when it is asked to, and otherwise what came since."""

    store: Store
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _verified: ChainHead | None = None
    _highest: ChainHead | None = None
    """The last head that held; never forgotten, or a chain written anew would hold at the next look."""
    _whole_at: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, *, whole: bool = False) -> Standing:
        """Return how the chain stands; a chain that does not hold is read from its beginning until it does."""
        with self._lock:
            since = None if whole else self._verified
            at = self._whole_at if since is not None and self._whole_at is not None else self.now()
            try:
                expected = self._highest if since is None else None
                self._verified = self.store.verify_chain(expected, since=since)
            except StoreError as error:
                self._verified = self._whole_at = None
                return Standing(False, f"The chain does not hold: {error}. {error.hint}")
            self._whole_at, head = at, self._verified
            self._highest = head
        began = "All of it was" if since is None else f"Rows after {since.seq:,} were verified now, the whole was"
        said = f"All {head.seq:,} rows hold: each covers the one before it. Head {head.digest}."
        return Standing(True, f"{said} {began} verified on {at:%Y-%m-%d at %H:%M:%S} UTC.")
