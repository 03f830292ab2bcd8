"""One host of the lab: an overlay root, namespaces of its own, a real sshd, and whatever faults were put into it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.lab.network import LabError, Network
from tests.lab.overlay import Overlay

BASE = Path(os.environ.get("POSTURE_LAB_CACHE", "/var/cache/posture-lab/bookworm-v1"))
FIRST_UID = 1000


def base() -> Path:
    """Return the file system every host stands on.

    Raises:
        LabError: nobody has built it yet.
    """
    if not (BASE / ".complete").exists():
        raise LabError(f"no base file system in {BASE}: run tests/lab/prepare.sh")
    return BASE


@dataclass
class Build:
    """A host being put together; conditions and faults change it, then `Host` runs it."""

    id: str
    zone: str
    number: int
    """Last part of its addresses."""
    root: Overlay
    addresses: tuple[str, ...] = ()
    sshd: dict[str, str] = field(default_factory=dict)
    """Settings of the host's drop-in; sshd takes the first value it reads."""
    sshd_first: list[str] = field(default_factory=list)
    """Lines of a drop-in that sorts before it, and therefore wins."""
    sshd_last: list[str] = field(default_factory=list)
    """Lines at the end of sshd_config: Match blocks."""
    kernel: dict[str, str] = field(default_factory=dict)
    """Values the host shows for `kernel.*`, `fs.*`, `user.*`, `vm.*` and `net.core.*`: files laid over /proc/sys, never
    settings of the machine's kernel."""
    net: dict[str, str] = field(default_factory=dict)
    """Settings below `net.ipv4` and `net.ipv6` of the host's own network namespace."""
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Read-only directories laid over others (below /sys), with their files."""
    mounts: dict[str, str] = field(default_factory=lambda: {"/tmp": "", "/dev/shm": ""})
    """Where a tmpfs is mounted, with its options."""
    firewall: Callable[[Build], list[str]] | None = None
    """Gives the lines of /etc/nftables.conf when every fault is in; ``None`` for no firewall."""
    open_tcp: set[int] = field(default_factory=lambda: {22})
    """Ports the firewall lets in."""
    ping: bool = True
    """Whether the firewall lets a ping in."""
    services: list[str] = field(default_factory=list)
    """Shell lines that run as the host's root when it comes up."""
    services_declared: list[dict[str, object]] = field(default_factory=lambda: [{"port": 22, "proto": "tcp"}])
    accounts_declared: list[str] = field(default_factory=lambda: ["root"])
    keys_declared: list[str] = field(default_factory=list)
    """Fingerprints of the keys that may stand in authorized_keys."""
    host_key_types: tuple[str, ...] = ("ed25519",)
    inventory: dict[str, object] = field(default_factory=dict)
    """Keys laid over the host's entry in the inventory."""
    host_key: str = ""
    """Public host key, ``type base64``."""
    stale_host_key: str = ""
    """What known_hosts says instead, when the key changed."""
    silent: bool = False
    """In the inventory, but nobody is at home."""
    sudoers: str = ""
    """Rules of the scanner's account; empty for the lab's own."""
    _uids: int = FIRST_UID

    def account(
        self, name: str, *, uid: int | None = None, shell: str = "/bin/bash", secret: str = "*", ssh: bool = True
    ) -> int:
        """Return the uid of a new account with a home of its own; ``secret`` is its field in /etc/shadow."""
        if uid is None:
            uid = self._uids
            self._uids += 1
        home = f"/home/{name}"
        self.root.append("/etc/passwd", f"{name}:x:{uid}:{uid}:{name}:{home}:{shell}\n")
        self.root.append("/etc/shadow", f"{name}:{secret}:20000:0:99999:7:35::\n")
        self.root.append("/etc/group", f"{name}:x:{uid}:\n")
        self.root.append("/etc/gshadow", f"{name}:!::\n")
        self.root.directory(home, mode=0o750, owner=(uid, uid))
        if ssh:
            self.member(name, "ssh-users")
        return uid

    def member(self, account: str, group: str, gid: int = 900) -> None:
        """Put an account into a group, which is made when it is missing."""

        def join(text: str) -> str:
            if f"\n{group}:" not in f"\n{text}":
                text += f"{group}:x:{gid}:\n"
            pattern = re.compile(rf"^({re.escape(group)}:[^:]*:\d+:)(.*)$", re.M)
            return pattern.sub(lambda found: found[1] + ",".join(filter(None, [found[2], account])), text)

        self.root.edit("/etc/group", join)

    def authorise(self, account: str, uid: int, public_key: str) -> None:
        """Let the owner of a key log in."""
        self.root.directory(f"/home/{account}/.ssh", mode=0o700, owner=(uid, uid))
        path = f"/home/{account}/.ssh/authorized_keys"
        self.root.write(path, self.root.read(path) + public_key.strip() + "\n", mode=0o600, owner=(uid, uid))

    def finish(self) -> None:
        """Write what is only known when every fault is in: sshd's files, host keys, the firewall, the names."""
        root = self.root
        root.write("/etc/hostname", f"{self.id}\n")
        root.write("/etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {self.id}\n")
        for kind in self.host_key_types:
            private, public = key_pair(kind)
            self.host_key = self.host_key or public
            root.write(f"/etc/ssh/ssh_host_{kind.split('-')[0]}_key", private, mode=0o600)
            root.write(f"/etc/ssh/ssh_host_{kind.split('-')[0]}_key.pub", f"{public} root@{self.id}\n")
        if self.sshd:
            lines = "".join(f"{key} {value}\n" for key, value in self.sshd.items())
            root.write("/etc/ssh/sshd_config.d/50-agency.conf", lines, mode=0o600)
        if self.sshd_first:
            root.write("/etc/ssh/sshd_config.d/10-vendor.conf", "\n".join(self.sshd_first) + "\n", mode=0o600)
        if self.sshd_last:
            root.append("/etc/ssh/sshd_config", "\n" + "\n".join(self.sshd_last) + "\n")
        if self.firewall:
            root.write("/etc/nftables.conf", "\n".join(self.firewall(self)) + "\n", mode=0o755)


