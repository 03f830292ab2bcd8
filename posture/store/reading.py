"""Runs read back as streams: one piece of the inventory in memory at a time, in host id order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from collectors.base import Command, Transcript
from posture.model.assessment import HostAssessment
from posture.model.finding import Result, Status
from posture.model.host import Host
from posture.model.observation import Evidence, Observation, Origin
from posture.store import chain, runs
from posture.store.blobs import Digest, Pack
from posture.store.collected import (
    Heard,
    Visited,
    documents_of,
    evidence_of_visit,
    heard,
    read_command,
    transcript_of,
    unseen_of,
    visits,
)
from posture.store.database import Database
from posture.store.inventories import Header, find_stored_host, read_stored_piece
from posture.store.names import Interned
from posture.store.pins import pin_of_visit
from posture.store.results import Denominator, Results, denominator_of, not_attempted, states_of
from posture.store.schema import SESSION, TALLY
from posture.store.values import FLEET, Difference, Tally, Visit

_COMMANDS = 5000  # distinct commands kept decoded; a fleet has a few hundred
_OPENED = 8  # runs whose inventory header and denominator are kept; who reads host by host opens one run each time


Tallied = dict[tuple[str, str, Status], int]
"""Hosts by zone, check and status."""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run being read: what does not change from host to host."""

    no: int
    id: str
    header: Header
    denominator: Denominator


@dataclass(frozen=True, slots=True)
class Summary:
    """What is said of a run when it ends."""

    root: str
    """Over the packs of every host, as this store keeps them."""
    answers: str
    """Over every raw answer, as anybody can work it out who has them."""
    tally: Tallied


@dataclass(frozen=True, slots=True)
class Record:
    """Everything stored of one host in one run, by reference."""

    host: str
    visits: tuple[Visited, ...]
    heard: Heard | None
    results: Pack | None

    def pinned(self) -> bytes:
        """Return the bytes that stand for it in the root of a run: names, moments and the digests of packs."""
        content = b"".join(
            (
                self.host.encode() + b"\0",
                *(b"s%d." % one.started_at + one.about_digest + one.answers.digest for one in self.visits),
                b"f" + self.heard.pack.digest if self.heard else b"",
                b"r" + self.results.digest if self.results else b"",
            )
        )
        return hashlib.sha256(content).digest()


