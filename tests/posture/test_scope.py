"""Nothing outside the authorisation is ever touched, however its address is written."""

from __future__ import annotations

import ipaddress
import socket
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.errors import ScopeError
from posture.inputs.scope import Rates, Scope, Window

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
OPEN = Window(NOON, NOON + timedelta(hours=4))


def scope(
    *cidrs: str, excluded: tuple[str, ...] = (), window: Window = OPEN, udp_ports: tuple[int, ...] = (53,)
) -> Scope:
    return Scope("AUTH-7", "owner", window, cidrs, excluded, udp_ports=udp_ports)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("10.1.2.3", "10.1.2.3"), ("2001:DB8:0:0::0001", "2001:db8::1"), ("10.1.2.0", "10.1.2.0")],
    ids=str,
)
def test_an_address_inside_is_admitted_in_canonical_form(written: str, canonical: str) -> None:
    assert scope("10.1.2.0/24", "2001:db8::/64").admit(written) == canonical


@pytest.mark.parametrize(
    ("address", "because"),
    [
        ("10.1.3.1", "outside"),
        ("2001:db8:1::1", "outside"),
        ("::ffff:10.1.2.3", "IPv4 address inside"),
        ("::10.1.2.3", "IPv4 address inside"),
        ("2002:0a01:0203::1", "IPv4 address inside"),
        ("64:ff9b::a01:203", "IPv4 address inside"),
        ("fe80::1%eth0", "zone id"),
        ("010.1.2.3", "not an IP address"),
        ("10.1.2.3/24", "not an IP address"),
        ("10.1.2", "not an IP address"),
        ("0x0a010203", "not an IP address"),
        ("10.1.2.3 --script=x", "not an IP address"),
        ("10.1.2.3\n10.9.9.9", "not an IP address"),
        ("", "not an IP address"),
        ("224.0.0.1", "one host"),
        ("ff02::1", "one host"),
        ("0.0.0.0", "one host"),
        ("::", "one host"),
        ("255.255.255.255", "one host"),
        ("10.1.2.255", "broadcast address"),
    ],
    ids=str,
)
def test_what_is_not_one_plain_host_inside_is_refused(address: str, because: str) -> None:
    everything = scope("10.1.2.0/24", "2001:db8::/64", "224.0.0.0/4", "fe80::/10", "64:ff9b::/96", "2002::/16")
    with pytest.raises(ScopeError, match=because) as refused:
        everything.admit(address)
    assert refused.value.hint


def test_what_is_excluded_stays_excluded_even_when_it_is_also_listed() -> None:
    both = scope("10.0.0.0/8", "10.1.2.3/32", excluded=("10.1.2.3/32",))
    with pytest.raises(ScopeError, match="excluded"):
        both.admit("10.1.2.3")
    assert both.admit("10.1.2.4") == "10.1.2.4"


def test_a_broadcast_address_that_is_also_listed_as_a_host_is_admitted() -> None:
    assert scope("10.1.2.0/24", "10.1.2.255/32").admit("10.1.2.255") == "10.1.2.255"
    assert scope("10.1.2.254/31").admit("10.1.2.255") == "10.1.2.255"


@pytest.mark.parametrize("cidr", ["10.1.2.3/24", "10.1.2.0/33", "example.org", "10.1.2.*", ""])
def test_a_network_that_does_not_mean_what_it_seems_to_does_not_load(cidr: str) -> None:
    with pytest.raises(ScopeError, match="not a network"):
        scope(cidr)
    with pytest.raises(ScopeError, match="not a network"):
        scope("10.0.0.0/8", excluded=(cidr,))


@pytest.mark.parametrize("ports", [(0,), (65536,), (-1,)])
def test_a_port_that_is_none_does_not_load(ports: tuple[int, ...]) -> None:
    with pytest.raises(ScopeError, match="a port"):
        scope("10.0.0.0/8", udp_ports=ports)


@pytest.mark.parametrize(
    "wrong",
    [
        {"packets_per_s": 0},
        {"timing": 5},
        {"hosts_per_batch": 0},
        {"parallel_logins": 0},
        {"packets_per_s_by_zone": (("ot", 0),)},
    ],
    ids=str,
)
def test_a_rate_that_is_none_does_not_load(wrong: dict[str, int]) -> None:
    with pytest.raises(ScopeError):
        Rates(**wrong)


