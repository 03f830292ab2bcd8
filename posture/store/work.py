"""Who works on which finding, what was said of it, and requests for waivers; every change is in the audit chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from posture.errors import StoreError, UsageError
from posture.model.finding import Finding, Waiver
from posture.model.work import Decision, WaiverRequest, WorkItem
from posture.store import chain
from posture.store.blobs import slices, upsert
from posture.store.codec import micros, moment
from posture.store.database import Database
from posture.store.names import Interned
from posture.store.schema import WAIVER_REQUEST, WORK_ITEM
from posture.store.values import Event

ASSIGNED, TICKETED, COMMENTED = "work_assigned", "work_ticket", "work_comment"
REQUESTED, DECIDED = "waiver_requested", "waiver_decided"
_NEXT = {
    Decision.REQUESTED: frozenset({Decision.GRANTED, Decision.REFUSED}),
    Decision.GRANTED: frozenset({Decision.REVOKED}),
    Decision.REFUSED: frozenset[Decision](),
    Decision.REVOKED: frozenset[Decision](),
}

_Said = Callable[[WaiverRequest], dict[str, str]]


class Work:
    """The ``work_item`` and ``waiver_request`` tables of a store."""

    def __init__(self, database: Database, interned: Interned) -> None:
        self._database, self._interned = database, interned

    def items(self) -> dict[str, WorkItem]:
        """Return what is written beside findings, by finding id."""
        with self._database.read() as conn:
            return {row.finding: _item(row) for row in conn.execute(select(WORK_ITEM))}

    def assign(self, found: Sequence[Finding], assignee: str, *, by: str, at: datetime) -> None:
        """Say who works on findings; empty for nobody."""
        self._write(found, ASSIGNED, assignee, lambda item: replace(item, assignee=assignee), by=by, at=at)

    def set_ticket(self, found: Sequence[Finding], ticket: str, *, by: str, at: datetime) -> None:
        """Write the number of a ticket beside findings; empty for none."""
        self._write(found, TICKETED, ticket, lambda item: replace(item, ticket=ticket), by=by, at=at)

    def comment(self, found: Sequence[Finding], text: str, *, by: str, at: datetime) -> None:
        """Say something of findings; it stays in the audit chain."""
        self._write(found, COMMENTED, text, lambda item: replace(item, comments=item.comments + 1), by=by, at=at)

    def history(self, finding: Finding) -> tuple[Event, ...]:
        """Return what people did about a finding, the oldest first."""
        with self._database.read() as conn:
            host_no = self._interned.hosts.find(conn, [finding.host]).get(finding.host, -1)
            return tuple(one for one in chain.events(conn, host_no=host_no) if _is_about(one, finding.id))

    def requests(self) -> tuple[WaiverRequest, ...]:
        """Return every request for a waiver, the newest first."""
        with self._database.read() as conn:
            rows = conn.execute(select(WAIVER_REQUEST)).all()
        return tuple(sorted(map(_request, rows), key=lambda one: (one.requested_at, one.id), reverse=True))

    def granted(self, hosts: Iterable[str]) -> tuple[Waiver, ...]:
        """Return the waivers that were granted for these hosts and not taken back, in id order."""
        wanted = frozenset(hosts)
        found = (one for one in self.requests() if one.decision is Decision.GRANTED and one.host in wanted)
        return tuple(sorted((one.waiver() for one in found), key=lambda waiver: waiver.id))

    def request(self, asked: Sequence[WaiverRequest]) -> None:
        """Keep requests for waivers.

        Raises:
            UsageError: a check on a host has an open request, or a granted one, already.
        """
        with self._database.write() as conn:
            taken = {
                (one.check, one.host): one
                for one in map(_request, conn.execute(select(WAIVER_REQUEST)).all())
                if one.decision is Decision.REQUESTED
                or (one.decision is Decision.GRANTED and one.expires >= asked[0].requested_at.date())
            }
            for one in asked:
                if there := taken.get((one.check, one.host)):
                    what = f"{one.check} on {one.host} has a waiver {there.decision.value} by {there.requested_by}"
                    raise UsageError(what, hint=f"{there.id} stands on the page of requests")
            conn.execute(WAIVER_REQUEST.insert(), [_request_row(one) for one in asked])
            self._tell(conn, REQUESTED, asked, lambda one: {"by": one.requested_by, "reason": one.reason})

    def decide(self, request_id: str, decision: Decision, *, by: str, at: datetime, note: str) -> WaiverRequest:
        """Return a request as decided.

        Raises:
            StoreError: there is no such request.
            UsageError: the one who asked may not decide, or the request does not stand where this can follow.
        """
        with self._database.write() as conn:
            row = conn.execute(select(WAIVER_REQUEST).where(WAIVER_REQUEST.c.id == request_id)).first()
            if row is None:
                raise StoreError("there is no such request", hint="the page of requests lists them")
            before = _request(row)
            if decision not in _NEXT[before.decision]:
                raise UsageError(f"{before.id} is {before.decision.value} already", hint="ask for another waiver")
            if before.requested_by.casefold() == by.casefold():
                raise UsageError("who asked for a waiver cannot decide on it", hint="another approver can")
            if decision is Decision.GRANTED and before.expires <= at.date():
                raise UsageError(f"{before.id} was asked for until {before.expires}", hint="refuse it")
            now = replace(before, decision=decision, decided_by=by, decided_at=at, note=note)
            upsert(conn, WAIVER_REQUEST, [_request_row(now)])
            self._tell(conn, DECIDED, [now], lambda one: {"by": by, "decision": decision.value, "note": note}, at=at)
        return now

    def _write(
        self,
        found: Sequence[Finding],
        event: str,
        text: str,
        changed: Callable[[WorkItem], WorkItem],
        *,
        by: str,
        at: datetime,
    ) -> None:
        with self._database.write() as conn:
            items = _items(conn, [one.id for one in found])
            upsert(conn, WORK_ITEM, [_item_row(changed(items[one.id])) for one in found])
            hosts = self._interned.hosts.number(conn, (one.host for one in found))
            lines = [
                chain.Entry(at, event, "", None, one.host, hosts[one.host], {"finding": one.id, "by": by, "text": text})
                for one in found
            ]
            chain.append(conn, self._interned.blobs, lines)

    def _tell(
        self, conn: Connection, event: str, about: Sequence[WaiverRequest], said: _Said, *, at: datetime | None = None
    ) -> None:
        hosts = self._interned.hosts.number(conn, (one.host for one in about))
        lines = [
            chain.Entry(
                at or one.requested_at,
                event,
                "",
                None,
                one.host,
                hosts[one.host],
                {
                    "request": one.id,
                    "check": one.check,
                    "findings": list(one.findings),
                    "expires": one.expires.isoformat(),
                }
                | said(one),
            )
            for one in about
        ]
        chain.append(conn, self._interned.blobs, lines)


def _is_about(event: Event, finding: str) -> bool:
    if event.event not in (ASSIGNED, TICKETED, COMMENTED, REQUESTED, DECIDED):
        return False
    detail = msgspec.json.decode(event.detail)
    return detail.get("finding") == finding or finding in detail.get("findings", ())


def _items(conn: Connection, findings: Sequence[str]) -> dict[str, WorkItem]:
    items = {id_: WorkItem(id_) for id_ in findings}
    for some in slices(findings):
        for row in conn.execute(select(WORK_ITEM).where(WORK_ITEM.c.finding.in_(some))):
            items[row.finding] = _item(row)
    return items


def _item(row: Row[Any]) -> WorkItem:
    return WorkItem(row.finding, row.assignee, row.ticket, row.comments)


def _item_row(item: WorkItem) -> dict[str, object]:
    return {
        "finding": item.finding,
        "assignee": item.assignee,
        "ticket": item.ticket,
        "comments": item.comments,
    }


def _request(row: Row[Any]) -> WaiverRequest:
    return WaiverRequest(
        id=row.id,
        check=row.check,
        host=row.host,
        findings=tuple(msgspec.json.decode(row.findings, type=list[str])),
        evidence_sha256=row.evidence_sha256,
        reason=row.reason,
        owner=row.owner,
        expires=date.fromisoformat(row.expires),
        requested_by=row.requested_by,
        requested_at=moment(row.requested_at),
        decision=Decision(row.decision),
        decided_by=row.decided_by,
        decided_at=None if row.decided_at is None else moment(row.decided_at),
        note=row.note,
    )


def _request_row(one: WaiverRequest) -> dict[str, object]:
    return {
        "id": one.id,
        "check": one.check,
        "host": one.host,
        "findings": msgspec.json.encode(one.findings).decode(),
        "evidence_sha256": one.evidence_sha256,
        "reason": one.reason,
        "owner": one.owner,
        "expires": one.expires.isoformat(),
        "requested_by": one.requested_by,
        "requested_at": micros(one.requested_at),
        "decision": one.decision.value,
        "decided_by": one.decided_by,
        "decided_at": None if one.decided_at is None else micros(one.decided_at),
        "note": one.note,
    }
