"""The hostile server is as hostile as it says, so that a client that survives it has survived something."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko
import pytest

from collectors.base import Command
from collectors.transports.frames import ForgedFrameError, FrameReader
from collectors.transports.script import build
from tests.lab.hostile import MARKS, HostileServer, Personality, Stderr, calls, framed, fresh_key

TALKATIVE = [
    Personality.ENDLESS_OUTPUT,
    Personality.HUGE_LINE,
    Personality.BINARY_NOISE,
    Personality.FORGED_FRAMES,
    Personality.MARKUP,
    Personality.DROP_MID_OUTPUT,
]


@contextmanager
def session(server: HostileServer) -> Iterator[paramiko.Channel]:
    transport = paramiko.Transport(socket.create_connection((server.address, server.port), timeout=60))
    try:
        transport.start_client(timeout=60)
        transport.auth_publickey("posture", fresh_key())
        yield transport.open_session(timeout=60)
    finally:
        transport.close()


def run(server: HostileServer, script: bytes, limit: int = 300_000) -> bytes:
    with session(server) as channel:
        channel.settimeout(60)
        channel.exec_command("sh")
        channel.sendall(script)
        channel.shutdown_write()
        received = b""
        while len(received) < limit and (chunk := channel.recv(65536)):
            received += chunk
        return received


@pytest.mark.parametrize("personality", TALKATIVE, ids=str)
def test_it_lets_everybody_in_and_talks(personality: Personality) -> None:
    with HostileServer(personality) as server:
        assert run(server, b"echo frame-0123456789abcdef\n")
        assert server.connections == 1
        assert server.logins[0][0] == "posture"
        assert server.scripts[0].startswith(b"sh\necho frame-0123456789abcdef")


def test_endless_output_does_not_end() -> None:
    with HostileServer(Personality.ENDLESS_OUTPUT) as server:
        assert len(run(server, b"true\n", limit=3_000_000)) >= 3_000_000


def test_a_huge_line_has_no_line_break() -> None:
    with HostileServer(Personality.HUGE_LINE) as server:
        assert b"\n" not in run(server, b"true\n", limit=2_000_000)


def test_forged_frames_hold_every_marker_of_the_script() -> None:
    with HostileServer(Personality.FORGED_FRAMES) as server:
        reply = run(server, b"printf '%s' @@0123456789abcdef0123456789abcdef\n")
    assert reply.count(b"0123456789abcdef0123456789abcdef") > 5


BATCH = b"N=0123456789abcdef0123456789abcdef U=\nq 0 20 s /usr/sbin/sshd -T\nq 1 20 u /usr/bin/uname -n\n"


def test_it_understands_a_batch_script() -> None:
    assert calls(b"sh\n" + BATCH) == [(0, ["/usr/sbin/sshd", "-T"]), (1, ["/usr/bin/uname", "-n"])]


def test_it_reads_the_scripts_of_our_own_collectors() -> None:
    commands = [
        Command("os.release", ("/usr/bin/cat", "/etc/os-release")),
        Command("sshd.effective", ("/usr/sbin/sshd", "-T"), sudo=True),
    ]
    script = build(commands, "0123456789abcdef0123456789abcdef")
    assert calls(script) == [(number, list(command.argv)) for number, command in enumerate(commands)]
    reply = list(framed(script, lambda argv: argv[0].encode()))
    reader = FrameReader("0123456789abcdef0123456789abcdef", [4000, 4000], with_status=True)
    reader.feed(b"".join(chunk for chunk in reply if not isinstance(chunk, Stderr)))
    assert reader.finished
    assert [frame.content for frame in reader.ready] == [b"/usr/bin/cat", b"/usr/sbin/sshd"]


def test_forged_frames_are_really_forged() -> None:
    script = build([Command("sshd.effective", ("/usr/sbin/sshd", "-T"))], "0123456789abcdef0123456789abcdef")
    reader = FrameReader("0123456789abcdef0123456789abcdef", [4000], with_status=True)
    with HostileServer(Personality.FORGED_FRAMES) as server, pytest.raises(ForgedFrameError):
        reader.feed(run(server, script))


def test_what_to_forge_is_the_tests_choice() -> None:
    with HostileServer(Personality.FORGED_FRAMES, forge=lambda script: iter([script.upper()])) as server:
        assert run(server, b"nonce\n") == b"SH\nNONCE\n"


def test_markup_holds_every_mark() -> None:
    with HostileServer(Personality.MARKUP) as server:
        reply = run(server, BATCH)
    assert all(mark in reply for mark in MARKS)


def test_a_drop_comes_after_the_first_bytes() -> None:
    with HostileServer(Personality.DROP_MID_OUTPUT) as server:
        assert run(server, b"true\n").endswith(b"half a li")


def test_keys_change_between_connections() -> None:
    with HostileServer(Personality.CHANGING_KEYS) as server:
        keys = []
        for _ in range(3):
            transport = paramiko.Transport(socket.create_connection((server.address, server.port), timeout=60))
            transport.start_client(timeout=60)
            keys.append(
                f"{transport.get_remote_server_key().get_name()} {transport.get_remote_server_key().get_base64()}"
            )
            transport.close()
        assert keys[0] == server.host_key
        assert len(set(keys)) == 3


@pytest.mark.parametrize("personality", [Personality.ENDLESS_BANNER, Personality.ENDLESS_BANNER_LINE], ids=str)
def test_the_banner_never_gets_to_the_point(personality: Personality) -> None:
    with (
        HostileServer(personality) as server,
        socket.create_connection((server.address, server.port), timeout=60) as client,
    ):
        received = b""
        while len(received) < 500_000:
            received += client.recv(65536)
        assert b"SSH-2.0" not in received


@pytest.mark.parametrize("personality", [Personality.HANG_AFTER_AUTH, Personality.HANG_AFTER_OUTPUT], ids=str)
def test_a_hang_gives_no_end_of_file(personality: Personality) -> None:
    with HostileServer(personality) as server, session(server) as channel:
        channel.settimeout(1)
        channel.exec_command("sh")
        channel.shutdown_write()
        with pytest.raises(TimeoutError):
            while channel.recv(65536):
                pass


def test_a_silent_host_accepts_and_says_nothing() -> None:
    with (
        HostileServer(Personality.SILENT) as server,
        socket.create_connection((server.address, server.port), timeout=60) as client,
    ):
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_refusals_are_counted() -> None:
    with HostileServer(Personality.REFUSES_LOGIN) as server:
        with pytest.raises(paramiko.AuthenticationException), session(server):
            pass
        assert [user for user, _ in server.logins] == ["posture"]


@pytest.mark.parametrize("personality", list(Personality), ids=str)
def test_every_personality_can_be_stopped(personality: Personality) -> None:
    with HostileServer(personality) as server:
        client = socket.create_connection((server.address, server.port), timeout=60)
    client.close()
    assert not [one.name for one in threading.enumerate() if one.name == f"hostile-{personality}"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.address, server.port), timeout=1)
