"""Three real hosts with a way through them planted, lookouts in the zones around, and accounts that must stay shut."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.lab.files import private_file, scope
from tests.lab.host import Build, Host, key_pair
from tests.lab.network import Flow, Network, enter
from tests.lab.outposts import Lookout, end
from tests.lab.places import ACCOUNT, blank, welcome

POSTURE = Path(sys.executable).with_name("posture")
FLOWS = (
    *(Flow("mgmt", zone, everything=True) for zone in ("dmz", "servers", "restricted", "outside")),
    Flow("outside", "dmz", tcp=(22,)),
    Flow("dmz", "servers", tcp=(22,)),
    Flow("servers", "restricted", tcp=(22,)),
)
PLACES = {"web": ("dmz", "supporting"), "app": ("servers", "supporting"), "db": ("restricted", "crown_jewel")}
LOOKOUTS = {"lookout-outside": "outside", "lookout-dmz": "dmz", "lookout-servers": "servers"}
NUMBER = 30

SHUT = {
    "elsewhere": ('from="10.77.4.0/24" ', ()),
    "notweb": ('from="!10.77.1.30,10.77.2.*" ', ()),
    "forced": ('command="/bin/date" ', ()),
    "expired": ('expiry-time="20200101" ', ()),
    "denied": ("", ("DenyUsers denied",)),
    "matched": ("", ("Match User matched", "    ForceCommand /bin/date")),
    "twofactor": ("", ("Match User twofactor", "    AuthenticationMethods publickey,keyboard-interactive")),
    "keysoff": ("", ("Match Group keysoff", "    PubkeyAuthentication no")),
    "fromthere": ("", ("Match Address 10.77.1.0/24 User fromthere", "    ForceCommand /bin/date")),
    "noshell": ("", ()),
    "root": ("", ("PermitRootLogin no",)),
}
"""Accounts of app that accept the key, and that sshd gives no shell for it: options of the line, lines of sshd."""
OPEN = {
    "alice": "",
    "restricted": "restrict ",
    "here": 'from="10.77.1.0/24" ',
    "exactly": 'from="10.77.1.30" ',
}
"""Accounts of app that the same key opens from web."""


@dataclass
class Waylaid:
    """The hosts while they run; a context manager."""

    work: Path
    network: Network = field(default_factory=lambda: Network(flows=FLOWS))
    hosts: dict[str, Host] = field(default_factory=dict)
    host_keys: dict[str, str] = field(default_factory=dict)
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def address(self, node: str) -> str:
        """Return a node's IPv4 address."""
        zone = LOOKOUTS.get(node) or PLACES[node][0]
        return self.network.zone(zone).address4(20 if node in LOOKOUTS else NUMBER)

    def scan(self, *more: str) -> dict[str, Any]:
        """Return what `posture paths --json` says after another scan."""
        words = [word for host in PLACES for word in ("--host", host)]
        done = self._posture("scan", "-i", "inventory.yaml", "--exit-zero", *words, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        said = self._posture("paths", "--json")
        assert said.returncode == 0, said.stderr
        return dict(json.loads(said.stdout))

    def lets_in(self, user: str) -> bool:
        """Return whether sshd of app, asked from web with the key that lies there, gives the account a shell."""
        key = "/home/kiosk/.ssh/id_ed25519"
        quiet = ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
        argv = ["/usr/bin/ssh", "-i", key, *quiet, f"{user}@{self.address('app')}", "echo let-in"]
        return "let-in" in self.hosts["web"].run(argv).stdout

    def _posture(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = enter(self.network.namespace("scanner"), [str(POSTURE), *words])
        return subprocess.run(argv, check=False, capture_output=True, text=True, cwd=self.work, timeout=300)

    def __enter__(self) -> Waylaid:
        with contextlib.ExitStack() as opening:
            opening.enter_context(self.network)
            private, public = key_pair("ed25519")
            private_file(self.work / "key", private)
            for node, zone, number in (("scanner", "mgmt", 10), *((one, zone, 20) for one, zone in LOOKOUTS.items())):
                self.network.plug(node, zone)
                self.network.configure(node, zone, number)
            for node in LOOKOUTS:
                lookout = Lookout(self.network, self.work, node, self.address(node), public)
                self.host_keys[node], process = lookout.serve()
                opening.callback(end, process)
            builds = {name: blank(self.network, name, zone, NUMBER) for name, (zone, _) in PLACES.items()}
            for build in builds.values():
                build.sshd["HostKey"] = "/etc/ssh/ssh_host_ed25519_key"
                welcome(build, public)
            _plant(builds["web"], builds["app"], builds["db"])
            for name, build in builds.items():
                self.hosts[name] = Host(build, self.network)
                opening.callback(self.hosts[name].stop)
                self.hosts[name].start()
            for name, one in self.hosts.items():
                one.wait()
                self.host_keys[name] = builds[name].host_key
            self._write_files()
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _write_files(self) -> None:
        def entry(node: str, user: str, **more: Any) -> dict[str, Any]:
            access = {"user": user, "credential": "lab", "host_keys": [self.host_keys[node]]}
            return {"id": node, "addresses": [self.address(node)], "access": access, **more}

        hosts = [entry(node, "root") for node in LOOKOUTS]
        # Asked for the ports the scope names, and for nothing else: this is not the test of the network look.
        hosts += [
            entry(name, ACCOUNT, mission=mission, device_class="fragile") for name, (_, mission) in PLACES.items()
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
                "named_ports": [22],
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


def _plant(web: Build, app: Build, db: Build) -> None:
    """Plant the way: no password on web, a key there for app, sudo on app, root's key there for db, sudo on db."""
    web.sshd |= {"PermitEmptyPasswords": "yes", "PasswordAuthentication": "yes"}
    web.account("kiosk", secret="")
    first = _key(web, "kiosk", "/home/kiosk")
    for name, options in {**OPEN, **{name: options for name, (options, _) in SHUT.items()}}.items():
        if name == "root":
            app.root.directory("/root/.ssh", mode=0o700, owner=(0, 0))
            app.root.write("/root/.ssh/authorized_keys", f"{first} root\n", mode=0o600, owner=(0, 0))
            continue
        uid = app.account(name, shell="/usr/sbin/nologin" if name == "noshell" else "/bin/bash")
        app.authorise(name, uid, f"{options}{first} {name}")
    blocks = [line for _, lines in SHUT.values() for line in lines]
    plain = [line for line in blocks if not line.startswith(("Match", " "))]
    app.sshd |= dict(line.split(" ", 1) for line in plain)
    app.sshd_last += [line for line in blocks if line not in plain]
    app.root.write("/etc/sudoers.d/60-alice", "alice ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    second = _key(app, "root", "/root")
    db.authorise("bob", db.account("bob"), second)
    db.root.write("/etc/sudoers.d/60-bob", "bob ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)


def _key(build: Build, account: str, home: str) -> str:
    """Return the public half of a private key that now lies in an account's home without a passphrase."""
    private, public = key_pair("ed25519")
    owner = (0, 0)
    if account != "root":
        line = next(one for one in build.root.read("/etc/passwd").splitlines() if one.startswith(f"{account}:"))
        owner = (int(line.split(":")[2]),) * 2
    build.root.directory(f"{home}/.ssh", mode=0o700, owner=owner)
    build.root.write(f"{home}/.ssh/id_ed25519", private, mode=0o600, owner=owner)
    return public
