"""Real nmap, driven in a network of our own: what it is asked, how it is ended, and what is kept when it dies."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.network import nmap_watch as ours
from collectors.network.nmap import ALL_TCP, Phase, Probe, arguments, can_send_raw, command_line, run_nmap
from posture.model.observation import Blind
from tests.collectors.own_network import need_root, own_network

SLOW = Probe(Phase.TCP, ALL_TCP, packets_per_s=50)
"""Would take twenty minutes."""


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    need_root()
    with own_network("ip daddr 127.0.0.3 drop"):
        yield


def nobody() -> threading.Event:
    return threading.Event()


ports = st.lists(st.integers(1, 65535), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    tcp=ports,
    udp=ports | st.just([]),
    half_open=st.booleans(),
    ipv6=st.booleans(),
    rate=st.integers(1, 10_000),
    phase=st.sampled_from(Phase),
)
def test_every_word_of_a_command_line_belongs_to_the_grammar(
    tcp: list[int], udp: list[int], half_open: bool, ipv6: bool, rate: int, phase: Phase
) -> None:
    probe = Probe(phase, tcp, udp, half_open=half_open, ipv6=ipv6, packets_per_s=rate, min_packets_per_s=rate // 2)
    line = " ".join(command_line(probe, Path("/tmp/x/targets")))
    assert re.fullmatch(
        r"nmap -oX - -n (-Pn|(-PE )?-PS[\d,-]+( -PA[\d,-]+)?) --noninteractive( -6)? -s[ST]( -sU)? -p T:[\d,-]+(,U:[\d,-]+)? -T3 --max-rate \d+"
        r"( --min-rate \d+)? --max-retries \d+ --host-timeout \d+s( -sV --version-light --script-timeout 30s)?"
        r"( --script \+(ssl-cert,\+ssl-enum-ciphers|ssh2-enum-algos,\+ssh-hostkey|http-title,\+http-headers|smb-protocols,\+smb2-security-mode)"
        r" --script-timeout \d+s --script-args http\.useragent=posture-scanner,http\.max-body-size=65536,http\.truncated-ok=true)?"
        r" -iL /tmp/x/targets",
        line,
    )


def test_neighbouring_ports_are_written_as_runs() -> None:
    assert Probe(Phase.TCP, (80, 22, 23, 24, 22), (53,)).asked == "T:22-24,80,U:53"
    assert Probe(Phase.TCP, ALL_TCP).asked == "T:1-65535"


@pytest.mark.parametrize(
    "wrong",
    [
        {"tcp_ports": ()},
        {"tcp_ports": (0,)},
        {"tcp_ports": (65536,)},
        {"tcp_ports": ("22 --script=x",)},
        {"packets_per_s": 0},
        {"packets_per_s": "1 --script=x"},
        {"min_packets_per_s": 301},
        {"timing": 5},
        {"timing": 0},
        {"retries": 11},
        {"host_timeout_s": 0},
        {"parallelism": -1},
    ],
    ids=str,
)
def test_a_probe_outside_the_grammar_is_never_sent(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        arguments(replace(Probe(Phase.TCP, (22,)), **wrong), Path("targets"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1 --script=x",
        "--script=x",
        "-iL/etc/passwd",
        "127.0.0.0/8",
        "127.0.0.1-9",
        "localhost",
        "127.0.0.1\n10.0.0.1",
        "127.000.0.1",
        "::1",
        "",
    ],
    ids=repr,
)
def test_what_is_not_one_canonical_address_never_reaches_nmap(target: str) -> None:
    with pytest.raises(ValueError):
        run_nmap(Probe(Phase.TCP, (22,)), [target], timeout_s=5, stop=nobody(), programs=("/nonexistent",))


def test_without_targets_nothing_is_run() -> None:
    with pytest.raises(ValueError, match="no targets"):
        run_nmap(Probe(Phase.TCP, (22,)), [], timeout_s=5, stop=nobody())


def test_a_missing_nmap_is_a_reason_and_no_crash() -> None:
    reply = run_nmap(
        Probe(Phase.TCP, (22,)), ["127.0.0.1"], timeout_s=5, stop=nobody(), programs=("/nonexistent/nmap",)
    )
    assert (reply.reason, reply.hosts, reply.argv) == (Blind.COMMAND_MISSING, (), ())


def test_open_closed_and_filtered_are_told_apart(network: None) -> None:
    with socket.create_server(("127.0.0.2", 4444)):
        reply = run_nmap(
            Probe(Phase.TCP, (4444, 4445), packets_per_s=1000),
            ["127.0.0.2", "127.0.0.3"],
            timeout_s=60,
            stop=nobody(),
        )
    assert reply.reason is None, reply.detail
    states = {(host.address, port.port): port.state for host in reply.hosts for port in host.ports}
    assert states == {
        ("127.0.0.2", 4444): "open",
        ("127.0.0.2", 4445): "closed",
        ("127.0.0.3", 4444): "filtered",
        ("127.0.0.3", 4445): "filtered",
    }
    assert reply.argv[-2] == "-iL"
    assert not Path(reply.argv[-1]).exists()
    assert reply.header.version


def test_a_connect_scan_says_the_same(network: None) -> None:
    with socket.create_server(("127.0.0.2", 4444)):
        probe = Probe(Phase.TCP, (4444, 4445), half_open=False, packets_per_s=1000)
        (host,) = run_nmap(probe, ["127.0.0.2"], timeout_s=60, stop=nobody()).hosts
    assert [(port.port, port.state, port.reason) for port in host.ports] == [
        (4444, "open", "syn-ack"),
        (4445, "closed", "conn-refused"),
    ]


def test_an_address_without_a_route_is_left_out_and_said(network: None) -> None:
    reply = run_nmap(Probe(Phase.TCP, (22,), packets_per_s=100), ["192.0.2.1"], timeout_s=60, stop=nobody())
    assert reply.hosts == ()
    assert "route" in reply.stderr or reply.reason is not None


def test_raw_sockets_are_there_for_root(network: None) -> None:
    assert can_send_raw()


def ours_running(reply_of: threading.Thread) -> int:
    """Return the process id of the nmap that our own thread started, as soon as it is there."""
    while reply_of.is_alive():
        for pid in ours._children():
            if b"-iL" in ours._read(Path(f"/proc/{pid}/cmdline")):
                return pid
        time.sleep(0.01)
    raise AssertionError("nmap never started")


class Background(threading.Thread):
    """One slow scan of two hosts, started in the network of the thread that makes it."""

    def __init__(self, timeout_s: float = 120) -> None:
        super().__init__()
        self.stop = threading.Event()
        self.timeout_s = timeout_s
        self.start()

    def run(self) -> None:
        self.began = time.monotonic()
        self.reply = run_nmap(SLOW, ["127.0.0.2", "127.0.0.3"], timeout_s=self.timeout_s, stop=self.stop)
        self.took_s = time.monotonic() - self.began


def test_the_stop_ends_nmap_by_its_process_id(network: None) -> None:
    scan = Background()
    pid = ours_running(scan)
    scan.stop.set()
    scan.join(timeout=60)
    assert not scan.is_alive()
    assert (scan.reply.reason, scan.reply.detail) == (Blind.NOT_ATTEMPTED, "stopped by the operator")
    assert scan.reply.argv[0].endswith("nmap")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_scan_beyond_its_time_is_ended_and_says_so(network: None) -> None:
    reply = run_nmap(SLOW, ["127.0.0.2"], timeout_s=0.5, stop=nobody())
    assert reply.reason is Blind.TIMED_OUT
    assert reply.duration_ms < 20_000


def test_a_killed_nmap_is_cut_short_and_not_clean(network: None) -> None:
    scan = Background()
    os.kill(ours_running(scan), signal.SIGKILL)
    scan.join(timeout=60)
    assert (scan.reply.reason, scan.reply.hosts) == (Blind.TRUNCATED, ())


GARBAGE = """#!/bin/sh
if [ "$1" = -V ]; then echo 'Nmap version 7.93 ( https://nmap.org )'; exit 0; fi
%s
"""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("echo not xml at all", Blind.UNPARSEABLE),
        ("head -c 3000 /dev/urandom", Blind.UNPARSEABLE),
        ("exit 1", Blind.TRUNCATED),
        ("echo '<nmaprun/>'", Blind.UNPARSEABLE),
        ("echo '<nmaprun ></nmaprun>'", Blind.TRUNCATED),
        ("echo '<!DOCTYPE nmaprun [<!ENTITY a \"b\">]><nmaprun >&a;</nmaprun>'", Blind.UNPARSEABLE),
        ("echo 'QUITTING: requires root privileges.' >&2; exit 1", Blind.COMMAND_REFUSED),
        ("printf '\\377\\376' >&2; echo '<nmaprun ></nmaprun>'", Blind.TRUNCATED),
    ],
    ids=["words", "noise", "nothing", "empty root", "no end", "entities", "not root", "stderr is no UTF-8"],
)
def test_garbage_instead_of_xml_is_a_reason_and_no_crash(tmp_path: Path, answer: str, reason: Blind) -> None:
    program = tmp_path / "nmap"
    program.write_text(GARBAGE % answer)
    program.chmod(0o755)
    reply = run_nmap(Probe(Phase.TCP, (22,)), ["127.0.0.1"], timeout_s=20, stop=nobody(), programs=(str(program),))
    assert (reply.reason, reply.hosts) == (reason, ())


def test_the_targets_file_can_be_read_by_us_only(tmp_path: Path) -> None:
    program = tmp_path / "nmap"
    program.write_text(GARBAGE % f'for last; do :; done; stat -L -c %a "$last" "${{last%/*}}" > {tmp_path}/modes')
    program.chmod(0o755)
    run_nmap(Probe(Phase.TCP, (22,)), ["127.0.0.1"], timeout_s=20, stop=nobody(), programs=(str(program),))
    assert (tmp_path / "modes").read_text().split() == ["600", "500"]


_SCAN = """
import threading
from collectors.network.nmap import ALL_TCP, Phase, Probe, run_nmap
run_nmap(Probe(Phase.TCP, ALL_TCP, packets_per_s=50), ["127.0.0.1"], timeout_s=600, stop=threading.Event())
"""


def test_a_scan_that_is_killed_leaves_nothing_in_the_temporary_directory(network: None, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", _SCAN], env=environment) as scan:
        while not (found := children_of(scan.pid)):
            assert scan.poll() is None, "it ended before nmap ran"
            time.sleep(0.02)
        scan.kill()
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


def children_of(parent: int) -> list[int]:
    """Return the nmap processes of a process that were given their targets."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        after_name = ours._read(stat).rpartition(b")")[2].split()
        if len(after_name) > 1 and int(after_name[1]) == parent and b"-iL" in ours._read(stat.parent / "cmdline"):
            found.append(int(stat.parent.name))
    return found
