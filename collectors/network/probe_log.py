"""The log of every probe sent: append-only JSON lines that say what went where, when, and by whose authority."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from posture.errors import StoreError


def utc_now() -> datetime:
    """Return this moment, aware, in UTC."""
    return datetime.now(UTC)


class ProbeLog:
    """One open log; a line is on the disk before the call returns, so nothing is sent that is not written.

    Safe to share between threads, and between processes on a local file system: each line is one ``O_APPEND`` write.
    """

    def __init__(self, path: Path, authorisation: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Open or create the log, readable by its owner only.

        Raises:
            StoreError: it cannot be opened, or is a symbolic link.
        """
        self._path = path
        self._authorisation = authorisation
        self._clock = clock
        self._lock = threading.Lock()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise self._failure(error) from error

    def sent(self, *, vantage: str, what: Sequence[str], targets: Sequence[str], ports: str = "") -> None:
        """Write down a probe that is about to be sent: ``what`` is its argument list, or ``("ssh", "connect")``.

        Raises:
            StoreError: the line could not be written; do not send.
        """
        self._write({"event": "sent", "vantage": vantage, "what": list(what), "targets": list(targets), "ports": ports})

    def refused(self, target: str, reason: str) -> None:
        """Write down a target that lies outside the authorisation and was not touched.

        Raises:
            StoreError: the line could not be written.
        """
        self._write({"event": "refused", "targets": [target], "reason": reason})

    def under(self, authorisation: str) -> ProbeLog:
        """Return the same log, whose lines name another authorisation: that of the host we look from."""
        return _Under(self, authorisation)

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def __enter__(self) -> ProbeLog:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _write(self, entry: dict[str, object]) -> None:
        stamped = {"when": self._clock().isoformat(), "authorisation": self._authorisation, **entry}
        # ASCII escapes keep whatever a host name carries away from the terminal of who reads the log.
        line = json.dumps(stamped, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                if os.write(self._fd, line) != len(line):
                    raise OSError("the line was written in part only")
                os.fsync(self._fd)
            except OSError as error:
                raise self._failure(error) from error

    def _failure(self, error: OSError) -> StoreError:
        return StoreError(
            f"the probe log {self._path} cannot be written: {error}",
            hint="nothing is sent that cannot be logged: free space, mend permissions, or name another file",
        )


class _Under(ProbeLog):
    """Writes into another log, which stays open when this is closed."""

    def __init__(self, log: ProbeLog, authorisation: str) -> None:
        self._log = log
        self._said = authorisation

    def close(self) -> None:
        """Do nothing: the log belongs to who opened it."""

    def _write(self, entry: dict[str, object]) -> None:
        self._log._write({**entry, "authorisation": self._said})
