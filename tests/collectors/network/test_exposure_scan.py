"""The whole scan with real nmap on listeners of our own, in a network of our own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.base import Facts, Transcript
from collectors.network import nmap_watch as ours
from collectors.network.exposure import Exposure, parse
from collectors.network.exposure_scan import scan_exposure
from collectors.network.exposure_vantages import merged
from collectors.network.nmap import ALL_TCP, Phase, Probe, Reply, run_nmap
from collectors.network.pace import Pace
from collectors.network.probe_log import ProbeLog
from posture.inputs.scope import Rates, Scope, Window
from posture.model.host import SELF_VANTAGE, DeviceClass, Host, Trust, Vantage
from posture.model.observation import Blind
from tests.collectors.own_network import need_root, own_network, run

INTERNET = Vantage("probe-1", "internet")
ZONES = {"internet": Trust.UNTRUSTED, "lan": Trust.INTERNAL}
FAST = Rates(packets_per_s=20_000, packets_per_s_per_host=20_000, timing=4)
STEADY = Rates(packets_per_s=10_000, packets_per_s_per_host=10_000, timing=4)
"""What nmap keeps up with on a busy machine: where it loses answers, a scan of all ports is made twice."""
NETWORKS = ("127.0.0.0/24", "10.99.0.0/24", "fd99::/64")
RULES = "\n ".join(
    [
        "ip daddr 127.0.0.3 tcp dport != 22 drop",
        "ip daddr 127.0.0.3 udp dport 1-65535 drop",
        "ip daddr 127.0.0.4 drop",
        "ip daddr 127.0.0.8 tcp dport 2345 tcp flags syn numgen inc mod 8 < 3 drop",
        "ip daddr 127.0.0.6 tcp dport 2345 accept",
        "ip daddr 127.0.0.6 tcp flags syn numgen random mod 100 < 50 drop",
        "ip daddr 127.0.0.7 tcp dport { 103, 107, 113, 127, 131, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199 } drop",
    ]
)
WEB = Host("web", ("127.0.0.2", "fd99::2"), "dmz")
GUARDED = Host("guarded", ("127.0.0.3",), "lan")
"""In a zone of its own: its silent UDP port would be asked what it is, for fifteen seconds, where WEB's speaks."""
MUTE = Host("mute", ("127.0.0.4",), "dmz")
PLC = Host("plc", ("127.0.0.5",), "dmz", device_class=DeviceClass.OT)
GONE = Host("gone", ("10.99.0.7",), "dmz")
EVIL = Host("evil", ("127.0.0.1 --script=x", "192.0.2.1"), "dmz")


def scope(rates: Rates = FAST, closes_in: timedelta = timedelta(hours=1)) -> Scope:
    now = datetime.now(UTC)
    return Scope(
        "AUTH-7", "o", Window(now - timedelta(hours=1), now + closes_in), NETWORKS, rates=rates, udp_ports=(53, 123)
    )


Scan = Callable[..., list[Transcript]]


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    need_root()
    with own_network(RULES):
        run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        for link in ("v0", "v1"):
            run("ip", "link", "set", link, "up")
        run("ip", "addr", "add", "10.99.0.1/24", "dev", "v0")
        run("ip", "addr", "add", "fd99::2/128", "dev", "lo")
        yield


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    def look(
        hosts: Sequence[Host], vantage: Vantage = INTERNET, where: Scope | None = None, **more: object
    ) -> list[Transcript]:
        with ProbeLog(tmp_path / "probes.jsonl", "AUTH-7") as log:
            options: dict[str, object] = {"stop": threading.Event(), **more}
            return list(
                scan_exposure(hosts, where or scope(), vantage, trust_of_zone=ZONES, log=log, **options)  # type: ignore[arg-type]
            )

    return look


