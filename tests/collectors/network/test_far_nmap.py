"""An nmap on another host: what it is asked, and that whatever fails there is a reason and never a closed port."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from collectors.base import Answer, Command, Session
from collectors.network.far_nmap import PROGRAMS, FarNmap
from collectors.network.nmap import Phase, Probe
from collectors.transports.script import build
from posture.errors import CollectError
from posture.model.observation import Blind, Origin

PROBE = Probe(Phase.TCP, (22, 80))
XML = (
    b'<nmaprun scanner="nmap"><host><status state="up" reason="user-set"/><address addr="10.0.0.1" addrtype="ipv4"/>'
    b'<ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/></port></ports></host>'
    b'<runstats><finished exit="success"/></runstats></nmaprun>'
)


class Over:
    """A session with a host that has an nmap where it says, and answers as it is told."""

    def __init__(self, *programs: str, uid: str = "1000", **said: object) -> None:
        self.session = Session("probe", "posture", "scanner", Origin.LIVE, datetime.now(UTC))
        self.programs, self.uid, self.said = programs, uid, said
        self.sent: list[Command] = []
        self.closed = 0

    def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        build(commands, "0" * 32)  # as every transport does: what breaks the grammar is never sent
        self.sent += commands
        return {command.id: self._answer(command) for command in commands}

    def _answer(self, command: Command) -> Answer:
        if command.argv[0].endswith("id"):
            return Answer(command, f"{self.uid}\n".encode(), b"", 0, 1)
        if command.argv[0] not in self.programs:
            return Answer(command, b"", b"", 127, 1)
        if command.argv[-1] == "--version":
            return Answer(command, b"Nmap version 7.93", b"", 0, 1)
        given = {"stdout": XML, "stderr": b"", "exit_code": 0, "duration_ms": 5} | self.said
        return Answer(command, **given)  # type: ignore[arg-type]

    def close(self) -> None:
        self.closed += 1


def ask(over: Over, targets: tuple[str, ...] = ("10.0.0.1",), probe: Probe = PROBE, timeout_s: float = 60):  # type: ignore[no-untyped-def]
    with FarNmap("outpost", lambda: over) as far:
        return far(probe, targets, timeout_s=timeout_s, stop=threading.Event())


def test_the_targets_stand_on_the_line_since_no_file_is_written_there() -> None:
    over = Over("/usr/bin/nmap")
    reply = ask(over, ("10.0.0.1", "10.0.0.2"))
    assert [host.address for host in reply.hosts] == ["10.0.0.1"]
    assert reply.reason is None
    argv = over.sent[-1].argv
    assert argv[:3] == ("/usr/bin/nmap", "-oX", "-")
    assert argv[-2:] == ("10.0.0.1", "10.0.0.2")
    assert "-iL" not in argv


@pytest.mark.parametrize(("uid", "raw"), [("0", True), ("1000", False), ("", False)])
def test_raw_packets_are_for_root_only_and_no_right_is_asked_for(uid: str, raw: bool) -> None:
    over = Over(*PROGRAMS, uid=uid)
    with FarNmap("outpost", lambda: over) as far:
        assert far.raw is raw
    assert not any(command.sudo for command in over.sent)
    assert over.closed == 1


def test_a_second_place_is_looked_into() -> None:
    over = Over("/usr/local/bin/nmap")
    ask(over)
    assert over.sent[-1].argv[0] == "/usr/local/bin/nmap"


def test_no_nmap_blocks_the_vantage_and_says_so() -> None:
    with FarNmap("outpost", Over) as far:
        assert far.blocked is not None
        assert far.blocked.reason is Blind.COMMAND_MISSING
        assert "outpost has no nmap" in far.blocked.detail


def test_a_login_that_fails_blocks_the_vantage_with_its_reason() -> None:
    def refuse() -> Over:
        raise CollectError(Blind.HOST_KEY_MISMATCH, "another key")

    with FarNmap("outpost", refuse) as far:
        assert far.blocked is not None
        assert far.blocked.reason is Blind.HOST_KEY_MISMATCH


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"exit_code": None, "timed_out": True, "stdout": XML[:200]}, Blind.TIMED_OUT),
        ({"exit_code": None, "timed_out": True, "stdout": b""}, Blind.TIMED_OUT),
        ({"truncated": True}, Blind.TRUNCATED),
        ({"stdout": b"", "exit_code": 1}, Blind.TRUNCATED),
        ({"stdout": XML[:-40]}, Blind.TRUNCATED),
        ({"stdout": b"<html>" * 1000}, Blind.UNPARSEABLE),
    ],
)
def test_whatever_goes_wrong_over_there_is_a_reason(said: dict[str, object], reason: Blind) -> None:
    assert ask(Over("/usr/bin/nmap", **said)).reason is reason


def test_a_broken_connection_is_a_reason_and_the_next_probe_logs_in_again() -> None:
    opened: list[Over] = []

    class Breaks(Over):
        def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
            if commands[0].id == "vantage.nmap" and len(opened) == 1:
                raise CollectError(Blind.UNREACHABLE, "the connection ended")
            return super().run(commands)

    def open_it() -> Over:
        opened.append(Breaks("/usr/bin/nmap"))
        return opened[-1]

    with FarNmap("outpost", open_it) as far:
        first = far(PROBE, ("10.0.0.1",), timeout_s=9, stop=threading.Event())
        second = far(PROBE, ("10.0.0.1",), timeout_s=9, stop=threading.Event())
    assert (first.reason, second.reason) == (Blind.UNREACHABLE, None)
    assert [one.closed for one in opened] == [1, 1]


@pytest.mark.parametrize("target", ["10.0.0.1 -oN /etc/x", "$(id)", "example.com", "-iR", "010.0.0.1", ""])
def test_no_target_but_a_plain_address_is_ever_sent(target: str) -> None:
    over = Over("/usr/bin/nmap")
    with pytest.raises(ValueError, match=r"address|IPv4"):
        ask(over, (target,))
    assert all(command.id != "vantage.nmap" for command in over.sent)


@pytest.mark.parametrize(("asked_s", "given_s"), [(0.2, 1), (59.1, 60), (99_999, 3600)])
def test_a_command_ends_in_time(asked_s: float, given_s: int) -> None:
    over = Over("/usr/bin/nmap")
    ask(over, timeout_s=asked_s)
    assert over.sent[-1].timeout_s == given_s


def test_a_stopped_run_sends_nothing() -> None:
    over, stop = Over("/usr/bin/nmap"), threading.Event()
    stop.set()
    with FarNmap("outpost", lambda: over) as far:
        assert far(PROBE, ("10.0.0.1",), timeout_s=9, stop=stop).argv == ()
    assert all(command.id != "vantage.nmap" for command in over.sent)