class Reading:
    """Reads hosts of runs; each piece in a read transaction of its own, so that a long report never pins the WAL."""

    def __init__(self, database: Database, interned: Interned, results: Results) -> None:
        self._database = database
        self._interned = interned
        self._results = results
        self._commands: dict[Digest, Command] = {}
        self._opened: dict[tuple[int, str, int, int], OpenRun] = {}

    def open(self, ref: str) -> OpenRun:
        """Return what reading a run needs."""
        with self._database.read() as conn:
            return self.open_in(conn, runs.find(conn, ref))

    def open_in(self, conn: Connection, row: Any) -> OpenRun:
        """Return what reading the run of this row needs."""
        key = (row.no, row.id, row.inventory, row.baseline)
        found = self._opened.get(key)
        if found is None:
            denominator = denominator_of(runs.baseline(conn, self._interned, row))
            found = OpenRun(row.no, row.id, runs.header(conn, self._interned, row), denominator)
            if len(self._opened) >= _OPENED:
                self._opened = {}
            self._opened[key] = found
        return found

    def forget(self) -> None:
        """Drop what was kept of runs that a rollback may have taken away."""
        self._opened = {}

    def pieces(self, run: OpenRun) -> Iterator[tuple[Connection, dict[int, str], tuple[Host, ...]]]:
        """Yield, for each piece of the inventory, a connection, the ids of its hosts by number, and the hosts.

        Last comes the pseudo-host ``fleet``, which has a number and is no host of the inventory.
        """
        for piece in run.header.pieces:
            with self._database.read() as conn:
                hosts = read_stored_piece(conn, self._interned.blobs, piece)
                yield conn, self._numbers(conn, [host.id for host in hosts]), hosts
        with self._database.read() as conn:
            yield conn, self._numbers(conn, [FLEET]), ()

    def hosts(self, run: OpenRun) -> Iterator[HostAssessment]:
        """Yield everything said of every host of the inventory, in id order, and last of ``fleet`` if it was judged."""
        for conn, ids, hosts in self.pieces(run):
            said = _Said.of(conn, self, run, ids)
            for host in hosts:
                yield said.assessment(host, run)
            if FLEET in said.results:
                yield said.assessment(Host(FLEET, (), ""), run)

    def host(self, run: OpenRun, host_id: str) -> HostAssessment | None:
        """Return everything said of one host, or of ``fleet`` if it was judged; no other host is read."""
        with self._database.read() as conn:
            host = find_stored_host(conn, self._interned.blobs, run.header, host_id)
            said = _Said.of(conn, self, run, self._numbers(conn, [host_id]))
        if host is None and host_id == FLEET and FLEET in said.results:
            host = Host(FLEET, (), "")
        return said.assessment(host, run) if host else None

    def transcripts(self, run: OpenRun, host: str | None = None) -> Iterator[Transcript]:
        """Yield the sessions of a run as they were collected, by host, the earliest first.

        An answer that the retention policy let go says why in ``gone``.
        """
        for conn, ids in self._chosen(run, host):
            stored = visits(conn, self._interned, run.no, ids)
            for id_ in sorted(stored):
                for visited in stored[id_]:
                    kept, rows = self._interned.blobs.get_kept(conn, visited.answers.refs)
                    why = chain.why_gone(conn, rows.values()) if rows else {}
                    yield transcript_of(visited, kept, {digest: why[row] for digest, row in rows.items()})

    def observations(self, run: OpenRun, host: str | None = None) -> Iterator[Observation]:
        """Yield documents and what was unseen, by host and topic."""
        for conn, ids in self._chosen(run, host):
            said = heard(conn, self._interned, run.no, ids)
            for id_ in sorted(said):
                yield from documents_of(id_, said[id_], self._interned.blobs.get(conn, said[id_].refs))

    def states(self, run: OpenRun) -> Iterator[tuple[Host, bytes]]:
        """Yield each host of the inventory with its state vector, in the order of the denominator."""
        unknown = bytes([Status.NOT_CHECKED]) * len(run.denominator)
        for conn, ids, hosts in self.pieces(run):
            packs = self._results.packs(conn, run.no, ids, run.denominator)
            for host in hosts:
                yield host, states_of(packs[host.id]) if host.id in packs else unknown

    def tally(self, run: OpenRun) -> Tallied:
        """Return hosts by zone, check and status; hosts nobody judged are ``not_checked``, never left out."""
        counted: Counter[tuple[str, int, int]] = Counter()
        for conn, ids, hosts in self.pieces(run):
            packs = self._results.packs(conn, run.no, ids, run.denominator)
            counted.update(_counts(run, hosts, packs))
        return _named_counts(run, counted)

    def summary(self, run: OpenRun) -> Summary:
        """Return what is said of a run when it ends, in one pass over it."""
        whole, answers = hashlib.sha256(), hashlib.sha256()
        counted: Counter[tuple[str, int, int]] = Counter()
        for conn, ids, hosts in self.pieces(run):
            packs = self._results.packs(conn, run.no, ids, run.denominator)
            for record in self._records(conn, run, ids, packs):
                whole.update(record.pinned())
                commands = self._commands_of(conn, record.visits)
                for visited in record.visits:
                    answers.update(pin_of_visit(visited, commands))
            counted.update(_counts(run, hosts, packs))
        return Summary(whole.hexdigest(), answers.hexdigest(), _named_counts(run, counted))

    def stored_tally(self, run: OpenRun) -> tuple[Tally, ...]:
        """Return the tally that was written when the run ended; empty before."""
        with self._database.read() as conn:
            rows = conn.execute(select(TALLY).where(TALLY.c.run_no == run.no)).all()
            checks = self._interned.checks.ids(conn, (row.check_no for row in rows))
        found = [Tally(row.zone, checks[row.check_no], Status(row.status), row.hosts) for row in rows]
        return tuple(sorted(found, key=lambda one: (one.zone, one.check, one.status)))

    def differences(self, old: OpenRun, new: OpenRun) -> Iterator[Difference]:
        """Yield every check on every host that does not say the same, in host and check order."""
        both = merge(
            ((host.id, 0, states) for host, states in self.states(old)),
            ((host.id, 1, states) for host, states in self.states(new)),
        )
        for host, group in groupby(both, key=lambda one: one[0]):
            found = {side: states for _, side, states in group}
            before, after = _by_check(old, found.get(0)), _by_check(new, found.get(1))
            for check in sorted(before.keys() | after.keys()):
                if before.get(check) != after.get(check):
                    yield Difference(host, check, before.get(check), after.get(check))

    def stored_visits(self, run: OpenRun) -> Iterator[Visit]:
        """Yield which sessions are stored of a run."""
        for conn, ids in self._chosen(run, None):
            for id_, stored in visits(conn, self._interned, run.no, ids).items():
                for one in stored:
                    yield Visit(
                        id_, one.about.transport, one.about.vantage, bool(one.durations), one.about.failure is None
                    )

    def evidence_with(self, digest: Digest) -> Iterator[tuple[str, Evidence]]:
        """Yield every run and evidence whose output or error output has this digest; reads all packs."""
        with self._database.read() as conn:
            packs = self._interned.blobs.packs_naming(conn, digest, select(SESSION.c.answers))
            rows = [
                row
                for row in conn.execute(select(SESSION.c.run_no, SESSION.c.host_no, SESSION.c.answers))
                if row.answers in packs
            ]
            names = {row.no: row.id for row in runs.all_rows(conn)}
            hosts = self._interned.hosts.ids(conn, (row.host_no for row in rows))
            for run_no, host_no in sorted({(row.run_no, row.host_no) for row in rows}):
                for visited in visits(conn, self._interned, run_no, {host_no: hosts[host_no]})[hosts[host_no]]:
                    for evidence in self.evidence(conn, [visited]):
                        if digest.hex() in (evidence.sha256, evidence.stderr_sha256):
                            yield names[run_no], evidence

    def evidence(self, conn: Connection, stored: Sequence[Visited]) -> tuple[Evidence, ...]:
        """Return the evidence of sessions."""
        commands = self._commands_of(conn, stored)
        return tuple(one for visited in stored for one in evidence_of_visit(visited, commands))

    def _commands_of(self, conn: Connection, stored: Sequence[Visited]) -> Mapping[Digest, Command]:
        """Return what was asked in sessions, by digest, and maybe more."""
        wanted = {ref for visited in stored for ref in visited.answers.refs[::3]}
        if len(self._commands) > _COMMANDS:
            self._commands = {}
        missing = wanted - self._commands.keys()
        self._commands |= {
            digest: read_command(content) for digest, content in self._interned.blobs.get(conn, missing).items()
        }
        return self._commands

    def root(self, run: OpenRun) -> str:
        """Return a digest over the packs of every host: what the audit chain pins."""
        whole = hashlib.sha256()
        for record in self.records(run):
            whole.update(record.pinned())
        return whole.hexdigest()

    def records(self, run: OpenRun) -> Iterator[Record]:
        """Yield what is stored of each host that has anything, by reference, in id order; ``fleet`` last."""
        for conn, ids, _ in self.pieces(run):
            packs = self._results.packs(conn, run.no, ids, run.denominator)
            yield from self._records(conn, run, ids, packs)

    def _records(self, conn: Connection, run: OpenRun, ids: dict[int, str], packs: dict[str, Pack]) -> Iterator[Record]:
        stored = visits(conn, self._interned, run.no, ids)
        said = heard(conn, self._interned, run.no, ids)
        for id_ in sorted(stored.keys() | said.keys() | packs.keys()):
            yield Record(id_, tuple(stored.get(id_, ())), said.get(id_), packs.get(id_))

    def results_of(self, conn: Connection, run: OpenRun, ids: dict[int, str]) -> dict[str, tuple[Result, ...]]:
        """Return the results of those of the hosts that have some."""
        return self._results.get(conn, run.no, ids, run.denominator)

    def stored(self, conn: Connection, run: OpenRun, ids: dict[int, str]) -> dict[str, list[Visited]]:
        """Return the sessions of hosts."""
        return visits(conn, self._interned, run.no, ids)

    def heard(self, conn: Connection, run: OpenRun, ids: dict[int, str]) -> dict[str, Heard]:
        """Return the facts of hosts, by reference."""
        return heard(conn, self._interned, run.no, ids)

    def _chosen(self, run: OpenRun, host: str | None) -> Iterator[tuple[Connection, dict[int, str]]]:
        if host is None:
            for conn, ids, _ in self.pieces(run):
                yield conn, ids
            return
        with self._database.read() as conn:
            yield conn, self._numbers(conn, [host])

    def _numbers(self, conn: Connection, hosts: Sequence[str]) -> dict[int, str]:
        return {number: id_ for id_, number in self._interned.hosts.find(conn, hosts).items()}


