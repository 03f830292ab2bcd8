"""The hosts every tool looks at: three conditions (plain, hardened, faulty) of three Debian releases."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.faults import BY_ID
from tests.lab.files import private_file, write_files
from tests.lab.hardened import harden
from tests.lab.host import Build, Host, key_pair
from tests.lab.network import LabError, Network, enter
from tests.lab.overlay import Overlay
from tests.lab.places import Place, generated_sudoers, welcome

CACHE = Path(os.environ.get("POSTURE_COMPARE_CACHE", "/var/cache/posture-lab"))
RELEASES = {"d11": "bullseye", "d12": "bookworm", "d13": "trixie"}
CONDITIONS = ("plain", "hardened", "faulty")
FAULTS = (
    *("ssh-password", "ssh-root-login", "ssh-empty-passwords", "ssh-many-tries", "ssh-slow-logins", "ssh-anyone"),
    *("ssh-forwarding", "ssh-x11", "ssh-host-trust", "ssh-user-environment", "ssh-weak-ciphers", "ssh-weak-macs"),
    *("ssh-weak-kex", "ssh-short-host-key", "ssh-idle-forever", "faillock-lenient", "pwquality-lax"),
    *("account-no-password", "pam-nullok", "account-md5-hash", "account-second-root", "sudo-nopasswd", "kernel-aslr"),
    *("kernel-bpf", "kernel-pointers", "kernel-ptrace", "kernel-dumps", "kernel-links", "tmp-executable"),
    *("host-routes", "host-redirects", "firewall-none", "log-cleartext", "aide-no-database", "time-nobody"),
    *("package-telnetd", "modules-loadable"),
)
"""What is wrong on the faulty hosts, all at once."""

_NEWER_THAN_8_4 = ("sntrup761x25519-sha512@openssh.com,", ",sntrup761x25519-sha512@openssh.com")


@dataclass
class Lab:
    """The hosts while they run, with the files of a scan; a context manager."""

    work: Path
    only: Sequence[str] = ()
    """Host ids; every host when empty."""
    hosts: dict[str, Host] = field(default_factory=dict)
    network: Network = field(default_factory=Network)
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def in_scanner(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a program where the scanner stands, which reaches the lab and nothing else."""
        return subprocess.run(
            enter(self.network.namespace("scanner"), argv), capture_output=True, text=True, check=False
        )

    def __enter__(self) -> Lab:
        self.work.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opening:
            opening.enter_context(self.network)
            private, public = key_pair("ed25519")
            private_file(self.work / "scanner_ed25519", private)
            self.network.plug("scanner", "mgmt")
            self.network.configure("scanner", "mgmt", 10)
            self.hosts = {build.id: Host(build, self.network) for build in self._builds(public)}
            for host in self.hosts.values():
                opening.callback(host.stop)
                host.start()
            for host in self.hosts.values():
                host.wait()
            builds = {id_: host.build for id_, host in self.hosts.items()}
            places = [Place(id_, build.zone, build.number, "supporting", "plain") for id_, build in builds.items()]
            write_files(self.work, self.network, places, builds)
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _builds(self, public: str) -> Iterator[Build]:
        number = 10
        for short, suite in RELEASES.items():
            for condition in CONDITIONS:
                number += 1
                if self.only and f"{short}-{condition}" not in self.only:
                    continue
                build = _blank(self.network, f"{short}-{condition}", suite, number)
                welcome(build, public, _for_sudo_1_9_5(generated_sudoers()) if short == "d11" else None)
                _CONDITION[condition](build)
                if short == "d11":
                    _as_openssh_8_4(build)
                yield build


def _blank(network: Network, id_: str, suite: str, number: int) -> Build:
    base = CACHE / f"{suite}-compare-v1"
    if not (base / ".complete").exists():
        raise LabError(f"no base file system in {base}: run bench/compare/prepare.sh")
    upper = network.state / "hosts" / id_ / "upper"
    upper.mkdir(parents=True)
    zone = network.zone("servers")
    return Build(id_, "servers", number, Overlay(base, upper), addresses=(zone.address4(number), zone.address6(number)))


def _plain(build: Build) -> None:
    build.host_key_types = ("ed25519", "ecdsa", "rsa-3072")  # what ssh-keygen -A makes on Debian


def _hardened(build: Build) -> None:
    """Harden it the way most guides do: sshd's settings stand in sshd_config itself, not in a drop-in."""
    harden(build)
    own = "".join(f"{key} {value}\n" for key, value in build.sshd.items())
    build.sshd.clear()
    build.root.edit("/etc/ssh/sshd_config", lambda text: own + text)


def _faulty(build: Build) -> None:
    """Harden it, its sshd by a drop-in as Debian means it, and then put every fault in."""
    harden(build)
    for fault in FAULTS:
        BY_ID[fault].plant(build, build)


_CONDITION = {"plain": _plain, "hardened": _hardened, "faulty": _faulty}


def _for_sudo_1_9_5(rules: str) -> str:
    """Leave out the rules that are regular expressions: to sudo before 1.9.10 they are syntax errors."""
    return "".join(line for line in rules.splitlines(True) if not _PATTERN_RULE.search(line))


_PATTERN_RULE = re.compile(r"NOPASSWD: \S+ \^")


def _as_openssh_8_4(build: Build) -> None:
    """Take out what Debian 11's sshd does not know yet: it would refuse to start."""
    build.sshd.pop("PerSourceMaxStartups", None)
    if "KexAlgorithms" in build.sshd:
        build.sshd["KexAlgorithms"] = _without_new(build.sshd["KexAlgorithms"])
    config = "/etc/ssh/sshd_config"
    kept = [line for line in build.root.read(config).splitlines() if not line.startswith("PerSourceMaxStartups")]
    build.root.write(config, _without_new("\n".join(kept) + "\n"))


def _without_new(text: str) -> str:
    for name in _NEWER_THAN_8_4:
        text = text.replace(name, "")
    return text
