"""The audit chain: an append-only table in which every row covers the one before it by sha256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from posture.errors import StoreError
from posture.store.blobs import Blobs, slices, unsqueeze
from posture.store.codec import micros, moment
from posture.store.schema import CHANGE
from posture.store.values import ChainHead, Event

ARCHIVED, DELETED = "evidence_archived", "evidence_deleted"
"""Events that let evidence go: out of the store into a file, and for good."""
_GENESIS = bytes(32)
_CHANGED = "the store was changed outside this program: `posture store check` says where; restore a backup"
_HINT = "the audit chain was changed outside this program: keep the file as evidence and restore a backup"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written down."""

    at: datetime
    event: str
    run: str
    run_no: int | None
    host: str = ""
    host_no: int | None = None
    detail: Any = None
    """Builtins that JSON can hold."""


def append(conn: Connection, blobs: Blobs, entries: Sequence[Entry]) -> None:
    """Add rows at the end of the chain."""
    if not entries:
        return
    if conn.dialect.name == "postgresql":
        # Two writers must not both see the same end; SQLite's BEGIN IMMEDIATE sees to that by itself.
        conn.exec_driver_sql("LOCK TABLE change IN EXCLUSIVE MODE")
    end = head(conn)
    seq, prev = end.seq, bytes.fromhex(end.digest)
    rows = []
    for entry in entries:
        seq += 1
        content = _content(seq, entry)
        digest = _link(prev, content)
        rows.append(
            {
                "seq": seq,
                "run_no": entry.run_no,
                "host_no": entry.host_no,
                "size": len(content),
                "content": blobs.squeeze(content),
                "prev": prev,
                "digest": digest,
            }
        )
        prev = digest
    conn.execute(CHANGE.insert(), rows)


def head(conn: Connection) -> ChainHead:
    """Return the end of the chain; sequence 0 and zeros when it is empty."""
    row = conn.execute(select(CHANGE.c.seq, CHANGE.c.digest).order_by(CHANGE.c.seq.desc()).limit(1)).first()
    return ChainHead(row.seq, bytes(row.digest).hex()) if row else ChainHead(0, _GENESIS.hex())


def verify(conn: Connection, expected: ChainHead | None = None, since: ChainHead | None = None) -> ChainHead:
    """Return the end of the chain after recomputing every row of it, or those after a head that was verified before.

    Raises:
        StoreError: a row is missing, was changed or moved, or the chain never had the head that is expected.
    """
    passed = expected is None or expected.seq == 0
    seq, prev = (since.seq, bytes.fromhex(since.digest)) if since else (0, _GENESIS)
    if seq and conn.execute(select(CHANGE.c.digest).where(CHANGE.c.seq == seq)).scalar() != prev:
        raise StoreError(f"row {seq} of the audit chain is not the one that was verified", hint=_HINT)
    newer = select(CHANGE).where(CHANGE.c.seq > seq).order_by(CHANGE.c.seq)
    for row in conn.execution_options(yield_per=1000).execute(newer):
        seq += 1
        if row.seq != seq:
            raise StoreError(f"row {seq} of the audit chain is missing", hint=_HINT)
        content = unsqueeze(row.content, row.size)
        written = _stored(content)
        if bytes(row.prev) != prev or bytes(row.digest) != _link(prev, content) or written["seq"] != seq:
            raise StoreError(f"row {seq} of the audit chain does not match its digest", hint=_HINT)
        prev = bytes(row.digest)
        passed = passed or ChainHead(seq, prev.hex()) == expected
    if not passed:
        raise StoreError("the audit chain does not hold the row that was written down", hint=_HINT)
    return ChainHead(seq, prev.hex())


def rows(conn: Connection) -> Iterator[dict[str, Any]]:
    """Yield every row as it can be checked elsewhere: ``digest`` is sha256(bytes of ``prev`` + ``content``)."""
    found = conn.execution_options(yield_per=1000).execute(select(CHANGE).order_by(CHANGE.c.seq))
    for row in found:
        content = unsqueeze(row.content, row.size).decode("utf-8")
        yield {
            "seq": row.seq,
            "content": content,
            "prev": bytes(row.prev).hex(),
            "digest": bytes(row.digest).hex(),
        }


