"""Our two-phase look at a small lab against one plain `nmap -sS -sV -p- -T4` over the same hosts, in turns, in one run.

Same packet rate, same retries, no ping and no names for either; both say open ports and versions, nothing more is
asked. Open hosts, slow services, a host that drops everything and one that lets a single port through.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collectors.network.exposure import COLLECTOR
from collectors.network.exposure_plan import RETRIES
from collectors.network.exposure_scan import scan_exposure
from collectors.network.nmap import ALL_TCP, Probe, Reply, run_nmap
from collectors.network.nmap_xml import read_hosts
from collectors.network.probe_log import ProbeLog
from posture.inputs.scope import Rates, Scope, Window
from posture.model.host import Host, Trust, Vantage
from tests.lab.network import Network, enter, inside, require_root, start

RATE = 20_000
AIM = 3.0
ZONE, SCANNER_ZONE = "servers", "mgmt"
HOSTS = {"open1": 31, "open2": 32, "slow1": 33, "slow2": 34, "wall": 35, "gate": 36}
"""Number of each in its zone."""
DROPPING = {"wall": "", "gate": "tcp dport 22 accept"}
"""What a host's own firewall lets in before it drops the rest."""
SERVICES = {
    "open1": ("ssh:22", "http:80", "http:8080", "smtp:25"),
    "open2": ("ssh:22", "http:8000", "ssh:2222"),
    "slow1": ("ssh:22", "mute:5000", "mute:6000", "late:7000"),
    "slow2": ("mute:5001", "mute:9100", "http:80"),
    "wall": ("ssh:22",),
    "gate": ("ssh:22",),
}
_SERVE = """
import socket, sys, threading, time
SAYS = {"ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\\r\\n", "smtp": b"220 lab.example ESMTP Postfix\\r\\n"}
PAGE = b"HTTP/1.1 200 OK\\r\\nServer: nginx/1.22.1\\r\\nContent-Length: 2\\r\\n\\r\\nok"
def answer(peer, kind):
    try:
        peer.settimeout(30)
        if kind == "http":
            peer.recv(2048); peer.sendall(PAGE)
        elif kind in SAYS:
            peer.sendall(SAYS[kind]); peer.recv(2048)
        else:
            time.sleep(30 if kind == "mute" else 4)
            if kind == "late": peer.sendall(SAYS["ssh"])
    except OSError:
        pass
    peer.close()
def serve(sock, kind):
    while True:
        threading.Thread(target=answer, args=(sock.accept()[0], kind), daemon=True).start()
for word in sys.argv[1:]:
    kind, _, port = word.partition(":")
    sock = socket.create_server(("0.0.0.0", int(port)), backlog=512)
    threading.Thread(target=serve, args=(sock, kind), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""

Found = dict[str, str]
"""``10.77.3.31:22/tcp`` to the version that was told, empty without one."""


@dataclass(frozen=True, slots=True)
class Look:
    """One contestant's turn."""

    wall_s: float
    found: Found


def measure(rounds: int, last_port: int) -> bool:
    """Print the table; return whether ours found the same ports and as many versions, at least ``AIM`` times faster."""
    require_root()
    with lab() as network, tempfile.TemporaryDirectory(prefix="posture-bench-") as scratch:
        addresses = [network.zone(ZONE).address4(number) for number in HOSTS.values()]
        namespace = network.namespace("scanner")
        ours, plain = [], []
        for turn in range(rounds):
            ours.append(_ours(namespace, addresses, last_port, Path(scratch) / f"ours{turn}"))
            plain.append(_plain(namespace, addresses, last_port, Path(scratch) / f"plain{turn}.xml"))
            print(f"round {turn + 1}: ours {ours[-1].wall_s:.0f} s, plain nmap {plain[-1].wall_s:.0f} s", flush=True)
    return _table(ours, plain)


@contextlib.contextmanager
def lab() -> Iterator[Network]:
    """Yield a network with every host up."""
    with Network() as network, contextlib.ExitStack() as running:
        for node, zone, number in (("scanner", SCANNER_ZONE, 10), *((name, ZONE, at) for name, at in HOSTS.items())):
            network.plug(node, zone)
            network.configure(node, zone, number)
        for node, words in SERVICES.items():
            argv = [sys.executable, "-c", _SERVE, *words]
            server = start(network.namespace(node), argv, stdin=subprocess.PIPE)
            running.callback(server.wait)
            running.callback(server.kill)
        for node, lets_in in DROPPING.items():
            rules = "\n".join(
                ["type filter hook input priority 0; policy drop;", "ct state established accept", lets_in]
            )
            ruleset = f"table inet wall {{\nchain input {{\n{rules}\n}}\n}}\n"
            inside(network.namespace(node), ["nft", "-f", "-"], text=ruleset)
        yield network


