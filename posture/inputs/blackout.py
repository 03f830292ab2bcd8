"""Hours in which the owner wants no scan: every week, or between two moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from posture.errors import ScopeError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = 8  # days; the next of a weekly one lies within them
_OVERLAPPING = 100  # one blackout may end in another; so many in a row are followed


@dataclass(frozen=True, slots=True)
class Blackout:
    """No scan from ``opens`` to ``closes`` on these days, by a place's clock; past midnight when it closes first."""

    days: tuple[str, ...]
    opens: time
    closes: time
    time_zone: str = "UTC"
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what can never be, or nobody can place.

        Raises:
            ScopeError: an unknown day or time zone, or no time at all between the two.
        """
        if not self.days or not set(self.days) <= set(DAYS):
            raise ScopeError("a blackout needs its days", hint=f"any of: {', '.join(DAYS)}")
        if self.opens == self.closes:
            raise ScopeError("a blackout from a time to the same time", hint="a whole day is 00:00 to 23:59:59")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise ScopeError(
                f"`{self.time_zone}` is no time zone known here", hint="a name such as America/New_York"
            ) from None

    def around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield beginning and end of each, in UTC, from the day before a moment to a week after it."""
        zone = ZoneInfo(self.time_zone)
        first = moment.astimezone(zone).date() - timedelta(days=1)
        for day in (first + timedelta(days=number) for number in range(_WEEK + 1)):
            if DAYS[day.weekday()] in self.days:
                end = day if self.opens < self.closes else day + timedelta(days=1)
                yield (
                    datetime.combine(day, self.opens, zone).astimezone(UTC),
                    datetime.combine(end, self.closes, zone).astimezone(UTC),
                )


@dataclass(frozen=True, slots=True)
class Freeze:
    """No scan between two moments, the end not included."""

    opens: datetime
    closes: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse one that never is.

        Raises:
            ScopeError: it closes before it opens.
        """
        if self.closes <= self.opens:
            raise ScopeError("a blackout closes before it opens", hint="`closes` must be later than `opens`")

    def around(self, _moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield beginning and end."""
        yield self.opens, self.closes


Pause = Blackout | Freeze


def blacked_out(pauses: tuple[Pause, ...], now: datetime) -> tuple[datetime, str] | None:
    """Return when scanning may go on and why not now; ``None`` when nothing is in the way."""
    until, reasons = now, []
    for _ in range(_OVERLAPPING):
        found = [(end, pause.reason) for pause in pauses for start, end in pause.around(until) if start <= until < end]
        if not found:
            break
        until, reason = max(found)
        reasons.append(reason)
    return (until, "; ".join(dict.fromkeys(filter(None, reasons)))) if until > now else None


def next_begin(pauses: tuple[Pause, ...], now: datetime) -> datetime | None:
    """Return when the next one begins after a moment; ``None`` when none does within a week."""
    return min((start for pause in pauses for start, _ in pause.around(now) if start > now), default=None)
