"""The part of the page of scans that tells what runs by itself, and the three things an administrator does there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from posture.errors import UsageError
from posture.model.account import Account, Act
from posture.model.schedule import Occurrence, Outcome
from posture.schedule.standing import Standing, somebody_keeps, standings, when
from posture.store import Store
from reports.dashboard.views.scans import OccurrenceLine, ScheduleLine, SchedulesView
from reports.view import Link, Tag

_HISTORY = 30
_TONES = {Outcome.DONE: "good", Outcome.FAILED: "bad"}


def schedules_view(store: Store, now: datetime, account: Account) -> SchedulesView:
    """Return every schedule as it stands, and what became of the last times."""
    return SchedulesView(
        lines=tuple(_line(one) for one in standings(store, now)),
        history=tuple(_occurrence(one) for one in store.schedules.occurrences(limit=_HISTORY)),
        kept=somebody_keeps(store, now),
        may_change=account.may(Act.MANAGE_SCHEDULES),
    )


def schedule_gauges(store: Store, now: datetime) -> bytes:
    """Return gauges of the scheduler, in Prometheus's text format."""
    lines = [
        "# HELP posture_scheduler_alive 1 when something keeps the schedules.",
        "# TYPE posture_scheduler_alive gauge",
        f"posture_scheduler_alive {int(somebody_keeps(store, now))}",
        "# HELP posture_schedule_last_timestamp_seconds When a schedule was last due, by what became of it.",
        "# TYPE posture_schedule_last_timestamp_seconds gauge",
    ]
    for schedule in store.schedules.all():
        for last in store.schedules.occurrences(schedule.name, limit=1):
            labels = f'schedule="{schedule.name}",outcome="{last.outcome.value}"'
            lines.append(f"posture_schedule_last_timestamp_seconds{{{labels}}} {last.due.timestamp():.0f}")
    return ("\n".join(lines) + "\n").encode()


def pause(store: Store, name: str, now: datetime, *, by: Account) -> None:
    """Begin nothing more of a schedule.

    Raises:
        UsageError: the account does not see every system.
        StoreError: there is no such schedule.
    """
    _for_all(by)
    store.schedules.change(replace(store.schedules.get(name), paused=True), by=by.name, did="paused", at=now)


def resume(store: Store, name: str, now: datetime, *, by: Account) -> None:
    """Go on with a schedule from its next time on.

    Raises:
        UsageError: the account does not see every system.
        StoreError: there is no such schedule.
    """
    _for_all(by)
    found = store.schedules.get(name)
    if found.paused:
        store.schedules.change(replace(found, paused=False, since=now), by=by.name, did="resumed", at=now)


def run_now(store: Store, name: str, now: datetime, *, by: Account) -> None:
    """Ask for a schedule out of turn.

    Raises:
        UsageError: the account does not see every system.
        StoreError: there is no such schedule.
    """
    _for_all(by)
    store.schedules.ask(name, by=by.name, at=now)


def _for_all(account: Account) -> None:
    if account.systems:
        raise UsageError("this account sees some systems only", hint="schedules are of all systems")


def _line(one: Standing) -> ScheduleLine:
    last = f"{one.last.outcome.value}, {one.last.due:%Y-%m-%d %H:%M} UTC" if one.last else "never"
    schedule = one.schedule
    return ScheduleLine(
        schedule.name, schedule.kind.value, when(schedule), one.next_at, one.state, last, schedule.paused
    )


def _occurrence(one: Occurrence) -> OccurrenceLine:
    return OccurrenceLine(
        schedule=one.schedule,
        due=one.due,
        asked=not one.planned,
        outcome=Tag(one.outcome.value, _TONES.get(one.outcome, "unknown")),
        run=Link(one.run, one.run) if one.run else None,
        why=one.why,
    )
