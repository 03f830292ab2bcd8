"""A real sshd on loopback with keys of its own: started by a test, ended by its process id."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collectors.transports.credentials import Credential, CredentialGuard, CredentialKind
from collectors.transports.reach import Reach
from collectors.transports.script import SessionLimits
from posture.inputs.scope import Scope, Window
from posture.model.host import Access, Host

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin") or ""
USER = pwd.getpwuid(os.getuid()).pw_name
SCOPE = Scope(
    authorisation="TEST-1",
    owner="tests",
    window=Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)),
    cidrs=("127.0.0.0/8", "::1/128"),
)
QUICK = SessionLimits(connect_s=5, login_s=5, hello_s=3, session_s=20, grace_s=1, total_bytes=8_000_000)


@dataclass
class RealSshd:
    """A running server: where it is, what it shows, and the key it lets in."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def host_key(self) -> str:
        return " ".join((self.home / "host.pub").read_text().split()[:2])

    @property
    def fingerprint(self) -> str:
        listed = subprocess.run(
            ("ssh-keygen", "-lf", str(self.home / "host.pub")), capture_output=True, check=True, text=True
        )
        return listed.stdout.split()[1]

    def credential(self, name: str = "good", kind: CredentialKind = CredentialKind.KEY, **more: object) -> Credential:
        return Credential(name, kind, **({"path": str(self.home / "user")} | more))  # type: ignore[arg-type]

    def host(self, name: str = "real", **access: object) -> Host:
        settings = {
            "address": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "credential": "good",
            "host_keys": (self.host_key,),
        }
        return Host(name, ("127.0.0.1",), "lab", access=Access(**(settings | access)))  # type: ignore[arg-type]

    def reach(self, *credentials: Credential, hosts: tuple[Host, ...] = (), **settings: object) -> Reach:
        known = {one.name: one for one in (self.credential(), *credentials)}
        defaults = {"limits": QUICK, "guard": CredentialGuard(3, wait_s=10)}
        return Reach(SCOPE, "lab", known, {host.id: host for host in hosts}, **(defaults | settings))  # type: ignore[arg-type]


@contextlib.contextmanager
def running_sshd(home: Path, *extra: str) -> Iterator[RealSshd]:
    """Yield a server on a free port of 127.0.0.1 that lets in the running user with one key."""
    for name in ("host", "user", "stranger"):
        make_key(home / name)
    (home / "authorized").write_text((home / "user.pub").read_text())
    port = free_port()
    Path("/run/sshd").mkdir(exist_ok=True)
    settings = (
        *extra, "ListenAddress 127.0.0.1", f"Port {port}", f"HostKey {home}/host", f"PidFile {home}/pid", "UsePAM no", "StrictModes no",
        f"AuthorizedKeysFile {home}/authorized", "PermitRootLogin yes", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel QUIET",
    )  # fmt: skip
    (home / "sshd_config").write_text("\n".join(settings) + "\n")
    process = subprocess.Popen((SSHD, "-D", "-e", "-f", str(home / "sshd_config")), stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, process)
        yield RealSshd(home, port, process)
    finally:
        process.terminate()
        process.wait(60)


def make_key(path: Path) -> None:
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)), check=True)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        process.poll() or time.sleep(0.02)
    raise RuntimeError("sshd did not come up")
