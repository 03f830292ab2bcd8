"""Zones as bridges in a router namespace, nftables between them, and no way out of the machine.

Nothing here is linked to the machine's own network: not one veth has an end in the root namespace. So that a
test that forgets to enter the lab does no harm either, the lab's prefixes are blackholed in the root namespace.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STATE = Path("/run/posture-lab")  # one directory for each lab that is up
PREFIX4 = "10.77.0.0/16"
PREFIX6 = "fd77:705:74c1::/48"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """One zone: a bridge, a /24 and a /64."""

    name: str
    trust: str
    number: int
    """Third octet of the /24, and number of the /64."""

    @property
    def cidr4(self) -> str:
        """Return the IPv4 network."""
        return f"10.77.{self.number}.0/24"

    @property
    def cidr6(self) -> str:
        """Return the IPv6 network."""
        return f"fd77:705:74c1:{self.number:x}::/64"

    def address4(self, number: int) -> str:
        """Return the IPv4 address with this number; 1 is the router."""
        return f"10.77.{self.number}.{number}"

    def address6(self, number: int) -> str:
        """Return the IPv6 address with this number; 1 is the router."""
        return f"fd77:705:74c1:{self.number:x}::{number:x}"


@dataclass(frozen=True, slots=True)
class Flow:
    """What the router lets through from one zone to another."""

    source: str
    target: str
    tcp: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()
    everything: bool = False

    def admits(self, port: int) -> bool:
        """Return whether a TCP connection to this port gets through."""
        return self.everything or port in self.tcp


ZONES = (
    ZonePlan("mgmt", "restricted", 0),
    ZonePlan("dmz", "untrusted", 1),
    ZonePlan("users", "internal", 2),
    ZonePlan("servers", "internal", 3),
    ZonePlan("restricted", "restricted", 4),
    ZonePlan("outside", "untrusted", 9),
)

FLOWS = (
    Flow("mgmt", "dmz", everything=True),
    Flow("mgmt", "users", everything=True),
    Flow("mgmt", "servers", everything=True),
    Flow("mgmt", "restricted", everything=True),
    Flow("outside", "dmz", tcp=(80, 443)),
    Flow("users", "dmz", tcp=(80, 443)),
    Flow("users", "servers", tcp=(22, 80, 443)),
    Flow("dmz", "servers", tcp=(5432,)),
    Flow("servers", "restricted", tcp=(5432, 6514), udp=(123,)),
)


class LabError(RuntimeError):
    """The lab cannot be built on this machine; the message says what is missing."""


@dataclass
class Network:
    """The wires of one lab; a context manager that leaves nothing behind."""

    zones: Sequence[ZonePlan] = ZONES
    flows: Sequence[Flow] = FLOWS
    name: str = field(default_factory=lambda: f"pl{os.getpid()}-{next(_NUMBERS)}")
    _ports: Iterator[int] = field(default_factory=itertools.count, repr=False)

    @property
    def state(self) -> Path:
        """Return the directory (a tmpfs of its own) that holds what this lab writes."""
        return STATE / self.name

    @property
    def router(self) -> str:
        """Return the router's namespace."""
        return self.namespace("router")

    def namespace(self, node: str) -> str:
        """Return the name of a node's network namespace."""
        return f"{self.name}.{node}"

    def zone(self, name: str) -> ZonePlan:
        """Return the zone with this name."""
        return next(zone for zone in self.zones if zone.name == name)

    def __enter__(self) -> Network:
        require_root()
        with _registry():
            _clean_dead()
            self.state.mkdir(parents=True)
            run(["mount", "-t", "tmpfs", "-o", "mode=0755,size=2g", "posture-lab", str(self.state)])
            # A shared mount would carry the hosts' own mounts back into the root namespace.
            run(["mount", "--make-private", str(self.state)])
            (self.state / "owner").write_text(_owner(os.getpid()))
            _blackhole()
        atexit.register(self.__exit__)
        try:
            self._raise_router()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        atexit.unregister(self.__exit__)
        with _registry():
            _remove(self.name)
            if not _living():
                _unblackhole()

    def _raise_router(self) -> None:
        ip([f"netns add {self.router}"])
        lines = ["link set lo up"]
        for zone in self.zones:
            bridge = f"br-{zone.name}"
            lines += [
                f"link add {bridge} type bridge mcast_snooping 0",
                f"addr add {zone.address4(1)}/24 dev {bridge}",
                f"addr add {zone.address6(1)}/64 dev {bridge} nodad",
                f"link set {bridge} up",
            ]
        # Whatever is for no zone of ours ends here, on top of there being nowhere to send it.
        lines += ["route add blackhole default", "-6 route add blackhole default"]
        ip([line for line in lines if not line.startswith("-6")], self.router)
        ip([line[3:] for line in lines if line.startswith("-6")], self.router, six=True)
        inside(
            self.router,
            ["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"],
        )
        inside(self.router, ["nft", "-f", "-"], text=self._ruleset())

    def _ruleset(self) -> str:
        # Where bridge netfilter is on, frames inside one zone pass through here too.
        rules = [f'iifname "br-{zone.name}" oifname "br-{zone.name}" accept' for zone in self.zones]
        for flow in self.flows:
            way = f'iifname "br-{flow.source}" oifname "br-{flow.target}"'
            if flow.everything:
                rules.append(f"{way} accept")
            for proto, ports in (("tcp", flow.tcp), ("udp", flow.udp)):
                if ports:
                    rules.append(f"{way} {proto} dport {{ {', '.join(map(str, ports))} }} accept")
        lines = "\n    ".join(rules)
        return f"""table inet zones {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    {lines}
  }}
  chain input {{
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    icmp type echo-request accept
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, echo-request }} accept
  }}
}}
"""

    def reaches(self, source: str, target: str, port: int) -> bool:
        """Return whether the router lets a TCP connection through; inside a zone nobody is in the way."""
        return source == target or any(
            flow.admits(port) for flow in self.flows if (flow.source, flow.target) == (source, target)
        )

    def plug(self, node: str, zone: str) -> str:
        """Return the name of a new namespace for this node, wired to a zone's bridge; its end of the wire is `eth0`."""
        namespace = self.namespace(node)
        port = f"port{next(self._ports)}"
        ip([f"netns add {namespace}"])
        ip([f"link add eth0 netns {namespace} type veth peer name {port} netns {self.router}"])
        ip([f"link set {port} master br-{zone} up"], self.router)
        return namespace

    def configure(self, node: str, zone: str, number: int) -> None:
        """Give a plugged node its addresses and its way to the other zones (and to nowhere else)."""
        plan = self.zone(zone)
        namespace = self.namespace(node)
        ip(
            [
                "link set lo up",
                f"addr add {plan.address4(number)}/24 dev eth0",
                f"addr add {plan.address6(number)}/64 dev eth0 nodad",
                "link set eth0 up",
                f"route add {PREFIX4} via {plan.address4(1)}",
            ],
            namespace,
        )
        ip([f"route add {PREFIX6} via {plan.address6(1)}"], namespace, six=True)


