"""What answers and nobody knows, and where the agency's list and we differ."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.network.sweep import ADDRESSES_MAX, BLOCK, blocks, sweep_probe
from posture import yamlfile
from posture.discovery import Difference, Listed, fragment, read_list, reconcile, unknown_of
from posture.errors import ScopeError, UsageError
from posture.inputs.scope import Rates, Scope, Window
from posture.model.host import Host, Inventory, Trust, Zone

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
WEB = Host("web1", ("10.0.0.1",), "dmz", name="web1", owner="web-team")
INVENTORY = Inventory((WEB,), (Zone("dmz", Trust.UNTRUSTED, ("10.0.0.0/24",)),))
SCOPE = Scope("A-1", "o", Window(NOW, NOW + timedelta(days=1)), ("10.0.0.0/24",), excluded=("10.0.0.128/25",))
ALIVE = {"10.0.0.1": (("tcp/80",), ""), "10.0.0.10": (("tcp/22",), "ACME"), "10.0.0.9": ((), "")}


def test_an_address_that_no_host_has_is_an_unassessed_one_with_its_zone() -> None:
    found = unknown_of(ALIVE, INVENTORY, NOW)
    assert [(one.address, one.zone, one.ports, one.vendor) for one in found] == [
        ("10.0.0.9", "dmz", (), ""),
        ("10.0.0.10", "dmz", ("tcp/22",), "ACME"),
    ]


def test_what_stays_unknown_keeps_the_moment_it_was_first_seen() -> None:
    first = unknown_of(ALIVE, INVENTORY, NOW)
    later = unknown_of(ALIVE, INVENTORY, NOW + timedelta(days=3), {one.address: one for one in first})
    assert {(one.first_seen, one.last_seen) for one in later} == {(NOW, NOW + timedelta(days=3))}


def test_the_fragment_is_yaml_that_an_inventory_takes(tmp_path: Path) -> None:
    path = tmp_path / "found.yaml"
    odd = replace(unknown_of(ALIVE, INVENTORY, NOW)[0], address="fd00::9", zone='d"m: z')
    path.write_text(fragment((*unknown_of(ALIVE, INVENTORY, NOW), odd)))
    hosts = yamlfile.read(path).value["hosts"]
    assert [host["addresses"] for host in hosts] == [["10.0.0.9"], ["10.0.0.10"], ["fd00::9"]]
    assert hosts[2]["id"] == "found-fd00--9"
    assert hosts[2]["zone"] == 'd"m: z'


@pytest.mark.parametrize(
    "text",
    [
        "IP Address,Host Name,Owner\n10.0.0.1,WEB1.agency.example,Web-Team\n",
        "ip;hostname;owner\r\n10.0.0.1;web1;web-team\r\n",
        "Name\tIPv4\tOwner\nweb1\t10.0.0.1\tweb-team\n,,\n",
    ],
)
def test_lists_of_several_makers_are_read(text: str) -> None:
    assert reconcile(INVENTORY, (), read_list(text, "x.csv")) == ()


def test_only_here_only_there_and_conflicting() -> None:
    listed = (Listed("10.0.0.1", "www", "web-team"), Listed("10.0.0.77", "old"), Listed("10.0.0.77", "older"))
    found = reconcile(INVENTORY, unknown_of(ALIVE, INVENTORY, NOW), listed)
    assert found == (
        Difference("conflicting", "10.0.0.1", "name: web1", "name: www"),
        Difference("conflicting", "10.0.0.77", "listed as old", "and as older"),
        Difference("only_here", "10.0.0.9", "answers, open: -", ""),
        Difference("only_here", "10.0.0.10", "answers, open: tcp/22", ""),
        Difference("only_there", "10.0.0.77", "", "old"),
    )


def test_a_list_without_addresses_is_refused() -> None:
    with pytest.raises(UsageError, match="no column of addresses"):
        read_list("name,owner\nweb1,me\n", "x.csv")


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_a_list(text: str) -> None:
    for row in read_list("ip,name\n" + text.replace('"', ""), "x.csv"):
        assert str(ipaddress.ip_address(row.address)) == row.address


def test_a_sweep_asks_what_is_admitted_and_nothing_else() -> None:
    (block,) = blocks(SCOPE, {"10.0.0.7"})
    assert set(block) == {f"10.0.0.{last}" for last in range(128)} - {"10.0.0.7"}


def test_a_part_outside_the_scope_is_never_swept() -> None:
    assert blocks(SCOPE, (), ("10.0.1.0/24",)) == []


def test_too_many_addresses_and_no_network_at_all_are_refused() -> None:
    with pytest.raises(UsageError, match=str(ADDRESSES_MAX)):
        blocks(replace(SCOPE, cidrs=("fd00::/64",)))
    with pytest.raises(ScopeError, match="not a network"):
        blocks(SCOPE, (), ("10.0.0.0/24 --script=x",))


@pytest.mark.parametrize(("raw", "how"), [(True, "-sS"), (False, "-sT")])
def test_a_sweep_stays_inside_the_rates(raw: bool, how: str) -> None:
    from collectors.network.nmap import command_line

    slow = replace(SCOPE, rates=Rates(packets_per_s=50))
    line = command_line(sweep_probe(slow, blocks(slow)[0][:BLOCK], raw=raw))
    assert line[line.index("--max-rate") + 1] == "50"
    assert how in line
    assert "-Pn" not in line
    assert ("-PE" in line) is raw
