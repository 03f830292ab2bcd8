"""A small Debian 12 in QEMU, with a kernel and systemd of its own; only this machine's loopback reaches its SSH."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from posture.model.host import Access, Host
from tests.lab.places import ACCOUNT, generated_sudoers

CACHE = Path(os.environ.get("POSTURE_GUEST_CACHE", "/var/cache/posture-lab/bookworm-guest-v1"))
KEY = CACHE.with_name(CACHE.name + ".key")
# On a busy machine the emulated timer may come so late that the kernel panics over it: it starts again then.
_KERNEL_LINE = "root=/dev/vda rw console=ttyS0 panic=1"
BOOT_S = 1200  # without KVM a boot takes two minutes, and beside other work on two cores ten times that
ACCEL = os.environ.get("POSTURE_GUEST_ACCEL", "tcg")
"""``kvm`` is ten times as fast, but there are machines whose /dev/kvm opens and then runs nothing."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OPTIONS = ("-oBatchMode=yes", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR")


class GuestError(Exception):
    """The guest is not there, or does not come up."""


@dataclass
class Guest:
    """One QEMU that runs; a context manager. What it writes is thrown away with it."""

    work: Path
    port: int = 0
    _qemu: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> Guest:
        image = CACHE.with_name(CACHE.name + ".image")
        if not image.exists():
            raise GuestError(f"no disk {image}: run tests/guest/prepare.sh")
        self.port = _free_port()
        with (self.work / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                self._argv(image),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": PATH, "TMPDIR": str(self.work)},
            )
        try:
            self._wait_for(boot="")
            self._let_the_scanner_in()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait(timeout=30)
            self._qemu = None

    @property
    def host(self) -> Host:
        """Return the guest as the inventory would have it."""
        public = (CACHE / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
        access = Access(port=self.port, user=ACCOUNT, credential="guest", host_keys=(" ".join(public),))
        return Host("guest", ("127.0.0.1",), "lab", access=access)

    def run(self, script: str, typed: str = "", timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Return what shell lines said that root of the guest ran."""
        remote = shlex.join(["sudo", "-n", "env", "-i", f"PATH={PATH}", "HOME=/root", "/bin/sh", "-c", script])
        return subprocess.run(
            ["ssh", "-F", "none", *_OPTIONS, *self._login("admin"), remote],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def reboot(self) -> None:
        """Restart the guest's own system, and return when it is up again."""
        boot = self._boot_id()
        self.run("systemctl --no-block reboot")
        self._wait_for(boot=boot)

    def console(self) -> str:
        """Return the last that the kernel and systemd printed."""
        path = self.work / "console.log"
        return path.read_text("utf-8", "replace")[-4000:] if path.exists() else ""

    def _argv(self, image: Path) -> list[str]:
        disk = f"file={image},if=virtio,format=raw,snapshot=on"
        network = f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22"
        kernel = CACHE.with_name(CACHE.name + ".vmlinuz"), CACHE.with_name(CACHE.name + ".initrd")
        return [
            *("qemu-system-x86_64", "-accel", ACCEL, "-cpu", "max", "-m", "1024", "-smp", "1"),
            *("-nodefaults", "-display", "none", "-serial", f"file:{self.work / 'console.log'}"),
            *("-kernel", str(kernel[0]), "-initrd", str(kernel[1]), "-append", _KERNEL_LINE),
            *("-drive", disk, "-netdev", network, "-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"),
        ]

    def _login(self, account: str) -> list[str]:
        return ["-i", str(KEY), "-p", str(self.port), f"{account}@127.0.0.1"]

    def _boot_id(self) -> str:
        try:
            return self.run("cat /proc/sys/kernel/random/boot_id", timeout_s=10).stdout.strip()
        except subprocess.TimeoutExpired:
            return ""

    def _wait_for(self, boot: str) -> None:
        """Return when another boot than this one has come up."""
        give_up = time.monotonic() + BOOT_S
        while self._boot_id() in {"", boot}:
            if self._qemu is None or self._qemu.poll() is not None or time.monotonic() > give_up:
                raise GuestError(f"the guest did not come up\n{(self.work / 'qemu.log').read_text()}{self.console()}")
            time.sleep(0.5)
        self.run("systemctl is-system-running --wait", timeout_s=BOOT_S)

    def _let_the_scanner_in(self) -> None:
        done = self.run("umask 0227; cat > /etc/sudoers.d/50-posture && visudo -c", typed=generated_sudoers())
        if done.returncode:
            raise GuestError(f"the generated sudo rules are refused: {done.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
