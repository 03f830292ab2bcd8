"""A made-up agency of real hosts, with faults drawn by a seed."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posture.evaluate.judge import FLEET
from tests.lab.expectations import EXPECTATIONS
from tests.lab.faults import ALWAYS, BY_ID, FAULTS, Fault, decorate
from tests.lab.files import private_file, write_files
from tests.lab.hardened import harden
from tests.lab.host import Build, Host, key_pair
from tests.lab.hostile import Personality
from tests.lab.network import Network, enter, start
from tests.lab.places import BLIND, PLACES, Place, blank, welcome

ROOT = Path(__file__).parents[2]
DECORATED = "web2"
"""The host whose names and comments hold terminal escapes, markup and formulas."""
BOTH_FAMILIES = ("web1", "db1", "vault1")
"""Hosts that the inventory gives an IPv6 address too; every host has one."""


@dataclass
class Agency:
    """The agency while it runs; a context manager.

    with Agency(seed=7, work=tmp_path) as agency:
        agency.run_in_scanner(["posture", "--config", str(agency.config), "scan", "-i", str(agency.inventory)])
    """

    seed: int
    work: Path
    """Where inventory, scope, configuration, keys are written."""
    checks: Collection[str] | None = None
    """Draw only faults whose checks all exist; every fault when not given."""
    sudoers: str | None = None
    """The scanner's sudo rules; the generated ones when not given."""
    faults_per_host: tuple[int, int] = (3, 7)
    planted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Fault ids by host id."""
    hostile: tuple[Personality, ...] = ()
    """A hostile SSH server for each, in the dmz, as host ``evil-<personality>``."""
    neighbours: dict[tuple[str, str], str] = field(default_factory=dict)
    """By host and fault id: the other host the fault reaches, such as the one a planted key opens."""
    builds: dict[str, Build] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    network: Network = field(default_factory=Network)
    scanner_key: str = ""
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    @property
    def inventory(self) -> Path:
        """Return the inventory file."""
        return self.work / "inventory.yaml"

    @property
    def scope(self) -> Path:
        """Return the scope file."""
        return self.work / "scope.yaml"

    @property
    def config(self) -> Path:
        """Return the configuration file."""
        return self.work / "posture.yaml"

    @property
    def expected(self) -> frozenset[tuple[str, str]]:
        """Return every (host id, check id) that must be found; what concerns several hosts is the host ``fleet``'s."""
        planted = [(host, EXPECTATIONS[id_]) for host, faults in self.planted.items() for id_ in faults]
        found = {(host, check) for host, expected in planted for check in expected.must}
        found |= {(FLEET, check) for _, expected in planted for check in expected.fleet}
        # A host that gives no login is read by nobody, and the one that is down is found by nobody: lapses of ours.
        found |= {(FLEET, "SCN-01"), (FLEET, "SCN-02")}
        return frozenset(pair for pair in found if self.checks is None or pair[1] in self.checks)

    @property
    def allowed(self) -> frozenset[tuple[str, str]]:
        """Return every (host id, check id) that may fail without being invented: the expected and what comes with it."""
        also = (
            (host, check) for host, faults in self.planted.items() for id_ in faults for check in EXPECTATIONS[id_].may
        )
        # How often the agency scans is no fault of a host, and the lab scans once.
        programme = frozenset((FLEET, check) for check in ("SCN-01", "SCN-02", "SCN-03"))
        return self.expected | frozenset(also) | self._own_rules | programme

    @property
    def _own_rules(self) -> frozenset[tuple[str, str]]:
        # A scan account that may run everything is itself what IDN-07 looks for; the generated rules are not.
        unlimited = self.sudoers is not None and "NOPASSWD: ALL" in self.sudoers
        return frozenset((place.id, "IDN-07") for place in PLACES if unlimited and place.condition != "no-sudo")

    @property
    def places(self) -> tuple[Place, ...]:
        """Return every host of the inventory, the hostile ones last."""
        evil = (
            Place(f"evil-{kind}", "dmz", 60 + number, "none", "hostile") for number, kind in enumerate(self.hostile)
        )
        return (*PLACES, *evil)

    @property
    def blind(self) -> dict[str, str]:
        """Return why a host cannot be judged wholly, by host id; the values are those of ``Blind``."""
        return {place.id: BLIND[place.condition] for place in PLACES if place.condition in BLIND}

    @property
    def hardened(self) -> str:
        """Return the id of the host on which nothing may fail."""
        return next(place.id for place in PLACES if place.condition == "hardened")

    def run_in_scanner(self, argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a program where the scanner stands: in the management zone, with no way out of the lab."""
        return subprocess.run(enter(self.network.namespace("scanner"), argv), check=False, **options)

    def run_in_attacker(self, argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a program outside, in the untrusted zone."""
        return subprocess.run(enter(self.network.namespace("attacker"), argv), check=False, **options)

    def __enter__(self) -> Agency:
        self.work.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opening:
            opening.enter_context(self.network)
            private, self.scanner_key = key_pair("ed25519")
            private_file(self.work / "scanner_ed25519", private)
            for node, zone in (("scanner", "mgmt"), ("attacker", "outside")):
                self.network.plug(node, zone)
                self.network.configure(node, zone, 10)
            self.builds = {place.id: new_build(self.network, place, self) for place in PLACES}
            self._plant()
            decorate(self.builds[DECORATED])
            self.hosts = {id_: Host(build, self.network) for id_, build in self.builds.items()}
            for host in self.hosts.values():
                opening.callback(host.stop)
                host.start()
            for host in self.hosts.values():
                host.wait()
            for place, kind in zip(self.places[len(PLACES) :], self.hostile, strict=True):
                self._start_hostile(place, kind, opening)
            write_files(self.work, self.network, self.places, self.builds)
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _start_hostile(self, place: Place, kind: Personality, opening: contextlib.ExitStack) -> None:
        build = self.builds[place.id] = blank(self.network, place.id, place.zone, place.number)
        private, build.host_key = key_pair("ed25519")
        key = self.work / f"{place.id}.key"
        private_file(key, private)
        namespace = self.network.plug(place.id, place.zone)
        self.network.configure(place.id, place.zone, place.number)
        argv = [sys.executable, "-m", "tests.lab.hostile", kind, "--address", build.addresses[0], "--key", str(key)]
        process = start(namespace, argv, cwd=ROOT)
        opening.callback(_end, process)

    def _plant(self) -> None:
        self.planted = draw(self.seed, self.checks, self.faults_per_host)
        others = random.Random(f"{self.seed} neighbours")
        for id_ in sorted(self.planted):
            for fault in self.planted[id_]:
                neighbour = others.choice(self._neighbours(id_))
                BY_ID[fault].plant(self.builds[id_], self.builds[neighbour])
                self.neighbours[id_, fault] = neighbour

    def _neighbours(self, host: str) -> list[str]:
        """Return the faulty hosts a login from this one can reach; any other when there is none."""
        others = [other for other in sorted(self.planted) if other != host]
        here = self.builds[host].zone
        near = [other for other in others if self.network.reaches(here, self.builds[other].zone, 22)]
        return near or others


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def draw(
    seed: int, checks: Collection[str] | None = None, per_host: tuple[int, int] = (3, 7)
) -> dict[str, tuple[str, ...]]:
    """Return which faults a seed puts on which host; those of `ALWAYS` are among them."""
    chance = random.Random(seed)
    pool = [fault for fault in FAULTS if checks is None or EXPECTATIONS[fault.id].must <= set(checks)]
    places = [place for place in PLACES if place.condition in ("faulty", "firewalled")]
    # Nothing may open a port, or the firewall itself, on the host whose firewall is the point.
    taken = {place.id: {"ports", "firewall"} if place.condition == "firewalled" else set() for place in places}
    planted: dict[str, list[str]] = {place.id: [] for place in places}

    def put(host: str, fault: Fault) -> bool:
        claims = {fault.id, *fault.touches, *EXPECTATIONS[fault.id].must - {"EXP-01"}}
        if taken[host] & claims:
            return False
        taken[host] |= claims
        planted[host].append(fault.id)
        return True

    for fault in (fault for fault in pool if fault.id in ALWAYS):
        next(host for host in chance.sample(sorted(planted), len(planted)) if put(host, fault))
    for host in sorted(planted):
        wanted = chance.randint(*per_host)
        for fault in chance.sample(pool, len(pool)):
            if len(planted[host]) >= wanted:
                break
            put(host, fault)
    return {host: tuple(faults) for host, faults in planted.items()}


def new_build(network: Network, place: Place, agency: Agency) -> Build:
    """Return a hardened host with the scanner's account on it, not yet running."""
    build = blank(network, place.id, place.zone, place.number)
    harden(build)
    welcome(build, agency.scanner_key, "" if place.condition == "no-sudo" else agency.sudoers)
    build.ping = place.condition != "firewalled"
    # A scan asks every address for 65,535 ports: the second family of some hosts is enough.
    build.inventory = {} if place.id in BOTH_FAMILIES else {"addresses": [build.addresses[0]]}
    build.silent = place.condition == "unreachable"
    if place.condition == "changed-key":
        build.stale_host_key = key_pair("ed25519")[1]
    return build
