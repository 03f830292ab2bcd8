"""A network namespace of the tests' own, for the calling thread and everything it starts; gone when nothing is in it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000  # unshare(2)
_libc = ctypes.CDLL(None, use_errno=True)


def need_root() -> None:
    """Skip, saying why, where no namespace can be made."""
    missing = [name for name in ("nmap", "ip", "nft") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"needs root and nmap, ip, nft; missing: {missing or 'root'}")


@contextlib.contextmanager
def own_network(rules: str = "") -> Iterator[None]:
    """Move this thread into an empty network with loopback up; ``rules`` are lines of an nftables input chain."""
    with Path("/proc/thread-self/ns/net").open("rb") as before:
        _check(_libc.unshare(CLONE_NEWNET))
        try:
            run("ip", "link", "set", "lo", "up")
            if rules:
                table = f"table inet t {{\n chain i {{\n type filter hook input priority 0;\n {rules}\n }}\n}}\n"
                subprocess.run(["nft", "-f", "-"], input=table.encode(), check=True)
            yield
        finally:
            _check(_libc.setns(before.fileno(), CLONE_NEWNET))


def run(*argv: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(argv, check=True, capture_output=True)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
