"""When a schedule is due; pure, and the one home of cronsim.

A day on which the clock is put forward or back has each fixed time of day once (as Debian's cron has it): a time that
is left out comes at the end of the gap, one that comes twice counts the first time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from posture.errors import UsageError
from posture.model.schedule import Schedule

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=400)
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,6})([mhdw])\Z")
_COUNTED = 1000  # missed times are counted so far; beyond it is "at least"


def span_s(text: str) -> int:
    """Return the seconds of a span such as ``90m``, ``24h``, ``7d`` or ``2w``.

    Raises:
        UsageError: it is none.
    """
    found = _SPAN.match(text)
    if found is None:
        raise UsageError(f"`{text}` is no span of time", hint="a number with m, h, d or w, such as 90m or 7d")
    return int(found[1]) * _UNITS[found[2]]


def check(schedule: Schedule) -> None:
    """Return when the schedule can be kept.

    Raises:
        UsageError: cron expression, interval, time zone or jitter will not do.
    """
    zone(schedule.time_zone)
    if bool(schedule.cron) == bool(schedule.every_s):
        raise UsageError("say when: a cron expression or an interval", hint="`--cron '0 2 * * *'` or `--every 7d`")
    if schedule.cron:
        _simulated(schedule, schedule.since)
    elif not SHORTEST <= timedelta(seconds=schedule.every_s) <= LONGEST:
        raise UsageError("the interval is too short or too long", hint="from one minute to 400 days")
    gap = _shortest_gap(schedule)
    if not 0 <= schedule.jitter_s < gap.total_seconds():
        hint = f"the shortest time between two is {gap}; the jitter must be shorter"
        raise UsageError(f"a jitter of {schedule.jitter_s} seconds would mix up two times", hint=hint)


def zone(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        UsageError: nobody knows it here.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = "a name such as America/New_York; Debian: apt-get install tzdata"
        raise UsageError(f"`{name}` is no time zone known here", hint=hint) from None


def due_after(schedule: Schedule, moment: datetime) -> Iterator[datetime]:
    """Yield every time after a moment, in UTC, never before the schedule's own beginning."""
    moment = max(moment, schedule.since)
    if schedule.every_s:
        step = timedelta(seconds=schedule.every_s)
        due = schedule.since + step * ((moment - schedule.since) // step + 1)
        while True:
            yield due
            due += step
    before = moment
    for found in _simulated(schedule, moment):
        due = found.astimezone(UTC)
        if due > before:  # asked within the hour that comes twice, cronsim gives the first one again
            yield due
            before = due


def newest_due(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the latest time that may begin now, its jitter passed; ``None`` when none was since the beginning."""
    for due in islice(_due_before(schedule, now), 2):  # jitter is shorter than the gap: the one before has begun
        if due <= schedule.since:
            return None
        if starts_at(schedule, due) <= now:
            return due
    return None


def starts_at(schedule: Schedule, due: datetime) -> datetime:
    """Return when an occurrence begins: its time and a jitter that is the same whenever it is worked out."""
    if not schedule.jitter_s:
        return due
    seed = f"{schedule.seed}\n{schedule.name}\n{due.astimezone(UTC).isoformat()}".encode()
    drawn = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")
    return due + timedelta(seconds=drawn % (schedule.jitter_s + 1))


def missed_between(schedule: Schedule, after: datetime, before: datetime) -> int:
    """Return how many times lay between two moments, neither included; at most a thousand are counted."""
    count = 0
    for due in islice(due_after(schedule, after), _COUNTED):
        if due >= before:
            break
        count += 1
    return count


def _due_before(schedule: Schedule, now: datetime) -> Iterator[datetime]:
    """Yield every time up to and with ``now``, the latest first."""
    if schedule.every_s:
        step = timedelta(seconds=schedule.every_s)
        due = schedule.since + step * ((now - schedule.since) // step)
        while True:
            yield due
            due -= step
    # Forwards from a day or a year before: backwards cronsim gives no account of clocks put forward.
    for reach in (timedelta(hours=3), timedelta(days=2), timedelta(days=40), timedelta(days=400), timedelta(days=3000)):
        found = []
        for due in due_after(schedule, max(now - reach, schedule.since)):
            if due > now:
                break
            found.append(due)
        if len(found) > 1 or now - reach <= schedule.since:
            yield from reversed(found)
            return


def _simulated(schedule: Schedule, moment: datetime) -> Iterator[datetime]:
    try:
        from cronsim import CronSim, CronSimError  # noqa: PLC0415 - an extra; intervals do without it
    except ModuleNotFoundError:
        hint = "pip install 'posture-scanner[serve]', or give an interval"
        raise UsageError("cron expressions need cronsim", hint=hint) from None
    if len(schedule.cron.split()) != 5:
        raise UsageError(f"`{schedule.cron}` does not have five fields", hint="minute hour day month weekday")
    try:
        return CronSim(schedule.cron, moment.astimezone(zone(schedule.time_zone)))
    except CronSimError as error:
        hint = "minute hour day month weekday, such as `30 2 * * mon-fri`"
        raise UsageError(f"`{schedule.cron}`: {error}", hint=hint) from None


def _shortest_gap(schedule: Schedule) -> timedelta:
    times = list(islice(due_after(schedule, schedule.since), 400))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if not gaps:
        raise UsageError(f"`{schedule.cron}` never comes", hint="there is no such day")
    return min(gaps)
