"""Feeds over https, from a server of the test's own: asked once, capped, and never without TLS."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from posture.errors import FeedError
from posture.feeds.container import Limits
from posture.feeds.fetch import fetched
from posture.feeds.registry import feed

KEV, VEX = feed("kev"), feed("redhat-vex")


class Server(ThreadingHTTPServer):
    """Answers from a table; counts what it was asked."""

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.files: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str]] = []

    def url(self, path: str) -> str:
        return f"https://localhost:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("If-None-Match", "")))
        code, headers, body = self.server.files.get(self.path, (404, {}, b""))
        if headers.get("ETag") and headers["ETag"] == self.headers.get("If-None-Match"):
            code, body = 304, b""
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("tls")
    both = work / "both.pem"
    asked = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    told = ("-keyout", str(work / "key"), "-out", str(work / "cert"), "-days", "2", "-subj", "/CN=localhost")
    subprocess.run((*asked, *told, "-addext", "subjectAltName=DNS:localhost"), check=True, capture_output=True)
    both.write_text((work / "key").read_text() + (work / "cert").read_text())
    return both


@pytest.fixture
def server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Server(certificate) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_feed_is_fetched_with_its_tag_and_date_and_gone_afterwards(server: Server) -> None:
    headers = {"ETag": '"one"', "Last-Modified": "Thu, 26 Nov 2026 10:00:00 GMT"}
    server.files["/kev.json"] = (200, headers, b"{}")
    with fetched(KEV, server.url("/kev.json")) as got:
        assert got is not None
        assert (got.path.read_bytes(), got.path.name, got.etag) == (b"{}", "kev.json", '"one"')
        assert str(got.modified_at) == "2026-11-26 10:00:00+00:00"
        path = got.path
    assert not path.exists()


def test_a_feed_that_has_not_changed_is_not_sent_again(server: Server) -> None:
    server.files["/kev.json"] = (200, {"ETag": '"one"'}, b"{}")
    with fetched(KEV, server.url("/kev.json"), etag='"one"') as got:
        assert got is None
    assert server.asked == [("/kev.json", '"one"')]


def test_a_pointer_leads_to_the_file_beside_it(server: Server) -> None:
    server.files["/csaf/archive_latest.txt"] = (200, {}, b"csaf_vex_2026-11-26.tar.zst\n")
    server.files["/csaf/csaf_vex_2026-11-26.tar.zst"] = (200, {}, b"zst")
    with fetched(VEX, server.url("/csaf/archive_latest.txt")) as got:
        assert got is not None
        assert got.url == server.url("/csaf/csaf_vex_2026-11-26.tar.zst")


@pytest.mark.parametrize("name", [b"https://evil.example/x", b"../../etc/passwd", b"", b"a b", b"<html>"])
def test_a_pointer_to_another_place_is_refused(server: Server, name: bytes) -> None:
    server.files["/archive_latest.txt"] = (200, {}, name)
    with pytest.raises(FeedError, match="names no file beside it"), fetched(VEX, server.url("/archive_latest.txt")):
        pass


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, {}, b""), "answers 404"),
        ((200, {"Content-Length": "100"}, b"short"), "broke off|cannot be fetched"),
        ((302, {"Location": "http://localhost/kev.json"}, b""), "without https"),
        ((200, {}, b"x" * 2_000), "more than 0 MB"),
    ],
    ids=["missing", "cut", "redirect without TLS", "too long"],
)
def test_a_bad_answer_is_refused(server: Server, answer: tuple[int, dict[str, str], bytes], said: str) -> None:
    server.files["/kev.json"] = answer
    small = replace(KEV, limits=Limits(file_bytes=1_000))
    with pytest.raises(FeedError, match=said), fetched(small, server.url("/kev.json")):
        pass


def test_plain_http_and_a_stranger_s_certificate_are_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FeedError, match="no https URL"), fetched(KEV, "http://localhost/kev.json"):
        pass
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(FeedError, match="CERTIFICATE_VERIFY_FAILED"), fetched(KEV, server.url("/kev.json")):
        pass
