"""The `clock` topic: what time the host believes it is, and how long it has been up; never the same twice."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.base import Answers, Collector, Command, Facts, hole
from collectors.records import garbled, lines
from posture.model.observation import Hole


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """The host's own clock; its skew is this against the time at which the session began."""

    epoch_s: int | None
    """Seconds since 1970-01-01 UTC."""
    uptime_s: int | None
    """Whole seconds since boot."""


COMMANDS = (
    Command("clock.date", ("/usr/bin/date", "-u", "+%s"), max_bytes=4_000),
    Command("clock.uptime", ("/usr/bin/cat", "/proc/uptime"), max_bytes=4_000),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the time and the uptime.

    Source: date(1); proc(5), `/proc/uptime`.
    """
    seconds = {
        name: _seconds(answers, f"clock.{name}", path) for name, path in (("date", "epoch_s"), ("uptime", "uptime_s"))
    }
    holes = tuple(value for value in seconds.values() if isinstance(value, Hole))
    if len(holes) == len(seconds):
        return Hole("", holes[0].reason, holes[0].detail)
    date, uptime = (None if isinstance(value, Hole) else value for value in seconds.values())
    return Facts(ClockFacts(date, uptime), holes)


COLLECTOR = Collector("clock", 1, COMMANDS, ClockFacts, parse, volatile=True)

_SECONDS = re.compile(r"([0-9]{1,15})(?:\.[0-9]+)?(?:\s.*)?", re.ASCII)


def _seconds(answers: Answers, command: str, path: str) -> int | Hole:
    answer = answers.get(command)
    unseen = hole(answer, path)
    if unseen is not None:
        return unseen
    match = _SECONDS.fullmatch(" ".join(lines(answer)))
    return int(match[1]) if match else garbled(path, f"{command}: not a number of seconds")