def _ours(namespace: str, addresses: Sequence[str], last_port: int, folder: Path) -> Look:
    folder.mkdir()
    words = [sys.executable, "-m", "bench.exposure", "--look", str(folder), "--last-port", str(last_port), *addresses]
    begun = time.monotonic()
    done = subprocess.run(enter(namespace, words), capture_output=True, text=True, check=True)
    return Look(time.monotonic() - begun, json.loads(done.stdout))


def _plain(namespace: str, addresses: Sequence[str], last_port: int, out: Path) -> Look:
    words = [
        "nmap",
        "-n",
        "-Pn",
        "-sS",
        "-sV",
        f"-p1-{last_port}",
        "-T4",
        "--max-rate",
        str(RATE),
        "--max-retries",
        str(RETRIES),
    ]
    begun = time.monotonic()
    subprocess.run(enter(namespace, [*words, "-oX", str(out), *addresses]), capture_output=True, check=True)
    spent = time.monotonic() - begun
    found: Found = {}
    for host in read_hosts(out):
        for port in host.ports:
            if port.state == "open":
                service = port.service
                told = f"{service.product} {service.version}".strip() if service and service.method == "probed" else ""
                found[f"{host.address}:{port.port}/{port.proto}"] = told
    return Look(spent, found)


def look(folder: Path, addresses: Sequence[str], last_port: int) -> Found:
    """Return what our scan finds at these addresses: ports and versions, no greetings and no UDP."""
    now = datetime.now(UTC)
    scope = Scope(
        "BENCH", "the lab", Window(now, now + timedelta(hours=6)), tuple(f"{address}/32" for address in addresses),
        rates=Rates(packets_per_s=RATE, packets_per_s_per_host=RATE, timing=4), udp_ports=(), probes=(),
    )  # fmt: skip
    hosts = [Host(f"h{number:02}", (address,), ZONE) for number, address in enumerate(addresses)]

    def run(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        fewer = replace(probe, tcp_ports=range(1, last_port + 1)) if probe.tcp_ports == ALL_TCP else probe
        return run_nmap(fewer, targets, timeout_s=timeout_s, stop=stop)

    found: Found = {}
    options = {"trust_of_zone": {SCANNER_ZONE: Trust.INTERNAL}, "stop": threading.Event(), "run": run}
    with ProbeLog(folder / "probes.jsonl", "BENCH") as log:
        vantage = Vantage("scanner", SCANNER_ZONE)
        for transcript in scan_exposure(hosts, scope, vantage, log=log, **options):  # type: ignore[arg-type] # of two types
            parsed = COLLECTOR.parse(transcript.answers)
            views = getattr(getattr(parsed, "value", None), "views", None)
            for port in (port for view in (views.items if views else ()) for port in view.ports.items):
                if port.state == "open":
                    told = f"{port.product or ''} {port.version or ''}".strip() if port.method == "probed" else ""
                    found[f"{port.address}:{port.port}/{port.proto}"] = told
    return found


def _table(ours: list[Look], plain: list[Look]) -> bool:
    rows: Mapping[str, list[Look]] = {"ours, two phases": ours, "nmap -sS -sV -p- -T4": plain}
    print("\n| | median wall s | open ports | versions told |\n|---|---|---|---|")
    for name, looks in rows.items():
        versions = [sum(bool(told) for told in one.found.values()) for one in looks]
        ports = sorted({len(one.found) for one in looks})
        print(f"| {name} | {statistics.median(one.wall_s for one in looks):.0f} | {ports} | {versions} |")
    times = statistics.median(theirs.wall_s / mine.wall_s for mine, theirs in zip(ours, plain, strict=True))
    same = all(set(mine.found) == set(theirs.found) for mine, theirs in zip(ours, plain, strict=True))
    as_many = all(
        mine.found.get(place) or not told
        for mine, theirs in zip(ours, plain, strict=True)
        for place, told in theirs.found.items()
    )
    print(f"\n{times:.1f} times faster (aim {AIM:.0f}); the same open ports: {same}; at least its versions: {as_many}")
    return times >= AIM and same and as_many


def main() -> None:
    """Measure, or be one turn of ours inside the scanner's namespace."""
    parser = argparse.ArgumentParser(prog="python -m bench.exposure", description=__doc__)
    parser.add_argument("--look", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--last-port", type=int, default=65_535, help="fewer for a quick or crowded machine")
    parser.add_argument("addresses", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        print(json.dumps(look(options.look, options.addresses, options.last_port)))
    else:
        sys.exit(0 if measure(options.rounds, options.last_port) else 1)


if __name__ == "__main__":
    main()
