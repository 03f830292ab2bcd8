"""The manifest is what will be sent, and nothing in it lies outside the scope."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from collectors.network.exposure_plan import chunks, expected_s, lanes_for, probe_manifest, rate_for, slower
from collectors.network.nmap import ALL_TCP, Phase, Probe
from posture.inputs.scope import Rates, Scope, Window
from posture.model.host import DeviceClass, Host, Vantage

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
SCOPE = Scope("AUTH-7", "owner", Window(NOON, NOON + timedelta(hours=4)), ("10.0.0.0/8", "2001:db8::/32"))
VANTAGE = Vantage("probe-1", "internet")


def host(number: int, *addresses: str, zone: str = "dmz", device: DeviceClass = DeviceClass.SERVER) -> Host:
    return Host(f"h{number:03}", addresses or (f"10.0.0.{number}",), zone, device_class=device)


def phases(hosts: list[Host], scope: Scope = SCOPE, *, raw: bool = True) -> list[tuple[str, bool, tuple[str, ...]]]:
    return [
        (entry.phase, "-6" in entry.argv, entry.targets) for entry in probe_manifest(scope, hosts, VANTAGE, raw=raw)
    ]


def test_a_server_is_asked_for_tcp_udp_and_versions_in_each_family() -> None:
    four, six = ("10.0.0.1",), ("2001:db8::1",)
    assert phases([host(1, *four, *six)]) == [
        ("tcp", False, four),
        ("recheck", False, four),
        ("udp", False, four),
        ("versions", False, four),
        ("tls", False, four),
        ("ssh", False, four),
        ("smb", False, four),
        ("tcp", True, six),
        ("recheck", True, six),
        ("udp", True, six),
        ("versions", True, six),
        ("tls", True, six),
        ("ssh", True, six),
        ("smb", True, six),
    ]


def test_without_root_there_is_no_udp_and_no_half_open_scan() -> None:
    planned = probe_manifest(SCOPE, [host(1)], VANTAGE, raw=False)
    assert [entry.phase for entry in planned] == ["tcp", "recheck", "versions", "tls", "ssh", "smb"]
    assert all("-sT" in entry.argv and "-sS" not in entry.argv for entry in planned)


def test_every_class_of_probe_that_the_scope_allows_stands_in_the_plan_and_no_other() -> None:
    for probes in ((), ("page",), ("tls", "ssh", "page", "smb")):
        planned = probe_manifest(replace(SCOPE, probes=probes), [host(1)], VANTAGE, raw=True)
        assert tuple(entry.phase for entry in planned[4:]) == probes
        for entry in planned[4:]:
            assert entry.phase.upper() in entry.argv, "the ports are known only once the versions are"
            assert entry.note.startswith("only hosts with ports that speak")


@pytest.mark.parametrize("raw", [True, False], ids=["half-open", "whole connections"])
def test_no_probe_that_opens_connections_opens_more_at_once_than_one_host_may_see(raw: bool) -> None:
    rates = Rates(packets_per_s=9000, packets_per_s_per_host=9000, connections_per_host=8)
    every = replace(SCOPE, rates=rates, probes=("tls", "ssh", "page", "smb"))
    for entry in probe_manifest(every, [host(1), host(2)], VANTAGE, raw=raw):
        line = " ".join(entry.argv)
        bound = 2 if entry.phase == "ssh" else 8  # each of its scripts may hold four
        assert (f"--max-parallelism {bound} " in line) is not (raw and entry.phase in ("tcp", "recheck", "udp")), line
        assert raw or "--min-rate" not in line


def test_without_a_word_of_the_owner_the_plan_is_as_it_was() -> None:
    rates = Rates(packets_per_s=9000, packets_per_s_per_host=9000)
    planned = probe_manifest(replace(SCOPE, rates=rates), [host(1)], VANTAGE, raw=True)
    bounds = {
        one.phase: one.argv[one.argv.index("--max-parallelism") + 1]
        for one in planned
        if "--max-parallelism" in one.argv
    }
    assert bounds == {"versions": "40", "tls": "20", "ssh": "20", "smb": "20"}


@pytest.mark.parametrize("device", [DeviceClass.FRAGILE, DeviceClass.OT])
def test_a_fragile_device_gets_named_ports_slowly_and_nothing_else(device: DeviceClass) -> None:
    (planned,) = probe_manifest(SCOPE, [host(1, device=device)], VANTAGE, raw=True)
    line = " ".join(planned.argv)
    assert "-p T:22-23,80,443 -T2 --max-rate 10 " in line
    assert "-sT" in line
    for never in ("-sV", "-sU", "-sS", "--min-rate"):
        assert never not in line


def test_every_host_is_asked_without_a_ping_and_without_dns() -> None:
    for planned in probe_manifest(SCOPE, [host(1), host(2, device=DeviceClass.OT)], VANTAGE, raw=True):
        assert {"-Pn", "-n"} <= set(planned.argv)


def test_what_lies_outside_the_scope_is_in_no_line() -> None:
    hosts = [host(1, "192.0.2.1", "10.0.0.1"), host(2, "127.0.0.1 --script=x"), host(3, "2001:db8::1")]
    for planned in probe_manifest(SCOPE, hosts, VANTAGE, raw=True):
        assert set(planned.targets) <= {"10.0.0.1", "2001:db8::1"}
        assert not any("script=x" in word for word in planned.argv)


def test_a_name_is_scanned_at_its_admitted_addresses_only() -> None:
    planned = probe_manifest(
        SCOPE, [host(1, "web.example")], VANTAGE, raw=True, lookup=lambda name: ("10.9.9.9", "192.0.2.1")
    )
    assert {entry.targets for entry in planned} == {("10.9.9.9",)}


def test_an_address_of_two_hosts_is_asked_once() -> None:
    assert phases([host(1, "10.0.0.1"), host(2, "10.0.0.1")])[0] == ("tcp", False, ("10.0.0.1",))


def test_batches_are_bounded_and_never_mix_zones_or_device_classes() -> None:
    scope = replace(SCOPE, rates=Rates(hosts_per_batch=4))
    hosts = [host(number) for number in range(1, 11)]
    hosts += [host(20, zone="lan"), host(21, device=DeviceClass.OT), host(22, "10.0.0.22", "10.0.0.23")]
    found = list(chunks(hosts, scope))
    assert sorted(entry.id for chunk in found for entry in chunk) == sorted(entry.id for entry in hosts)
    for chunk in found:
        assert sum(len(entry.addresses) for entry in chunk) <= 4
        assert len({(entry.zone, entry.device_class) for entry in chunk}) == 1


def test_the_plan_does_not_depend_on_the_order_of_the_inventory() -> None:
    hosts = [host(number) for number in range(1, 40)]
    assert phases(hosts) == phases(hosts[::-1])


@pytest.mark.parametrize(
    ("rates", "lanes", "rate"),
    [
        (Rates(packets_per_s=1000, packets_per_s_per_host=100), 1, 100),
        (Rates(packets_per_s=1000, packets_per_s_per_host=100), 4, 100),
        (Rates(packets_per_s=1000, packets_per_s_per_host=9000), 1, 1000),
        (Rates(packets_per_s=1000, packets_per_s_per_host=100, packets_per_s_by_zone=(("dmz", 50),)), 1, 50),
        (Rates(packets_per_s=1000, packets_per_s_per_host=100, packets_per_s_by_zone=(("dmz", 50),)), 4, 12),
        (Rates(packets_per_s=1000, packets_per_s_by_zone=(("lan", 50),), packets_per_s_per_host=9000), 1, 1000),
    ],
    ids=["per host", "per host, side by side", "per vantage", "per zone", "per zone, side by side", "another zone"],
)
def test_the_lowest_limit_of_the_scope_holds(rates: Rates, lanes: int, rate: int) -> None:
    """However many hosts a batch holds: the last of them may get all of its packets."""
    assert rate_for(1000, host(1), replace(SCOPE, rates=rates), lanes) == rate


@pytest.mark.parametrize(
    ("rates", "batches", "lanes"),
    [
        (Rates(), 100, 1),
        (Rates(packets_per_s=1000, packets_per_s_per_host=100), 100, 4),
        (Rates(packets_per_s=1000, packets_per_s_per_host=400), 100, 2),
        (Rates(packets_per_s=1000, packets_per_s_per_host=100), 1, 1),
        (Rates(packets_per_s=90_000, packets_per_s_per_host=90_000), 100, 3),
    ],
)
def test_batches_run_side_by_side_where_one_cannot_use_the_rate(rates: Rates, batches: int, lanes: int) -> None:
    assert lanes_for(replace(SCOPE, rates=rates), batches) == lanes


def test_the_expected_time_is_two_tries_a_port_at_the_authorised_rate() -> None:
    assert expected_s(Probe(Phase.TCP, ALL_TCP, packets_per_s=300), 1) == pytest.approx(436.9)
    assert expected_s(Probe(Phase.TCP, (22, 23), packets_per_s=10, timing=2), 5) == pytest.approx(8.0)


def test_a_second_attempt_is_slower_and_where_packets_were_lost_bound_to_a_much_lower_floor() -> None:
    probe = Probe(Phase.TCP, tcp_ports=ALL_TCP, packets_per_s=4000, min_packets_per_s=3000)
    assert (slower(probe).packets_per_s, slower(probe).min_packets_per_s) == (2000, 1500)
    assert (slower(probe, lossy=True).packets_per_s, slower(probe, lossy=True).min_packets_per_s) == (2000, 187)
