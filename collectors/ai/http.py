"""Sends GET for the paths of ``ai_fingerprints.ALLOWED`` and nothing else: the one place that asks AI services.

No body, no credentials, no cookie, no redirect is ever followed. Whoever answers is taken for hostile: one deadline and
one number of bytes bound each request, however the answer is dripped, chunked or prefixed with interim answers.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import ssl
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from collectors.ai.fingerprints import ALLOWED
from collectors.ai.marks import HEAD_FIELDS

REQUEST_S = 3.0
BODY_BYTES = 65_536
HEADER_BYTES = 32_768  # of real services none sends more than 2 KB
CHUNK_BYTES = 8_192
MAX_FIELD_CHARS = 500
USER_AGENT = "posture-scanner (authorised inventory of AI services)"


class Trouble(StrEnum):
    """Why there is no answer."""

    NONE = ""
    NOT_HTTP = "not_http"
    """It said something, and that was no HTTP."""
    SILENT = "silent"
    CLOSED = "closed"
    """The connection was refused or cut."""
    TLS = "tls"
    """The handshake failed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, as it is in memory only: none of it is stored but the marks found in it."""

    path: str
    status: int | None = None
    head: str = ""
    """Those of ``HEAD_FIELDS`` that were there, as ``name: value`` lines."""
    body: bytes = b""
    truncated: bool = False
    """Its end was not read: too long, too slow, or cut."""
    trouble: Trouble = Trouble.NONE
    duration_ms: int = 0


class Door:
    """A connection to one port, opened when it is needed and kept while the other side keeps it."""

    def __init__(self, address: str, port: int, *, tls: bool) -> None:
        self._address, self._port, self._tls = address, port, tls
        self._socket: socket.socket | None = None

    def get(self, path: str) -> Reply:
        """Return the answer to ``GET path``.

        Raises:
            ValueError: the path is not one of ``ALLOWED``; nothing is sent.
        """
        if path not in ALLOWED:
            raise ValueError(f"{path!r} is not on the list of paths that may be sent")
        started = time.monotonic()
        reply = self._get(path, started + REQUEST_S)
        spent_ms = int((time.monotonic() - started) * 1000)
        return Reply(reply.path, reply.status, reply.head, reply.body, reply.truncated, reply.trouble, spent_ms)

    def close(self) -> None:
        """Hang up."""
        opened, self._socket = self._socket, None
        if opened is not None:
            with contextlib.suppress(OSError):
                opened.close()

    def _get(self, path: str, deadline: float) -> Reply:
        kept = self._socket is not None
        reply = self._attempt(path, deadline)
        if kept and reply.trouble is Trouble.CLOSED:
            # Servers close idle connections: this is the same request, which nobody has read.
            reply = self._attempt(path, deadline)
        return reply

    def _attempt(self, path: str, deadline: float) -> Reply:
        try:
            opened = self._socket = self._socket or self._open(deadline)
            opened.settimeout(_left(deadline))
            opened.sendall(self._request(path))
            return self._answer(path, _Bounded(opened, deadline))
        except ssl.SSLError:
            self.close()
            return Reply(path, trouble=Trouble.TLS)
        except TimeoutError:
            self.close()
            return Reply(path, trouble=Trouble.SILENT)
        except (http.client.RemoteDisconnected, OSError):
            self.close()
            return Reply(path, trouble=Trouble.CLOSED)
        except (http.client.HTTPException, ValueError):
            self.close()
            return Reply(path, trouble=Trouble.NOT_HTTP)

    def _open(self, deadline: float) -> socket.socket:
        plain = socket.create_connection((self._address, self._port), timeout=_left(deadline))
        if not self._tls:
            return plain
        try:
            plain.settimeout(_left(deadline))
            return _IDENTIFICATION_ONLY.wrap_socket(plain)
        except BaseException:
            plain.close()
            raise

    def _request(self, path: str) -> bytes:
        name = f"[{self._address}]" if ":" in self._address else self._address
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {name}:{self._port}",
            f"User-Agent: {USER_AGENT}",
            "Accept: */*",
            "Accept-Encoding: identity",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

    def _answer(self, path: str, source: _Bounded) -> Reply:
        response = http.client.HTTPResponse(cast(Any, source), method="GET")
        try:
            response.begin()
            head = _head(response)
            if "text/event-stream" in head:
                self.close()  # a stream has no end: its head says all we want to know
                return Reply(path, response.status, head)
            source.allow(BODY_BYTES)
            body, truncated = _body(response)
            if truncated or response.will_close or response.status < 200:
                self.close()
            return Reply(path, response.status, head, body, truncated)
        finally:
            response.close()


class _Bounded(io.RawIOBase):
    """A socket as a file that ends with the deadline or with the bytes that are allowed."""

    def __init__(self, opened: socket.socket, deadline: float) -> None:
        self._opened, self._deadline, self._bytes = opened, deadline, HEADER_BYTES

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return it as ``http.client`` wants it."""
        return io.BufferedReader(self, CHUNK_BYTES)

    def allow(self, more_bytes: int) -> None:
        """Let so many bytes more be read, with room for the frame of chunks."""
        self._bytes = 2 * more_bytes

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is.

        Raises:
            TimeoutError: the request has had its time.
            HTTPException: the other side has said as much as it may.
        """
        if self._bytes <= 0:
            raise http.client.HTTPException("more bytes than are read of one answer")
        self._opened.settimeout(_left(self._deadline))
        view = memoryview(buffer)[: self._bytes]
        count = self._opened.recv_into(view)
        self._bytes -= count
        return count


def _left(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the request has had its time")
    return left_s


def _head(response: http.client.HTTPResponse) -> str:
    found = ((name, response.getheader(name)) for name in HEAD_FIELDS)
    return "\n".join(f"{name}: {_line(value)}" for name, value in found if value is not None)


def _line(value: str) -> str:
    return _CONTROL.sub(" ", value[:MAX_FIELD_CHARS])


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _body(response: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """Return what could be read of the body, and whether its end is missing."""
    parts: list[bytes] = []
    size = 0
    try:
        while size < BODY_BYTES and (part := response.read1(min(CHUNK_BYTES, BODY_BYTES - size))):
            parts.append(part)
            size += len(part)
    except (OSError, http.client.HTTPException, ValueError):
        return b"".join(parts), True
    # A length that is used up is the end; without one only the end itself is.
    ended = response.isclosed() if response.length is None else response.length == 0
    return b"".join(parts), not ended


def _identification_only() -> ssl.SSLContext:
    """Return a context that believes every certificate: nothing secret is sent, and what is behind it is to be told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


_IDENTIFICATION_ONLY = _identification_only()