@dataclass(frozen=True, slots=True)
class _Said:
    """Everything said of the hosts of one piece."""

    results: dict[str, tuple[Result, ...]]
    heard: dict[str, Heard]
    visits: dict[str, list[Visited]]
    evidence: dict[str, tuple[Evidence, ...]]

    @classmethod
    def of(cls, conn: Connection, reading: Reading, run: OpenRun, ids: dict[int, str]) -> _Said:
        stored = reading.stored(conn, run, ids)
        evidence = {id_: reading.evidence(conn, sessions) for id_, sessions in stored.items()}
        return cls(reading.results_of(conn, run, ids), reading.heard(conn, run, ids), stored, evidence)

    def assessment(self, host: Host, run: OpenRun) -> HostAssessment:
        known = self.heard.get(host.id)
        sessions = [visited.session for visited in self.visits.get(host.id, ())]
        results = self.results.get(host.id)
        if results is None:
            results = tuple(not_attempted(host.id, check, revision) for check, revision in run.denominator)
        return HostAssessment(
            host=host,
            results=results,
            unseen=unseen_of(host.id, known.said) if known else (),
            evidence=tuple(sorted(self.evidence.get(host.id, ()), key=lambda one: (one.command_id, one.vantage))),
            documents=_documents(known) if known else (),
            platform=known.said.platform if known else "",
            session=next((_named(session.origin, session.transport, session.host_key) for session in sessions), ""),
            taken_at=min((session.started_at for session in sessions), default=None),
        )