def require_root() -> None:
    """Return when this process may make namespaces.

    Raises:
        LabError: it may not.
    """
    if os.geteuid() != 0:
        raise LabError("the lab needs root: namespaces, mounts and overlay file systems")
    for program in ("ip", "nft", "nsenter", "unshare", "mount", "pivot_root"):
        if shutil.which(program) is None:
            raise LabError(f"`{program}` is missing: run tests/lab/prepare.sh")


def start(namespace: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    """Return a program that runs in a network namespace and has printed ``ready``; the caller ends it.

    Raises:
        LabError: it said something else.
    """
    process = subprocess.Popen(enter(namespace, argv), stdout=subprocess.PIPE, text=True, **options)
    said = process.stdout.readline() if process.stdout else ""
    if said != "ready\n":
        process.kill()
        process.wait()
        raise LabError(f"{' '.join(argv)[:300]}: said `{said.strip()}` instead of `ready`")
    return process


def run(argv: Sequence[str], text: str | None = None) -> str:
    """Return what a program printed.

    Raises:
        LabError: it failed; with what it said.
    """
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)[:300]}: {done.stderr.strip() or done.stdout.strip() or done.returncode}")
    return done.stdout


def ip(lines: Iterable[str], namespace: str = "", *, six: bool = False) -> str:
    """Return what `ip` printed for a batch of its commands."""
    options = [*(["-n", namespace] if namespace else []), *(["-6"] if six else [])]
    return run(["ip", *options, "-batch", "-"], text="\n".join(lines) + "\n")


def enter(namespace: str, argv: Sequence[str]) -> list[str]:
    """Return the argument list that runs a program in a network namespace."""
    return ["nsenter", f"--net=/run/netns/{namespace}", "--", *argv]


def inside(namespace: str, argv: Sequence[str], text: str | None = None) -> str:
    """Return what a program printed that ran in a network namespace."""
    return run(enter(namespace, argv), text)


def clean() -> list[str]:
    """Return the names of the labs whose makers are dead; they are gone now."""
    with _registry():
        removed = _clean_dead()
        if not _living():
            _unblackhole()
    return removed


@contextlib.contextmanager
def _registry() -> Iterator[None]:
    """Hold the lock over the list of labs: the blackholes are shared by all of them."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _owner(pid: int) -> str:
    """Return a process's identity that a later process with the same number does not have; empty when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return f"{pid} {fields[19]}"  # proc(5): field 22 is the start time


def _labs() -> list[str]:
    return sorted(entry.name for entry in STATE.iterdir() if entry.is_dir())


def _alive(name: str) -> bool:
    owner = STATE / name / "owner"
    if not owner.exists():
        return False
    said = owner.read_text()
    return bool(said) and _owner(int(said.split()[0])) == said


def _living() -> list[str]:
    return [name for name in _labs() if _alive(name)]


def _clean_dead() -> list[str]:
    dead = [name for name in _labs() if not _alive(name)]
    for name in dead:
        _remove(name)
    return dead


def _remove(name: str) -> None:
    """End every process in the lab's namespaces, by its id, and remove namespaces, mounts and files."""
    netns = Path("/run/netns")
    namespaces = (
        sorted(entry.name for entry in netns.iterdir() if entry.name.startswith(f"{name}.")) if netns.is_dir() else []
    )
    for namespace in namespaces:
        for pid in map(int, run(["ip", "netns", "pids", namespace]).split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if namespaces:
        ip([f"netns del {namespace}" for namespace in namespaces])
    state = STATE / name
    while state.is_mount():
        run(["umount", "--lazy", str(state)])
    shutil.rmtree(state, ignore_errors=True)


def _blackhole() -> None:
    ip([f"route replace blackhole {PREFIX4}"])
    ip([f"route replace blackhole {PREFIX6}"], six=True)


def _unblackhole() -> None:
    for family, prefix in (("-4", PREFIX4), ("-6", PREFIX6)):
        if run(["ip", family, "route", "show", "type", "blackhole", prefix]).strip():
            run(["ip", family, "route", "del", "blackhole", prefix])
