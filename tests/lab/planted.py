"""What stands on two lab hosts, den and gate, for the rules of attack paths: rule by rule, a near miss and a fix.

Every row is one edge that must be found, one that must not be beside it, and the shell lines that end the first.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from posture.feeds.intake import Source, take
from posture.feeds.registry import feed
from tests.lab import vouched
from tests.lab.host import Build, key_pair
from tests.lab.logins import HASH

OPEN_OUTSIDE = (7000, 7004)
"""Ports of the dmz, beside 22, that the router lets in from outside."""
ASKED = (*OPEN_OUTSIDE, 7001)
"""Ports that every vantage asks for, beside 22; of the others the hosts themselves tell."""
ROUTER = "router"
"""As the place of a fix: the firewall between the zones."""
INVENTORY = "inventory"


@dataclass(frozen=True, slots=True)
class Step:
    """An edge by the beginning of one of its premises and of its conclusion; empty for any."""

    premise: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class Planted:
    """One rule on the lab hosts."""

    rule: str
    what: str
    found: Step
    near: Step
    """What differs in one thing and must give no edge."""
    near_what: str
    where: str = ""
    """Host of the fix, ``router`` or ``inventory``; empty where nothing can be mended."""
    fix: str = ""


def _at_den(rule: str, what: str, found: tuple[str, str], near: tuple[str, str], near_what: str, fix: str) -> Planted:
    return Planted(rule, what, Step(*found), Step(*near), near_what, "den", fix)


def _at_gate(rule: str, what: str, found: tuple[str, str], near: tuple[str, str], near_what: str, fix: str) -> Planted:
    return Planted(rule, what, Step(*found), Step(*near), near_what, "gate", fix)


_READ_AGAIN = "kill -HUP $(cat /run/sshd.pid)"
_GUESSED_OFF = (
    "sed -i '/^Match User guessed$/,/^Match/ s/^PasswordAuthentication yes/PasswordAuthentication no/' "
    f"/etc/ssh/sshd_config; {_READ_AGAIN}"
)
_NO_EXPORT = "sed -i '/exported/d' /etc/exports"


def _rebind(port: int) -> str:
    return f"kill $(cat /run/listen-{port}.pid); python3 /srv/listen.py 127.0.0.1:{port} </dev/null >/dev/null 2>&1"


def _install(package: str) -> str:
    """Return what a newer version looks like to the package database: there is nothing to install it from."""
    return f"sed -i '/^Package: {package}$/,/^$/ s/^Version: .*/Version: {_FIXED}/' /var/lib/dpkg/status"


_OLD, _FIXED = "0.8", "0.9"
_TRACKER = {
    "nginx": ("CVE-2026-9001", _FIXED),
    "policykit-1": ("CVE-2026-9002", _FIXED),
    "openssh": ("CVE-2026-9003", "1:1.0"),
}
"""Source packages with a flaw that never was, and the version that ends it."""

PLANTED: tuple[Planted, ...] = (
    Planted(
        "origin", "an untrusted zone", Step("vantage:outside", "zone:outside"), Step("", "zone:restricted"),
        "a restricted zone",
    ),
    Planted(
        "reach", "a port the router lets in", Step("zone:outside", "reach:dmz/tcp/7000/"),
        Step("zone:outside", "reach:dmz/tcp/7001/"), "one it refuses", ROUTER,
        'insert rule inet zones forward iifname "br-outside" oifname "br-dmz" tcp dport 7000 reject with tcp reset',
    ),
    _at_den(
        "endpoint", "a listener on every address", ("reach:dmz/tcp/7002", "endpoint:den/tcp/7002"),
        ("", "endpoint:den/tcp/7003"), "one on loopback", _rebind(7002),
    ),
    _at_den(
        "container-api", "daemon.json with a tcp port, a listener there", ("endpoint:den/tcp/2375", "root:den"),
        ("endpoint:den/tcp/2376", "root:den"), "a port daemon.json does not name",
        "echo '{\"hosts\": [\"unix:///run/docker.sock\"]}' >/etc/docker/daemon.json",
    ),
    _at_den(
        "remote-flaw", "a listener called nginx, and a flaw in nginx by the package database", ("endpoint:den/tcp/7005", "account:den/www-data"),
        ("endpoint:den/tcp/22", "root:den"), "a flaw of OpenSSH that the installed version has no more",
        _install("nginx"),
    ),
    _at_den(
        "local-flaw", "a flaw in polkit by the package database", ("somebody:den", "root:den"), ("somebody:gate", "root:gate"),
        "the fixed version on another host", _install("policykit-1"),
    ),
    _at_gate(
        "password-guess", "an account for which sshd takes passwords", ("", "secret:gate/password/guessed"),
        ("", "secret:gate/password/nopassword"), "one for which it does not", _GUESSED_OFF,
    ),
    _at_gate(
        "empty-password", "no password, and PermitEmptyPasswords", ("", "account:gate/open"),
        ("", "account:gate/empty"), "no password without it", "passwd -l open",
    ),
    _at_gate(
        "ssh-key", "a key that lies on web", ("key:", "account:gate/plain"), ("key:", "account:gate/forced"),
        "the same with command=", "rm /home/plain/.ssh/authorized_keys",
    ),
    _at_den(
        "plain-key", "a key without a passphrase that opens gate", ("account:den/keeper", "key:"),
        ("account:den/idler", "key:"), "one whose line on gate has command=", "rm /home/keeper/.ssh/id_ed25519",
    ),
    _at_den(
        "encrypted-key", "a key with a passphrase that opens gate", ("account:den/sealer", "key:"),
        ("account:den/keeper", "key:"), "one without a passphrase", "rm /home/sealer/.ssh/id_ed25519",
    ),
    _at_gate(
        "agent-forwarding", "agents may be brought, an account in use", ("root:gate", "key:{carried}"),
        ("root:gate", "key:{left}"), "an account that never logged in",
        f"echo AllowAgentForwarding no >>/etc/ssh/sshd_config.d/50-agency.conf; {_READ_AGAIN}",
    ),
    _at_den(
        "control-master", "a socket named after a login on gate", ("account:den/keeper", "account:gate/opened"),
        ("account:den/idler", ""), "one named after a host nobody knows", "rm /home/keeper/.ssh/cm-opened@gate:22",
    ),
    _at_gate(
        "ssh-ca", "a line with cert-authority", ("key:", "account:gate/signed"), ("key:", "account:gate/signedonly"),
        "the same with command=", "rm /home/signed/.ssh/authorized_keys",
    ),
    _at_den(
        "sudo-nopasswd", "NOPASSWD: ALL", ("account:den/free", "root:den"), ("account:den/unfree", "root:den"),
        "ALL that asks for a password nobody has", "rm /etc/sudoers.d/71-free",
    ),
    _at_den(
        "sudo-password", "ALL that asks for the password", ("secret:den/password/typist", "root:den"),
        ("secret:den/password/unfree", "root:den"), "of an account without one", "rm /etc/sudoers.d/72-typist",
    ),
    _at_den(
        "sudo-escape", "sudo less", ("account:den/editor", "root:den"), ("account:den/operator", "root:den"),
        "sudo systemctl restart cron", "rm /etc/sudoers.d/73-editor",
    ),
    _at_den(
        "root-group", "a member of group docker", ("account:den/whale", "root:den"), ("account:den/gamer", "root:den"),
        "a member of group games", "gpasswd -d whale docker",
    ),
    _at_den(
        "writable-job", "a cron file its group may write", ("account:den/jobber", "root:den"),
        ("account:den/idler", "root:den"), "one its group may only read", "chmod 0644 /etc/cron.d/jobs",
    ),
    Planted(
        "root-is-everybody", "an account of the host", Step("root:den", "account:den/careful"),
        Step("root:den", "account:gate/plain"), "an account of another host",
    ),
    Planted(
        "presence", "an address in a zone", Step("somebody:den", "zone:dmz"), Step("somebody:den", "zone:servers"),
        "a zone it has no address in",
    ),
    _at_den(
        "password-hash", "a password that means root", ("root:den", "secret:den/password/hashed"),
        ("root:den", "secret:den/password/unfree"), "an account without one", "passwd -l hashed",
    ),
    _at_gate(
        "password-login", "an account for which sshd takes passwords",
        ("secret:gate/password/guessed", "account:gate/guessed"), ("", "account:gate/deniedword"),
        "one that DenyUsers names", _GUESSED_OFF,
    ),
    _at_den(
        "nfs-export", "an export for writing", ("endpoint:den/tcp/2049", "share:den/home/exported"),
        ("", "share:den/home/readable"), "one for reading", _NO_EXPORT,
    ),
    _at_den(
        "share-content", "an export with a home on it", ("share:den/home/exported", "account:den/exported"),
        ("share:den/srv/pub", ""), "one without", _NO_EXPORT,
    ),
    _at_den(
        "container-escape", "a privileged container", ("container:den/" + "a" * 12, "root:den"),
        ("container:den/" + "b" * 12, "root:den"), "one that is not",
        f"sed -i s/true/false/ /var/lib/docker/containers/{'a' * 64}/hostconfig.json",
    ),
    Planted(
        "manager", "den declared to manage gate", Step("manager:den", "root:gate"), Step("manager:den", "root:app"),
        "its neighbour, of which nothing is declared", INVENTORY,
    ),
    _at_den(
        "secret-file", "a .netrc everybody may read", ("somebody:den", "secret:den/file//home/careless/.netrc"),
        ("somebody:den", "secret:den/file//home/careful/.netrc"), "one for its owner only",
        "chmod 0600 /home/careless/.netrc",
    ),
    _at_den(
        "residual", "a service that outside sees", ("endpoint:den/tcp/7004", "account:den/www-data"),
        ("endpoint:den/tcp/7001", ""), "one that only the inside sees", _rebind(7004),
    ),
    Planted(
        "objective", "a host declared essential", Step("root:den", "objective:den"), Step("root:gate", "objective:gate"),
        "one that is not",
    ),
    _at_den(
        "uid-zero", "a second name of user id 0", ("account:den/toor", "root:den"), ("account:den/almost", "root:den"),
        "a name with an id of its own", "sed -i 's/^toor:x:0:/toor:x:4242:/' /etc/passwd",
    ),
)  # fmt: skip

NOT_PLANTED: Mapping[str, str] = {
    "open-data": "Redis that answers whoever asks, until it is bound to loopback; not a Qdrant that wants a key",
    "open-execution": (
        "Jupyter without a token, and a Gradio until a login stands before it; "
        "not a vLLM that wants a key, nor what only looks like one"
    ),
}
"""Rules found, told from near misses and mended on bare nodes (test_lab_ai_services.py).

