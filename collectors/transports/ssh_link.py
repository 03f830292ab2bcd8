"""One SSH connection of paramiko's: how much and how long it may talk, its shells, its way on to the next host."""

from __future__ import annotations

import contextlib
import logging
import select
import time
from collections.abc import Sequence
from typing import Any

import paramiko
from paramiko.kex_curve25519 import KexCurve25519

from collectors.transports.batch import Pumped
from collectors.transports.hostkeys import ServerKey
from collectors.transports.reach import Hop
from collectors.transports.script import SessionLimits
from posture.errors import CollectError
from posture.model.observation import Blind

# paramiko logs what servers say, and tracebacks with it; none of that may reach a terminal or a log file.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


class BoundedSocket:
    """A socket that stops giving when a deadline or a byte count is over.

    paramiko reads banners without a limit, allocates what a packet header asks for and buffers past the window it
    advertised; whatever a server tries, no more than ``bytes_left`` of it gets in.
    """

    def __init__(self, sock: Any, *, deadline: float, bytes_left: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._bytes_left = bytes_left
        self.overrun = ""
        """Which limit ended it; empty while none did."""
        self._closed = False

    def allow(self, *, deadline: float, bytes_left: int) -> None:
        """Set new limits, after the login."""
        self._deadline, self._bytes_left = deadline, bytes_left

    def late(self) -> bool:
        """Return whether the time is as good as over: paramiko keeps the same time and does not say so."""
        return time.monotonic() > self._deadline - 0.5

    def recv(self, count: int) -> bytes:
        if time.monotonic() > self._deadline:
            self._stop("time")
        if self._bytes_left <= 0:
            self._stop("bytes")
        chunk: bytes = self._sock.recv(min(count, 65_536))
        self._bytes_left -= len(chunk)
        return chunk

    def send(self, content: bytes) -> int:
        if time.monotonic() > self._deadline:
            self._stop("time")
        return int(self._sock.send(content))

    def settimeout(self, timeout_s: float | None) -> None:
        self._sock.settimeout(timeout_s)

    def close(self) -> None:
        self._closed = True
        self._sock.close()

    def _stop(self, limit: str) -> None:
        self.overrun = limit
        raise ConnectionAbortedError(f"the session's limit of {limit} is used up")


class Client(paramiko.Transport):
    """paramiko's transport, which also knows ``curve25519-sha256`` by the name that RFC 8731 gave it.

    A hardened sshd lists only that name; paramiko 5 offers the exchange only as ``curve25519-sha256@libssh.org``.
    """

    # paramiko's type stubs do not know either table; it reads both from the class and changes neither.
    _kex_info = {**paramiko.Transport._kex_info, "curve25519-sha256": KexCurve25519}  # type: ignore[attr-defined]  # noqa: RUF012
    _preferred_kex = ("curve25519-sha256", *paramiko.Transport._preferred_kex)  # type: ignore[attr-defined]


class Link:
    """One login on the way to a host."""

    def __init__(self, client: Client, key: ServerKey, where: str) -> None:
        self.key = key
        self._client = client
        self._where = where

    def shell(self, argv: Sequence[str], limits: SessionLimits) -> ChannelStream:
        """Return a stream to a fresh shell on the host; its arguments are words that need no quoting."""
        try:
            channel = self._client.open_session(timeout=limits.connect_s)
            channel.settimeout(limits.connect_s)
            channel.exec_command(" ".join(argv))
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise CollectError(Blind.COMMAND_REFUSED, f"{self._where} opens no session: {plain(error)}") from None
        return ChannelStream(channel)

    def forward(self, hop: Hop, limits: SessionLimits) -> paramiko.Channel:
        """Return a channel from this host to the next one."""
        target = (hop.address, hop.host.access.port)
        try:
            return self._client.open_channel("direct-tcpip", target, ("127.0.0.1", 0), timeout=limits.connect_s)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise CollectError(
                Blind.UNREACHABLE,
                f"{self._where} does not reach {hop.where}: {plain(error)}",
                hint="see AllowTcpForwarding",
            ) from None

    def close(self) -> None:
        # paramiko raises whatever the socket raises when it says goodbye to a host that is gone.
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._client.close()


class ChannelStream:
    """A shell behind an SSH channel, as ``collectors.transports.batch.Stream``."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._poll = select.poll()  # select(2) fails beyond 1,024 descriptors, which many sessions reach
        self._poll.register(channel.fileno(), select.POLLIN)

    def pump(self, outgoing: bytes, timeout_s: float) -> Pumped:
        channel = self._channel
        sent = 0
        try:
            if outgoing and channel.send_ready():
                sent = channel.send(outgoing[:32_768])
                if sent == len(outgoing):
                    channel.shutdown_write()
            elif not channel.recv_ready() and not channel.recv_stderr_ready():
                self._poll.poll((0.02 if outgoing else timeout_s) * 1000)
            stdout = channel.recv(65_536) if channel.recv_ready() else b""
            stderr = channel.recv_stderr(65_536) if channel.recv_stderr_ready() else b""
        except (OSError, EOFError, paramiko.SSHException):
            return Pumped(sent, ended=True)
        silent = not stdout and not stderr and not channel.recv_ready() and not channel.recv_stderr_ready()
        return Pumped(sent, stdout, stderr, ended=silent and bool(channel.eof_received or channel.closed))

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()


def plain(error: BaseException) -> str:
    """Return what an error says, in one line that can be shown."""
    return printable(str(error) or type(error).__name__)


def printable(text: str) -> str:
    """Return text from the far side so that it can be shown: one line, no escapes, not long."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))[:160]
