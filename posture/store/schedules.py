"""Schedules, what became of each time they were due, and which schedulers live.

A time is claimed by inserting its row, in one transaction, by the very process that then becomes the scan (it keeps its
pid over ``exec``). So a claim is alive exactly as long as its scan, whatever becomes of the scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update

from posture.errors import StoreError
from posture.model.assessment import RunState
from posture.model.schedule import Occurrence, Outcome, Schedule
from posture.store import chain
from posture.store.blobs import Blobs, upsert
from posture.store.codec import decode, encode, micros, moment
from posture.store.database import Database
from posture.store.owner import Alive, Owner, alive, this_process
from posture.store.schema import OCCURRENCE, RUN, SCHEDULE, SCHEDULER

ATTEMPTS = 3  # one beginning and two times taken up again; then a person must look
TIMER = " (timer)"
_RETRIED = (Outcome.ASKED, Outcome.INTERRUPTED)
_SETTLED = (Outcome.DONE, Outcome.FAILED, Outcome.STOPPED, Outcome.SKIPPED)


@dataclass(frozen=True, slots=True)
class Beat:
    """A scheduler that gave a sign of life."""

    machine: str
    pid: int
    at: datetime
    alive: Alive


class Schedules:
    """The ``schedule``, ``occurrence`` and ``scheduler`` tables of a store."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database, self._blobs = database, blobs

    def all(self, *, removed: bool = False) -> tuple[Schedule, ...]:
        """Return every schedule, by name; those that were removed only when asked for."""
        with self._database.read() as conn:
            rows = conn.execute(select(SCHEDULE.c.content).order_by(SCHEDULE.c.name)).all()
        found = (decode(Schedule, row.content.encode()) for row in rows)
        return tuple(one for one in found if removed or not one.removed)

    def get(self, name: str) -> Schedule:
        """Return one schedule.

        Raises:
            StoreError: there is none of that name.
        """
        for one in self.all():
            if one.name == name:
                return one
        raise StoreError(f"there is no schedule `{name[:64]}`", hint="`posture schedule list` names them")

    def add(self, schedule: Schedule, *, by: str, at: datetime) -> None:
        """Keep a new schedule.

        Raises:
            StoreError: the name is taken.
        """
        with self._database.write() as conn:
            row = conn.execute(select(SCHEDULE.c.content).where(SCHEDULE.c.name == schedule.name)).first()
            if row is not None and not decode(Schedule, row.content.encode()).removed:
                hint = "choose another name, or remove it first"
                raise StoreError(f"there is a schedule `{schedule.name}` already", hint=hint)
            self._keep(conn, schedule, by, "schedule_added", at)

    def change(self, schedule: Schedule, *, by: str, did: str, at: datetime) -> None:
        """Keep a schedule as it is now; the audit chain says who did what to it."""
        with self._database.write() as conn:
            self._keep(conn, schedule, by, f"schedule_{did}", at)

    def ask(self, name: str, *, by: str, at: datetime) -> Occurrence:
        """Return the occurrence that now waits for a scheduler, or the one that already does.

        Raises:
            StoreError: there is no such schedule.
        """
        schedule = self.get(name)
        with self._database.write() as conn:
            waiting = (OCCURRENCE.c.schedule == name) & (OCCURRENCE.c.outcome == Outcome.ASKED)
            row = conn.execute(select(OCCURRENCE).where(waiting)).first()
            if row is not None:
                return _occurrence(row)
            due = micros(at)
            while conn.execute(_one(name, due)).first() is not None:
                due += 1  # a microsecond: a planned time, or somebody else, has this very moment
            asked = Occurrence(schedule.name, moment(due), False, Outcome.ASKED)
            conn.execute(OCCURRENCE.insert(), [_row(asked)])
            self._write_down(conn, at, "schedule_asked", {"schedule": name, "by": by})
        return asked

    def occurrences(self, name: str = "", *, limit: int = 100) -> tuple[Occurrence, ...]:
        """Return what became of the times of one schedule, or of all, the newest first."""
        query = select(OCCURRENCE).order_by(OCCURRENCE.c.due.desc(), OCCURRENCE.c.schedule).limit(limit)
        with self._database.read() as conn:
            rows = conn.execute(query.where(OCCURRENCE.c.schedule == name) if name else query).all()
        return tuple(_occurrence(row) for row in rows)

    def open(self) -> tuple[tuple[Occurrence, Alive], ...]:
        """Return what is running or waits to be begun or taken up again, and whether its process lives."""
        unsettled = OCCURRENCE.c.outcome.in_((Outcome.RUNNING, *_RETRIED))
        with self._database.read() as conn:
            rows = conn.execute(select(OCCURRENCE).where(unsettled).order_by(OCCURRENCE.c.due)).all()
        return tuple((_occurrence(row), _lives(row)) for row in rows)

    def find(self, name: str, due: datetime) -> Occurrence | None:
        """Return what became of one time; ``None`` when nobody has claimed it."""
        with self._database.read() as conn:
            row = conn.execute(_one(name, micros(due))).first()
        return None if row is None else _occurrence(row)

    def newest(self, name: str, now: datetime) -> datetime | None:
        """Return the latest planned time up to now that is settled or claimed."""
        past = (OCCURRENCE.c.schedule == name) & (OCCURRENCE.c.due <= micros(now)) & (OCCURRENCE.c.planned == 1)
        with self._database.read() as conn:
            due = conn.execute(select(OCCURRENCE.c.due).where(past).order_by(OCCURRENCE.c.due.desc()).limit(1)).scalar()
        return None if due is None else moment(due)

    def claim(self, wanted: Occurrence, at: datetime) -> str:
        """Return an empty text when this process now has the occurrence; else why it may not begin."""
        with self._database.write() as conn:
            if conn.dialect.name == "postgresql":
                # Two schedulers must not both see nothing running; SQLite's BEGIN IMMEDIATE sees to that by itself.
                conn.exec_driver_sql("LOCK TABLE occurrence IN EXCLUSIVE MODE")
            if why := self._in_the_way(conn, wanted):
                return why
            row = conn.execute(_one(wanted.schedule, micros(wanted.due))).first()
            before = _occurrence(row) if row is not None else wanted
            if row is not None and (before.outcome not in _RETRIED or before.attempts >= ATTEMPTS):
                return f"it is {before.outcome.value} already"
            claimed = replace(
                before,
                outcome=Outcome.RUNNING,
                attempts=before.attempts + 1,
                begun_at=before.begun_at or at,
                ended_at=None,
                authorisation=wanted.authorisation,
                why=wanted.why or before.why,
            )
            upsert(conn, OCCURRENCE, [_row(claimed, this_process())])
        return ""

    def in_the_way(self, wanted: Occurrence) -> str:
        """Return what keeps an occurrence from beginning; empty when nothing does."""
        with self._database.read() as conn:
            return self._in_the_way(conn, wanted)

    def settle(self, settled: Occurrence, at: datetime) -> None:
        """Keep how an occurrence ended, unless that is known already; the audit chain says so too."""
        with self._database.write() as conn:
            row = conn.execute(_one(settled.schedule, micros(settled.due))).first()
            if row is not None and (row.outcome in _SETTLED or row.attempts != settled.attempts):
                return  # somebody else knows more: it has ended, or was taken up again meanwhile
            settled = replace(settled, ended_at=at, run=settled.run or (row.run if row is not None else ""))
            owner = msgspec.json.decode(row.owner, type=Owner) if row is not None and row.owner else None
            upsert(conn, OCCURRENCE, [_row(settled, owner)])
            detail = {
                "schedule": settled.schedule,
                "due": micros(settled.due),
                "outcome": settled.outcome.value,
                "run": settled.run,
                "why": settled.why,
            }
            self._write_down(conn, at, "occurrence_ended", detail)

    def beat(self, at: datetime, mark: str = "") -> None:
        """Keep a sign of life of this scheduler; with ``TIMER`` as mark, one whose processes come and go."""
        me = this_process()
        row = {"machine": me.machine + mark, "owner": msgspec.json.encode(me).decode(), "beat_at": micros(at)}
        with self._database.write() as conn:
            upsert(conn, SCHEDULER, [row])

    def beats(self) -> tuple[Beat, ...]:
        """Return the last sign of life of every scheduler, by machine."""
        with self._database.read() as conn:
            rows = conn.execute(select(SCHEDULER).order_by(SCHEDULER.c.machine)).all()
        owners = (msgspec.json.decode(row.owner, type=Owner) for row in rows)
        return tuple(
            Beat(row.machine, owner.pid, moment(row.beat_at), alive(owner))
            for row, owner in zip(rows, owners, strict=True)
        )

    def _in_the_way(self, conn: Connection, wanted: Occurrence) -> str:
        busy = conn.execute(select(OCCURRENCE).where(OCCURRENCE.c.outcome == Outcome.RUNNING)).all()
        for row in busy:
            same = row.schedule == wanted.schedule
            if _lives(row) is not Alive.NO and (
                same or (row.authorisation and row.authorisation == wanted.authorisation)
            ):
                return (
                    "another time of this schedule is running"
                    if same
                    else f"`{row.schedule}` runs under the same scope"
                )
        if not wanted.authorisation:
            return ""
        by_hand = (RUN.c.state == RunState.RUNNING) & (RUN.c.authorisation == wanted.authorisation)
        for row in conn.execute(select(RUN.c.id, RUN.c.owner).where(by_hand)):
            if row.owner and alive(msgspec.json.decode(row.owner, type=Owner)) is not Alive.NO:
                return f"run {row.id} is scanning the same scope"
        return ""

    def _keep(self, conn: Connection, schedule: Schedule, by: str, event: str, at: datetime) -> None:
        upsert(conn, SCHEDULE, [{"name": schedule.name, "content": encode(schedule).decode()}])
        detail = {"schedule": schedule.name, "by": by, "kind": schedule.kind.value, "cron": schedule.cron}
        self._write_down(conn, at, event, {**detail, "every_s": schedule.every_s})

    def _write_down(self, conn: Connection, at: datetime, event: str, detail: dict[str, Any]) -> None:
        chain.append(conn, self._blobs, [chain.Entry(at, event, "", None, detail=detail)])


