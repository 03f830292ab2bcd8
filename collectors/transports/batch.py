"""Sends one batch over a stream and brings the answers home; the only place that turns raw bytes into answers."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from collectors.base import COMMAND_NOT_FOUND, Answer, Command
from collectors.redact import redact
from collectors.transports.frames import ForgedFrameError, Frame, FrameReader, Hello
from collectors.transports.script import ROOT_SHELL, SHELL, BadCommandError, SessionLimits, build, check, first_of_root
from posture.errors import CollectError
from posture.model.observation import Blind


@dataclass(frozen=True, slots=True)
class Pumped:
    """What one turn of a stream moved."""

    sent: int
    stdout: bytes = b""
    stderr: bytes = b""
    ended: bool = False
    """True when nothing more will come."""


class Stream(Protocol):
    """A running shell that reads its script from standard input, wherever it runs."""

    def pump(self, outgoing: bytes, timeout_s: float) -> Pumped:
        """Send some of ``outgoing``, receive some of what came; wait at most ``timeout_s`` when neither is possible."""
        ...

    def close(self) -> None:
        """End it, whatever it is doing."""
        ...


class SessionBrokenError(CollectError):
    """The session ended early; what was answered until then still counts."""

    def __init__(self, reason: Blind, message: str, answers: Mapping[str, Answer], *, hint: str = "") -> None:
        super().__init__(reason, message, hint=hint)
        self.answers = dict(answers)


@dataclass(slots=True)
class Budget:
    """What is left of one session: time until ``deadline`` (monotonic seconds), bytes, patience."""

    limits: SessionLimits
    deadline: float
    stop: threading.Event
    received: int = 0
    stuck: int = 0
    one_root_shell: bool = True
    """Whether root's commands may share one shell, as long as sudo has not refused it."""

    @classmethod
    def start(cls, limits: SessionLimits, stop: threading.Event | None = None) -> Budget:
        """Return a full budget that runs from now."""
        return cls(limits, time.monotonic() + limits.session_s, stop or threading.Event())


OpenStream = Callable[[Sequence[str]], Stream]
"""Starts a shell from its arguments, ``SHELL`` or ``ROOT_SHELL``."""


def run_batch(open_stream: OpenStream, commands: Sequence[Command], budget: Budget) -> dict[str, Answer]:
    """Return the answer to every command that could be sent; one that hangs is given up and the rest is sent again.

    Commands that break the argument grammar, or repeat an id, are never sent and have no answer. What two topics ask
    alike is run once and answers both. What needs root comes last: in one shell of root's where the account may have
    one, else each command by a sudo of its own.

    Raises:
        SessionBrokenError: the host said too much, forged frames, hung or hung up; it carries the answers so far.
    """
    asked = _sendable(commands)
    try:
        return _shared(asked, _run(open_stream, distinct(asked), budget))
    except SessionBrokenError as broken:
        broken.answers = _shared(asked, broken.answers)
        raise


def distinct(commands: Iterable[Command]) -> list[Command]:
    """Return the commands without those that run the very same thing as one before them."""
    first: dict[tuple[object, ...], Command] = {}
    for command in commands:
        first.setdefault(_deed(command), command)
    return list(first.values())


def _deed(command: Command) -> tuple[object, ...]:
    return command.argv, command.sudo, command.timeout_s, command.max_bytes


