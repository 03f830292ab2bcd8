"""Which process writes a run, and whether it still lives.

A pid alone is not enough: it is given out again, means nothing after a reboot, and something else in another container.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Alive(Enum):
    """What can be said of a process from here."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """It ran on another machine or in another pid namespace, or here or there nobody mounted /proc (a bare chroot)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One process, for good; Source: proc(5), ``/proc/PID/stat`` field 22 and ``/proc/sys/kernel/random/boot_id``."""

    machine: str
    boot: str
    pid_namespace: str
    pid: int
    started_ticks: int
    """Clock ticks between boot and the start of the process."""


def this_process() -> Owner:
    """Return who we are."""
    pid = os.getpid()
    return Owner(socket.gethostname(), _boot(), _namespace(), pid, _started_ticks(pid) or 0)


def alive(owner: Owner) -> Alive:
    """Return whether that process still runs."""
    if not owner.boot or not _boot():
        return Alive.UNKNOWN
    if owner.boot != _boot():
        # Another boot of this machine ended every process of the one before.
        return Alive.NO if owner.machine == socket.gethostname() else Alive.UNKNOWN
    if owner.pid_namespace != _namespace():
        return Alive.UNKNOWN
    return Alive.YES if _started_ticks(owner.pid) == owner.started_ticks else Alive.NO


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started_ticks(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    after_name = stat.rpartition(")")[2].split()  # the name may hold spaces and parentheses
    state, ticks = after_name[0], int(after_name[19])
    return None if state in ("Z", "X") else ticks  # a zombie writes no more
