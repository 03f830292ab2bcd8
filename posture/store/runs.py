"""Runs: what they are about is frozen when they begin; one whose process died is incomplete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select, update

from posture.errors import StoreError
from posture.model.assessment import Run, RunState
from posture.model.check import Baseline
from posture.model.observation import Origin
from posture.store import chain
from posture.store.blobs import Digest, insert_new, upsert
from posture.store.codec import decode, encode, micros, moment
from posture.store.inventories import Header, read_header
from posture.store.names import Interned
from posture.store.owner import Alive, Owner, alive, this_process
from posture.store.schedules import note_run
from posture.store.schema import HOST_SCAN, PART, RUN, TALLY
from posture.store.values import FLEET, Provenance, StoredRun

RunRow = Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a run is judged over, by reference."""

    inventory: Digest
    """Header of the inventory."""
    baseline: Digest
    hosts: int
    checks: int


def begin(conn: Connection, interned: Interned, run: Run, frozen: Frozen, provenance: Provenance | None = None) -> int:
    """Return the number of the new run."""
    if conn.execute(select(RUN.c.no).where(RUN.c.id == run.id)).first() is not None:
        raise StoreError(f"run {run.id} is in the store already", hint="`posture runs` lists what is there")
    numbers = interned.blobs.numbers(conn, [frozen.inventory, frozen.baseline])
    run = replace(run, inventory_digest=run.inventory_digest or frozen.inventory.hex())
    values = _columns(run) | {
        "inventory": numbers[frozen.inventory],
        "baseline": numbers[frozen.baseline],
        "hosts": frozen.hosts,
        "checks": frozen.checks,
        "notes": "[]",
        "fingerprint": "",
        "owner": _json(this_process()) if run.state is RunState.RUNNING else "",
        "provenance": _json(provenance) if provenance else "",
    }
    conn.execute(RUN.insert(), [values])
    if run.state is RunState.RUNNING:
        note_run(conn, run.id)
    row = find(conn, run.id)
    detail = {"inventory": frozen.inventory.hex(), "baseline": frozen.baseline.hex()} | about(run)
    chain.append(conn, interned.blobs, [chain.Entry(run.started_at, "run_begun", run.id, row.no, detail=detail)])
    return int(row.no)


def about(run: Run) -> dict[str, Any]:
    """Return what the audit chain says of a run when it begins: who looks, by what authority, as of when."""
    return {
        "operator": run.operator,
        "scanner": run.scanner,
        "tool_version": run.tool_version,
        "authorisation": run.authorisation,
        "profile": run.profile,
        "as_of": micros(run.as_of),
        "origin": run.origin.value,
        "merged_from": list(run.merged_from),
    }


def find(conn: Connection, ref: str) -> RunRow:
    """Return the row of a run by id, by the unambiguous beginning of one, or ``latest``.

    Raises:
        StoreError: there is none, or more than one.
    """
    query = select(RUN).order_by(RUN.c.started_at.desc(), RUN.c.no.desc())
    if ref == "latest":
        row = conn.execute(query.limit(1)).first()
        if row is None:
            raise StoreError("the store holds no run", hint="run a scan first")
        return row
    rows = conn.execute(query.where(RUN.c.id.startswith(ref, autoescape=True)).limit(3)).all() if ref else []
    exact = [row for row in rows if row.id == ref] or conn.execute(query.where(RUN.c.id == ref)).all()
    if len(exact or rows) != 1:
        many = "more than one run begins with" if rows else "no run has the id"
        raise StoreError(f"{many} `{ref}`", hint="`posture runs` lists them; `latest` names the newest")
    return (exact or rows)[0]


def writable(conn: Connection, ref: str) -> RunRow:
    """Return the row of a run that this process may write to.

    Raises:
        StoreError: it has ended, or another process writes it.
    """
    row = find(conn, ref)
    if row.state != RunState.RUNNING:
        raise StoreError(f"run {row.id} is {row.state}, not running", hint="resume it, or begin another")
    if _owner(row) != this_process():
        raise StoreError(f"run {row.id} is written by another process", hint="wait for it, or stop it")
    return row


def claim(conn: Connection, interned: Interned, ref: str, at: datetime) -> RunRow:
    """Return the row of an interrupted run, running again in this process."""
    row = find(conn, ref)
    owner = _owner(row)
    if row.state == RunState.COMPLETE:
        raise StoreError(f"run {row.id} is complete", hint="begin another run")
    if row.state == RunState.RUNNING and owner and owner != this_process() and alive(owner) is not Alive.NO:
        raise StoreError(
            f"run {row.id} is running as process {owner.pid} on {owner.machine}", hint="stop it there first"
        )
    conn.execute(delete(TALLY).where(TALLY.c.run_no == row.no))  # it is counted anew while the run goes on
    values = {"state": RunState.RUNNING, "owner": _json(this_process()), "finished_at": None}
    conn.execute(update(RUN).where(RUN.c.no == row.no).values(values))
    note_run(conn, row.id)
    chain.append(conn, interned.blobs, [chain.Entry(at, "run_resumed", row.id, row.no)])
    return find(conn, row.id)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    state: RunState
    at: datetime
    notes: tuple[str, ...]
    fingerprint: str
    root: str
    answers: str
    """See ``reading.Summary``; in the audit chain they pin what was collected."""


def end(conn: Connection, interned: Interned, row: RunRow, ending: Ending) -> None:
    """Write down how a run ended."""
    values = {
        "state": ending.state,
        "finished_at": micros(ending.at),
        "notes": msgspec.json.encode(ending.notes).decode(),
        "fingerprint": ending.fingerprint,
        "owner": "",
    }
    conn.execute(update(RUN).where(RUN.c.no == row.no).values(values))
    detail = {"state": ending.state.value, "fingerprint": ending.fingerprint}
    detail |= pins(conn, interned, row.no, ending.root, ending.answers)
    chain.append(conn, interned.blobs, [chain.Entry(ending.at, "run_ended", row.id, row.no, detail=detail)])


