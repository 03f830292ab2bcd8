"""Findings as they stand now, and every change of them in the audit chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, select, true

from posture.errors import StoreError
from posture.model.clock import DueDate
from posture.model.finding import Closing, Finding
from posture.store import chain
from posture.store.blobs import slices, upsert
from posture.store.codec import micros, moment
from posture.store.names import Interned
from posture.store.schema import FINDING, HOST
from posture.store.values import Did, FindingChange

_BATCH = 5000  # findings looked up and written at once
_PAGE_HOSTS = 500
_DUE = msgspec.json.Decoder(tuple[DueDate, ...])


def batches(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Yield findings in lots that are written in one transaction each: some 0.2 s of the write lock."""
    rest = iter(findings)
    while batch := list(islice(rest, _BATCH)):
        yield sorted(batch, key=lambda finding: (finding.host, finding.check, finding.id))


def save(conn: Connection, interned: Interned, run: tuple[str, int], batch: Sequence[Finding], at: datetime) -> int:
    """Return how many findings changed in more than when they were last seen; each change is in the chain."""
    was = _stored(conn, interned, batch)
    entries, writes, count = [], [], 0
    numbers = _Numbers.of(conn, interned, batch)
    for host, group in groupby(batch, key=lambda finding: finding.host):
        lines = []
        for finding in group:
            before = was.get(finding.id)
            if before is not None and (before.host, before.check) != (finding.host, finding.check):
                raise StoreError(f"finding id `{finding.id}` is taken by {before.check} on {before.host}", hint=_BUG)
            if before != finding:
                writes.append(_row(finding, numbers))
            changes = [[finding.check, finding.subject, did, detail] for did, detail in _changes(before, finding)]
            count += bool(changes)
            lines += changes
        if lines:
            entries.append(chain.Entry(at, _EVENT, run[0], run[1], host, numbers.hosts[host], lines))
    upsert(conn, FINDING, writes)
    chain.append(conn, interned.blobs, entries)
    return count


def read(
    conn: Connection,
    interned: Interned,
    *,
    host: str | None = None,
    check: str | None = None,
    open_only: bool = False,
) -> Iterator[Finding]:
    """Yield the findings that match, in the order of host, check and finding id."""
    wanted: ColumnElement[bool] = true()
    if host is not None:
        wanted &= FINDING.c.host_no == interned.hosts.find(conn, [host]).get(host, -1)
    if check is not None:
        wanted &= FINDING.c.check_no == interned.checks.find(conn, [check]).get(check, -1)
    if open_only:
        wanted &= FINDING.c.closed_at.is_(None)
    hosts = conn.execute(
        select(FINDING.c.host_no, HOST.c.id).join(HOST, HOST.c.no == FINDING.c.host_no).where(wanted).distinct()
    )
    numbers = [no for no, _ in sorted(hosts, key=lambda row: row[1])]
    rest = iter(numbers)
    while page := list(islice(rest, _PAGE_HOSTS)):
        rows = conn.execute(select(FINDING).where(wanted & FINDING.c.host_no.in_(page))).all()
        found = _findings(conn, interned, rows)
        yield from sorted(found, key=lambda finding: (finding.host, finding.check, finding.id))


def get(conn: Connection, interned: Interned, id_: str) -> Finding:
    """Return one finding by its 16 hex digits.

    Raises:
        StoreError: there is none.
    """
    rows = conn.execute(select(FINDING).where(FINDING.c.id == _number(id_))).all()
    if not rows:
        raise StoreError(f"no finding has the id `{id_}`", hint="`posture findings` lists them")
    return _findings(conn, interned, rows)[0]


def history(conn: Connection, interned: Interned, finding: Finding) -> tuple[FindingChange, ...]:
    """Return what happened to a finding, the oldest first."""
    host_no = interned.hosts.find(conn, [finding.host]).get(finding.host, -1)
    lines = []
    for event in chain.events(conn, host_no=host_no):
        if event.event != _EVENT:
            continue
        for check, subject, did, detail in msgspec.json.decode(event.detail):
            if (check, subject) == (finding.check, finding.subject):
                lines.append(FindingChange(event.seq, event.at, event.run, Did(did), detail))
    return tuple(lines)


def changes(conn: Connection) -> Iterator[tuple[str, str, str, FindingChange]]:
    """Yield host, check, subject and what happened, for every finding, the oldest first."""
    for event in chain.events(conn):
        if event.event == _EVENT:
            for check, subject, did, detail in msgspec.json.decode(event.detail):
                yield event.host, check, subject, FindingChange(event.seq, event.at, event.run, Did(did), detail)


_EVENT = "findings_changed"


_BUG = "finding ids must be digests of check, host and subject"


