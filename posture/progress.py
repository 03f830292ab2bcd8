"""How far a scan has come, kept with its run while it goes on, so that others than its own terminal can see it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from posture.errors import StoreError
from posture.gather import Progress
from posture.model.progress import HowFar, Stage
from posture.store import Store

EVERY = timedelta(seconds=2)
"""It is told no more often than that: a write a host would slow a fast scan down."""


class Told:
    """Passes progress on, and keeps it with the run."""

    def __init__(self, store: Store, run_id: str, onward: Progress, clock: Callable[[], datetime]) -> None:
        self._store, self._run_id, self._onward, self._clock = store, run_id, onward, clock
        self._lock = threading.Lock()
        self._stages: dict[str, Stage] = {}
        self._last: datetime | None = None

    def expect(self, stage: str, total: int) -> None:
        """Announce a stage and its number of hosts."""
        self._onward.expect(stage, total)
        with self._lock:
            self._keep(Stage(stage, 0, total), at_once=True)

    def advance(self, stage: str, what: str = "") -> None:
        """Count one host of a stage."""
        self._onward.advance(stage, what)
        with self._lock:
            known = self._stages.get(stage, Stage(stage, 0, 0))
            self._keep(Stage(stage, known.done + 1, known.total))

    def _keep(self, stage: Stage, *, at_once: bool = False) -> None:
        self._stages[stage.name] = stage
        now = self._clock()
        if self._last is not None and now - self._last < EVERY and not (at_once or stage.done == stage.total):
            return
        self._last = now
        # What is shown of a scan must never be what ends it.
        with suppress(StoreError):
            self._store.tell_progress(self._run_id, HowFar(now, tuple(self._stages.values())))
