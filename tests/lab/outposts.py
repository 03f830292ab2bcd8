"""A few bare nodes on the lab's wires, some with an sshd and so able to look for us; lighter than whole hosts."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.lab.files import private_file, scope
from tests.lab.host import key_pair
from tests.lab.network import FLOWS, Flow, Network, enter, inside, start

POSTURE = Path(sys.executable).with_name("posture")
NODES = {"probe": ("outside", 20), "bare": ("outside", 21), "web": ("dmz", 30), "app": ("servers", 30)}
"""Zone and number of each; `probe` and `bare` can be logged into, `bare` has no nmap."""
LISTENING = {"web": ("0.0.0.0:80", "0.0.0.0:8080", "127.0.0.1:9000"), "app": ("0.0.0.0:8443", "0.0.0.0:22")}
PUBLIC_PORT = 443
"""On the router's outer address; leads to port 8443 of `app`."""
_NAT = """table ip nat {{
  chain pre {{
    type nat hook prerouting priority dstnat;
    iifname "br-outside" ip daddr {outer} tcp dport 443 dnat to {inner}:8443
  }}
}}
insert rule inet zones forward ct status dnat accept
"""
_LISTEN = """
import socket, sys, threading
def serve(sock):
    while True:
        peer, _ = sock.accept()
        try:
            peer.sendall(b"220 lab.example ESMTP ready\\r\\n")
        except OSError:
            pass
        peer.close()
for place in sys.argv[1:]:
    address, _, port = place.rpartition(":")
    sock = socket.create_server((address, int(port)), backlog=512)
    threading.Thread(target=serve, args=(sock,), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Lookout:
    """A bare node with an sshd of its own, by which a vantage can be logged into as this machine's root."""

    network: Network
    work: Path
    node: str
    address: str
    public: str
    nmap: bool = True

    def serve(self) -> tuple[str, subprocess.Popen[str]]:
        """Return its host key, and the process to end."""
        private, host_key = key_pair("ed25519")
        home = self.work / self.node
        home.mkdir()
        private_file(home / "host", private)
        (home / "authorized").write_text(self.public + "\n")
        lines = (
            f"ListenAddress {self.address}", f"HostKey {home}/host", f"PidFile {home}/pid", "UsePAM no",
            "StrictModes no", f"AuthorizedKeysFile {home}/authorized", "PermitRootLogin yes",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel QUIET",
        )  # fmt: skip
        (home / "sshd_config").write_text("\n".join(lines) + "\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        # Over there nobody may run nmap: another mount namespace, gone with its process.
        hide = "" if self.nmap else "mount --bind /dev/null /usr/bin/nmap; "
        up = f"for _ in $(seq 1500); do [ -e {home}/pid ] && echo ready && break; sleep 0.02; done"
        serve = f"{hide}/usr/sbin/sshd -D -f {home}/sshd_config & {up}; wait"
        argv = ["unshare", "--mount", "sh", "-c", serve]
        return host_key, start(self.network.namespace(self.node), argv)


@dataclass
class Outposts:
    """The nodes while they run; a context manager."""

    work: Path
    network: Network = field(default_factory=lambda: Network(flows=(*FLOWS, Flow("mgmt", "outside", tcp=(22,)))))
    listening: Mapping[str, Sequence[str]] = field(default_factory=lambda: LISTENING)
    """Where sockets that say little listen, by node."""
    scoped: Mapping[str, Any] = field(default_factory=dict)
    """Keys laid over the scope file."""
    host_keys: dict[str, str] = field(default_factory=dict)
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def address(self, node: str) -> str:
        """Return a node's IPv4 address."""
        zone, number = NODES[node]
        return self.network.zone(zone).address4(number)

    @property
    def outer(self) -> str:
        """Return the router's address outside, at which `app` is published."""
        return self.network.zone("outside").address4(1)

    def posture(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command line where the scanner stands: in the management zone."""
        argv = enter(self.network.namespace("scanner"), [str(POSTURE), *words])
        # A busy machine loses packets, and each look at every port then takes minutes: this ends what hangs.
        return subprocess.run(argv, check=False, capture_output=True, text=True, cwd=self.work, timeout=1200)

    def probes(self) -> list[dict[str, Any]]:
        """Return the lines of the probe log."""
        return [json.loads(line) for line in (self.work / "out" / "probes.jsonl").read_text().splitlines()]

    def __enter__(self) -> Outposts:
        with contextlib.ExitStack() as opening:
            opening.enter_context(self.network)
            private, self.public = key_pair("ed25519")
            private_file(self.work / "key", private)
            for node, (zone, number) in {"scanner": ("mgmt", 10), **NODES}.items():
                self.network.plug(node, zone)
                self.network.configure(node, zone, number)
            inside(
                self.network.router, ["nft", "-f", "-"], text=_NAT.format(outer=self.outer, inner=self.address("app"))
            )
            for node, places in self.listening.items():
                argv = [sys.executable, "-c", _LISTEN, *places]
                opening.callback(end, start(self.network.namespace(node), argv, stdin=subprocess.PIPE))
            for node in ("probe", "bare"):
                lookout = Lookout(self.network, self.work, node, self.address(node), self.public, nmap=node != "bare")
                self.host_keys[node], process = lookout.serve()
                opening.callback(end, process)
            self._write_files()
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _write_files(self) -> None:
        network = self.network
        zones = [{"name": zone.name, "trust": zone.trust, "cidrs": [zone.cidr4, zone.cidr6]} for zone in network.zones]
        login = {"user": "root", "credential": "lab"}
        hosts: list[dict[str, Any]] = [
            {
                "id": node,
                "addresses": [self.address(node)],
                "access": {**login, "host_keys": [self.host_keys[node]]}
                if node in self.host_keys
                else {"transport": "none"},
            }
            for node in NODES
        ]
        inventory = {
            "schema": "posture.inventory/1",
            "zones": zones,
            "hosts": hosts,
            "vantages": [
                {"name": "scanner", "zone": "mgmt"},
                {"name": "outpost", "zone": "outside", "host": "probe"},
                {"name": "poor", "zone": "outside", "host": "bare"},
            ],
            "flows": [
                {"from": "mgmt", "to": "web", "ports": ["any"], "why": "administration"},
                {"from": "mgmt", "to": "servers", "ports": ["tcp/22"]},
                {"from": "outside", "to": "dmz", "ports": ["tcp/443"], "why": "the portal"},
            ],
            "published": [{"public": f"{self.outer}:{PUBLIC_PORT}", "to": "app:8443"}],
        }
        grants = [{"host": "probe", "authorisation": "OUT-7"}, {"host": "bare", "authorisation": "OUT-8"}]
        config = {
            "schema": "posture.config/1",
            "database": str(self.work / "out" / "posture.db"),
            "known_hosts": str(self.work / "known_hosts"),
            "credentials": {"lab": {"kind": "key", "path": str(self.work / "key")}},
        }
        (self.work / "out").mkdir(exist_ok=True)
        for name, content in (
            ("inventory", inventory),
            ("scope", {**scope(), "vantages": grants, **self.scoped}),
            ("posture", config),
        ):
            (self.work / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


@contextlib.contextmanager
def outposts(
    work: Path, listening: Mapping[str, Sequence[str]] = LISTENING, scoped: Mapping[str, Any] | None = None
) -> Iterator[Outposts]:
    """Yield the nodes, up and described in files."""
    with Outposts(work, listening=listening, scoped=scoped or {}) as running:
        yield running


def end(process: subprocess.Popen[str]) -> None:
    """End a process we started; what it started in its namespaces ends with the lab."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.terminate()
    process.wait(timeout=60)


def words(*more: str) -> Sequence[str]:
    """Return the options of a scan that looks from the network only."""
    return ("scan", "-i", "inventory.yaml", "--no-login", *more)