def _changes(before: Finding | None, now: Finding) -> list[tuple[Did, str]]:
    """``last_seen`` moves at every run and is no change."""
    lines = []
    closing = now.closing.value if now.closing else ""
    if before is None:
        lines.append((Did.OPENED, _dues_in_words(now)))
        if not now.open:
            lines.append((Did.CLOSED, closing))
    elif before.open and not now.open:
        lines.append((Did.CLOSED, closing))
    elif (not before.open and now.open) or now.opened > before.opened:
        lines.append((Did.REOPENED, _dues_in_words(now)))
    elif before.closing != now.closing:
        lines.append((Did.CLOSED, closing))
    if before is not None and before.open and now.open and before.due != now.due:
        lines.append((Did.DUE_CHANGED, _dues_in_words(now)))
    if now.waiver != (before.waiver if before else ""):
        lines.append((Did.WAIVED, now.waiver) if now.waiver else (Did.UNWAIVED, before.waiver if before else ""))
    return lines


def _dues_in_words(finding: Finding) -> str:
    return ", ".join(f"{due.clock} {due.due.isoformat()}" for due in finding.due)


def _stored(conn: Connection, interned: Interned, batch: Sequence[Finding]) -> dict[str, Finding]:
    rows: list[Row[Any]] = []
    for some in slices(_number(finding.id) for finding in batch):
        rows += conn.execute(select(FINDING).where(FINDING.c.id.in_(some))).all()
    return {finding.id: finding for finding in _findings(conn, interned, rows)}


def _findings(conn: Connection, interned: Interned, rows: Sequence[Row[Any]]) -> list[Finding]:
    hosts = interned.hosts.ids(conn, (row.host_no for row in rows))
    checks = interned.checks.ids(conn, (row.check_no for row in rows))
    digests = interned.blobs.digests(conn, (row.due for row in rows if row.due is not None))
    contents = interned.blobs.get(conn, digests.values())
    numbers = {no for row in rows for no in (row.first_seen, row.last_seen, row.closed_at) if no is not None}
    at = interned.moments.ids(conn, numbers)
    versions = interned.versions.ids(conn, (row.version for row in rows))
    dues = {number: _DUE.decode(contents[digest]) for number, digest in digests.items()}
    return [
        Finding(
            id=row.id.to_bytes(8, "big", signed=True).hex(),
            check=checks[row.check_no],
            host=hosts[row.host_no],
            subject=row.subject,
            first_seen=moment(at[row.first_seen]),
            last_seen=moment(at[row.last_seen]),
            opened=row.opened,
            closed_at=None if row.closed_at is None else moment(at[row.closed_at]),
            closing=Closing(row.closing) if row.closing else None,
            due=() if row.due is None else dues[row.due],
            waiver=row.waiver,
            check_digest=versions[row.version],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What the rows of a batch refer to."""

    hosts: dict[str, int]
    checks: dict[str, int]
    versions: dict[str, int]
    moments: dict[int, int]
    dues: dict[tuple[DueDate, ...], int | None]

    @classmethod
    def of(cls, conn: Connection, interned: Interned, batch: Sequence[Finding]) -> _Numbers:
        moments = {
            micros(at)
            for finding in batch
            for at in (finding.first_seen, finding.last_seen, finding.closed_at)
            if at is not None
        }
        return cls(
            interned.hosts.number(conn, (finding.host for finding in batch)),
            interned.checks.number(conn, (finding.check for finding in batch)),
            interned.versions.number(conn, (finding.check_digest for finding in batch)),
            interned.moments.number(conn, moments),
            _put_dues(conn, interned, batch),
        )


def _put_dues(conn: Connection, interned: Interned, batch: Sequence[Finding]) -> dict[tuple[DueDate, ...], int | None]:
    distinct = list({finding.due for finding in batch if finding.due})
    digests = interned.blobs.put(conn, (msgspec.json.encode(due) for due in distinct))
    numbers = interned.blobs.numbers(conn, digests)
    return {(): None} | {due: numbers[digest] for due, digest in zip(distinct, digests, strict=True)}


def _row(finding: Finding, numbers: _Numbers) -> dict[str, object]:
    return {
        "host_no": numbers.hosts[finding.host],
        "check_no": numbers.checks[finding.check],
        "id": _number(finding.id),
        "subject": finding.subject,
        "first_seen": numbers.moments[micros(finding.first_seen)],
        "last_seen": numbers.moments[micros(finding.last_seen)],
        "opened": finding.opened,
        "closed_at": numbers.moments[micros(finding.closed_at)] if finding.closed_at else None,
        "closing": finding.closing.value if finding.closing else None,
        "due": numbers.dues[finding.due],
        "waiver": finding.waiver,
        "version": numbers.versions[finding.check_digest],
    }


def _number(id_: str) -> int:
    try:
        raw = bytes.fromhex(id_)
    except ValueError:
        raw = b""
    if len(raw) != 8 or id_ != raw.hex():
        raise StoreError(f"`{id_}` is no finding id", hint="a finding id has 16 hex digits")
    return int.from_bytes(raw, "big", signed=True)
