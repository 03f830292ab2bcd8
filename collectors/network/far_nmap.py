"""Looks from another host: its own nmap, run over a login by the transports there are; nothing is installed there.

with FarNmap("dmz-probe", lambda: open_door(host, reach)) as far:
    scan_exposure(…, run=far, raw=far.raw, blocked=far.blocked)
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from collectors.base import Answer, Command, Transport, hole
from collectors.network.nmap import Probe, Reply, far_command_line, reply_of
from collectors.transports.script import BadCommandError, check
from posture.errors import CollectError
from posture.model.observation import Blind, Hole

PROGRAMS = ("/usr/bin/nmap", "/usr/local/bin/nmap")
OUTPUT_BYTES = 64_000_000  # about 5 kB for a host with some open ports, and 4,096 hosts to a batch at most
COMMAND_S = 3600  # the longest a command may run

QUESTIONS = (
    Command("vantage.account", ("/usr/bin/id", "-u")),
    *(Command(f"vantage.{number}", (program, "--version")) for number, program in enumerate(PROGRAMS)),
)
"""What a vantage host is asked before its nmap is: as whom we are there, and which nmap there is."""


class FarNmap:
    """Runs probes on one vantage host, one after the other; a ``Runner`` of ``exposure_scan``."""

    def __init__(self, name: str, open_session: Callable[[], Transport]) -> None:
        self._name = name
        self._open = open_session
        self._lock = threading.Lock()
        self._session: Transport | None = None
        self._program = ""
        self.raw = False
        """Whether the account there is root, which half-open and UDP scans need; no right is ever asked for."""
        self.blocked: Hole | None = None
        """Why nothing can be seen from there; ``None`` when it can look."""

    def __enter__(self) -> FarNmap:
        """Log in and find nmap; ``blocked`` says when there is none."""
        try:
            answers = self._ask(QUESTIONS)
        except CollectError as error:
            self.blocked = Hole("", error.reason, f"vantage {self._name}: {error}")
            return self
        found = [program for number, program in enumerate(PROGRAMS) if hole(answers.get(f"vantage.{number}")) is None]
        if not found:
            places = " or ".join(PROGRAMS)
            self.blocked = Hole("", Blind.COMMAND_MISSING, f"vantage {self._name} has no nmap at {places}")
            return self
        account = answers.get("vantage.account")
        self.raw = hole(account) is None and account is not None and account.text.strip() == "0"
        self._program = found[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log out."""
        self._hang_up()

    def __call__(self, probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        """Return what the vantage's nmap says of the targets.

        Raises:
            ValueError: a target is not an IP address of the probe's family.
        """
        argv = far_command_line(probe, targets, self._program or PROGRAMS[0])
        if stop.is_set():
            return Reply((), (), 0, reason=Blind.NOT_ATTEMPTED, detail="stopped by the operator")
        limit_s = max(1, min(COMMAND_S, math.ceil(timeout_s)))
        command = Command("vantage.nmap", argv, timeout_s=limit_s, max_bytes=OUTPUT_BYTES)
        started = time.monotonic()
        try:
            # The batch leaves out what breaks the grammar; here it must say so.
            answer = self._ask((check(command),)).get(command.id)
        except BadCommandError as error:
            return Reply((), (), 0, reason=Blind.COMMAND_REFUSED, detail=f"vantage {self._name}: {error}")
        except CollectError as error:
            self._hang_up()
            spent_ms = int((time.monotonic() - started) * 1000)
            return Reply(argv, (), spent_ms, reason=error.reason, detail=f"vantage {self._name}: {error}")
        return self._reply(argv, answer)

    def _reply(self, argv: tuple[str, ...], answer: Answer | None) -> Reply:
        if answer is None:
            detail = f"vantage {self._name} said nothing of its nmap"
            return Reply(argv, (), 0, reason=Blind.NOT_ATTEMPTED, detail=detail)
        problem = hole(answer)
        telling = problem is not None and problem.reason is not Blind.UNPARSEABLE  # nmap's own complaint is read below
        return reply_of(
            argv,
            answer.stdout,
            answer.stderr.decode("utf-8", "replace"),
            answer.duration_ms,
            cause=problem.reason if problem and telling else None,
            why=f"vantage {self._name}: {problem.detail}" if problem else "",
        )

    def _ask(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        with self._lock:
            if self._session is None:
                self._session = self._open()
            return self._session.run(commands)

    def _hang_up(self) -> None:
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()
