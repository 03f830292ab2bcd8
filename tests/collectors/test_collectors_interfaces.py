"""The `interfaces` topic: what is in force on an interface is made of `all` and its own value, key by key."""

from __future__ import annotations

import pytest

from collectors import interfaces
from collectors.interfaces import COLLECTOR, Interface
from posture.model.observation import Blind, Hole
from tests.collectors.authored import told_by
from tests.collectors.transcripts import answer, as_declared, facts_of, recorded, refused

V4 = {"accept_redirects": 0, "accept_source_route": 0, "forwarding": 0, "rp_filter": 0, "send_redirects": 0}
V6 = {"accept_redirects": 0, "accept_source_route": 0, "forwarding": 0}


def lines(family: str, name: str, values: dict[str, int]) -> str:
    return "".join(f"/proc/sys/net/{family}/conf/{name}/{key}:{value}\n" for key, value in values.items())


def one(family: str, every: dict[str, int], own: dict[str, int]) -> Interface:
    """Return how we read one interface beside `all`."""
    usual = V4 if family == "ipv4" else V6
    said = lines("ipv4", "all", V4) if family == "ipv6" else ""
    said += lines(family, "all", usual | every) + lines(family, "eth0", usual | own) + lines(family, "lo", usual)
    (link,) = facts_of(COLLECTOR, told_by(COLLECTOR, answer("interfaces.settings", said))).value.links.items
    assert isinstance(link, Interface) and (link.name, link.family) == ("eth0", family)
    return link


def test_recorded_interfaces_differ_from_what_all_says() -> None:
    links = facts_of(COLLECTOR, as_declared(COLLECTOR, recorded("recorded_debian12_interfaces"))).value.links
    assert links.complete
    rows = {
        (link.family, link.name): (link.forwards, link.accepts_redirects, link.sends_redirects) for link in links.items
    }
    assert rows == {
        ("ipv4", "eth0"): (False, False, False),
        ("ipv4", "eth1"): (True, False, True),  # a router believes redirects only where both say so
        ("ipv6", "eth0"): (False, True, None),  # `all` means nothing here
        ("ipv6", "eth1"): (False, True, None),
    }
    assert all(link.filters_source for link in links.items if link.family == "ipv4")


@pytest.mark.parametrize(
    ("every", "own", "accepts"),
    [
        ({}, {"accept_redirects": 1}, True),
        ({"accept_redirects": 1}, {}, True),
        ({}, {"accept_redirects": 1, "forwarding": 1}, False),
        ({"accept_redirects": 1}, {"accept_redirects": 1, "forwarding": 1}, True),
    ],
)
def test_a_host_believes_redirects_when_either_says_so_and_a_router_when_both_do(
    every: dict[str, int], own: dict[str, int], accepts: bool
) -> None:
    assert one("ipv4", every, own).accepts_redirects is accepts


def test_source_routes_need_both_and_redirects_are_sent_when_either_says_so() -> None:
    assert not one("ipv4", {}, {"accept_source_route": 1}).accepts_source_route
    assert one("ipv4", {"accept_source_route": 1}, {"accept_source_route": 1}).accepts_source_route
    assert one("ipv4", {"send_redirects": 1}, {}).sends_redirects
    assert one("ipv4", {}, {"send_redirects": 1}).sends_redirects


@pytest.mark.parametrize(("every", "own", "filters"), [(0, 0, False), (1, 0, True), (0, 2, True)])
def test_the_stricter_reverse_path_filter_counts(every: int, own: int, filters: bool) -> None:
    assert one("ipv4", {"rp_filter": every}, {"rp_filter": own}).filters_source is filters


def test_of_ipv6_only_the_interface_itself_counts_for_redirects() -> None:
    assert one("ipv6", {}, {"accept_redirects": 1}).accepts_redirects
    assert not one("ipv6", {"accept_redirects": 1}, {}).accepts_redirects
    assert not one("ipv6", {}, {"accept_redirects": 1, "forwarding": 1}).accepts_redirects
    assert not one("ipv6", {"accept_source_route": -1}, {"accept_source_route": 1}).accepts_source_route


def test_a_kernel_without_ipv6_is_whole_and_one_that_hides_a_value_is_not() -> None:
    said = lines("ipv4", "all", V4) + lines("ipv4", "eth0", V4)
    absent = "/usr/bin/grep: /proc/sys/net/ipv6/conf: No such file or directory\n"
    hidden = "/usr/bin/grep: /proc/sys/net/ipv6/conf/eth0/forwarding: Permission denied\n"
    for stderr, complete in ((absent, True), (absent.replace("/usr/bin/", ""), True)):
        told = told_by(COLLECTOR, answer("interfaces.settings", said, stderr, 2))
        assert facts_of(COLLECTOR, told).value.links.complete is complete
    parsed = facts_of(COLLECTOR, told_by(COLLECTOR, answer("interfaces.settings", said, hidden, 2)))
    assert not parsed.value.links.complete
    half = said.replace("/proc/sys/net/ipv4/conf/eth0/forwarding:0\n", "")
    assert not facts_of(COLLECTOR, told_by(COLLECTOR, answer("interfaces.settings", half))).value.links.complete


@pytest.mark.parametrize("said", ["", "x\n", "/proc/sys/net/ipv4/conf/eth0/forwarding:yes\n", "\0\xff"], ids=repr)
def test_what_is_no_setting_is_unseen(said: str) -> None:
    assert isinstance(interfaces.parse(told_by(COLLECTOR, answer("interfaces.settings", said))), Hole)


def test_a_refusal_and_silence_are_holes() -> None:
    answers = as_declared(COLLECTOR, recorded("recorded_debian12_interfaces"))
    parsed = interfaces.parse(refused(answers, "interfaces.settings"))
    assert isinstance(parsed, Hole) and parsed.reason is Blind.COMMAND_REFUSED
    assert isinstance(interfaces.parse({}), Hole)
