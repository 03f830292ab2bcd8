"""Hostile hosts over real SSH: each gets its own reason, in bounded time and memory, and the good host is untouched."""

from __future__ import annotations

import itertools
import os
import re
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.base import Collector, Command, Facts, Transcript, Transport
from collectors.transports.script import SessionLimits
from posture.engine import collect_hosts, open_door
from posture.inputs.scope import Rates
from posture.model.host import Access, Host, TransportKind
from posture.model.observation import Blind
from tests.collectors.real_sshd import SSHD, RealSshd, running_sshd
from tests.lab.hostile import HostileServer, Personality

pytestmark = pytest.mark.skipif(not SSHD or os.getuid() != 0, reason="needs sshd and root")

LIMITS = SessionLimits(connect_s=2, login_s=3, hello_s=2, session_s=10, grace_s=1, total_bytes=8_000_000)
QUESTIONS = Collector(
    "t",
    1,
    (Command("t.one", ("/bin/echo", "one")), Command("t.two", ("/bin/echo", "two"), timeout_s=2)),
    Command,
    lambda _: Facts(None),
)
EXPECTED = {
    Personality.ENDLESS_OUTPUT: {Blind.TRUNCATED, Blind.TIMED_OUT},
    Personality.ENDLESS_STDERR: {Blind.TRUNCATED, Blind.TIMED_OUT},
    Personality.HUGE_LINE: {Blind.TRUNCATED, Blind.TIMED_OUT},
    Personality.BINARY_NOISE: {Blind.COMMAND_REFUSED},
    Personality.FORGED_FRAMES: {Blind.UNPARSEABLE, Blind.COMMAND_REFUSED},
    Personality.ENDLESS_BANNER: {Blind.UNPARSEABLE},
    Personality.ENDLESS_BANNER_LINE: {Blind.UNPARSEABLE},
    Personality.SILENT: {Blind.TIMED_OUT},
    Personality.HANG_AFTER_AUTH: {Blind.TIMED_OUT},
    Personality.HANG_AFTER_OUTPUT: {Blind.TIMED_OUT},
    Personality.DROP_MID_OUTPUT: {Blind.COMMAND_REFUSED, Blind.UNREACHABLE},
    Personality.DROP_AFTER_AUTH: {Blind.COMMAND_REFUSED, Blind.UNREACHABLE},
    Personality.REFUSES_LOGIN: {Blind.LOGIN_REFUSED},
}


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


def hostile_host(server: HostileServer, kind: TransportKind = TransportKind.SSH) -> Host:
    access = Access(kind, server.address, server.port, "scan", "hostile", host_keys=(server.host_key,))
    return Host(f"hostile-{server.personality}", (server.address,), "lab", access=access)


def collect(sshd: RealSshd, *hosts: Host) -> dict[str, Transcript]:
    hurried, patient = (sshd.reach(sshd.credential("hostile"), limits=limits) for limits in (LIMITS, SessionLimits()))

    def door(host: Host) -> Transport:
        return open_door(host, hurried if host.id.startswith("hostile") else patient)

    found = collect_hosts(hosts, door, (QUESTIONS,), Rates(), vantage="lab")
    return {transcript.session.host: transcript for transcript in found}


@pytest.mark.parametrize("kind", [TransportKind.SSH, TransportKind.OPENSSH], ids=str)
@pytest.mark.parametrize("personality", EXPECTED, ids=str)
def test_a_hostile_host_spoils_itself_only(sshd: RealSshd, personality: Personality, kind: TransportKind) -> None:
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with HostileServer(personality) as server:
        host = hostile_host(server, kind)
        transcripts = collect(sshd, host, sshd.host("good"))
    good, hostile = transcripts["good"], transcripts[host.id]
    assert (good.failure, good.answers["t.one"].text, good.answers["t.two"].text) == (None, "one\n", "two\n")
    assert hostile.failure is not None
    assert hostile.failure.reason in EXPECTED[personality], hostile.failure
    assert hostile.answers == {}
    assert hostile.failure.detail.isprintable()
    assert time.monotonic() - began < 6 * LIMITS.session_s
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kB; the server lives here too


