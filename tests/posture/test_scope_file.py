"""The scope file: what loads, and that every mistake names its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from posture.errors import ScopeError
from posture.inputs import scope_file
from posture.inputs.blackout import blacked_out

GOOD = """\
schema: posture.scope/1
authorisation: AUTH-1
owner: A. Example, system owner
window: {opens: '2026-11-01T20:00:00Z', closes: '2026-11-30T04:00:00+02:00'}
cidrs: [10.1.0.0/16, '2001:db8::/64']
excluded: [10.1.9.9]
rates: {packets_per_s: 200}
udp_ports: [53]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scope.yaml"
    path.write_text(text)
    return path


def test_a_scope_file_says_what_the_owner_signed(tmp_path: Path) -> None:
    scope = scope_file.read(written(tmp_path, GOOD))
    assert (scope.authorisation, scope.owner) == ("AUTH-1", "A. Example, system owner")
    assert scope.window.opens == datetime(2026, 11, 1, 20, tzinfo=UTC)
    assert scope.window.closes == datetime(2026, 11, 30, 2, tzinfo=UTC)
    assert scope.cidrs == ("10.1.0.0/16", "2001:db8::/64")
    assert scope.excluded == ("10.1.9.9",)
    assert scope.rates.packets_per_s == 200
    assert scope.udp_ports == (53,)
    assert not scope.allow_passphrase_test


def test_what_is_left_out_is_conservative(tmp_path: Path) -> None:
    least = "".join(line for line in GOOD.splitlines(True) if not line.startswith(("rates", "udp", "excluded")))
    scope = scope_file.read(written(tmp_path, least))
    assert scope.rates.packets_per_s <= 300
    assert scope.named_ports == (22, 23, 80, 443)
    assert 161 in scope.udp_ports


def test_a_moment_without_zone_is_utc(tmp_path: Path) -> None:
    scope = scope_file.read(written(tmp_path, GOOD.replace("20:00:00Z", "20:00:00")))
    assert scope.window.opens == datetime(2026, 11, 1, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("AUTH-1", "' '", ":2", "authorisation"),
        ("A. Example, system owner", "''", "", "owner"),
        ("10.1.0.0/16", "10.1.0.1/16", ":5", "host bits"),
        ("10.1.9.9", "printer", ":6", "printer"),
        ("2026-11-30T04", "2026-10-30T04", ":4", "closes before it opens"),
        ("packets_per_s: 200", "packets_per_s: 0", "", "packets_per_s"),
        ("packets_per_s: 200", "packets: 200", ":7", "packets"),
        ("[53]", "[70000]", "", "70000"),
        ("excluded", "exclude", ":6", "exclude"),
        ("posture.scope/1", "posture.scope/9", ":1", "schema"),
    ],
    ids=lambda value: value or "-",
)
def test_a_mistake_names_its_line_and_says_what_is_wrong(
    tmp_path: Path, old: str, new: str, where: str, said: str
) -> None:
    with pytest.raises(ScopeError) as raised:
        scope_file.read(written(tmp_path, GOOD.replace(old, new)))
    assert f"scope.yaml{where}" in str(raised.value) or not where
    assert said in f"{raised.value} {raised.value.hint}"


def test_without_a_scope_file_nothing_is_touched(tmp_path: Path) -> None:
    with pytest.raises(ScopeError, match="no scope file") as raised:
        scope_file.read(tmp_path / "scope.yaml")
    assert "posture init" in raised.value.hint


def test_ai_services_are_asked_only_where_the_file_says_so(tmp_path: Path) -> None:
    assert scope_file.read(written(tmp_path, GOOD)).ai_services is None
    asked = scope_file.read(written(tmp_path, GOOD + "ai_services: {}\n")).ai_services
    assert asked is not None
    assert asked.requests_per_port == 8
    more = scope_file.read(written(tmp_path, GOOD + "ai_services: {requests_per_port: 32}\n")).ai_services
    assert more is not None
    assert more.requests_per_port == 32
    with pytest.raises(ScopeError, match=r"scope\.yaml:9.*requests_per_port is 0"):
        scope_file.read(written(tmp_path, GOOD + "ai_services: {requests_per_port: 0}\n"))


