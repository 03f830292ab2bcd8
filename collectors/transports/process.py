"""A shell as a child process: the stream behind the ``local`` and ``openssh`` transports."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Sequence

from collectors.transports.batch import Pumped

CHUNK_BYTES = 65_536


class ProcessStream:
    """A child in a process group of its own, read without ever blocking on it."""

    def __init__(self, argv: Sequence[str], *, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            start_new_session=True,
            bufsize=0,
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr  # noqa: S101 - narrows for the type checker
        self._in, self._out, self._err = (
            pipe.fileno() for pipe in (self.process.stdin, self.process.stdout, self.process.stderr)
        )
        self._selector = selectors.DefaultSelector()
        for pipe in (self._in, self._out, self._err):
            os.set_blocking(pipe, False)
        self._selector.register(self._out, selectors.EVENT_READ)
        self._selector.register(self._err, selectors.EVENT_READ)
        self._writing = False

    def pump(self, outgoing: bytes, timeout_s: float) -> Pumped:
        """Move what can be moved now; see ``collectors.transports.batch.Stream``."""
        self._want_to_write(bool(outgoing))
        sent, received = 0, {self._out: b"", self._err: b""}
        for key, _ in self._selector.select(timeout_s):
            if key.fd == self._in:
                sent = self._write(outgoing)
            else:
                received[key.fd] = self._read(key.fd)
        ended = not ({self._out, self._err} & {key.fd for key in self._selector.get_map().values()})
        return Pumped(sent, received[self._out], received[self._err], ended)

    def close(self) -> None:
        """Kill the whole group and reap the child."""
        self._selector.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process.wait()

    def _want_to_write(self, wanted: bool) -> None:
        if wanted and not self._writing:
            self._selector.register(self._in, selectors.EVENT_WRITE)
        if not wanted and self._writing:
            self._selector.unregister(self._in)
        self._writing = wanted

    def _write(self, outgoing: bytes) -> int:
        try:
            return os.write(self._in, outgoing[:CHUNK_BYTES])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            # Whoever reads is gone; what it still has to say comes over the other pipes.
            return len(outgoing)

    def _read(self, pipe: int) -> bytes:
        try:
            chunk = os.read(pipe, CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            chunk = b""
        if not chunk:
            self._selector.unregister(pipe)
        return chunk