@dataclass
class Host:
    """A host that runs; a context manager."""

    build: Build
    network: Network
    pid: int = 0
    """Process 1 of the host, as the machine sees it."""
    _unshare: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def namespace(self) -> str:
        """Return the name of its network namespace."""
        return self.network.namespace(self.build.id)

    def start(self) -> None:
        """Begin to come up; `wait` returns when it is."""
        if self.build.silent:
            return
        self.build.finish()
        self.network.plug(self.build.id, self.build.zone)
        self.network.configure(self.build.id, self.build.zone, self.build.number)
        # The namespaces must be this child's own, and die with it: pid 1 of a pid namespace takes everything along.
        self._unshare = subprocess.Popen(
            [
                *(
                    "nsenter",
                    f"--net=/run/netns/{self.namespace}",
                    "--",
                    "unshare",
                    "--mount",
                    "--propagation",
                    "unchanged",
                ),
                *("--pid", "--uts", "--ipc", "--fork", "--kill-child", "/bin/sh", "-euc", self._outer_script()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> None:
        """Return when its sshd listens.

        Raises:
            LabError: it did not come up; with what it said.
        """
        if self._unshare is None or self._unshare.stdout is None:
            return
        said = []
        for line in self._unshare.stdout:
            if line == "posture-lab-ready\n":
                children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children").read_text().split()
                self.pid = int(children[0])
                return
            said.append(line)
        raise LabError(f"{self.build.id} did not come up: {''.join(said).strip() or 'it said nothing'}")

    def stop(self) -> None:
        """End it, and everything that runs on it."""
        if self._unshare is None:
            return
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        else:
            self._unshare.kill()
        self._unshare.wait(timeout=60)
        if self._unshare.stdout is not None:
            self._unshare.stdout.close()
        self._unshare = None
        self.pid = 0

    def __enter__(self) -> Host:
        self.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, argv: Sequence[str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Return what a program said that ran on the host, as its root."""
        return subprocess.run(self.argv(argv), input=stdin, capture_output=True, text=True, check=False)

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return what to run on this machine so that a program runs on the host, as its root."""
        enter = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "--"]
        return ["nsenter", "--target", str(self.pid), *enter, *_DROP, *argv]

    def _outer_script(self) -> str:
        """Return what turns fresh namespaces into the host: its mounts, and then its own boot script in a chroot.

        A chroot, not pivot_root: the latter refuses when the machine itself is a chroot, as in CI.
        """
        state = self.network.state / "hosts" / self.build.id
        root, work = state / "root", state / "work"
        # xino: without it files have another st_dev than their directories, and find(1) knows the file system of none.
        overlay = f"xino=on,lowerdir={self.build.root.base},upperdir={self.build.root.upper},workdir={work}"
        root.mkdir(parents=True)
        work.mkdir()
        lines = [
            f"mount -t overlay -o {overlay} overlay {root}",
            f"cd {root}",
            "mount -t proc -o nosuid,nodev,noexec proc proc",
            "mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys",
            "mount -t tmpfs -o mode=0755,nosuid tmpfs dev",
            "mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs run",
            "mkdir -p dev/pts dev/shm run/sshd run/lock",
            "mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts",
            "for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 0666 dev/${device%:*} c 1 ${device#*:}; done",
            "mknod -m 0666 dev/tty c 5 0",
            "ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr",
            *(
                f"mkdir -p .{path}; mount -t tmpfs -o {','.join(filter(None, ['mode=1777', options]))} tmpfs .{path}"
                for path, options in self.build.mounts.items()
            ),
            *(f"echo {shlex.quote(value)} >proc/sys/{key.replace('.', '/')}" for key, value in self.build.net.items()),
            "mount -o bind proc/sys proc/sys",
            "mount -o remount,bind,ro proc/sys",
            *_kernel_mounts(state / "kernel", self.build.kernel),
            *_tree_mounts(state / "trees", self.build.trees),
        ]
        boot = ["chroot", str(root), "/bin/sh", "-euc", self._boot_script()]
        lines.append(f"exec {shlex.join([*_DROP, *boot])}")
        return "\n".join(lines)

    def _boot_script(self) -> str:
        """Return what the host itself runs as process 1."""
        lines = [
            f"hostname {shlex.quote(self.build.id)}",
            "export PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "cd /",
            *(["nft -f /etc/nftables.conf"] if self.build.firewall else []),
            *self.build.services,
            "/usr/sbin/sshd",
            "for _ in $(seq 500); do [ -e /run/sshd.pid ] && break; sleep 0.02; done",
            "[ -e /run/sshd.pid ]",
            "echo posture-lab-ready",
            "exec /usr/bin/tini -s -- sleep infinity >/dev/null 2>&1",
        ]
        return "\n".join(lines)


# Root on a lab host is root on the machine: what has no namespace (clock, modules, audit, reboot) is taken away,
# from the host's process 1 and from everything a test runs on it later.
_TAKEN_AWAY = (
    "sys_time",
    "sys_module",
    "sys_rawio",
    "sys_boot",
    "audit_control",
    "syslog",
    "mac_admin",
    "mac_override",
)
_DROP = ("setpriv", "--bounding-set", ",".join(f"-{name}" for name in _TAKEN_AWAY))


def key_pair(kind: str, passphrase: str = "") -> tuple[str, str]:
    """Return a new private key in OpenSSH's format, and its public half as ``type base64``.

    ``kind`` is ``ed25519``, ``ecdsa`` or ``rsa-BITS``.
    """
    private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if kind == "ed25519":
        private = ed25519.Ed25519PrivateKey.generate()
    elif kind == "ecdsa":
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        private = rsa.generate_private_key(65537, int(kind.partition("-")[2]))
    cipher: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        cipher = serialization.BestAvailableEncryption(passphrase.encode())
    text = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, cipher).decode()
    public = (
        private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    )
    return text, public


_SYS = Path("/proc/sys")
_LAID_OVER = ("kernel", "net/core")  # laid over as a whole, so that a host can show a setting this kernel has not


def _kernel_mounts(state: Path, values: dict[str, str]) -> list[str]:
    """Return the commands that lay files over /proc/sys, after writing those files."""
    if not values:
        return []
    lines = []
    for tree in _LAID_OVER:
        for path, value in _machine_values(tree).items():
            _write(state / path, value)
    for key, value in values.items():
        path = key.replace(".", "/")
        _write(state / path, value + "\n")
        if not path.startswith(_LAID_OVER):
            lines.append(f"mount -o bind {state / path} proc/sys/{path}")
    return [*(f"mount -o bind,ro {state / tree} proc/sys/{tree}" for tree in _LAID_OVER), *lines]


def _tree_mounts(state: Path, trees: dict[str, dict[str, bytes]]) -> list[str]:
    lines = []
    for number, (target, files) in enumerate(sorted(trees.items())):
        for name, content in files.items():
            _write(state / str(number) / name, content)
        lines.append(f"mount -o bind,ro {state / str(number)} .{target}")
    return lines


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


@cache
def _machine_values(tree: str) -> dict[str, str]:
    values = {}
    for path in sorted((_SYS / tree).rglob("*")):
        try:
            if path.is_file():
                values[str(path.relative_to(_SYS))] = path.read_text()
        except OSError:  # write-only settings
            continue
    return values
