"""What a store holds of runs and findings, read back."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import select

from collectors.base import Transcript
from posture.errors import NotKeptError, StoreError
from posture.model.assessment import Coverage, HostAssessment, RunState
from posture.model.check import Baseline
from posture.model.finding import Finding, Status
from posture.model.host import Inventory
from posture.model.observation import Evidence, Observation
from posture.model.progress import HowFar
from posture.store import chain, findings, runs
from posture.store.blobs import NOT_KEPT_HINT, digest_of
from posture.store.collected import whole_or_refused
from posture.store.inventories import get_inventory, read_header
from posture.store.opened import Opened
from posture.store.schema import BLOB
from posture.store.values import (
    Difference,
    FindingChange,
    JudgedOver,
    StoredRun,
    Tally,
)


class Recalling(Opened):
    """Reads; nothing is changed but the state of a run whose process is gone."""

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

    def judged_over(self, ref: str) -> JudgedOver:
        """Return inventory and baseline of a run as the bytes whose digests the audit chain holds."""
        with self.database.read() as conn:
            row, blobs = runs.find(conn, ref), self._interned.blobs
            header = blobs.get_number(conn, row.inventory)
            pieces = {one: bytes.fromhex(one) for one in read_header(header).pieces}
            contents = blobs.get(conn, pieces.values())
            kept = {one: contents[digest] for one, digest in pieces.items()}
            return JudgedOver(header, kept, blobs.get_number(conn, row.baseline))

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