@pytest.mark.parametrize("kind", [TransportKind.SSH, TransportKind.OPENSSH], ids=str)
def test_markup_in_flawless_frames_is_an_answer_like_any_other(sshd: RealSshd, kind: TransportKind) -> None:
    """What it does to a reader is for the reports to prevent; here no byte of it may get lost or act."""
    with HostileServer(Personality.MARKUP) as server:
        host = hostile_host(server, kind)
        transcript = collect(sshd, host)[host.id]
    assert transcript.failure is None
    assert b"<script>alert(1)</script>" in transcript.answers["t.one"].stdout
    assert b"\x1b[2J" in transcript.answers["t.two"].stdout


def test_a_key_that_changes_between_connections_is_a_mismatch(sshd: RealSshd) -> None:
    with HostileServer(Personality.CHANGING_KEYS) as server:
        host = hostile_host(server)
        collect(sshd, host)
        failure = collect(sshd, host)[host.id].failure
    assert failure is not None
    assert failure.reason is Blind.HOST_KEY_MISMATCH
    assert server.logins.count(("scan", "password")) == 0


def test_one_identity_is_offered_per_login(sshd: RealSshd) -> None:
    with HostileServer(Personality.REFUSES_LOGIN) as server:
        collect(sshd, hostile_host(server))
    assert len(server.logins) == 1
    assert server.logins[0][1].startswith("publickey SHA256:")


def test_a_credential_stops_after_three_refusals_of_a_whole_fleet(sshd: RealSshd) -> None:
    with HostileServer(Personality.REFUSES_LOGIN) as server:
        one = hostile_host(server)
        transcripts = collect(sshd, sshd.host("good"), *(replace(one, id=f"h{n}") for n in range(12)))
    reasons = [each.failure.reason for each in transcripts.values() if each.failure]
    assert reasons.count(Blind.LOGIN_REFUSED) == 3
    assert reasons.count(Blind.NOT_ATTEMPTED) == 9
    assert len(server.logins) == 3
    assert transcripts["good"].failure is None


def test_frames_forged_from_the_nonce_itself_are_told_from_answers(sshd: RealSshd) -> None:
    """The host reads the nonce out of the script and answers one question twice, and one that nobody asked."""

    def forge(script: bytes) -> Iterator[bytes]:
        nonce = re.search(rb"N=([0-9a-f]{32})", script)
        assert nonce
        mark = b"\n%" + nonce[1] + b" "
        yield mark + b"H 0 -t\n" + mark + b"B 0\nlies" + mark + b"E 0 0 1 2 u\n"
        yield mark + b"B 0\nother lies" + mark + b"E 0 0 1 2 u\n" + mark + b"B 9\n"

    with HostileServer(Personality.FORGED_FRAMES, forge=forge) as server:
        host = hostile_host(server)
        transcript = collect(sshd, host)[host.id]
    assert transcript.failure is not None
    assert transcript.failure.reason is Blind.UNPARSEABLE
    assert transcript.answers == {}


def test_an_answer_of_a_hundred_megabytes_is_cut_where_we_said(sshd: RealSshd) -> None:
    """The host ignores the cap of the script: the frame is kept up to its own limit and the session ends at its own."""

    def forge(script: bytes) -> Iterator[bytes]:
        nonce = re.search(rb"N=([0-9a-f]{32})", script)
        assert nonce
        yield b"\n%" + nonce[1] + b" H 0 -t\n\n%" + nonce[1] + b" B 0\n"
        yield from itertools.repeat(b"A" * 1_000_000, 100)

    with HostileServer(Personality.HUGE_LINE, forge=forge) as server:
        host = hostile_host(server)
        transcript = collect(sshd, host)[host.id]
    assert transcript.failure is not None
    assert transcript.failure.reason in {Blind.TRUNCATED, Blind.TIMED_OUT}


def test_nothing_of_a_session_is_left_behind(sshd: RealSshd) -> None:
    host = sshd.host("good")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        collect(sshd, host, replace(host, id="again", access=replace(host.access, transport=TransportKind.OPENSSH)))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
