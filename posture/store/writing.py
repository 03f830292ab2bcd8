"""A run while it is made: begun, filled host by host, ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, islice

import msgspec
from sqlalchemy import Connection, delete, update

from collectors.base import Transcript
from posture.errors import StoreError
from posture.model.assessment import Run, RunState
from posture.model.check import Baseline
from posture.model.finding import Finding, Result, Status
from posture.model.host import Inventory
from posture.model.observation import Observation
from posture.model.progress import HowFar
from posture.store import findings, runs
from posture.store.collected import merge_observations, put_transcript
from posture.store.inventories import put_inventory
from posture.store.reading import OpenRun
from posture.store.recalling import Recalling
from posture.store.schema import RUN, TALLY
from posture.store.values import (
    Resumed,
    StoredRun,
)

_BATCH_HOSTS = 200  # hosts whose results are one transaction: about 0.2 s of the write lock


class Writing(Recalling):
    """Writes runs, one transaction at a time."""

    def begin_run(self, run: Run, inventory: Inventory, baseline: Baseline) -> None:
        """Begin a run over these hosts and checks; from here on they are its denominator."""
        self._remember_nothing()
        run = replace(run, state=RunState.RUNNING, finished_at=None)
        with self.database.write() as conn:
            frozen = runs.Frozen(
                put_inventory(conn, self._interned.blobs, inventory),
                runs.put_baseline(conn, self._interned, baseline),
                len(inventory.hosts),
                len(baseline.checks),
            )
            runs.begin(conn, self._interned, run, frozen)

    def resume_run(self, run_id: str, at: datetime) -> Resumed:
        """Return an interrupted run, running again in this process, with everything it has collected.

        Raises:
            StoreError: it is complete, or its process still lives.
        """
        self._remember_nothing()
        with self.database.write() as conn:
            row = runs.claim(conn, self._interned, run_id, at)
        self._writing.pop(row.id, None)
        run = self._reading.open(row.id)
        visits = frozenset(self._reading.stored_visits(run))
        return Resumed(runs.stored(row).run, self.inventory(row.id), self.baseline(row.id), visits)

    def save_host(
        self,
        run_id: str,
        host_id: str,
        *,
        transcripts: Iterable[Transcript] = (),
        observations: Iterable[Observation] = (),
        platform: str = "",
    ) -> None:
        """Keep what one host said, in one transaction; may be called again as more arrives.

        A visit (transport and vantage) or a topic that is there is replaced; an empty ``platform`` changes nothing.

        Raises:
            StoreError: the host is not in the run's inventory, or the run is not ours to write.
        """
        run, known = self._being_written(run_id)
        runs.admit(known, run.id, host_id)
        with self.database.write() as conn:
            runs.writable(conn, run.id)
            host_no = runs.host_rows(conn, self._interned, run.no, [host_id])[host_id]
            for transcript in transcripts:
                if transcript.session.host != host_id:
                    raise StoreError(f"a transcript of `{transcript.session.host}` came with `{host_id}`", hint="a bug")
                put_transcript(conn, self._interned, run.no, host_no, transcript)
            observed = tuple(observations)
            if observed or platform:
                merge_observations(conn, self._interned, run.no, host_id, observed, platform=platform)

    def save_results(self, run_id: str, results: Iterable[Result]) -> None:
        """Keep verdicts; those of one host stand together, and a check that has none is ``not_checked``.

        Raises:
            StoreError: a host or check is outside the run's denominator.
        """
        run, known = self._being_written(run_id)
        by_host = groupby(results, key=lambda result: result.host)
        seen: set[str] = set()
        while batch := [(host, list(said)) for host, said in islice(by_host, _BATCH_HOSTS)]:
            with self.database.write() as conn:
                runs.writable(conn, run.id)
                for host, _ in batch:
                    runs.admit(known, run.id, host)
                    if host in seen:
                        raise StoreError(f"the results of `{host}` do not stand together", hint="sort them by host")
                    seen.add(host)
                numbers = runs.host_rows(conn, self._interned, run.no, [host for host, _ in batch])
                said = {numbers[host]: results for host, results in batch}
                self._results.put(conn, run.no, run.denominator, said)

    def save_findings(self, run_id: str, current: Iterable[Finding], at: datetime) -> int:
        """Return how many findings changed; those not named stay as they are. Changes are in the audit chain."""
        changed = 0
        for batch in findings.batches(current):
            with self.database.write() as conn:
                row = runs.writable(conn, run_id)
                changed += findings.save(conn, self._interned, (row.id, row.no), batch, at)
        return changed

    def save_part(self, run_id: str, name: str, content: bytes) -> None:
        """Keep a named document of a run (scope, clocks, waivers, plan …), so that it can be reported without files."""
        with self.database.write() as conn:
            runs.put_part(conn, self._interned, runs.writable(conn, run_id).no, name, content)

    def tell_progress(self, run_id: str, so_far: HowFar) -> None:
        """Keep how far a run of this process has come; only the last word is kept."""
        with self.database.write() as conn:
            row = runs.writable(conn, run_id)
            text = msgspec.json.encode(so_far).decode()
            conn.execute(update(RUN).where(RUN.c.no == row.no).values(progress=text))

    def finish_run(self, run_id: str, at: datetime, *, notes: Sequence[str] = (), fingerprint: str = "") -> StoredRun:
        """Return the run, complete, synced to disk, its root in the audit chain."""
        return self._end(run_id, RunState.COMPLETE, at, notes, fingerprint)

    def interrupt_run(self, run_id: str, at: datetime, *, notes: Sequence[str] = ()) -> StoredRun:
        """Return the run as incomplete: it was stopped, nothing collected is lost, it can be resumed."""
        return self._end(run_id, RunState.INCOMPLETE, at, notes, "")

    def _being_written(self, run_id: str) -> tuple[OpenRun, frozenset[str]]:
        if run_id not in self._writing:
            run = self._reading.open(run_id)
            hosts = (host.id for _, _, piece in self._reading.pieces(run) for host in piece)
            self._writing[run_id] = (run, frozenset(hosts))
        return self._writing[run_id]

    def _end(self, run_id: str, state: RunState, at: datetime, notes: Sequence[str], fingerprint: str) -> StoredRun:
        run = self._reading.open(run_id)
        found = self._reading.summary(run)
        with self.database.write() as conn:
            row = runs.writable(conn, run.id)
            ending = runs.Ending(state, at, tuple(notes), fingerprint, found.root, found.answers)
            runs.end(conn, self._interned, row, ending)
            self._put_tally(conn, run, found.tally)
        self._writing.pop(run.id, None)
        self.database.checkpoint()
        return self.load_run(run.id)

    def _put_tally(self, conn: Connection, run: OpenRun, counted: Mapping[tuple[str, str, Status], int]) -> None:
        """Trends are read from here and not from the packs."""
        checks = self._interned.checks.number(conn, (check for check, _ in run.denominator))
        conn.execute(delete(TALLY).where(TALLY.c.run_no == run.no))
        rows = [
            {"run_no": run.no, "zone": zone, "check_no": checks[check], "status": int(status), "hosts": hosts}
            for (zone, check, status), hosts in sorted(counted.items())
        ]
        if rows:
            conn.execute(TALLY.insert(), rows)
