"""HTTP servers on loopback for the tests of AI services: one that records every request, and hostile ones."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Speak = Callable[[socket.socket], None]


@dataclass
class Listening:
    """A server, and what it was asked."""

    port: int
    lines: list[str] = field(default_factory=list)
    """First line of each request, in order."""
    requests: list[bytes] = field(default_factory=list)
    """Each request up to its empty line."""
    connections: int = 0


@contextlib.contextmanager
def serving(speak: Speak, address: str = "127.0.0.1", port: int = 0) -> Iterator[Listening]:
    """Yield a server that lets ``speak`` talk to each connection in a thread of its own."""
    listener = socket.create_server((address, port), backlog=64)
    listening = Listening(listener.getsockname()[1])

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                listening.connections += 1
                threading.Thread(target=_talk, args=(speak, peer), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listening
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _talk(speak: Speak, peer: socket.socket) -> None:
    with peer, contextlib.suppress(OSError):
        speak(peer)


@contextlib.contextmanager
def answering(
    answers: Mapping[str, bytes] | Callable[[str], bytes], address: str = "127.0.0.1", port: int = 0
) -> Iterator[Listening]:
    """Yield a server that keeps connections and answers each path with whole bytes; it records what it was asked.

    What is no HTTP ends the connection, and so does HTTP/1.0, as with real servers: nmap, which speaks many protocols,
    would wait for each.
    """
    told: list[Listening] = []

    def speak(peer: socket.socket) -> None:
        reader = peer.makefile("rb")
        while lines := _request(reader):
            first = lines[0].decode("latin-1").rstrip()
            told[0].lines.append(first)
            told[0].requests.append(b"".join(lines))
            path = first.split(" ")[1]
            peer.sendall(answers(path) if callable(answers) else answers.get(path, answers["*"]))
            if first.endswith("HTTP/1.0"):
                return

    with serving(speak, address, port) as listening:
        told.append(listening)
        yield listening


def _request(reader: io.BufferedReader) -> list[bytes]:
    """Return the lines of one request; none where what comes is no HTTP, or no more."""
    lines: list[bytes] = []
    if not reader.peek(1)[:1].isupper():  # of TLS and others no line may ever end
        return []
    while (line := reader.readline(65_536)) and line != b"\r\n":
        lines.append(line)
        if not _FIRST.fullmatch(lines[0]):
            return []
    return lines


_FIRST = re.compile(rb"[A-Z]+ \S+ HTTP/1\.[01]\r?\n")


def http(body: bytes | str = b"", status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    """Return an answer with its length."""
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{more}\r\n"
    return head.encode() + content


NOT_FOUND = http(b"not found", "404 Not Found", "text/plain")
