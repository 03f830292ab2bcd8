"""Real hosts: three with a way through them, two with everything else an edge is made of, and lookouts in their zones."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from posture.attack import attack_of
from posture.model.attack import AttackReport
from posture.store import Store
from tests.lab import logins, planted, vouched
from tests.lab.files import private_file, scope
from tests.lab.host import Build, Host, key_pair
from tests.lab.network import Flow, Network, enter, inside
from tests.lab.outposts import Lookout, end
from tests.lab.places import ACCOUNT, blank, welcome
from tests.lab.planted import ASKED, OPEN_OUTSIDE, put_key, write_feed

POSTURE = Path(sys.executable).with_name("posture")
KEY = "/home/kiosk/.ssh/id_ed25519"
FLOWS = (
    *(Flow("mgmt", zone, everything=True) for zone in ("dmz", "servers", "restricted", "outside")),
    Flow("outside", "dmz", tcp=(22, *OPEN_OUTSIDE)),
    Flow("dmz", "servers", tcp=(22,)),
    Flow("servers", "restricted", tcp=(22,)),
)
PLACES = {
    "web": ("dmz", "supporting"),
    "app": ("servers", "supporting"),
    "db": ("restricted", "crown_jewel"),
    "den": ("dmz", "essential"),
    "gate": ("servers", "none"),
}
LOOKOUTS = {"lookout-outside": "outside", "lookout-dmz": "dmz", "lookout-servers": "servers"}
NUMBERS = {"web": 30, "app": 30, "db": 30, "den": 31, "gate": 31}
FAST_REFUSAL = "add rule inet zones forward reject with tcp reset\n"
"""What is no way between zones is refused at once: each silent port would cost every look seconds of waiting."""


@dataclass
class Waylaid:
    """The hosts while they run; a context manager."""

    work: Path
    network: Network = field(default_factory=lambda: Network(flows=FLOWS))
    hosts: dict[str, Host] = field(default_factory=dict)
    host_keys: dict[str, str] = field(default_factory=dict)
    web_key: str = ""
    """Public half of the key that lies on web, which every account of gate knows."""
    planted: Mapping[str, str] = field(default_factory=dict)
    """Public keys of what was planted on den and gate, by name."""
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def address(self, node: str) -> str:
        """Return a node's IPv4 address."""
        zone = LOOKOUTS.get(node) or PLACES[node][0]
        return self.network.zone(zone).address4(20 if node in LOOKOUTS else NUMBERS[node])

    def scan(self) -> AttackReport:
        """Return what another scan says of attack paths."""
        words = [word for host in PLACES for word in ("--host", host)]
        done = self._posture("scan", "-i", "inventory.yaml", "--exit-zero", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        with Store.open(self.work / "out" / "posture.db", create=False) as store:
            said = attack_of(store, "latest")
        assert said is not None
        return said

    def logins(self) -> Mapping[tuple[str, logins.With], bool]:
        """Return what sshd of gate, asked from web, says to each account with what somebody there may hold."""
        return logins.answers(self.hosts["web"], KEY, self.address("gate"))

    def certified(self) -> Mapping[str, bool]:
        """Return which accounts of gate a certificate opens from web that was signed with the key lying on den."""
        authority = self.hosts["den"].run(["cat", "/home/signer/.ssh/id_ed25519"]).stdout
        return vouched.answers(self.hosts["web"], authority, self.address("gate"))

    def _posture(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = enter(self.network.namespace("scanner"), [str(POSTURE), *words])
        return subprocess.run(argv, check=False, capture_output=True, text=True, cwd=self.work, timeout=1200)

    def __enter__(self) -> Waylaid:
        with contextlib.ExitStack() as opening:
            opening.enter_context(self.network)
            inside(self.network.router, ["nft", "-f", "-"], text=FAST_REFUSAL)
            private, public = key_pair("ed25519")
            private_file(self.work / "key", private)
            for node, zone, number in (("scanner", "mgmt", 10), *((one, zone, 20) for one, zone in LOOKOUTS.items())):
                self.network.plug(node, zone)
                self.network.configure(node, zone, number)
            for node in LOOKOUTS:
                lookout = Lookout(self.network, self.work, node, self.address(node), public)
                self.host_keys[node], process = lookout.serve()
                opening.callback(end, process)
            builds = {name: blank(self.network, name, zone, NUMBERS[name]) for name, (zone, _) in PLACES.items()}
            for build in builds.values():
                build.sshd["HostKey"] = "/etc/ssh/ssh_host_ed25519_key"
                welcome(build, public)
            self.web_key = _plant(builds["web"], builds["app"], builds["db"])
            self.planted = planted.plant(builds["den"], builds["gate"])
            others = (*planted.ACCOUNTS_OF_GATE, *(one.account for one in vouched.VOUCHED))
            logins.plant(builds["gate"], self.web_key, others)
            for name, build in builds.items():
                self.hosts[name] = Host(build, self.network)
                opening.callback(self.hosts[name].stop)
                self.hosts[name].start()
            for name, one in self.hosts.items():
                one.wait()
                self.host_keys[name] = builds[name].host_key
            self.write_files()
            write_feed(self.work / "out" / "feeds")
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def write_files(self, manages: Sequence[str] = ("gate",)) -> None:
        """Write inventory, scope and configuration; den is declared to manage these."""
        declared = {"den": {"manages": list(manages)}} if manages else {}

        def entry(node: str, user: str, **more: Any) -> dict[str, Any]:
            access = {"user": user, "credential": "lab", "host_keys": [self.host_keys[node]]}
            return {"id": node, "addresses": [self.address(node)], "access": access, **more}

        hosts = [entry(node, "root") for node in LOOKOUTS]
        # Asked for the ports the scope names, and for nothing else: this is not the test of the network look.
        hosts += [
            entry(name, ACCOUNT, mission=mission, device_class="fragile", declared=declared.get(name, {}))
            for name, (_, mission) in PLACES.items()
        ]
        zones = [{"name": zone.name, "trust": zone.trust, "cidrs": [zone.cidr4]} for zone in self.network.zones]
        for zone in zones:
            zone["trust"] = "internal" if zone["name"] == "dmz" else zone["trust"]
        vantages = [{"name": node, "zone": zone, "host": node} for node, zone in LOOKOUTS.items()]
        files = {
            "inventory": {
                "schema": "posture.inventory/1",
                "zones": zones,
                "hosts": hosts,
                "vantages": [{"name": "scanner", "zone": "mgmt"}, *vantages],
            },
            "scope": {
                **scope(),
                "named_ports": [22, *ASKED],
                "vantages": [{"host": node, "authorisation": f"LOOK-{zone}"} for node, zone in LOOKOUTS.items()],
            },
            "posture": {
                "schema": "posture.config/1",
                "database": str(self.work / "out" / "posture.db"),
                "known_hosts": str(self.work / "known_hosts"),
                "credentials": {"lab": {"kind": "key", "path": str(self.work / "key")}},
            },
        }
        for name, content in files.items():
            (self.work / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def _plant(web: Build, app: Build, db: Build) -> str:
    """Plant the way: no password on web, a key there for app, sudo on app, root's key there for db, sudo on db.

    Returns the public half of the key on web.
    """
    web.sshd |= {"PermitEmptyPasswords": "yes", "PasswordAuthentication": "yes"}
    web.account("kiosk", secret="")
    first = put_key(web, "kiosk")
    app.authorise("alice", app.account("alice"), first)
    app.root.write("/etc/sudoers.d/60-alice", "alice ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    second = put_key(app, "root")
    db.authorise("bob", db.account("bob"), second)
    db.root.write("/etc/sudoers.d/60-bob", "bob ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    return first
