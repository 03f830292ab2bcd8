"""Sees that what scheduled scans brought is told: the run is written down first, then a process of its own tells it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from posture.errors import PostureError
from posture.notify import outbox
from posture.notify.outbox import Line, Outbox, Step
from posture.schedule.errand import last_line

AGAIN = timedelta(hours=1)
"""What waits is tried again so often, scan or no scan."""
_READ = timedelta(minutes=5)
NOTICES = ".notices.log"  # no schedule is called so


@dataclass
class Teller:
    """At most one process that tells; nothing waits for it."""

    folder: Path
    """Where the outbox lies."""
    log: Path
    begin: Callable[[], subprocess.Popen[bytes]]
    say: Callable[[str], None] = lambda line: None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _owes: bool = field(default=False, init=False)
    _read_at: datetime | None = field(default=None, init=False)

    @property
    def busy(self) -> bool:
        """Whether the process runs."""
        return self._process is not None

    def owe(self, run: str, now: datetime) -> None:
        """Write down that a run is to be told; whatever is killed from now on, some later round tells it."""
        try:
            outbox.note(self.folder, Line(at=now, step=Step.TO_TELL, run=run))
        except PostureError as error:  # a scan is done, whether it can be told or not
            self.say(f"scheduler: run {run} is not told by itself: {error}; `posture notify {run} --send`")
        else:
            self._owes = True

    def look(self, now: datetime) -> None:
        """Write down how the process ended, and begin one when a run is to be told, or notices waited an hour."""
        if self._process is not None and self._process.poll() is not None:
            if self._process.returncode:
                self.say(f"scheduler: notices: {last_line(self.log)}; `posture doctor` shows what waits")
            self._process = None
        if self._process is not None or not self._due(now):
            return
        self._owes = False
        try:
            self._process = self.begin()
        except OSError as error:
            self.say(f"scheduler: notices were not begun: {error.strerror}; `posture notify --waiting --send`")

    def wait(self) -> None:
        """Return when the process has ended."""
        if self._process is not None:
            self._process.wait()

    def end(self, patience_s: float) -> None:
        """End the process; what it has not told is written down."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _due(self, now: datetime) -> bool:
        if self._owes:
            return True
        if self._read_at is not None and abs(now - self._read_at) < _READ:
            return False
        self._read_at = now
        try:
            return _left(outbox.read(self.folder), now)
        except PostureError as error:
            self.say(f"scheduler: notices: {error}")
            return False


def _left(found: Outbox, now: datetime) -> bool:
    """Return whether a round is due; it goes by what is written down, as a timer's process remembers nothing."""
    if found.idle:
        return False
    last = found.round_at
    return last is None or abs(now - last) >= AGAIN or any(since > last for since in found.to_tell.values())