Such services are asked for their version at every port, which would take long twice here.
"""

ACCOUNTS_OF_GATE = ("opened", "onlydate", "sealed", "carried", "left")

LISTEN = """
import os, pwd, socket, sys, time

def bound(address, port):
    for _ in range(1500):
        try:
            return socket.create_server((address, port), backlog=512)
        except OSError:  # whoever was told to end still has it
            time.sleep(0.02)
    sys.exit(f"port {port} does not become free")

for place in sys.argv[1:]:
    at, _, user = place.partition("/")
    address, _, port = at.rpartition(":")
    sock = bound(address, int(port))
    if child := os.fork():
        with open(f"/run/listen-{port}.pid", "w") as file:
            file.write(str(child))
        continue
    if user:
        known = pwd.getpwnam(user)
        os.setgid(known.pw_gid)
        os.setuid(known.pw_uid)
    while True:
        try:
            sock.accept()[0].close()
        except OSError:
            pass
"""
_LISTENERS = (
    "0.0.0.0:2049", "0.0.0.0:2375", "0.0.0.0:2376", "0.0.0.0:7000", "0.0.0.0:7001/backup", "0.0.0.0:7002",
    "127.0.0.1:7003", "0.0.0.0:7004/www-data",
)  # fmt: skip
_SOCKETS = """
import os, pwd, grp, socket, sys
for place in sys.argv[1:]:
    path, _, owner = place.partition("=")
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    os.chmod(path, 0o660)
    user, _, group = owner.partition("/")
    os.chown(path, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
"""


_PACKAGE = """
Package: {package}
Status: install ok installed
Priority: optional
Section: admin
Installed-Size: 1
Maintainer: the lab <lab@example.gov>
Architecture: all
Version: {version}
Description: only an entry, for the lab

"""


def write_feed(folder: Path) -> None:
    """Put Debian's tracker into a folder of feeds, with the flaws that were planted."""
    tracker = {
        package: {cve: {"releases": {"bookworm": {"status": "resolved", "fixed_version": fixed}}}}
        for package, (cve, fixed) in _TRACKER.items()
    }
    folder.parent.mkdir(exist_ok=True)
    path = folder.with_name("debian-tracker")
    path.write_text(json.dumps(tracker))
    take(feed("debian-tracker"), path, Source("https://feeds.example.gov/debian-tracker"), folder, datetime.now(UTC))


def plant(den: Build, gate: Build) -> Mapping[str, str]:
    """Put everything on both hosts; returns the public keys by the account of gate they are for."""
    keys = _plant_keys(den, gate)
    _plant_rights(den)
    _plant_files(den)
    for build, package, version in ((den, "nginx", _OLD), (den, "policykit-1", _OLD), (gate, "policykit-1", _FIXED)):
        build.root.append("/var/lib/dpkg/status", _PACKAGE.format(package=package, version=version))
    root = den.root
    root.write("/srv/listen.py", LISTEN)
    root.write("/srv/sockets.py", _SOCKETS)
    sockets = (
        "/run/docker.sock=root/docker",
        "/home/keeper/.ssh/cm-opened@gate:22=keeper/keeper",
        "/home/idler/.ssh/cm-opened@nowhere:22=idler/idler",
    )
    den.services += [
        f"python3 /srv/listen.py {' '.join(_LISTENERS)} </dev/null >/dev/null 2>&1",
        f"python3 /srv/sockets.py {' '.join(sockets)}",
        "ln -s /usr/bin/python3 /usr/local/sbin/nginx",
        "/usr/local/sbin/nginx /srv/listen.py 0.0.0.0:7005/www-data </dev/null >/dev/null 2>&1",
    ]
    return keys


def _plant_keys(den: Build, gate: Build) -> Mapping[str, str]:
    for name in ("keeper", "idler", "sealer", "signer", "carried", "left"):
        den.account(name)
    keys = {
        "opened": put_key(den, "keeper"),
        "onlydate": put_key(den, "idler"),
        "sealed": put_key(den, "sealer", passphrase="not on this host"),
        "signed": put_key(den, "signer"),
        "carried": key_pair("ed25519")[1],
        "left": key_pair("ed25519")[1],
    }
    options = {"onlydate": 'command="/bin/date" '}
    for name in ACCOUNTS_OF_GATE:
        gate.authorise(name, gate.account(name), f"{options.get(name, '')}{keys[name]}")
    vouched.plant(gate, keys["signed"], keys["left"])
    for name in ("carried", "left"):
        den.authorise(name, _uid(den, name), keys[name])
    _log_in(gate, "carried")
    return keys


def put_key(build: Build, account: str, passphrase: str = "") -> str:
    """Return the public half of a private key that now lies in an account's home."""
    private, public = key_pair("ed25519", passphrase)
    home, uid = ("/root", 0) if account == "root" else (f"/home/{account}", _uid(build, account))
    build.root.directory(f"{home}/.ssh", mode=0o700, owner=(uid, uid))
    build.root.write(f"{home}/.ssh/id_ed25519", private, mode=0o600, owner=(uid, uid))
    return public


def _uid(build: Build, account: str) -> int:
    return next(
        int(line.split(":")[2])
        for line in build.root.read("/etc/passwd").splitlines()
        if line.startswith(f"{account}:")
    )


def _log_in(build: Build, account: str) -> None:
    """Write down a login of today, as lastlog(8) reads it: time, terminal and host by user id."""
    entry = struct.pack("<i32s256s", int(time.time()), b"pts/0", b"10.77.2.9")
    build.root.write("/var/log/lastlog", bytes(len(entry) * _uid(build, account)) + entry)


def _plant_rights(den: Build) -> None:
    for name in ("free", "unfree", "editor", "operator", "whale", "gamer", "jobber", "almost"):
        den.account(name)
    for name in ("typist", "hashed"):
        den.account(name, secret=HASH)
    den.account("toor", uid=0)
    rules = {
        "71-free": "free ALL=(ALL) NOPASSWD: ALL",
        "72-typist": "typist ALL=(ALL) ALL",
        "73-editor": "editor ALL=(root) NOPASSWD: /usr/bin/less /var/log/syslog",
        "74-others": "unfree ALL=(ALL) ALL\noperator ALL=(root) NOPASSWD: /usr/bin/systemctl restart cron",
        "75-hashed": "hashed ALL=(ALL) ALL",
    }
    for name, text in rules.items():
        den.root.write(f"/etc/sudoers.d/{name}", f"{text}\n", mode=0o440)
    for account, group, gid in (("whale", "docker", 990), ("jobber", "jobbers", 991), ("idler", "idlers", 992)):
        den.member(account, group, gid=gid)
    den.member("gamer", "games")


def _plant_files(den: Build) -> None:
    for name in ("careless", "careful", "exported", "readable"):
        uid = den.account(name)
        if name.startswith("care"):
            mode = 0o644 if name == "careless" else 0o600
            text = "machine db login app password not-one\n"
            den.root.write(f"/home/{name}/.netrc", text, mode=mode, owner=(uid, uid))
    root = den.root
    root.write("/etc/cron.d/jobs", "# nothing yet\n", mode=0o664, owner=(0, 991))
    root.write("/etc/cron.d/idle", "# nothing yet\n", mode=0o644, owner=(0, 992))
    root.write("/etc/exports", "/home/exported *(rw)\n/home/readable *(ro)\n/srv/pub *(rw)\n")
    root.write("/etc/docker/daemon.json", json.dumps({"hosts": ["unix:///run/docker.sock", "tcp://0.0.0.0:2375"]}))
    for letter, privileged in (("a", True), ("b", False)):
        text = json.dumps({"Privileged": privileged}, separators=(",", ":"))
        root.write(f"/var/lib/docker/containers/{letter * 64}/hostconfig.json", text, mode=0o600)