def _shared(asked: Iterable[Command], answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """Return the answers, those to the same deed under every id it was asked by."""
    told = {_deed(answer.command): answer for answer in answers.values()}
    return {command.id: replace(told[deed], command=command) for command in asked if (deed := _deed(command)) in told}


def _run(open_stream: OpenStream, commands: list[Command], budget: Budget) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    waiting, as_root = sorted(commands, key=lambda command: command.sudo), False
    while waiting:
        visit = _Visit(waiting, budget, answers, as_root)
        stream = _opened(open_stream, ROOT_SHELL if as_root else SHELL, answers)
        try:
            visit.talk(stream)
        except _NoRootShellError:
            budget.one_root_shell = as_root = False
            continue
        finally:
            stream.close()
        waiting = visit.left
        as_root = as_root or visit.out.deferred
    return answers


class _NoRootShellError(Exception):
    """sudo gave no shell of root's after all."""


def _opened(open_stream: OpenStream, shell: Sequence[str], answers: Mapping[str, Answer]) -> Stream:
    try:
        return open_stream(shell)
    except CollectError as error:
        raise SessionBrokenError(error.reason, str(error), answers, hint=error.hint) from None


def _sendable(commands: Sequence[Command]) -> list[Command]:
    unique: dict[str, Command] = {}
    for command in commands:
        try:
            unique.setdefault(command.id, check(command))
        except BadCommandError:
            continue
    return list(unique.values())


@dataclass(slots=True)
class _Visit:
    """One run of the shell: from its first byte to its last frame, or to the command it hangs in."""

    commands: list[Command]
    budget: Budget
    answers: dict[str, Answer]
    as_root: bool
    left: list[Command] = field(default_factory=list)
    """What has to be sent again because a command before it hung, or because it is root's."""
    out: FrameReader = field(init=False)
    err: FrameReader = field(init=False)
    _frames: dict[int, Frame] = field(default_factory=dict)
    _errors: dict[int, Frame] = field(default_factory=dict)
    _begun_at: float = 0.0
    _noise: bytes = b""

    def talk(self, stream: Stream) -> None:
        limits = self.budget.limits
        nonce = secrets.token_hex(16)
        of_root = first_of_root(self.commands)
        defer = not self.as_root and self.budget.one_root_shell and len(self.commands) - of_root >= _WORTH_A_SHELL
        script = build(self.commands, nonce, defer=defer, as_root=self.as_root)
        caps = [command.max_bytes for command in self.commands]
        self.out = FrameReader(nonce, caps, with_status=True, defer=of_root if defer else None)
        self.err = FrameReader(nonce, [limits.stderr_bytes] * len(self.commands), with_status=False)
        self._begun_at = time.monotonic()
        while not self._finished(of_root):
            pumped = stream.pump(script, 0.25)
            script = script[pumped.sent :]
            self._read(pumped)
            if pumped.ended and not self._finished(of_root):
                raise self._hung_up()
            if self._out_of_patience():
                return
        if self.out.deferred:
            self.left = self.commands[of_root:]

    def _finished(self, of_root: int) -> bool:
        """Return whether both streams have said all that they will; one of them may be ahead of the other."""
        return self.out.finished and (self.err.finished or (self.out.deferred and self.err.answered == of_root))

    def _read(self, pumped: Pumped) -> None:
        self.budget.received += len(pumped.stdout) + len(pumped.stderr)
        before = self.out.opened
        try:
            self.out.feed(pumped.stdout)
            self.err.feed(pumped.stderr)
        except ForgedFrameError as forged:
            self._collect()
            for index in forged.spoiled:
                if index < len(self.commands):
                    self.answers.pop(self.commands[index].id, None)
            raise self._broken(Blind.UNPARSEABLE, f"forged frames: {forged}") from None
        if self.as_root and self.out.hello is not None and self.out.hello.account_id != 0:
            raise _NoRootShellError
        if self.out.hello is None and len(self._noise) < _NOISE_BYTES:
            self._noise += pumped.stderr[:_NOISE_BYTES] + pumped.stdout[:_NOISE_BYTES]
        if self.out.opened != before:
            self._begun_at = time.monotonic()
        self._collect()
        if self.budget.received > self.budget.limits.total_bytes:
            raise self._broken(Blind.TRUNCATED, f"the host sent more than {self.budget.limits.total_bytes} bytes")

    def _collect(self) -> None:
        """Make answers of the frames whose both halves are here."""
        for reader, halves in ((self.out, self._frames), (self.err, self._errors)):
            halves.update((frame.index, frame) for frame in reader.ready)
            reader.ready.clear()
        for index in sorted(self._frames.keys() & self._errors.keys()):
            answer = _answer(self.commands[index], self._frames.pop(index), self._errors.pop(index), self.out.hello)
            self.answers.setdefault(answer.command.id, answer)

    def _out_of_patience(self) -> bool:
        """Return whether the command that runs hangs and the rest must be sent anew."""
        now, limits = time.monotonic(), self.budget.limits
        if self.budget.stop.is_set():
            raise self._broken(Blind.NOT_ATTEMPTED, "the run was stopped")
        if now > self.budget.deadline:
            raise self._broken(Blind.TIMED_OUT, f"the session lasted longer than {limits.session_s:g} s")
        if self.out.hello is None and now > self._begun_at + limits.hello_s:
            raise self._broken(Blind.TIMED_OUT, f"no first frame within {limits.hello_s:g} s")
        index = self.out.opened
        if (flooded := self._flooded()) is not None:
            self._cut_off(flooded)
            return True
        if index is None:
            if self.out.hello is not None and now > self._begun_at + _SILENCE_S + limits.grace_s:
                raise self._broken(Blind.TIMED_OUT, "the host fell silent between two commands")
            return False
        command = self.commands[index]
        if now <= self._begun_at + command.timeout_s + limits.grace_s:
            return False
        self._give_up(index)
        return True

    def _flooded(self) -> int | None:
        """Return the command that says so much more than its cap that waiting for its end is no use."""
        for reader in (self.out, self.err):
            if reader.opened is not None and reader.excess > _FLOOD_BYTES:
                return reader.opened
        return None

    def _cut_off(self, index: int) -> None:
        """Keep what the command said up to its caps, and go on behind it; the channel's end ends the program."""
        command, waited_ms = self.commands[index], round((time.monotonic() - self._begun_at) * 1000)
        out = self._frames.pop(index, None) or Frame(index, self._said(self.out, index), True, None, waited_ms)
        err = self._errors.pop(index, None) or Frame(index, self._said(self.err, index), self.err.opened == index)
        self.answers[command.id] = _answer(command, out, err, self.out.hello)
        self.left = self.commands[index + 1 :]

    @staticmethod
    def _said(reader: FrameReader, index: int) -> bytes:
        return reader.partial() if reader.opened == index else b""

    def _give_up(self, index: int) -> None:
        command, waited = self.commands[index], time.monotonic() - self._begun_at
        frame = Frame(index, self.out.partial(), True, None, round(waited * 1000), "")
        error = self._errors.pop(index, Frame(index, self._said(self.err, index), True))
        self.answers[command.id] = _answer(command, frame, error, self.out.hello, hung=True)
        self.budget.stuck += 1
        self.left = self.commands[index + 1 :]
        if self.budget.stuck > self.budget.limits.stuck_commands:
            raise self._broken(Blind.TIMED_OUT, f"{self.budget.stuck} commands hung past their timeout")

    def _hung_up(self) -> SessionBrokenError | _NoRootShellError:
        if self.as_root and self.out.hello is None:
            return _NoRootShellError()
        said = redact(self._noise).content.decode("utf-8", "replace").strip().split("\n", 1)[0]
        printable = "".join(letter if letter.isprintable() else "?" for letter in said)[:200]
        if self.out.hello is None:
            return SessionBrokenError(
                Blind.COMMAND_REFUSED,
                f"the account's shell did not run /bin/sh: {printable}",
                self.answers,
                hint="the scanning account needs a login shell, and no ForceCommand",
            )
        return self._broken(Blind.UNREACHABLE, "the connection ended before the last answer")

    def _broken(self, reason: Blind, message: str) -> SessionBrokenError:
        return SessionBrokenError(reason, message, self.answers)


_WORTH_A_SHELL = 3  # commands: the question to sudo and a second shell cost about two sudos
_NOISE_BYTES = 2_000
_FLOOD_BYTES = 256_000  # beyond a command's cap; what is on its way when we hang up is thrown away too
_SILENCE_S = 30.0  # between an end and the next beginning the shell only forks; this is patience for a host under load


def _answer(command: Command, out: Frame, err: Frame, hello: Hello | None, *, hung: bool = False) -> Answer:
    """Return both halves as one redacted answer."""
    timed_out = hung or (out.exit_code in _KILLED and out.duration_ms >= command.timeout_s * 1000 - 20)
    stdout = redact(_whole(out.content, cut=out.cut or timed_out))
    stderr = redact(_whole(err.content, cut=err.cut))
    exit_code, said = _judge_sudo(out, stderr.content)
    return Answer(
        command=command,
        stdout=stdout.content,
        stderr=said,
        exit_code=None if timed_out else exit_code,
        duration_ms=out.duration_ms,
        # Half of what a command complained about is no better than half of what it found.
        truncated=(out.cut or err.cut) and not hung,
        timed_out=timed_out,
        redactions=stdout.count + stderr.count,
        ran_as_root=(hello is not None and hello.account_id == 0) or (out.how == "s" and exit_code is not None),
    )


_KILLED = (124, 137, 143)  # timeout(1): 124, 137 after -k; busybox: 143


def _whole(content: bytes, *, cut: bool) -> bytes:
    """Return the content without a last word that was cut in two: half a secret would not be recognised as one."""
    if not cut:
        return content
    at = max(content.rfind(b"\n"), -1)
    if at < 0:
        at = max(content.rfind(b" "), content.rfind(b"\t"), content.rfind(b"\0"))
    return content[: at + 1]


def _judge_sudo(out: Frame, stderr: bytes) -> tuple[int | None, bytes]:
    """Return exit code and standard error, with sudo's own voice told apart from the command's.

    A refusal by sudo ends with 1, which many commands use for "nothing found": taken for the command's own exit code it
    would read as a complete and empty answer. A command that never ran has no exit code.
    """
    if out.how == "x":
        return None, stderr + b"posture: not run: there is no sudo on the host (Permission denied)\n"
    if out.how != "s" or out.exit_code != 1 or out.content or not _SUDO_SPEAKS.search(stderr):
        return out.exit_code, stderr
    if _SUDO_MISSES.search(stderr):
        return COMMAND_NOT_FOUND, stderr
    return None, stderr.rstrip(b"\n") + b"\nposture: not run: sudo refused (Permission denied)\n"


_SUDO_SPEAKS = re.compile(
    rb"^(?:sudo(?:-rs)?: (?!unable to resolve host)|Sorry, user "
    rb"|\S{1,64} is not in the sudoers file|\S{1,64} may not run sudo)",
    re.MULTILINE,
)
_SUDO_MISSES = re.compile(rb"^sudo(?:-rs)?: [^\n]{1,300}: command not found", re.MULTILINE)
