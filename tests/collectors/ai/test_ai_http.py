"""The one place that asks AI services: what it may send, and what no server can make it do."""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.ai import http as ai_http
from collectors.ai.fingerprints import ALLOWED
from collectors.ai.http import BODY_BYTES, Door, Reply, Trouble
from collectors.ai.never import NEVER, NEVER_EXACTLY, is_never
from tests.collectors.ai_servers import NOT_FOUND, answering, http, serving

LONG = b"x" * 65_536


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each request a third of a second: what waits for the deadline is the same, only sooner."""
    monkeypatch.setattr(ai_http, "REQUEST_S", 0.3)


def ask(port: int, path: str = "/", *, tls: bool = False) -> Reply:
    door = Door("127.0.0.1", port, tls=tls)
    try:
        return door.get(path)
    finally:
        door.close()


@given(
    st.one_of(
        st.text(),
        st.sampled_from((*NEVER, *NEVER_EXACTLY)),
        st.sampled_from(sorted(ALLOWED)).map(lambda path: path + "x"),
    )
)
def test_a_path_that_is_not_in_the_table_cannot_be_sent(path: str) -> None:
    if path not in ALLOWED:
        # No port is needed: the refusal comes before anything is opened.
        with pytest.raises(ValueError, match="not on the list"):
            Door("127.0.0.1", 1, tls=False).get(path)


def test_no_path_of_the_table_is_one_that_must_never_be_sent() -> None:
    assert [path for path in sorted(ALLOWED) if is_never(path)] == []
    assert {"/health", "/api/pull", "/v2/repository/index", "/api/v1/auto_login", "/update_weights"} <= {
        path
        for path in ("/health", "/api/pull", "/v2/repository/index", "/api/v1/auto_login", "/update_weights")
        if is_never(path)
    }


def test_a_request_is_a_get_without_body_credentials_or_cookies() -> None:
    with answering({"*": http(b"{}", more="Set-Cookie: session=kanarie\r\n")}) as server:
        door = Door("127.0.0.1", server.port, tls=False)
        door.get("/")
        door.get("/v1/models")
        door.close()
    assert server.lines == ["GET / HTTP/1.1", "GET /v1/models HTTP/1.1"]
    names = {line.split(b":")[0].lower() for request in server.requests for line in request.splitlines()[1:]}
    assert names == {b"host", b"user-agent", b"accept", b"accept-encoding"}
    assert server.connections == 1, "one connection where the other side keeps it"


def test_a_server_that_hangs_up_after_each_answer_is_asked_over_new_connections() -> None:
    with serving(lambda peer: (peer.recv(4096), peer.sendall(http(b"{}")))[0]) as server:
        door = Door("127.0.0.1", server.port, tls=False)
        assert [door.get(path).status for path in ("/", "/api", "/v2")] == [200, 200, 200]
        door.close()
    assert server.connections == 3


def test_no_redirect_is_followed() -> None:
    with answering(lambda path: http(status="302 Found", more=f"Location: http://192.0.2.1{path}\r\n")) as server:
        assert ask(server.port).status == 302
    assert len(server.lines) == 1


def forever(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def speak(peer: socket.socket) -> None:
        peer.recv(4096)
        peer.sendall(start)
        for _ in itertools.count():
            peer.sendall(piece)

    return speak


FLOODS = {
    "endless headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 500 + b"\r\n"),
    "one endless header": (b"HTTP/1.1 200 OK\r\nX-A: ", LONG),
    "endless status line": (b"HTTP/1.1 200 ", LONG),
    "endless interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    "a gigabyte": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", LONG),
    "a body without end": (b"HTTP/1.1 200 OK\r\n\r\n", LONG),
    "endless chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 100),
    "a chunk that says it is huge": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n", LONG),
    "an endless chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 4096),
    "endless trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 50),
    "garbage": (b"", bytes(range(256)) * 16),
    "a banner that never ends": (b"220 ", LONG),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_with_the_bytes_that_are_read(name: str) -> None:
    start, piece = FLOODS[name]
    with serving(forever(start, piece)) as server:
        tracemalloc.start()
        reply = ask(server.port)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(reply.body) <= BODY_BYTES
    assert reply.truncated or reply.status is None
    assert peak < 4_000_000


def drip(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def speak(peer: socket.socket) -> None:
        peer.recv(4096)
        peer.sendall(start)
        for _ in range(1000):
            peer.sendall(piece)
            time.sleep(0.02)

    return speak


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"", b"H"), (b"HTTP/1.1 200 OK\r\n", b"A"), (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x")],
    ids=["status", "headers", "body"],
)
def test_a_slow_drip_ends_with_the_deadline(start: bytes, piece: bytes) -> None:
    with serving(drip(start, piece)) as server:
        reply = ask(server.port)
    assert reply.duration_ms < 10_000  # of the 20 s that it would drip
    assert reply.truncated or reply.trouble is Trouble.SILENT


@pytest.mark.usefixtures("hurried")
def test_a_port_that_never_speaks_is_silent_and_one_that_speaks_first_is_no_http() -> None:
    with serving(lambda peer: time.sleep(1)) as server:
        assert ask(server.port).trouble is Trouble.SILENT
    with serving(lambda peer: peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n") or (peer.recv(4096) and None)) as server:
        assert ask(server.port).trouble is Trouble.NOT_HTTP
    with serving(lambda peer: None) as server:
        assert ask(server.port).trouble is Trouble.CLOSED


@pytest.mark.usefixtures("hurried")
def test_an_event_stream_is_hung_up_on_after_its_head() -> None:
    with serving(forever(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", b"data: x\n\n")) as server:
        reply = ask(server.port, "/mcp")
    assert (reply.status, reply.body) == (200, b"")


def test_control_characters_of_a_header_do_not_reach_a_second_line() -> None:
    with answering({"*": http(b"{}", more="Server: evil\x1b[2J\x0bserver: llama.cpp\r\n")}) as server:
        reply = ask(server.port)
    assert "\x1b" not in reply.head
    assert reply.head.count("\n") == 1


def certificate(folder: Path) -> Path:
    path = folder / "both.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=other.example"]
    subprocess.run([*argv, "-keyout", str(path), "-out", str(folder / "cert.pem")], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "cert.pem").read_text())
    return path


def test_a_certificate_of_another_name_is_no_obstacle_to_identification(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))

    def speak(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as inner:
            inner.recv(4096)
            inner.sendall(http(b"Ollama is running", kind="text/plain"))

    with serving(speak) as server:
        assert ask(server.port, tls=True).body == b"Ollama is running"


@pytest.mark.usefixtures("hurried")
def test_a_handshake_that_drips_or_breaks_ends() -> None:
    with serving(drip(b"\x16\x03\x03\x40\x00", b"\x02")) as server:
        reply = ask(server.port, tls=True)
        assert reply.duration_ms < 10_000  # of the 20 s that it would drip
        assert reply.trouble in (Trouble.TLS, Trouble.SILENT)
    with serving(lambda peer: peer.recv(4096) and peer.sendall(NOT_FOUND)) as server:
        assert ask(server.port, tls=True).trouble in (Trouble.TLS, Trouble.CLOSED)