def pins(conn: Connection, interned: Interned, run_no: int, root: str, answers: str) -> dict[str, Any]:
    """Return what the audit chain says of all that was collected and of the documents kept with a run."""
    kept = parts(conn, run_no)
    digests = interned.blobs.digests(conn, kept.values())
    named = {name: digests[number].hex() for name, number in kept.items()}
    return {"root": root, "answers": answers, "parts": named}


def dead(conn: Connection) -> list[str]:
    """Return the ids of runs that say they are running and whose process is gone."""
    rows = conn.execute(select(RUN).where(RUN.c.state == RunState.RUNNING)).all()
    return [row.id for row in rows if (owner := _owner(row)) is None or alive(owner) is Alive.NO]


def mark_incomplete(conn: Connection, ids: Sequence[str]) -> None:
    """Set those runs to incomplete, if they still say they are running."""
    still = (RUN.c.id.in_(list(ids))) & (RUN.c.state == RunState.RUNNING)
    conn.execute(update(RUN).where(still).values(state=RunState.INCOMPLETE))


def stored(row: RunRow) -> StoredRun:
    """Return the run a row holds."""
    owner = _owner(row)
    return StoredRun(
        run=_run(row),
        hosts=row.hosts,
        checks=row.checks,
        notes=tuple(msgspec.json.decode(row.notes)),
        fingerprint=row.fingerprint,
        pid=owner.pid if row.state == RunState.RUNNING and owner and alive(owner) is Alive.YES else None,
        provenance=msgspec.json.decode(row.provenance, type=Provenance) if row.provenance else None,
    )


def all_rows(conn: Connection) -> Sequence[RunRow]:
    """Return every run, the newest first."""
    return conn.execute(select(RUN).order_by(RUN.c.started_at.desc(), RUN.c.no.desc())).all()


def header(conn: Connection, interned: Interned, row: RunRow) -> Header:
    """Return the inventory of a run without its hosts."""
    return read_header(interned.blobs.get_number(conn, row.inventory))


def baseline(conn: Connection, interned: Interned, row: RunRow) -> Baseline:
    """Return the baseline of a run."""
    return _decoded(interned.blobs.get_number(conn, row.baseline))


@lru_cache(maxsize=4)
def _decoded(content: bytes) -> Baseline:
    # Whoever reads a run host by host asks for it each time; decoding was three quarters of reading a host's answers.
    return decode(Baseline, content)


def put_baseline(conn: Connection, interned: Interned, value: Baseline) -> Digest:
    """Return the digest of a stored baseline."""
    ids = [check.id for check in value.checks]
    if len(set(ids)) != len(ids):
        raise StoreError("a check stands twice in the baseline", hint="give every check its own id")
    return interned.blobs.put(conn, [encode(value)])[0]


def put_part(conn: Connection, interned: Interned, run_no: int, name: str, content: bytes) -> None:
    """Keep a named document of a run; one of the same name is replaced."""
    digest = interned.blobs.put(conn, [content])[0]
    number = interned.blobs.numbers(conn, [digest])[digest]
    upsert(conn, PART, [{"run_no": run_no, "name": name, "content": number}])


def parts(conn: Connection, run_no: int) -> dict[str, int]:
    """Return the blob numbers of the named documents of a run."""
    rows = conn.execute(select(PART.c.name, PART.c.content).where(PART.c.run_no == run_no).order_by(PART.c.name))
    return {name: content for name, content in rows}  # noqa: C416 - a Row is no pair to mypy


def host_rows(conn: Connection, interned: Interned, run_no: int, hosts: Sequence[str]) -> dict[str, int]:
    """Return the number of each host, with a row of its own in the run."""
    numbers = interned.hosts.number(conn, hosts)
    insert_new(conn, HOST_SCAN, [{"run_no": run_no, "host_no": no, "moments": b""} for no in numbers.values()])
    return numbers


def admit(known: frozenset[str], run: str, host: str) -> None:
    """Return when the host is in the run's denominator, or the pseudo-host ``fleet``.

    Raises:
        StoreError: it is neither; the denominator is frozen when a run begins.
    """
    if host != FLEET and host not in known:
        raise StoreError(f"host `{host}` is not in the inventory of run {run}", hint="begin a run with this inventory")


def _columns(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "started_at": micros(run.started_at),
        "finished_at": micros(run.finished_at) if run.finished_at else None,
        "state": run.state,
        "operator": run.operator,
        "scanner": run.scanner,
        "tool_version": run.tool_version,
        "authorisation": run.authorisation,
        "profile": run.profile,
        "baseline_digest": run.baseline_digest,
        "inventory_digest": run.inventory_digest,
        "as_of": micros(run.as_of),
        "origin": run.origin,
        "merged_from": msgspec.json.encode(run.merged_from).decode(),
    }


def _run(row: RunRow) -> Run:
    return Run(
        id=row.id,
        started_at=moment(row.started_at),
        finished_at=None if row.finished_at is None else moment(row.finished_at),
        state=RunState(row.state),
        operator=row.operator,
        scanner=row.scanner,
        tool_version=row.tool_version,
        authorisation=row.authorisation,
        profile=row.profile,
        baseline_digest=row.baseline_digest,
        inventory_digest=row.inventory_digest,
        as_of=moment(row.as_of),
        origin=Origin(row.origin),
        merged_from=tuple(msgspec.json.decode(row.merged_from)),
    )


def _owner(row: RunRow) -> Owner | None:
    return msgspec.json.decode(row.owner, type=Owner) if row.owner else None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
