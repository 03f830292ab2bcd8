"""Many equal hosts for benchmarks."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.files import private_file, write_files
from tests.lab.hardened import harden
from tests.lab.host import Build, Host, key_pair
from tests.lab.network import Network, enter
from tests.lab.places import UNLIMITED, Place, blank, welcome


@dataclass
class Fleet:
    """Equal hosts in one zone for benchmarks, as Debian installs them; a context manager."""

    size: int
    work: Path
    hardened: bool = False
    builds: list[Build] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    network: Network = field(default_factory=Network)
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    @property
    def addresses(self) -> list[str]:
        """Return the hosts' IPv4 addresses."""
        return [build.addresses[0] for build in self.builds]

    @property
    def key(self) -> Path:
        """Return the private key that logs in as `posture`, which is root by sudo."""
        return self.work / "scanner_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Return the known_hosts file."""
        return self.work / "known_hosts"

    @property
    def inventory(self) -> Path:
        """Return the inventory file."""
        return self.work / "inventory.yaml"

    def run_in_scanner(self, argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a program where the scanner stands."""
        return subprocess.run(enter(self.network.namespace("scanner"), argv), check=False, **options)

    def __enter__(self) -> Fleet:
        self.work.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opening:
            opening.enter_context(self.network)
            private, public = key_pair("ed25519")
            private_file(self.key, private)
            self.network.plug("scanner", "mgmt")
            self.network.configure("scanner", "mgmt", 10)
            for host in self._hosts(public):
                opening.callback(host.stop)
                host.start()
            for host in self.hosts:
                host.wait()
            places = [Place(build.id, build.zone, build.number, "supporting", "plain") for build in self.builds]
            write_files(self.work, self.network, places, {build.id: build for build in self.builds})
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _hosts(self, public: str) -> Iterator[Host]:
        for number in range(self.size):
            build = blank(self.network, f"fleet{number + 1:02}", "servers", number + 10)
            if self.hardened:
                harden(build)
            else:
                build.sshd["HostKey"] = "/etc/ssh/ssh_host_ed25519_key"
            welcome(build, public, UNLIMITED)
            self.builds.append(build)
            self.hosts.append(Host(build, self.network))
            yield self.hosts[-1]