def fast(ports: Sequence[int] = range(1, 3001)) -> Callable[..., Reply]:
    """Return the real runner with fewer TCP ports, where all of them would only take time."""

    def run_fewer(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        fewer = replace(probe, tcp_ports=ports) if probe.tcp_ports == ALL_TCP else probe
        return run_nmap(fewer, targets, timeout_s=timeout_s, stop=stop)

    return run_fewer


def facts(transcript: Transcript) -> Exposure:
    parsed = parse(transcript.answers)
    assert isinstance(parsed, Facts), parsed
    return parsed.value


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[None]:
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "8080", "--bind", "127.0.0.2", "--directory", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    server.stdout.readline()
    yield
    server.kill()
    server.wait()


@contextlib.contextmanager
def ssh_server(folder: Path, address: str) -> Iterator[None]:
    if shutil.which("sshd") is None:
        pytest.skip("no sshd on this machine")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
    (folder / "config").write_text(f"HostKey {folder}/key\nListenAddress {address}\nPort 22\nPidFile none\n")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen(
        [str(shutil.which("sshd")), "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    for line in server.stderr:
        if "listening" in line:
            break
    yield
    server.kill()
    server.wait()


@contextlib.contextmanager
def greeter(address: str, port: int) -> Iterator[None]:
    """Listen and greet at once: a silent listener would cost the version phase half a minute."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as server:

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as client:
                        client.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")

        threading.Thread(target=greet, daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def udp_echo(address: str, port: int) -> Iterator[None]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, port))

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    content, sender = server.recvfrom(2048)
                    server.sendto(content, sender)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield


@pytest.fixture(scope="module")
def agency(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Transcript]]:
    """One scan of everything: all 65,535 ports of the hosts that answer, fewer where that would only take time."""
    folder = tmp_path_factory.mktemp("agency")
    with (
        web_server(folder),
        ssh_server(folder, "127.0.0.3"),
        udp_echo("127.0.0.2", 123),
        greeter("fd99::2", 2222),
        ProbeLog(folder / "probes.jsonl", "AUTH-7") as log,
    ):
        options: dict[str, Any] = {"trust_of_zone": ZONES, "log": log, "stop": threading.Event()}
        found = [
            *scan_exposure([WEB, GUARDED], scope(STEADY), INTERNET, **options),
            *scan_exposure([MUTE, PLC, GONE, EVIL], scope(STEADY), INTERNET, run=fast(), **options),
        ]
        transcripts = {entry.session.host: entry for entry in found}
        agency_log.extend(json.loads(line) for line in (folder / "probes.jsonl").read_text().splitlines())
        yield transcripts


agency_log: list[dict[str, object]] = []


def doors(found: Exposure) -> list[tuple[str, str, int]]:
    return [(port.address, port.proto, port.port) for port in found.open.items]


def test_every_open_port_is_found_in_both_families(agency: dict[str, Transcript]) -> None:
    found = facts(agency["web"])
    assert doors(found) == [("127.0.0.2", "tcp", 8080), ("fd99::2", "tcp", 2222), ("127.0.0.2", "udp", 123)]
    assert found.open_tcp.complete and found.open_tcp_from_outside.complete
    assert {(port.vantage, port.zone, port.trust) for port in found.open.items} == {
        ("probe-1", "internet", "untrusted")
    }


def test_versions_are_read_from_real_services(agency: dict[str, Transcript]) -> None:
    services = {
        (entry.address, entry.port): entry
        for host in ("web", "guarded")
        for entry in facts(agency[host]).services.items
    }
    http, ssh = services["127.0.0.2", 8080], services["127.0.0.3", 22]
    assert (http.service, http.product) == ("http", "SimpleHTTPServer")
    assert (ssh.service, ssh.product) == ("ssh", "OpenSSH")
    assert ssh.version and ssh.cpes and ssh.confidence == 10
    assert services["fd99::2", 2222].product == "OpenSSH"


def test_a_host_that_drops_all_but_one_port_is_not_lost(agency: dict[str, Transcript]) -> None:
    found = facts(agency["guarded"])
    assert doors(found) == [("127.0.0.3", "tcp", 22)]
    assert found.open_tcp.complete
    (view,) = found.views.items
    assert ("filtered", "no-response", 65534) in [(entry.state, entry.reason, entry.count) for entry in view.folded]
    silent = [port.port for port in view.ports.items if port.state == "open|filtered"]
    assert silent == [53, 123]
    assert not found.open_udp.complete


def test_a_host_that_drops_everything_is_no_clean_host(agency: dict[str, Transcript]) -> None:
    found = facts(agency["mute"])
    assert doors(found) == []
    assert not found.open_tcp.complete
    assert [gap.reason for gap in found.gaps if gap.phase == "tcp"] == ["unreachable"]


def test_a_fragile_device_was_asked_for_its_named_ports_only(agency: dict[str, Transcript]) -> None:
    ((id_, answer),) = agency["plc"].answers.items()
    assert id_ == "exposure.tcp/probe-1/127.0.0.5"
    assert "T:22-23,80,443" in answer.command.argv
    assert not facts(agency["plc"]).open_tcp.complete


def test_an_address_nobody_has_is_unreachable(agency: dict[str, Transcript]) -> None:
    parsed = parse(agency["gone"].answers)
    assert getattr(parsed, "reason", None) is Blind.UNREACHABLE


def test_an_injected_option_and_an_address_outside_are_refused_and_logged(agency: dict[str, Transcript]) -> None:
    parsed = parse(agency["evil"].answers)
    assert getattr(parsed, "reason", None) is Blind.OUT_OF_SCOPE
    refused = [entry["targets"] for entry in agency_log if entry["event"] == "refused"]
    assert refused == [["127.0.0.1 --script=x"], ["192.0.2.1"]]
    sent = [str(target) for entry in agency_log if entry["event"] == "sent" for target in entry["targets"]]  # type: ignore[attr-defined]
    assert "192.0.2.1" not in sent
    assert not any("script=x" in str(entry["what"]) for entry in agency_log if entry["event"] == "sent")


def test_the_evidence_names_the_real_command_line(agency: dict[str, Transcript]) -> None:
    for answer in agency["web"].answers.values():
        assert answer.command.argv[:5] == ("/usr/bin/nmap", "-oX", "-", "-n", "-Pn") or answer.command.argv[1:3] == (
            "-oX",
            "-",
        )
        assert " ".join(answer.command.argv) in answer.text
        assert answer.exit_code == 0


def test_replayed_evidence_gives_the_same_facts(agency: dict[str, Transcript]) -> None:
    assert parse(dict(agency["web"].answers)) == parse(dict(reversed(agency["web"].answers.items())))


def test_what_was_logged_is_what_was_sent(agency: dict[str, Transcript]) -> None:
    sent = {tuple(entry["what"][3:-2]) for entry in agency_log if entry["event"] == "sent"}  # type: ignore[index]
    ran = {
        tuple("T:1-65535" if word == "T:1-3000" else word for word in answer.command.argv[3:-2])  # see `fast`
        for entry in agency.values()
        for answer in entry.answers.values()
        if answer.command.argv
    }
    assert ran <= sent


def test_the_local_vantage_stays_apart(network: None, scan: Scan) -> None:
    with greeter("127.0.0.2", 2345):
        (transcript,) = scan([Host("me", ("127.0.0.2",), "dmz")], SELF_VANTAGE, run=fast(range(2345, 2346)))
    found = facts(transcript)
    assert found.open.items == [] and found.views.items == []
    assert found.self_view is not None
    assert [port.port for port in found.self_view.ports.items if port.proto == "tcp"] == [2345]


def test_without_raw_sockets_tcp_is_seen_and_udp_is_not(network: None, scan: Scan) -> None:
    (transcript,) = scan([Host("me", ("127.0.0.2",), "dmz")], raw=False, run=fast())
    answer = transcript.answers["exposure.tcp/probe-1/127.0.0.2"]
    assert "-sT" in answer.command.argv
    udp = transcript.answers["exposure.udp/probe-1/127.0.0.2"]
    assert (udp.command.argv, udp.exit_code) == ((), None)
    assert not facts(transcript).open_udp.complete


def test_lost_packets_are_noticed_asked_again_slower_and_never_believed(network: None, scan: Scan) -> None:
    """One port answers the first scan and is lost on the second: it was seen, and stays open."""
    pace = Pace(60_000)
    scans: list[Probe] = []

    def losing(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        if probe.phase is Phase.TCP:
            scans.append(probe)
            if len(scans) == 2:
                run(
                    "nft",
                    "insert",
                    "rule",
                    "inet",
                    "t",
                    "i",
                    "ip",
                    "daddr",
                    "127.0.0.6",
                    "tcp",
                    "dport",
                    "2345",
                    "drop",
                )
        return fast()(probe, targets, timeout_s=timeout_s, stop=stop)

    with greeter("127.0.0.6", 2345):
        (transcript,) = scan([Host("lossy", ("127.0.0.6",), "dmz")], run=losing, pace=pace)
    found = facts(transcript)
    first, second = scans
    assert second.packets_per_s < first.packets_per_s
    assert not found.open_tcp.complete
    assert {(gap.phase, gap.detail.partition(":")[0]) for gap in found.gaps} >= {
        ("tcp", "packets were lost"),
        ("recheck", "packets were lost"),
    }
    assert pace.packets_per_s < 60_000
    assert [port.port for port in found.open_tcp.items] == [2345]
    open_there = 'portid="2345"><state state="open"'
    assert open_there in transcript.answers["exposure.tcp/probe-1/127.0.0.6"].text
    assert open_there not in transcript.answers["exposure.recheck/probe-1/127.0.0.6"].text


def test_an_open_port_whose_packets_were_lost_is_found_when_asked_again(network: None, scan: Scan) -> None:
    with greeter("127.0.0.8", 2345):
        (transcript,) = scan([Host("unlucky", ("127.0.0.8",), "dmz")], run=fast())
    first = transcript.answers["exposure.tcp/probe-1/127.0.0.8"].text
    assert 'portid="2345"><state state="filtered"' in first
    found = facts(transcript)
    assert [(port.port, port.service) for port in found.open_tcp.items] == [(2345, "ssh")]


def test_a_firewall_with_many_single_rules_is_not_mistaken_for_loss(network: None, scan: Scan) -> None:
    (transcript,) = scan([Host("ruled", ("127.0.0.7",), "dmz")], run=fast(range(1, 3001)))
    assert not any("lost" in gap.detail for gap in facts(transcript).gaps)


class Killer:
    """The real runner, whose first nmap is killed as soon as it runs; the others are left alone."""

    def __init__(self, kills: int = 1) -> None:
        self.batches: list[tuple[str, ...]] = []
        self.kills = kills

    def __call__(self, probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        self.batches.append(tuple(targets))
        if len(self.batches) > self.kills:
            return fast()(probe, targets, timeout_s=timeout_s, stop=stop)
        done = threading.Event()
        thread = threading.Thread(target=self.kill, args=(done,))
        thread.start()
        reply = run_nmap(
            replace(probe, packets_per_s=100, min_packets_per_s=0), targets, timeout_s=timeout_s, stop=stop
        )
        done.set()
        thread.join()
        return reply

    def kill(self, done: threading.Event) -> None:
        while not done.wait(0.02):
            for pid in ours._children():
                if b"-iL" in ours._read(Path(f"/proc/{pid}/cmdline")):
                    os.kill(pid, signal.SIGKILL)
                    return


TRIO = [Host(f"h{number}", (f"127.0.0.{number}",), "dmz") for number in (10, 11, 12)]


def test_a_killed_batch_is_tried_again_in_halves_and_loses_nothing(network: None, scan: Scan) -> None:
    killer = Killer()
    transcripts = scan(TRIO, run=killer)
    assert killer.batches[:3] == [
        ("127.0.0.10", "127.0.0.11", "127.0.0.12"),
        ("127.0.0.10", "127.0.0.11"),
        ("127.0.0.12",),
    ]
    assert all(
        entry.answers[f"exposure.tcp/probe-1/{host.addresses[0]}"].exit_code == 0
        for entry, host in zip(transcripts, TRIO, strict=True)
    )


def test_a_half_that_is_killed_again_costs_its_own_hosts_only(network: None, scan: Scan) -> None:
    transcripts = scan(TRIO, run=Killer(kills=2))
    reasons = [
        getattr(parse({id_: a for id_, a in entry.answers.items() if ".tcp/" in id_}), "reason", None)
        for entry in transcripts
    ]
    assert reasons == [Blind.TRUNCATED, Blind.TRUNCATED, None]


def refuse(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
    raise AssertionError("nothing may be sent")


def test_a_closed_window_sends_nothing(scan: Scan) -> None:
    (transcript,) = scan([WEB], where=scope(closes_in=timedelta(minutes=-1)), run=refuse, raw=True)
    parsed = parse(transcript.answers)
    assert getattr(parsed, "reason", None) is Blind.OUT_OF_SCOPE


def test_a_window_that_closes_in_the_middle_ends_the_rest(scan: Scan) -> None:
    where = scope()
    moments = iter([*[where.window.opens] * 2, where.window.closes, where.window.closes, where.window.closes])
    sent: list[tuple[str, ...]] = []

    def note(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        sent.append(tuple(targets))
        return Reply(("nmap",), (), 0)

    one_each = replace(where, rates=replace(FAST, hosts_per_batch=1))
    transcripts = scan(TRIO[:2], where=one_each, run=note, raw=False, clock=lambda: next(moments))
    assert sent == [("127.0.0.10",)]
    reasons = [
        getattr(parse({id_: a for id_, a in t.answers.items() if ".tcp/" in id_}), "reason", None) for t in transcripts
    ]
    assert reasons == [Blind.UNREACHABLE, Blind.OUT_OF_SCOPE]


def test_nmap_never_gets_more_time_than_the_window_has_left(scan: Scan) -> None:
    given: list[float] = []

    def note(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        given.append(timeout_s)
        return Reply(("nmap",), (), 0)

    scan([WEB], where=scope(closes_in=timedelta(seconds=90)), run=note, raw=True)
    assert given and max(given) <= 90


def test_a_set_stop_sends_nothing_more(scan: Scan) -> None:
    stop = threading.Event()
    stop.set()
    (transcript,) = scan([WEB], run=refuse, raw=True, stop=stop)
    assert getattr(parse(transcript.answers), "reason", None) is Blind.NOT_ATTEMPTED


def test_a_spent_pace_leaves_the_rest_timed_out_with_the_note(scan: Scan) -> None:
    pace = Pace(100)
    for _ in range(3):
        pace.judge("dmz", [], cut_short=True)
    (transcript,) = scan([WEB], run=refuse, raw=True, pace=pace)
    parsed = parse(transcript.answers)
    assert getattr(parsed, "reason", None) is Blind.TIMED_OUT
    assert "strained batches" in getattr(parsed, "detail", "")


def test_a_missing_nmap_leaves_every_host_unseen(scan: Scan) -> None:
    def missing(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        return run_nmap(probe, targets, timeout_s=timeout_s, stop=stop, programs=("/nonexistent/nmap",))

    transcripts = scan(TRIO, run=missing, raw=True)
    assert {getattr(parse(entry.answers), "reason", None) for entry in transcripts} == {Blind.COMMAND_MISSING}


def test_a_host_without_an_address_says_so(scan: Scan) -> None:
    (transcript,) = scan([Host("blank", (), "dmz")], run=refuse, raw=True)
    assert transcript.failure is not None
    assert transcript.failure.reason is Blind.NOT_ATTEMPTED


def test_progress_counts_every_host_once(scan: Scan) -> None:
    told: list[tuple[int, int]] = []
    where = scope(replace(FAST, hosts_per_batch=2))
    scan(
        TRIO,
        where=where,
        run=lambda *a, **k: Reply(("nmap",), (), 0),
        raw=False,
        progress=lambda *entry: told.append(entry),
    )
    assert told == [(2, 3), (3, 3)]


def test_transcripts_of_two_vantages_make_one_document(network: None, scan: Scan) -> None:
    with greeter("127.0.0.2", 2345):
        host = Host("me", ("127.0.0.2",), "dmz")
        outer = scan([host], run=fast(range(2345, 2346)), raw=True)
        inner = scan([host], Vantage("probe-2", "lan"), run=fast(range(2345, 2346)), raw=True)
    found = facts(merged([*outer, *inner]))
    assert [(view.vantage, view.trust) for view in found.views.items] == [
        ("probe-1", "untrusted"),
        ("probe-2", "internal"),
    ]


def test_phase_two_is_one_run_for_hosts_that_differ(network: None, scan: Scan) -> None:
    asked: list[tuple[Phase, str, int]] = []

    def note(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        asked.append((probe.phase, probe.asked, len(targets)))
        if probe.phase is Phase.VERSIONS:
            return Reply(("nmap",), (), 0)
        return fast(range(2340, 2350))(probe, targets, timeout_s=timeout_s, stop=stop)

    with greeter("127.0.0.10", 2345), greeter("127.0.0.11", 2346):
        scan(TRIO, run=note, raw=True)
    assert [entry for entry in asked if entry[0] is Phase.VERSIONS] == [(Phase.VERSIONS, "T:2345-2346", 2)]


@pytest.mark.parametrize(("rate", "at_once", "each"), [(60_000, 2, 30_000), (5_000, 1, 5_000)])
def test_zones_are_looked_at_side_by_side_where_the_rate_allows_it(
    scan: Scan, rate: int, at_once: int, each: int
) -> None:
    hosts = [Host(f"h{number}", (f"127.0.0.{number}",), f"zone{number}") for number in range(2, 6)]
    together = threading.Barrier(at_once, timeout=10)
    rates: set[int] = set()

    def look(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        rates.add(probe.packets_per_s)
        if probe.phase is Phase.TCP:
            together.wait()  # breaks when fewer than that many come at once
        return Reply(("nmap",), (), 1)

    where = scope(Rates(packets_per_s=rate, packets_per_s_per_host=rate))
    found = scan(hosts, INTERNET, where, raw=True, run=look)
    assert [transcript.session.host for transcript in found] == ["h2", "h3", "h4", "h5"]
    assert rates == {each}
