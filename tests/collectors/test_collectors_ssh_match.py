"""From Match lines to connections that fall under them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.ssh_match import Block, Dead, People, blocks_of, probe

PEOPLE = People(
    {
        "alice": frozenset({"alice", "wheel"}),
        "bob": frozenset({"bob", "sftponly", "wheel"}),
        "eve": frozenset({"sftponly"}),
    },
    local_only=True,
)


def asked(line: str, people: People = PEOPLE) -> dict[str, str] | Dead:
    (block,) = blocks_of([line]).blocks
    found = probe(block, people)
    return found if isinstance(found, Dead) else dict(pair.split("=", 1) for pair in found.split(","))


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("Match User alice", "user", "alice"),
        ("match user=alice", "user", "alice"),
        ("\tMatch\tUser\t*,!alice", "user", "bob"),
        ("Match User backup-*", "user", "backup-x"),
        ("Match User svc??", "user", "svcxx"),
        ("Match Group sftponly,!wheel", "user", "eve"),
        ("Match Group wh* User b*", "user", "bob"),
        ("Match Address 10.0.0.0/8,!10.0.0.0/16", "addr", "10.64.0.0"),
        ("Match Address *,!192.0.2.0/24", "addr", "203.0.113.9"),
        ("Match Address 192.168.*", "addr", "192.168.7.7"),
        ("Match Address 2001:db8::/32", "addr", "2001:db8::1"),
        ("Match Host *.example.org,!x.example.org", "host", "xyz.example.org"),
        ("Match LocalPort 22,2222", "lport", "22"),
        ("Match LocalPort 2222", "lport", "2222"),
        ("Match LocalAddress 198.51.100.7", "laddr", "198.51.100.7"),
        ("Match RDomain mgmt", "rdomain", "mgmt"),
    ],
)
def test_the_made_up_connection_falls_under_the_block(line, key, value):
    assert asked(line)[key] == value


def test_criteria_that_are_not_named_stay_with_a_stranger():
    assert asked("Match Address 10.0.0.1") == {
        "user": "posture-probe",
        "host": "probe.invalid",
        "addr": "10.0.0.1",
        "laddr": "192.0.2.1",
        "lport": "22",
    }


@pytest.mark.parametrize(
    "line", ["Match User $(reboot)", "Match User a,b Foo x", "Match Host a;b", "Match Invalid-User yes"]
)
def test_what_we_cannot_ask_is_unknown(line):
    assert asked(line) is Dead.UNKNOWN


def test_an_empty_group_is_nobody_only_where_no_directory_exists():
    assert asked("Match Group ghosts") is Dead.EMPTY
    assert asked("Match Group ghosts", People(PEOPLE.groups_of, local_only=False)) is Dead.UNKNOWN


def test_match_all_and_comments_are_no_blocks_and_includes_are_absolute():
    read = blocks_of(["# Match User a", "Match all", "Include x.conf /etc/y/*.conf", "Match User", 'Match User "a b'])
    assert read.blocks == ()
    assert read.includes == ("/etc/ssh/x.conf", "/etc/y/*.conf")
    assert read.unread == 2


@given(st.lists(st.text(max_size=60), max_size=5))
@settings(max_examples=100, deadline=None)
def test_no_line_breaks_the_reading(lines):
    for block in blocks_of([f"Match {line}" for line in lines]).blocks:
        found = probe(block, PEOPLE)
        assert isinstance(found, Dead) or "\n" not in found


@given(st.ip_addresses(v=4), st.integers(0, 32), st.integers(0, 32))
@settings(max_examples=100, deadline=None)
def test_an_address_is_inside_what_is_listed_and_outside_what_is_not(address, width, hole_width):
    inside = ipaddress.ip_network(f"{address}/{width}", strict=False)
    outside = ipaddress.ip_network(f"{address}/{hole_width}", strict=False)
    found = probe(Block("x", (("address", f"{inside},!{outside}"),)), PEOPLE)
    if isinstance(found, str):
        chosen = ipaddress.ip_address(found.split("addr=")[1].split(",")[0])
        assert chosen in inside and chosen not in outside
    else:
        assert hole_width <= width + 2


def test_of_those_under_a_block_one_is_asked_about_of_whom_no_other_block_speaks() -> None:
    blocks = blocks_of(["Match User ann", "Match Group team", "Match User b*,cy Group team"]).blocks
    people = People({name: frozenset({"team"}) for name in ("ann", "bob", "cy", "dan")}, local_only=True)
    asked = [probe(one, people, others=blocks) for one in blocks]
    assert [str(one).split(",")[0] for one in asked] == ["user=ann", "user=dan", "user=bob"]
