"""The lab's wires: zones are apart as declared, nothing leads out of the machine, and nothing is left behind."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import network
from tests.lab.network import FLOWS, PREFIX4, PREFIX6, ZONES, Network, enter, inside, ip, run

pytestmark = pytest.mark.lab

PORTS = (22, 80, 443, 5432, 6514, 8080)
OUTSIDE = ("192.0.2.1", "198.51.100.7", "8.8.8.8", "169.254.169.254")


@pytest.fixture(scope="module")
def wires() -> Iterator[Network]:
    """A network with one bare node in each zone, and nothing that listens."""
    with Network() as lab:
        for zone in ZONES:
            lab.plug(zone.name, zone.name)
            lab.configure(zone.name, zone.name, 20)
        lab.plug("neighbour", "users")
        lab.configure("neighbour", "users", 30)
        yield lab


def succeeds(namespace: str, argv: list[str]) -> bool:
    return subprocess.run(enter(namespace, argv), check=False, capture_output=True).returncode == 0


def blackholes() -> str:
    return run(["ip", "-4", "route", "show", "type", "blackhole"]) + run(
        ["ip", "-6", "route", "show", "type", "blackhole"]
    )


@pytest.mark.parametrize("source", [zone.name for zone in ZONES])
def test_a_zone_reaches_what_its_flows_say_and_nothing_else(wires: Network, source: str) -> None:
    targets = {zone.address4(20): zone.name for zone in ZONES if zone.name != source}
    argv = [
        "nmap",
        "-n",
        "-Pn",
        "-sS",
        "--max-retries",
        "1",
        "-T5",
        "--host-timeout",
        "30s",
        "-p",
        ",".join(map(str, PORTS)),
        "-oX",
        "-",
    ]
    found = ET.fromstring(inside(wires.namespace(source), [*argv, *targets]))
    states = {
        (targets[host.find("address").get("addr")], int(port.get("portid"))): port.find("state").get("state")
        for host in found.iter("host")
        for port in host.iter("port")
    }
    # Nothing listens: a packet that gets through is refused by the host, one that does not is never answered.
    expected = {
        (zone, port): "closed" if wires.reaches(source, zone, port) else "filtered"
        for zone in targets.values()
        for port in PORTS
    }
    assert states == expected


def test_some_flows_are_open_and_some_are_not(wires: Network) -> None:
    assert wires.reaches("mgmt", "restricted", 8080)
    assert wires.reaches("users", "servers", 22)
    assert not wires.reaches("outside", "dmz", 22)
    assert not wires.reaches("dmz", "mgmt", 22)


def test_inside_a_zone_nobody_is_in_the_way(wires: Network) -> None:
    for address in (wires.zone("users").address4(20), wires.zone("users").address6(20)):
        assert succeeds(wires.namespace("neighbour"), ["ping", "-c1", "-W2", address])


def test_ipv6_is_wired_like_ipv4(wires: Network) -> None:
    there, away = (wires.zone(name).address6(20) for name in ("servers", "mgmt"))
    assert succeeds(wires.namespace("mgmt"), ["ping", "-c1", "-W2", there])
    assert not succeeds(wires.namespace("servers"), ["ping", "-c1", "-W1", away])


@pytest.mark.parametrize("node", ["router", *(zone.name for zone in ZONES)])
@pytest.mark.parametrize("address", OUTSIDE)
def test_no_packet_leaves(wires: Network, node: str, address: str) -> None:
    assert not succeeds(wires.namespace(node), ["ip", "route", "get", address])
    assert not succeeds(wires.namespace(node), ["ping", "-n", "-c1", "-W1", address])


def test_no_wire_ends_in_the_root_namespace(wires: Network) -> None:
    # Both ends of every wire are accounted for inside the lab, so none is anywhere else.
    ends = [
        interface
        for node in ("router", "neighbour", *(zone.name for zone in ZONES))
        for interface in veths(wires.namespace(node))
    ]
    assert len(ends) == 2 * (len(ZONES) + 1)
    assert not [end for end in veths() if end["ifname"].startswith("port")]


def veths(namespace: str = "") -> list[dict[str, Any]]:
    """Return the veth ends in a namespace."""
    return json.loads(run(["ip", *(["-n", namespace] if namespace else []), "-json", "link", "show", "type", "veth"]))


def test_the_root_namespace_drops_what_is_meant_for_the_lab(wires: Network) -> None:
    assert PREFIX4 in blackholes()
    assert PREFIX6 in blackholes()
    for zone in ZONES:
        for address in (zone.address4(20), zone.address6(20)):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family) as probe, pytest.raises(OSError, match=r"Invalid argument|unreachable"):
                probe.connect((address, 22))


def test_two_labs_at_once_do_not_meet() -> None:
    with Network() as one, Network() as other:
        for lab in (one, other):
            lab.plug("node", "dmz")
            lab.configure("node", "dmz", 20 if lab is one else 21)
        assert not succeeds(one.namespace("node"), ["ping", "-c1", "-W1", other.zone("dmz").address4(21)])
        assert one.name != other.name


def test_the_blackholes_stay_while_another_lab_is_up() -> None:
    with Network():
        with Network():
            pass
        assert PREFIX4 in blackholes()
        assert PREFIX6 in blackholes()


def traces(name: str) -> list[str]:
    """Everything on this machine that still bears the name of a lab."""
    namespaces = [line for line in run(["ip", "netns", "list"]).splitlines() if line.startswith(f"{name}.")]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"/{name}" in line]
    return [*namespaces, *mounts, *(str(path) for path in network.STATE.glob(name))]


def test_nothing_is_left_behind() -> None:
    with Network() as lab:
        lab.plug("node", "dmz")
        assert traces(lab.name)
    assert not traces(lab.name)


def test_nothing_is_left_behind_by_a_test_that_fails() -> None:
    with pytest.raises(ZeroDivisionError), Network() as lab:
        lab.plug("node", "dmz")
        _ = 1 / 0
    assert not traces(lab.name)


def test_what_a_killed_lab_left_is_cleaned_away() -> None:
    script = """
import sys, signal
from tests.lab.network import Network
with Network() as lab:
    lab.plug("node", "dmz")
    print(lab.name, flush=True)
    signal.pause()
"""
    dying = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    name = dying.stdout.readline().strip()
    sleeper = subprocess.Popen(enter(f"{name}.node", ["sleep", "1000"]))
    dying.send_signal(signal.SIGKILL)
    dying.wait()
    dying.stdout.close()
    assert traces(name)
    subprocess.run(
        [sys.executable, "-m", "tests.lab", "clean"], check=True, capture_output=True, cwd=Path(__file__).parents[2]
    )
    assert not traces(name)
    assert sleeper.wait(timeout=60) == -signal.SIGKILL


def test_a_living_lab_is_not_cleaned_away(wires: Network) -> None:
    assert wires.name not in network.clean()
    assert ip(["link show br-dmz"], wires.router)


def test_flows_name_zones_that_exist() -> None:
    names = {zone.name for zone in ZONES}
    assert {flow.source for flow in FLOWS} | {flow.target for flow in FLOWS} <= names
