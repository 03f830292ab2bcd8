"""Ends a running nmap by its process id: on the operator's stop, at the deadline, and when we leave early (Linux)."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from posture.model.observation import Blind

KILL_AFTER_S = 3.0
MEMORY_BYTES = (
    2_000_000_000  # a batch of 4,096 hosts needs a tenth; nmap's scripts keep whatever a port floods them with
)
POLL_S = 0.1


class Watch:
    """Watches one nmap while it runs.

    python-nmap keeps the process to itself, so ours is found as the child whose command line names our targets file.
    """

    def __init__(self, targets_file: Path, timeout_s: float, stop: threading.Event) -> None:
        self.cause: Blind | None = None
        self.detail = ""
        self._mark = os.fsencode(targets_file)
        self._deadline = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._stop = stop
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nmap-watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._done.set()
        self._thread.join()
        if error is not None:
            _end_children(self._mark, signal.SIGKILL)

    def _run(self) -> None:
        asked_at: float | None = None
        bounded: set[int] = set()
        while not self._done.wait(POLL_S):
            if not bounded:  # one look at all processes is enough: nmap has no children of its own
                bounded = _bound_memory(self._mark)
            if self.cause is None and self._stop.is_set():
                self.cause, self.detail = Blind.NOT_ATTEMPTED, "stopped by the operator"
            elif self.cause is None and time.monotonic() >= self._deadline:
                self.cause = Blind.TIMED_OUT
                self.detail = f"nmap was ended after {self._timeout_s:.0f} s"
            if self.cause is not None:
                asked_at = time.monotonic() if asked_at is None else asked_at
                late = time.monotonic() - asked_at > KILL_AFTER_S
                _end_children(self._mark, signal.SIGKILL if late else signal.SIGTERM)


def _bound_memory(mark: bytes) -> set[int]:
    """Return the ids of our children that were given a limit now: beyond it nmap ends, and its batch is tried again."""
    found = set(children_running(mark))
    for pid in found:
        with contextlib.suppress(OSError):
            resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    return found


def _end_children(mark: bytes, how: signal.Signals) -> None:
    for pid in children_running(mark):
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(pid)
            try:
                # Looked at again through the handle: the number may have passed to another process meanwhile.
                if pid in children_running(mark):
                    signal.pidfd_send_signal(handle, how)
            finally:
                os.close(handle)


def children_running(mark: bytes) -> tuple[int, ...]:
    """Return the ids of our own child processes with ``mark`` among their arguments (Linux, by /proc)."""
    return tuple(pid for pid in _children() if mark in _read(Path(f"/proc/{pid}/cmdline")).split(b"\0"))


def _children() -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # proc(5): "pid (name) state ppid …"; a name may hold spaces and brackets, so we start after the last one.
        after_name = _read(stat).rpartition(b")")[2].split()
        if len(after_name) > 1 and int(after_name[1]) == os.getpid():
            yield int(stat.parent.name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
