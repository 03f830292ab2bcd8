"""Whether our own feeds are fresh: an old one is a finding about ourselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from posture.model.vulnerability import FeedStamp

NO_FEEDS = "no feed of known vulnerabilities was ever imported: packages were not assessed for CVEs"


def stale(stamps: Iterable[FeedStamp], now: datetime, max_age_h: int) -> tuple[FeedStamp, ...]:
    """Return the feeds that are older than they may be, the oldest first.

    Source: BOD 23-01: vulnerability signatures at most 24 hours old.
    """
    limit = timedelta(hours=max_age_h)
    return tuple(sorted((one for one in stamps if now - one.fetched_at > limit), key=lambda one: one.fetched_at))


def notes(stamps: Iterable[FeedStamp], now: datetime, max_age_h: int) -> tuple[str, ...]:
    """Return what the first page must say of the feeds: nothing when all are fresh."""
    known = tuple(stamps)
    if not known:
        return (f"{NO_FEEDS}; `posture feeds update` fetches them",)
    old = stale(known, now, max_age_h)
    if not old:
        return ()
    said = ", ".join(f"{one.id} {age(one, now)}" for one in old)
    return (f"{len(old)} of {len(known)} feeds are older than {max_age_h} hours: {said}; what came since is not known",)


def age(stamp: FeedStamp, now: datetime) -> str:
    """Return the age of a feed in words."""
    hours = max(0, int((now - stamp.fetched_at).total_seconds() // 3600))
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"