def last_root(conn: Connection, run_no: int) -> str:
    """Return the root that the chain holds for a run; empty when the run has not ended."""
    roots = [
        msgspec.json.decode(event.detail)["root"]
        for event in events(conn, run_no=run_no, runs_only=True)
        if event.event in ("run_ended", "run_pinned")
    ]
    return roots[-1] if roots else ""


def events(
    conn: Connection, *, host_no: int | None = None, run_no: int | None = None, runs_only: bool = False
) -> Iterator[Event]:
    """Yield rows in order; if asked those of one host or run only, or those about no host."""
    query = select(CHANGE.c.size, CHANGE.c.content).order_by(CHANGE.c.seq)
    if host_no is not None:
        query = query.where(CHANGE.c.host_no == host_no)
    if run_no is not None:
        query = query.where(CHANGE.c.run_no == run_no)
    if runs_only:
        query = query.where(CHANGE.c.host_no.is_(None))
    for size, content in conn.execution_options(yield_per=1000).execute(query):
        yield _event(size, content)


class LetGo(msgspec.Struct, frozen=True):
    """What a row of the chain says that let evidence go."""

    policy: str
    blobs: int
    file: str = ""
    """The archive they moved to; of a deletion the archive that went with them, if one did."""


def let_go_by(conn: Connection, seqs: Iterable[int]) -> dict[int, tuple[Event, LetGo]]:
    """Return those of the rows that let evidence go."""
    found = {}
    for some in slices(sorted(set(seqs))):
        query = select(CHANGE.c.size, CHANGE.c.content).where(CHANGE.c.seq.in_(some))
        for event in (_event(size, content) for size, content in conn.execute(query)):
            if event.event in (ARCHIVED, DELETED):
                with suppress(msgspec.ValidationError):
                    found[event.seq] = event, msgspec.json.decode(event.detail, type=LetGo)
    return found


def lets_nothing_go(seq: int) -> str:
    """Return in words that a row which should have let evidence go is not there, or says something else."""
    return f"row {seq} of the audit chain lets nothing go"


def why_gone(conn: Connection, seqs: Iterable[int]) -> dict[int, str]:
    """Return in words, for rows of the chain that let evidence go, by which policy and when.

    Raises:
        StoreError: one of them does not say so: the database was changed by hand.
    """
    wanted = set(seqs)
    told = let_go_by(conn, wanted)
    for seq in sorted(wanted - told.keys()):
        raise StoreError(f"evidence is gone, and {lets_nothing_go(seq)}", hint=_CHANGED)
    return {seq: _why(*one) for seq, one in told.items()}


def _why(event: Event, said: LetGo) -> str:
    where = f"moved to {said.file}" if event.event == ARCHIVED else "deleted"
    return f"evidence no longer kept: {where} on {event.at:%Y-%m-%d} by policy ({said.policy})"


def detail_of(event: Event) -> dict[str, Any]:
    """Return what a row of the chain says beside who and when."""
    return msgspec.json.decode(event.detail, type=dict[str, Any])


def newest(conn: Connection, before: int, count: int) -> list[Event]:
    """Return so many of the last rows, the newest first; ``before`` is the row they end at, 0 for the end."""
    query = select(CHANGE.c.size, CHANGE.c.content).order_by(CHANGE.c.seq.desc()).limit(count)
    return [
        _event(size, content) for size, content in conn.execute(query.where(CHANGE.c.seq < before) if before else query)
    ]


def _event(size: int, content: bytes) -> Event:
    written = _stored(unsqueeze(content, size))
    detail = msgspec.json.encode(written["detail"], order="sorted").decode()
    return Event(written["seq"], moment(written["at"]), written["event"], written["run"], written["host"], detail)


def _content(seq: int, entry: Entry) -> bytes:
    """Names and not row numbers, so that the chain can be checked without this database."""
    return msgspec.json.encode(
        {
            "seq": seq,
            "at": micros(entry.at),
            "event": entry.event,
            "run": entry.run,
            "host": entry.host,
            "detail": entry.detail,
        },
        order="sorted",
    )


def _stored(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        raise StoreError("a row of the audit chain is not JSON", hint=_HINT) from None


def _link(prev: bytes, content: bytes) -> bytes:
    return hashlib.sha256(prev + content).digest()
