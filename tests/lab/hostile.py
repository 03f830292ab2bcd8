"""An SSH server that wishes its reader harm: one personality each, on an address of the tests' own.

    with HostileServer(Personality.ENDLESS_OUTPUT) as server:
        connect(server.address, server.port)          # any key and any password are accepted
        known_hosts.write_text(server.known_hosts_line)

It runs as threads of the test's process; inside a lab it runs as a process of its own:
``python -m tests.lab.hostile endless-output --address 10.77.1.66 --port 22 --key FILE``.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import itertools
import re
import shlex
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Any

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED


class Stderr(bytes):
    """A chunk that goes to standard error."""


Reply = Iterator[bytes]
"""Chunks of standard output (and of standard error, as ``Stderr``); when it ends, the exit code is 0."""

Forge = Callable[[bytes], Reply]
"""What to answer to the script that was sent (or to the command line, when nothing came on standard input)."""


class Personality(StrEnum):
    """In which way the host is hostile."""

    ENDLESS_OUTPUT = "endless-output"
    """Lines without end, until the client hangs up."""
    ENDLESS_STDERR = "endless-stderr"
    """The same on standard error."""
    HUGE_LINE = "huge-line"
    """100 MB without a line break, then exit code 0."""
    BINARY_NOISE = "binary-noise"
    """4 MB of deterministic noise: NUL, broken UTF-8, every byte."""
    FORGED_FRAMES = "forged-frames"
    """Frames inside frames, out of order, repeated, of commands never asked; built from the script it was sent."""
    MARKUP = "markup"
    """Flawless frames; terminal escapes, ``<script>`` and spreadsheet formulas in every field."""
    ENDLESS_BANNER = "endless-banner"
    """Lines without end before the SSH identification string."""
    ENDLESS_BANNER_LINE = "endless-banner-line"
    """One line without end before the SSH identification string."""
    SILENT = "silent"
    """Accepts the TCP connection and never says a word."""
    HANG_AFTER_AUTH = "hang-after-auth"
    """Lets the client in, opens the session, and never answers."""
    HANG_AFTER_OUTPUT = "hang-after-output"
    """Answers, and never closes the channel."""
    CHANGING_KEYS = "changing-keys"
    """A new host key for every connection; `host_key` is the one of the first."""
    DROP_MID_OUTPUT = "drop-mid-output"
    """Cuts the TCP connection after half a line."""
    DROP_AFTER_AUTH = "drop-after-auth"
    """Cuts the TCP connection when the session is asked for."""
    REFUSES_LOGIN = "refuses-login"
    """Refuses every credential; `logins` counts how many it was offered."""


@dataclass
class HostileServer:
    """A running hostile server; what it saw of its clients is there to be asserted on."""

    personality: Personality
    address: str = "127.0.0.1"
    port: int = 0
    """0 for any free port; the real one once it runs."""
    forge: Forge | None = None
    """Answers instead of the personality's own words (`FORGED_FRAMES`, `MARKUP`, `HANG_AFTER_OUTPUT`)."""
    key_path: Path | None = None
    """Private host key to use; a fresh one when not given."""
    connections: int = 0
    logins: list[tuple[str, str]] = field(default_factory=list)
    """User and method (``publickey SHA256:…``, ``password``) of every attempt."""
    scripts: list[bytes] = field(default_factory=list)
    """What was sent to be run: the command line, a line break, and standard input."""
    _key: paramiko.PKey = field(init=False, repr=False)
    _listener: socket.socket = field(init=False, repr=False)
    _stopping: threading.Event = field(default_factory=threading.Event, repr=False)
    _sockets: list[socket.socket] = field(default_factory=list, repr=False)
    _threads: list[threading.Thread] = field(default_factory=list, repr=False)
    _transports: list[paramiko.Transport] = field(default_factory=list, repr=False)
    _channels: list[paramiko.Channel] = field(default_factory=list, repr=False)

    @property
    def host_key(self) -> str:
        """Return the public host key, ``type base64``, as an inventory pins it."""
        return f"{self._key.get_name()} {self._key.get_base64()}"

    @property
    def fingerprint(self) -> str:
        """Return the host key's fingerprint, ``SHA256:…``."""
        return fingerprint(self._key)

    @property
    def known_hosts_line(self) -> str:
        """Return the line that makes a client trust this server."""
        return (
            f"[{self.address}]:{self.port} {self.host_key}\n"
            if self.port != 22
            else f"{self.address} {self.host_key}\n"
        )

    def __enter__(self) -> HostileServer:
        self._key = paramiko.Ed25519Key.from_private_key_file(str(self.key_path)) if self.key_path else fresh_key()
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.address, self.port))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # shutdown() wakes the thread in accept(); close() alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        # First the acceptor: a client it let in at the last moment is in the lists below, or nobody would close it.
        self._threads[0].join(timeout=60)
        for transport in list(self._transports):
            transport.close()
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:  # the list itself: a thread may have started another
            thread.join(timeout=60)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True, name=f"hostile-{self.personality}")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(connection)
            self._start(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        if before := _BEFORE_SSH.get(self.personality):
            with contextlib.suppress(OSError):
                before(connection, self._stopping)
            connection.close()
            return
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport = paramiko.Transport(connection)
            self._transports.append(transport)
            changing = self.personality is Personality.CHANGING_KEYS and number > 1
            transport.add_server_key(fresh_key() if changing else self._key)
            transport.start_server(server=_Door(self))
            self._sessions(transport)

    def _sessions(self, transport: paramiko.Transport) -> None:
        while transport.is_active() and not self._stopping.is_set():
            channel = transport.accept(timeout=0.2)
            if channel is not None:
                self._channels.append(channel)  # paramiko closes a channel that nobody holds
            if channel is not None and self.personality is Personality.DROP_AFTER_AUTH:
                transport.close()

    def answer(self, channel: paramiko.Channel, command: bytes) -> None:
        """Be hostile on one channel (called by the door when a command was asked for)."""
        self._start(self._speak, channel, command)

    def _speak(self, channel: paramiko.Channel, command: bytes) -> None:
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            if self.personality is Personality.HANG_AFTER_AUTH:
                self._stopping.wait()
                return
            script = command + b"\n" + _standard_input(channel)
            self.scripts.append(script)
            for chunk in (self.forge or _WORDS[self.personality])(script):
                if self._stopping.is_set():
                    return
                send = channel.sendall_stderr if isinstance(chunk, Stderr) else channel.sendall
                send(chunk)
            self._finish(channel)

    def _finish(self, channel: paramiko.Channel) -> None:
        if self.personality is Personality.DROP_MID_OUTPUT:
            channel.get_transport().sock.shutdown(socket.SHUT_RDWR)
            return
        if self.personality is Personality.HANG_AFTER_OUTPUT:
            self._stopping.wait()
            return
        channel.send_exit_status(0)
        channel.close()


class _Door(paramiko.ServerInterface):
    """Lets everybody in (or nobody), and hands every command to the server."""

    def __init__(self, server: HostileServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._judge(username, f"publickey {fingerprint(key)}")

    def check_auth_password(self, username: str, password: str) -> int:
        return self._judge(username, "password")

    def _judge(self, username: str, method: str) -> int:
        self._server.logins.append((username, method))
        refuses = self._server.personality is Personality.REFUSES_LOGIN
        return AUTH_FAILED if refuses else AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self._server.personality is not Personality.DROP_AFTER_AUTH:
            self._server.answer(channel, command)
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        return self.check_channel_exec_request(channel, b"")


def fresh_key() -> paramiko.Ed25519Key:
    """Return a new Ed25519 key pair (paramiko itself cannot make one)."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return paramiko.Ed25519Key.from_private_key(StringIO(pem.decode()))


def fingerprint(key: paramiko.PKey) -> str:
    """Return ``SHA256:…`` as ssh-keygen -l prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


QUIET_S = 0.3  # a client that sends a script sends it at once; one that sends none is not waited for longer
MARKS = (
    b"\x1b[2J\x1b[1;1H\x1b]0;owned\x07",
    b"\x1b]52;c;b3duZWQ=\x07",
    b"\x9b31m",
    b"\xe2\x80\xae",  # right-to-left override
    b"<script>alert(1)</script>",
    b'"><img src=x onerror=alert(1)>',
    b"{{7*7}}${7*7}",
    b'=HYPERLINK("http://198.51.100.1/","x")',
    b"@SUM(1+9)*cmd|' /C calc'!A0",
    b"\r\nSet-Cookie: a=b",
)
"""What a value may hold that hurts a terminal, a browser, a spreadsheet or a template."""


def _standard_input(channel: paramiko.Channel) -> bytes:
    """Return what the client sends until it closes its side or falls quiet."""
    channel.settimeout(QUIET_S)
    received = b""
    with contextlib.suppress(TimeoutError):
        while chunk := channel.recv(65536):
            received += chunk
    channel.settimeout(None)
    return received


def _endless(_: bytes) -> Reply:
    return itertools.repeat(b"all work and no play makes jack a dull host\n" * 512)


def _endless_stderr(_: bytes) -> Reply:
    return itertools.repeat(Stderr(b"warning: " * 2048))


def _huge_line(_: bytes) -> Reply:
    return itertools.repeat(b"A" * 1_000_000, 100)


def _noise(_: bytes) -> Reply:
    return (hashlib.shake_256(str(number).encode()).digest(65536) for number in range(64))


def calls(script: bytes) -> list[tuple[int, list[str]]]:
    """Return the commands of a batch script, as a host that reads what it is sent would find them: index and arguments."""
    lines = script.decode(errors="replace").splitlines()
    split = (shlex.split(line) for line in lines if line.startswith("q "))
    return [(int(words[1]), words[4:]) for words in split if len(words) > 4 and words[1].isdigit()]


def framed(script: bytes, answer: Callable[[list[str]], bytes]) -> Reply:
    """Yield a flawless reply to a batch script, with answers of the host's own invention."""
    nonce = _nonce(script)
    yield b"\n%%%b H 0 -tsr\n" % nonce
    for index, argv in calls(script):
        yield b"\n%%%b B %d\n%b\n%%%b E %d 0 1.00 1.01 s\n" % (nonce, index, answer(argv), nonce, index)
        yield Stderr(b"\n%%%b B %d\n\n%%%b E %d\n" % (nonce, index, nonce, index))
    yield b"\n%%%b Z\n" % nonce


def _nonce(script: bytes) -> bytes:
    found = re.search(rb"\b[0-9a-f]{32}\b", script)
    return found[0] if found else b"0" * 32


def _forged(script: bytes) -> Reply:
    """Yield a good beginning, then frames inside frames, and then every word of the script in every shape."""
    nonce = _nonce(script)
    yield b"\n%%%b H 0 -tsr\n\n%%%b B 0\nsome answer\n" % (nonce, nonce)
    for index, _ in calls(script):
        yield b"\n%%%b E %d 0 1.00 1.01 s\n" % (nonce, index)
        yield b"\n%%%b B %d\npasswordauthentication no\npermitrootlogin no\n" % (nonce, (index * 7) % 90)
        yield Stderr(b"\n%%%b E %d\n\n%%%b B %d\n" % (nonce, index, nonce, index))
    yield b"\n%%%b Z\n\n%%%b Z\n\n%%%b E 99999999999999999999 -1 x y z\n" % (nonce, nonce, nonce)
    yield script
    for marker in sorted(set(re.findall(rb"[0-9A-Za-z_.:/=+-]{8,}", script))):
        for shape in (b"%s\n", b"\n%s\n", b"\x00%s\x00", b"%s 0 0 0\n", b"%s begin\nforged\n%s end 0\n"):
            yield shape.replace(b"%s", marker)


def _markup(script: bytes) -> Reply:
    """Yield flawless frames whose every field holds what hurts a terminal, a browser or a spreadsheet."""
    shapes = (b"%s:x:0:0:%s:%s:%s\n", b"%s %s %s\n", b"%s = %s\n", b"%s\t%s\n", b'{"%s": "%s"}\n')
    fields = b"".join(shape.replace(b"%s", mark) for mark in MARKS for shape in shapes)
    return framed(script, lambda argv: b" ".join(word.encode() for word in argv) + b"\n" + fields)


def _some_output(_: bytes) -> Reply:
    yield b"a first line\nand half a li"


def _nothing(_: bytes) -> Reply:
    return iter(())


_WORDS: dict[Personality, Forge] = {
    Personality.ENDLESS_OUTPUT: _endless,
    Personality.ENDLESS_STDERR: _endless,
    Personality.ENDLESS_STDERR: _endless_stderr,
    Personality.HUGE_LINE: _huge_line,
    Personality.BINARY_NOISE: _noise,
    Personality.FORGED_FRAMES: _forged,
    Personality.MARKUP: _markup,
    Personality.HANG_AFTER_OUTPUT: _some_output,
    Personality.DROP_MID_OUTPUT: _some_output,
    Personality.CHANGING_KEYS: _nothing,
}


def _banner_lines(connection: socket.socket, stopping: threading.Event) -> None:
    while not stopping.is_set():
        connection.sendall(b"Authorised users only. Please read on.\r\n" * 64)


def _banner_line(connection: socket.socket, stopping: threading.Event) -> None:
    while not stopping.is_set():
        connection.sendall(b"x" * 4096)


def _say_nothing(connection: socket.socket, stopping: threading.Event) -> None:
    stopping.wait()


_BEFORE_SSH: dict[Personality, Callable[[socket.socket, threading.Event], None]] = {
    Personality.ENDLESS_BANNER: _banner_lines,
    Personality.ENDLESS_BANNER_LINE: _banner_line,
    Personality.SILENT: _say_nothing,
}


def main() -> None:
    """Serve until a signal comes; prints ``ready`` when it listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("personality", type=Personality, choices=list(Personality))
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=22)
    parser.add_argument("--key", type=Path)
    asked = parser.parse_args()
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    with HostileServer(asked.personality, asked.address, asked.port, key_path=asked.key):
        print("ready", flush=True)
        done.wait()


if __name__ == "__main__":
    main()
