"""Where a schedule stands now: what it does next, what keeps it, what it did last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from posture.model.schedule import Occurrence, Outcome, Schedule
from posture.schedule import times
from posture.schedule.errand import in_the_way, permit
from posture.store import Store
from posture.store.owner import Alive
from posture.store.schedules import TIMER

_FRESH = timedelta(minutes=3)  # a scheduler gives a sign of life every minute, a timer's process whenever it looks


@dataclass(frozen=True, slots=True)
class Standing:
    """One schedule as it stands."""

    schedule: Schedule
    next_at: datetime | None
    """When the next time begins, jitter added; ``None`` when it is paused."""
    state: str
    last: Occurrence | None


def standings(store: Store, now: datetime) -> tuple[Standing, ...]:
    """Return every schedule with where it stands, by name."""
    return tuple(_standing(store, one, now) for one in store.schedules.all())


def somebody_keeps(store: Store, now: datetime) -> bool:
    """Return whether a scheduler lives, here or as far as can be told elsewhere."""
    return any(
        (beat.alive is not Alive.NO or beat.machine.endswith(TIMER)) and abs(now - beat.at) < _FRESH
        for beat in store.schedules.beats()
    )


def when(schedule: Schedule) -> str:
    """Return when a schedule runs, in one phrase."""
    jitter = f", up to {_span(schedule.jitter_s)} later" if schedule.jitter_s else ""
    if schedule.every_s:
        return f"every {_span(schedule.every_s)}{jitter}"
    return f"{schedule.cron} {schedule.time_zone}{jitter}"


def _standing(store: Store, schedule: Schedule, now: datetime) -> Standing:
    known = store.schedules.occurrences(schedule.name, limit=1)
    last = known[0] if known else None
    if schedule.paused:
        return Standing(schedule, None, "paused", last)
    following = next(times.due_after(schedule, now), None)
    next_at = times.starts_at(schedule, following) if following else None
    return Standing(schedule, next_at, _state(store, schedule, now), last)


def _state(store: Store, schedule: Schedule, now: datetime) -> str:
    for found, lives in store.schedules.open():
        if found.schedule == schedule.name and found.outcome is Outcome.RUNNING:
            where = f"on {found.machine}, process {found.pid}"
            return f"running {where}" if lives is not Alive.NO else f"its process {where} went away"
    newest = store.schedules.newest(schedule.name, now)
    due = times.newest_due(schedule, now)
    asked = any(found.schedule == schedule.name for found, _ in store.schedules.open())
    if not asked and (due is None or (newest is not None and due <= newest)):
        return "as planned"
    allowed = permit(schedule, now)
    wanted = Occurrence(schedule.name, now, True, Outcome.RUNNING, authorisation=allowed.authorisation)
    why = allowed.never or allowed.wait or in_the_way(store, schedule, wanted)
    return f"waits: {why or 'for a scheduler to begin it'}"


def _span(seconds: int) -> str:
    for unit, size in (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}s" if count != 1 else unit
    return f"{seconds} seconds"
