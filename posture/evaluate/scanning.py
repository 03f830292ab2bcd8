"""How well we ourselves look: when each host was last found and read, how old the feeds are; topic ``scanning``.

It is a document of the pseudo-host ``fleet``, so that a lapse of ours is a finding with a life and a date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from posture.evaluate.documents import make_document
from posture.evaluate.judge import read_document
from posture.evaluate.paths import Found, Spread, parse_path, spread
from posture.model.host import FLEET
from posture.model.observation import Blind, FactDocument, Hole, Observation, Origin
from posture.model.vulnerability import FeedStamp, HostCadence, Vulnerability

TOPIC = "scanning"
_ANSWERED = parse_path("exposure.views[*].answered").steps
_READ_WITH_A_LOGIN = "packages"


@dataclass(frozen=True, slots=True)
class LaggingHost:
    """A host that this run did not find or did not read."""

    host: str
    discovered_days: int | None
    """Whole days since it was last found; absent when it never was."""
    never_discovered: bool
    enumerated_days: int | None
    """Whole days since it was last read with a login; absent when it never was."""
    never_enumerated: bool


@dataclass(frozen=True, slots=True)
class LaggingListing:
    """Hosts, all of them."""

    items: list[LaggingHost]
    complete: bool


@dataclass(frozen=True, slots=True)
class FeedAge:
    """A feed and its age."""

    feed: str
    hours: int
    """Since it was fetched."""


@dataclass(frozen=True, slots=True)
class FeedListing:
    """Feeds, all of them."""

    items: list[FeedAge]
    complete: bool


@dataclass(frozen=True, slots=True)
class ScanningFacts:
    """Records of our own scanning."""

    hosts: int
    """Hosts of the inventory."""
    lagging: LaggingListing
    feeds: FeedListing | None
    """Unseen when no feed was loaded."""


def scanning_schema() -> dict[str, Any]:
    """Return the JSON schema of the topic."""
    return msgspec.json.schema(ScanningFacts)


def host_cadence(
    host: str,
    observed: Mapping[str, Observation],
    before: HostCadence | None,
    moment: datetime,
    *,
    login_topics: Iterable[str],
    known: Iterable[Vulnerability] = (),
) -> HostCadence:
    """Return when a host was last found and read, this run included.

    ``login_topics`` are those that only a login brings. What an imported scan saw of it means that it was found;
    whether that scan had a login, nobody says.
    """
    logged_in = any(isinstance(observed.get(topic), FactDocument) for topic in login_topics)
    answered = logged_in or _answered_the_network(observed.get("exposure"))
    read = isinstance(observed.get(_READ_WITH_A_LOGIN), FactDocument)
    earlier = before or HostCadence(host, None, None)
    sights = [sight.last_seen for one in known for sight in one.detections]
    found = [moment] if answered else [one for one in (earlier.discovered, *sights) if one is not None]
    return HostCadence(host, max(found, default=None), moment if read else earlier.enumerated)


def scanning_document(
    cadence: Iterable[HostCadence], feeds: Iterable[FeedStamp], *, as_of: datetime, origin: Origin
) -> FactDocument:
    """Return the topic as of a moment; ``cadence`` holds every host of the inventory."""
    lagging = [_lag(one, as_of) for one in cadence]
    ages = [FeedAge(one.id, int((as_of - one.fetched_at).total_seconds() // 3600)) for one in feeds]
    facts = ScanningFacts(
        hosts=len(lagging),
        lagging=LaggingListing(
            [one for one in lagging if one.discovered_days or one.enumerated_days or _never(one)], True
        ),
        feeds=FeedListing(sorted(ages, key=lambda one: one.feed), True) if ages else None,
    )
    holes = () if ages else (Hole("feeds", Blind.NOT_ATTEMPTED, "no feed of known vulnerabilities was loaded"),)
    return make_document(
        host=FLEET, topic=TOPIC, facts=msgspec.to_builtins(facts), taken_at=as_of, origin=origin, holes=holes
    )


def _answered_the_network(exposure: Observation | None) -> bool:
    """Return whether some vantage had an answer; that nobody answered is a document as well."""
    if not isinstance(exposure, FactDocument):
        return False
    found = spread(read_document(exposure), _ANSWERED)
    rows = found.rows if isinstance(found, Spread) else ()
    return any(isinstance(row.place, Found) and row.place.value is True for row in rows)


def _lag(one: HostCadence, as_of: datetime) -> LaggingHost:
    return LaggingHost(
        host=one.host,
        discovered_days=None if one.discovered is None else (as_of - one.discovered).days,
        never_discovered=one.discovered is None,
        enumerated_days=None if one.enumerated is None else (as_of - one.enumerated).days,
        never_enumerated=one.enumerated is None,
    )


def _never(one: LaggingHost) -> bool:
    return one.never_discovered or one.never_enumerated
