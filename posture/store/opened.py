"""An open store: its database, what is remembered of it, and who else works with it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from posture.store import runs
from posture.store.database import Database
from posture.store.names import Interned
from posture.store.people import People
from posture.store.reading import OpenRun, Reading
from posture.store.results import Results
from posture.store.schedules import Schedules
from posture.store.tokens import ApiTokens
from posture.store.work import Work


class Opened:
    """What every part of an open store stands on."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._interned = Interned.fresh()
        self._results = Results(self._interned)
        self._reading = Reading(database, self._interned, self._results)
        self._writing: dict[str, tuple[OpenRun, frozenset[str]]] = {}
        self.people = People(database, self._interned.blobs)
        """Who may sign in to the dashboard."""
        self.tokens = ApiTokens(database, self._interned.blobs)
        """What programs read the API with."""
        self.work = Work(database, self._interned)
        """What people do about findings."""
        self.schedules = Schedules(database, self._interned.blobs)
        """What runs by itself."""
        database.on_rollback += [self._interned.forget, self._results.forget, self._reading.forget]

    @classmethod
    def open(cls, where: str | Path, *, create: bool = True) -> Self:
        """Return the store at a path or database URL, made or upgraded if need be; the file is for its owner only.

        Raises:
            StoreError: it is missing and may not be made, is damaged, not ours, or newer than this program.
        """
        store = cls(Database.open(where, create=create))
        store._settle()
        return store

    def close(self) -> None:
        """Let go of the database; a run still running becomes incomplete when its process has ended."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _remember_nothing(self) -> None:
        """Retention may have let blobs go that were there; it never does while a run is running."""
        self._interned.forget()
        self._results.forget()

    def _settle(self) -> None:
        """Call incomplete what says it is running and whose process is gone."""
        with self.database.read() as conn:
            dead = runs.dead(conn)
        if dead:
            with self.database.write() as conn:
                runs.mark_incomplete(conn, dead)
