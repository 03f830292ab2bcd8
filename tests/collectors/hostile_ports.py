"""Ports that mean no good: run as a program with an address and ports, it ends with its standard input."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable

FIRST, MUTE, ENDLESS, LOOP, MARKUP, HEADERS, RECORDS, BANNER, GZIP = range(7001, 7010)
GIGABYTE = 1_000_000_000
EVIL = b"\x1b]0;owned\x07\x1b[2J<script>alert('posture')</script>&lt;\xff\xfe"


def first(peer: socket.socket) -> None:
    """Speaks before it is asked, and never of anything."""
    peer.sendall(b"\x00\xff" * 2000 + EVIL)


def mute(peer: socket.socket) -> None:
    """Takes the connection and says nothing."""
    time.sleep(30)


def endless(peer: socket.socket) -> None:
    """Sends a gigabyte, or as much of it as anyone takes."""
    _flood(peer, b"")


def loop(peer: socket.socket) -> None:
    """Sends every reader on, for ever."""
    asked = peer.recv(4096).split(b" ")
    path = asked[1] if len(asked) > 1 else b"/"
    where = b"http://127.0.0.10:%d%sx" % (LOOP, path[:200])
    peer.sendall(b"HTTP/1.0 302 Found\r\nLocation: " + where + b"\r\nContent-Length: 0\r\n\r\n")


def markup(peer: socket.socket) -> None:
    """Answers with markup and what moves a terminal, in every place that is kept."""
    peer.recv(4096)
    body = b"<html><title>\x1b]0;owned\x07&lt;script&gt;FortiGate</title>" + EVIL + b"</html>"
    head = b"HTTP/1.0 200 OK\r\nServer: " + EVIL.replace(b"\n", b"") + b"\r\nWWW-Authenticate: Basic realm=" + EVIL
    peer.sendall(head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def headers(peer: socket.socket) -> None:
    """Begins an answer whose headers never end."""
    peer.recv(4096)
    _flood(peer, b"HTTP/1.0 200 OK\r\n", b"X-More: " + b"a" * 1000 + b"\r\n")


def records(peer: socket.socket) -> None:
    """Answers a TLS greeting with records that hold nothing of it."""
    peer.recv(4096)
    _flood(peer, b"", b"\x16\x03\x03\x3f\xff" + b"\x02" * 0x3FFF)


def banner(peer: socket.socket) -> None:
    """Calls itself SSH, in words that never end."""
    _flood(peer, b"SSH-2.0-OpenSSH_9.9 " + EVIL + b"\r\n", b"\x00\x00\x10\x00\x14" + b"A" * 4096)


def gzip(peer: socket.socket) -> None:
    """Says it is a page of a gigabyte, and sends it."""
    peer.recv(4096)
    _flood(
        peer, b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n<title>big</title>" % GIGABYTE
    )


PORTS: dict[int, Callable[[socket.socket], None]] = {
    FIRST: first, MUTE: mute, ENDLESS: endless, LOOP: loop, MARKUP: markup, HEADERS: headers, RECORDS: records,
    BANNER: banner, GZIP: gzip,
}  # fmt: skip


FLOODS = (ENDLESS, HEADERS, RECORDS, BANNER, GZIP)


def _flood(peer: socket.socket, head: bytes, again: bytes = b"A" * 65_536) -> None:
    peer.sendall(head)
    for _ in range(GIGABYTE // len(again)):
        peer.sendall(again)
        time.sleep(0.02)  # 3 MB/s is more than anybody wants, and leaves the machine to others


def _answer(peer: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    peer.settimeout(20)
    with contextlib.suppress(OSError), peer:
        behave(peer)


def _serve(listening: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    while True:
        peer, _ = listening.accept()
        threading.Thread(target=_answer, args=(peer, behave), daemon=True).start()


def main() -> None:
    """Listen on the ports and say ``ready``."""
    for port, behave in ((int(word), PORTS[int(word)]) for word in sys.argv[2:]):
        listening = socket.create_server((sys.argv[1], port), backlog=64)
        threading.Thread(target=_serve, args=(listening, behave), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