def note_run(conn: Connection, run_id: str) -> None:
    """Write the run into the occurrence that this process has claimed, if it has one."""
    mine = (OCCURRENCE.c.outcome == Outcome.RUNNING) & (
        OCCURRENCE.c.owner == msgspec.json.encode(this_process()).decode()
    )
    conn.execute(update(OCCURRENCE).where(mine).values(run=run_id))


def _one(name: str, due: int) -> Any:
    return select(OCCURRENCE).where((OCCURRENCE.c.schedule == name) & (OCCURRENCE.c.due == due))


def _lives(row: Row[Any]) -> Alive:
    return alive(msgspec.json.decode(row.owner, type=Owner)) if row.owner else Alive.NO


def _occurrence(row: Row[Any]) -> Occurrence:
    owner = msgspec.json.decode(row.owner, type=Owner) if row.owner else None
    return Occurrence(
        schedule=row.schedule,
        due=moment(row.due),
        planned=bool(row.planned),
        outcome=Outcome(row.outcome),
        attempts=row.attempts,
        begun_at=None if row.begun_at is None else moment(row.begun_at),
        ended_at=None if row.ended_at is None else moment(row.ended_at),
        run=row.run,
        exit_code=row.exit_code,
        why=row.why,
        authorisation=row.authorisation,
        machine=owner.machine if owner else "",
        pid=owner.pid if owner else 0,
    )


def _row(one: Occurrence, owner: Owner | None = None) -> dict[str, object]:
    return {
        "schedule": one.schedule,
        "due": micros(one.due),
        "planned": int(one.planned),
        "outcome": one.outcome.value,
        "attempts": one.attempts,
        "begun_at": None if one.begun_at is None else micros(one.begun_at),
        "ended_at": None if one.ended_at is None else micros(one.ended_at),
        "owner": msgspec.json.encode(owner).decode() if owner else "",
        "authorisation": one.authorisation,
        "run": one.run,
        "exit_code": one.exit_code,
        "why": one.why[:500],
    }