@settings(max_examples=60, deadline=None)
@given(st.ip_addresses())
def test_admitting_never_lets_through_what_no_network_holds(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    allowed = ("10.0.0.0/9", "2001:db8::/32", "128.0.0.0/2")
    excluded = ("160.0.0.0/3",)
    try:
        admitted = ipaddress.ip_address(scope(*allowed, excluded=excluded).admit(str(ip)))
    except ScopeError:
        return
    assert admitted == ip
    assert any(ip in ipaddress.ip_network(net) for net in allowed)
    assert not any(ip in ipaddress.ip_network(net) for net in excluded)


class Names:
    """A resolver that knows two names and remembers what it was asked."""

    def __init__(self, **answers: tuple[str, ...]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, name: str) -> tuple[str, ...]:
        self.asked.append(name)
        if name not in self.answers:
            raise OSError("Name or service not known")
        return self.answers[name]


def test_a_name_gives_only_the_admitted_addresses_and_the_others_are_told() -> None:
    told: list[tuple[str, str]] = []
    names = Names(web=("10.1.2.3", "192.0.2.1", "10.1.2.3"))
    found = scope("10.1.2.0/24").resolve("web", lookup=names, refused=lambda *entry: told.append(entry))
    assert found == ("10.1.2.3",)
    assert [name for name, _ in told] == ["web"]
    assert "192.0.2.1 lies outside" in told[0][1]


@pytest.mark.parametrize("answer", [("192.0.2.1",), (), ("fe80::1%eth0",), ("::ffff:10.1.2.3",)], ids=str)
def test_a_name_that_resolves_outside_only_is_refused(answer: tuple[str, ...]) -> None:
    with pytest.raises(ScopeError, match="nothing that may be touched"):
        scope("10.1.2.0/24").resolve("web", lookup=Names(web=answer))


def test_an_unknown_name_is_refused_and_told() -> None:
    told: list[str] = []
    with pytest.raises(ScopeError, match="cannot be resolved"):
        scope("10.1.2.0/24").resolve("nowhere", lookup=Names(), refused=lambda name, _: told.append(name))
    assert told == ["nowhere"]


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1 --script=x",
        "-iL/etc/passwd",
        "--script=x",
        "a/24",
        "10.1.2.1-255",
        "web;id",
        "$(id)",
        "web\nother",
        "web\n",
        "a" * 254,
        "é.example",
        "2130706433",
        "0177.1",
        "0x7f.1",
        "127.1",
        "fe80::1%lo",
        "::1 -oN /tmp/x",
        "",
    ],
    ids=repr,
)
def test_a_target_that_is_no_name_never_reaches_the_resolver(target: str) -> None:
    names = Names()
    with pytest.raises(ScopeError):
        scope("0.0.0.0/0", "::/0").resolve(target, lookup=names)
    assert names.asked == []


def test_an_address_needs_no_resolver() -> None:
    names = Names()
    assert scope("10.1.2.0/24").resolve("10.1.2.3", lookup=names) == ("10.1.2.3",)
    assert names.asked == []


def _localhost_resolves() -> bool:
    try:
        return bool(socket.getaddrinfo("localhost", None))
    except OSError:
        return False


@pytest.mark.skipif(not _localhost_resolves(), reason="a bare chroot without /etc/hosts has no name of its own")
def test_the_systems_resolver_knows_this_machine() -> None:
    assert scope("127.0.0.0/8", "::1/128").resolve("localhost")[0] in ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        (NOON - timedelta(seconds=1), False),
        (NOON, True),
        (NOON + timedelta(hours=4) - timedelta(seconds=1), True),
        (NOON + timedelta(hours=4), False),
    ],
    ids=str,
)
def test_the_window_holds_its_start_and_not_its_end(moment: datetime, allowed: bool) -> None:
    if allowed:
        scope("10.0.0.0/8").admit_moment(moment)
        assert OPEN.seconds_left(moment) > 0
    else:
        with pytest.raises(ScopeError, match="outside the window"):
            scope("10.0.0.0/8").admit_moment(moment)
        assert OPEN.seconds_left(moment) <= 0


def test_a_window_that_can_never_be_open_does_not_load() -> None:
    with pytest.raises(ScopeError, match="before it opens"):
        Window(NOON, NOON)
    with pytest.raises(ScopeError, match="time zone"):
        Window(NOON.replace(tzinfo=None), NOON + timedelta(hours=1))