def _documents(known: Heard) -> tuple[tuple[str, str], ...]:
    return tuple((topic, ref.hex()) for (topic, *_), ref in zip(known.said.documents, known.refs, strict=True))


def _named(origin: Origin, transport: str, host_key: str) -> str:
    return "replay" if origin is Origin.REPLAYED else host_key or transport


def _counts(run: OpenRun, hosts: Sequence[Host], packs: dict[str, Pack]) -> dict[tuple[str, int, int], int]:
    """Count column by column: ``bytes.count`` is some twenty times faster than a Counter over single states."""
    width = len(run.denominator)
    unknown = bytes([Status.NOT_CHECKED]) * width
    zones: dict[str, list[bytes]] = {}
    for host in hosts:
        zones.setdefault(host.zone, []).append(states_of(packs[host.id]) if host.id in packs else unknown)
    counted: dict[tuple[str, int, int], int] = {}
    for zone, vectors in zones.items():
        table = b"".join(vectors)
        for index in range(width):
            column = table[index::width]
            counted.update({(zone, index, state): n for state in Status if (n := column.count(bytes([state])))})
    return counted


def _named_counts(run: OpenRun, counted: Counter[tuple[str, int, int]]) -> Tallied:
    return {(zone, run.denominator[index][0], Status(state)): n for (zone, index, state), n in counted.items()}


def _by_check(run: OpenRun, states: bytes | None) -> dict[str, Status]:
    if states is None:
        return {}
    return {check: Status(state) for (check, _), state in zip(run.denominator, states, strict=True)}