WEEKLY = (
    "blackouts: [{days: [mon, fri], from: '22:00', until: '06:00', time_zone: America/New_York, reason: backups}]\n"
)
FREEZE = "blackouts: [{opens: '2026-11-10T00:00:00Z', closes: '2026-11-12T00:00:00Z'}]\n"


@pytest.mark.parametrize(
    ("blackout", "moment", "until"),
    [
        (WEEKLY, datetime(2026, 11, 3, 2, 59, tzinfo=UTC), None),
        (WEEKLY, datetime(2026, 11, 3, 3, tzinfo=UTC), datetime(2026, 11, 3, 11, tzinfo=UTC)),
        (WEEKLY, datetime(2026, 11, 3, 10, 59, tzinfo=UTC), datetime(2026, 11, 3, 11, tzinfo=UTC)),
        (WEEKLY, datetime(2026, 11, 3, 11, tzinfo=UTC), None),
        (FREEZE, datetime(2026, 11, 9, 23, 59, tzinfo=UTC), None),
        (FREEZE, datetime(2026, 11, 11, tzinfo=UTC), datetime(2026, 11, 12, tzinfo=UTC)),
        (FREEZE, datetime(2026, 11, 12, tzinfo=UTC), None),
    ],
    ids=str,
)
def test_nothing_is_sent_in_a_blackout(tmp_path: Path, blackout: str, moment: datetime, until: datetime | None) -> None:
    scope = scope_file.read(written(tmp_path, GOOD + blackout))
    found = blacked_out(scope.blackouts, moment)
    assert (found[0] if found else None) == until
    if until is None:
        scope.admit_moment(moment)
        assert scope.seconds_left(moment) > 0
    else:
        with pytest.raises(ScopeError, match="blackout until"):
            scope.admit_moment(moment)
        assert scope.seconds_left(moment) == 0


def test_a_probe_may_last_until_the_blackout_begins_and_no_longer(tmp_path: Path) -> None:
    scope = scope_file.read(written(tmp_path, GOOD + WEEKLY))
    assert scope.seconds_left(datetime(2026, 11, 3, 2, 50, tzinfo=UTC)) == 600
    assert scope.seconds_left(datetime(2026, 11, 30, 1, 50, tzinfo=UTC)) == 600  # the window closes first


def test_blackouts_that_touch_are_one(tmp_path: Path) -> None:
    both = WEEKLY[:-2] + ", {opens: '2026-11-03T10:00:00Z', closes: '2026-11-05T00:00:00Z', reason: freeze}]\n"
    scope = scope_file.read(written(tmp_path, GOOD + both))
    found = blacked_out(scope.blackouts, datetime(2026, 11, 3, 4, tzinfo=UTC))
    assert found == (datetime(2026, 11, 5, tzinfo=UTC), "backups; freeze")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{days: [mon], from: '08:00', until: '08:00'}", "to the same time"),
        ("{days: [mon], from: 8am, until: '10:00'}", "HH:MM"),
        ("{days: [mon], from: '08:00+02:00', until: '10:00'}", "has no offset"),
        ("{from: '08:00', until: '10:00'}", "days"),
        ("{days: [mon], from: '08:00', until: '10:00', time_zone: Mars/Olympus}", "no time zone"),
        ("{opens: '2026-11-12T00:00:00Z', closes: '2026-11-10T00:00:00Z'}", "closes before"),
        ("{opens: '2026-11-12T00:00:00Z'}", "weekly or between two moments"),
        ("{}", "weekly or between two moments"),
        ("{days: [noday], from: '08:00', until: '10:00'}", "noday"),
    ],
    ids=str,
)
def test_a_blackout_that_cannot_be_placed_is_refused_with_its_line(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(ScopeError, match=said) as refused:
        scope_file.read(written(tmp_path, f"{GOOD}blackouts: [{entry}]\n"))
    assert "scope.yaml:9" in str(refused.value)
