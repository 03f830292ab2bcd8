"""The one door to what is kept: runs, evidence, facts, results, findings, and the audit chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update

from collectors.base import Transcript
from posture.errors import NotKeptError, StoreError
from posture.model.assessment import Coverage, HostAssessment, Run, RunState
from posture.model.check import Baseline
from posture.model.finding import Finding, Result, Status
from posture.model.host import Inventory
from posture.model.observation import Evidence, Observation
from posture.model.progress import HowFar
from posture.store import chain, exchange, findings, importing, merging, runs
from posture.store.blobs import NOT_KEPT_HINT, digest_of
from posture.store.collected import merge_observations, put_transcript, whole_or_refused
from posture.store.database import Database
from posture.store.inventories import get_inventory, put_inventory
from posture.store.names import Interned
from posture.store.people import People
from posture.store.reading import OpenRun, Reading
from posture.store.results import Results
from posture.store.schedules import Schedules
from posture.store.schema import BLOB, RUN, TALLY
from posture.store.tokens import ApiTokens
from posture.store.values import (
    ChainHead,
    Difference,
    Event,
    FindingChange,
    Resumed,
    StoredRun,
    Tally,
)
from posture.store.work import Work

_BATCH_HOSTS = 200  # hosts whose results are one transaction: about 0.2 s of the write lock


class Store:
    """An open store; safe to use from several threads, writing one at a time."""

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
    def open(cls, where: str | Path, *, create: bool = True) -> Store:
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

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Writing a run

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

    # Reading

    def progress(self, ref: str) -> HowFar | None:
        """Return what a running run last told of itself; ``None`` when it told nothing, or does not run any more."""
        self._settle()
        with self.database.read() as conn:
            row = runs.find(conn, ref)
        if row.state != RunState.RUNNING or row.progress is None:
            return None
        return msgspec.json.decode(row.progress, type=HowFar)

    def runs(self) -> tuple[StoredRun, ...]:
        """Return every run, the newest first."""
        self._settle()
        with self.database.read() as conn:
            return tuple(runs.stored(row) for row in runs.all_rows(conn))

    def load_run(self, ref: str = "latest") -> StoredRun:
        """Return a run by id, by the unambiguous beginning of one, or ``latest``.

        Raises:
            StoreError: there is none, or more than one.
        """
        self._settle()
        with self.database.read() as conn:
            return runs.stored(runs.find(conn, ref))

    def inventory(self, ref: str) -> Inventory:
        """Return the inventory a run was begun with."""
        with self.database.read() as conn:
            header = runs.header(conn, self._interned, runs.find(conn, ref))
            return get_inventory(conn, self._interned.blobs, header)

    def baseline(self, ref: str) -> Baseline:
        """Return the baseline a run was begun with."""
        with self.database.read() as conn:
            return runs.baseline(conn, self._interned, runs.find(conn, ref))

    def parts(self, ref: str) -> tuple[str, ...]:
        """Return the names of the documents kept with a run."""
        with self.database.read() as conn:
            return tuple(runs.parts(conn, runs.find(conn, ref).no))

    def part(self, ref: str, name: str) -> bytes:
        """Return a named document of a run.

        Raises:
            StoreError: there is none.
        """
        with self.database.read() as conn:
            kept = runs.parts(conn, runs.find(conn, ref).no)
            if name not in kept:
                raise StoreError(f"run {ref} has no `{name}`", hint=f"it has: {', '.join(kept) or 'none'}")
            return self._interned.blobs.get_number(conn, kept[name])

    def read_hosts(self, ref: str) -> Iterator[HostAssessment]:
        """Yield every host of a run's inventory in id order, looked at or not; last ``fleet``, if it was judged.

        A host without results has ``not_checked: not_attempted`` in every check.
        """
        return self._reading.hosts(self._reading.open(ref))

    def read_host(self, ref: str, host_id: str) -> HostAssessment:
        """Return everything said of one host.

        Raises:
            StoreError: it is not in the run's inventory.
        """
        found = self._reading.host(self._reading.open(ref), host_id)
        if found is None:
            raise StoreError(f"host `{host_id}` is not in run {ref}", hint="`posture show run` lists its hosts")
        return found

    def read_transcripts(self, ref: str, host_id: str | None = None, *, whole: bool = False) -> Iterator[Transcript]:
        """Yield the sessions of a run, or of one host in it, as they were collected.

        Raises:
            NotKeptError: the retention policy let an answer go, and ``whole`` was asked for.
        """
        found = self._reading.transcripts(self._reading.open(ref), host_id)
        return map(whole_or_refused, found) if whole else found

    def read_observations(self, ref: str, host_id: str | None = None) -> Iterator[Observation]:
        """Yield the fact documents and what was unseen, by host and topic."""
        return self._reading.observations(self._reading.open(ref), host_id)

    def read_blob(self, digest: str) -> bytes:
        """Return the bytes of a hex digest, verified.

        Raises:
            NotKeptError: the retention policy let it go.
            StoreError: it was never there, or is not what its digest says.
        """
        raw = digest_of(digest)
        with self.database.read() as conn:
            found, gone = self._interned.blobs.get_kept(conn, [raw])
            if gone:
                raise NotKeptError(chain.why_gone(conn, gone.values())[gone[raw]], gone[raw], hint=NOT_KEPT_HINT)
            return found[raw]

    def read_blobs(self) -> Iterator[tuple[str, bytes]]:
        """Yield every digest whose bytes are kept, and the bytes, verified."""
        after = 0
        while True:
            with self.database.read() as conn:
                page = select(BLOB.c.no, BLOB.c.digest).where(BLOB.c.no > after, BLOB.c.let_go.is_(None))
                rows = conn.execute(page.order_by(BLOB.c.no).limit(200)).all()
                contents = self._interned.blobs.get(conn, [bytes(row.digest) for row in rows])
            if not rows:
                return
            after = rows[-1].no
            yield from ((digest.hex(), content) for digest, content in contents.items())

    def find_evidence(self, digest: str) -> Iterator[tuple[str, Evidence]]:
        """Yield run id and evidence wherever an output has this digest; reads every pack of the store."""
        return self._reading.evidence_with(digest_of(digest))

    def coverage(self, ref: str) -> Coverage:
        """Return the statuses of a run over its frozen denominator; what nobody judged is ``not_checked``."""
        stored = self.load_run(ref)
        counts = dict.fromkeys(Status, 0)
        for line in self.tally(ref):
            counts[line.status] += line.hosts
        return Coverage(stored.hosts, stored.checks, tuple((status, n) for status, n in counts.items() if n))

    def tally(self, ref: str) -> tuple[Tally, ...]:
        """Return hosts by zone, check and status; kept when a run ends, counted before that."""
        run = self._reading.open(ref)
        if stored := self._reading.stored_tally(run):
            return stored
        counted = sorted(self._reading.tally(run).items())
        return tuple(Tally(zone, check, status, hosts) for (zone, check, status), hosts in counted)

    def diff(self, old: str, new: str) -> Iterator[Difference]:
        """Yield every check on every host that does not say the same in two runs, in host and check order."""
        return self._reading.differences(self._reading.open(old), self._reading.open(new))

    def findings(
        self, *, host: str | None = None, check: str | None = None, open_only: bool = False
    ) -> Iterator[Finding]:
        """Yield findings in the order of host, check and id, as they stand now."""
        with self.database.read() as conn:
            yield from findings.read(conn, self._interned, host=host, check=check, open_only=open_only)

    def finding(self, finding_id: str) -> Finding:
        """Return one finding.

        Raises:
            StoreError: there is none.
        """
        with self.database.read() as conn:
            return findings.get(conn, self._interned, finding_id)

    def finding_history(self, finding_id: str) -> tuple[FindingChange, ...]:
        """Return what happened to a finding, the oldest first."""
        with self.database.read() as conn:
            return findings.history(conn, self._interned, findings.get(conn, self._interned, finding_id))

    def finding_changes(self) -> Iterator[tuple[str, str, str, FindingChange]]:
        """Yield host, check, subject and what happened, for every finding of the store, the oldest first."""
        with self.database.read() as conn:
            yield from findings.changes(conn)

    def events(self) -> Iterator[Event]:
        """Yield every row of the audit chain in order."""
        with self.database.read() as conn:
            yield from chain.events(conn)

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

    # Between networks

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
        root, counted = self._reading.summary(run)
        with self.database.write() as conn:
            self._put_tally(conn, run, counted)
            entry = chain.Entry(at, "run_pinned", run.id, run.no, detail={"root": root})
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

    # Ours

    def _being_written(self, run_id: str) -> tuple[OpenRun, frozenset[str]]:
        if run_id not in self._writing:
            run = self._reading.open(run_id)
            hosts = (host.id for _, _, piece in self._reading.pieces(run) for host in piece)
            self._writing[run_id] = (run, frozenset(hosts))
        return self._writing[run_id]

    def _end(self, run_id: str, state: RunState, at: datetime, notes: Sequence[str], fingerprint: str) -> StoredRun:
        run = self._reading.open(run_id)
        root, counted = self._reading.summary(run)
        with self.database.write() as conn:
            row = runs.writable(conn, run.id)
            runs.end(conn, self._interned, row, runs.Ending(state, at, tuple(notes), fingerprint, root))
            self._put_tally(conn, run, counted)
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
