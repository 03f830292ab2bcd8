"""Our own scanning as facts: found, read, fresh; never is never good, and no record is unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from posture.catalogue.load import load
from posture.evaluate.documents import make_document
from posture.evaluate.judge import judge
from posture.evaluate.scanning import host_cadence, scanning_document
from posture.model.finding import Status
from posture.model.observation import Blind, Origin, Unseen
from posture.model.vulnerability import FeedStamp, HostCadence

NOW = datetime(2028, 3, 1, 12, tzinfo=UTC)
"""The day after a leap day."""
CHECKS = load().checks


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def verdict(check: str, *hosts: HostCadence, feeds: tuple[FeedStamp, ...] = ()) -> tuple[Status, tuple[str, ...]]:
    document = scanning_document(hosts, feeds, as_of=NOW, origin=Origin.LIVE)
    found = judge(CHECKS[check], {"scanning": document}, as_of=NOW)
    return found.status, found.subjects


@pytest.mark.parametrize(
    ("check", "days", "status"),
    [
        ("SCN-01", 0, Status.PASS), ("SCN-01", 7.9, Status.PASS), ("SCN-01", 8, Status.FAIL), ("SCN-01", None, Status.FAIL),
        ("SCN-02", 14.9, Status.PASS), ("SCN-02", 15, Status.FAIL), ("SCN-02", None, Status.FAIL),
    ],
)  # fmt: skip
def test_hosts_are_held_to_seven_and_fourteen_days(check: str, days: float | None, status: Status) -> None:
    moment = None if days is None else ago(days)
    late = HostCadence("web1", moment, NOW) if check == "SCN-01" else HostCadence("web1", NOW, moment)
    assert verdict(check, late, HostCadence("web2", NOW, NOW)) == (status, ("web1",) if status is Status.FAIL else ())


@pytest.mark.parametrize(("hours", "status"), [(24, Status.PASS), (25, Status.FAIL)])
def test_feeds_are_held_to_a_day(hours: int, status: Status) -> None:
    stamp = FeedStamp("kev", "file:kev.json", NOW - timedelta(hours=hours), "0" * 64, "1", 1)
    assert verdict("SCN-03", HostCadence("web1", NOW, NOW), feeds=(stamp,))[0] is status


def test_without_a_feed_nobody_says_they_are_fresh() -> None:
    assert verdict("SCN-03", HostCadence("web1", NOW, NOW))[0] is Status.NOT_CHECKED


def test_an_answer_is_what_the_host_or_the_network_said() -> None:
    def said(topic: str, **facts: Any) -> Any:
        return make_document(host="web1", topic=topic, facts=facts, taken_at=NOW, origin=Origin.LIVE)

    def now(observed: dict[str, Any], before: HostCadence | None = None, known: tuple[Any, ...] = ()) -> HostCadence:
        return host_cadence("web1", observed, before, NOW, login_topics=("os", "packages"), known=known)

    before = HostCadence("web1", ago(9), ago(20))
    silent = {"declared": said("declared"), "packages": Unseen("web1", "packages", Blind.UNREACHABLE)}
    assert now(silent, before) == before
    assert now(silent) == HostCadence("web1", None, None)
    # That nobody answered a vantage is a document too.
    for answered in (False, True):
        looked = {**silent, "exposure": said("exposure", views={"complete": True, "items": [{"answered": answered}]})}
        assert now(looked, before) == HostCadence("web1", NOW if answered else ago(9), ago(20))
    assert now({"os": said("os")}, before) == HostCadence("web1", NOW, ago(20))
    assert now({"packages": said("packages")}, before) == HostCadence("web1", NOW, NOW)


def test_hosts_that_answered_are_counted_and_not_listed() -> None:
    document = scanning_document([HostCadence("web1", NOW, NOW)], (), as_of=NOW, origin=Origin.LIVE)
    facts = msgspec.json.decode(document.content)["facts"]
    assert (facts["hosts"], facts["lagging"]["items"]) == (1, [])
