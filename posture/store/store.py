"""The one door to what is kept: runs, evidence, facts, results, findings, and the audit chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from posture.model.assessment import Run, RunState
from posture.model.check import Baseline
from posture.store import chain, exchange, importing, merging, runs
from posture.store.auditing import Auditing
from posture.store.writing import Writing


class Store(Writing, Auditing):
    """An open store; safe to use from several threads, writing one at a time.

    ``opened`` is what all of it stands on, ``recalling`` reads, ``auditing`` verifies, ``writing`` makes runs; here is
    what goes between networks.
    """

    def export_run(self, ref: str, path: Path) -> str:
        """Return the sha256 of the file that now holds everything of a run.

        Raises:
            StoreError: the run is still running, or the file cannot be written.
        """
        with self.database.read() as conn:
            return exchange.export_run(conn, self._interned, self._reading, runs.find(conn, ref), path)

    def import_run(self, path: Path, at: datetime, *, enclave: str = "") -> str:
        """Return the id of the run in a file; its evidence becomes ``imported`` and keeps what it was before.

        With an ``enclave`` its hosts, zones and vantages are called ``enclave/name`` here, so that two networks may use
        the same names.

        Raises:
            StoreError: the file is damaged or forged, or its run is here already; nothing of it is kept then.
        """
        self._remember_nothing()
        with self.database.write() as conn:
            run_id = importing.import_run(conn, self._results, path, enclave=enclave, at=at)
        run = self._reading.open(run_id)
        found = self._reading.summary(run)
        with self.database.write() as conn:
            self._put_tally(conn, run, found.tally)
            detail = runs.pins(conn, self._interned, run.no, found.root, found.answers)
            entry = chain.Entry(at, "run_pinned", run.id, run.no, detail=detail)
            chain.append(conn, self._interned.blobs, [entry])
        self.database.checkpoint()
        return run_id

    def merge_runs(self, run: Run, sources: Sequence[str], baseline: Baseline) -> None:
        """Begin a run with the hosts and all evidence of others, to be judged by one baseline.

        One source is the way to judge stored evidence again.

        Raises:
            StoreError: two sources have a host of the same id, or unlike zones of one name.
        """
        self._remember_nothing()
        run = replace(run, state=RunState.RUNNING, finished_at=None)
        with self.database.write() as conn:
            merging.merge_runs(conn, self._interned, run, [runs.find(conn, ref) for ref in sources], baseline)
