"""The `identity` topic: what the host calls itself; apart, so that hosts installed alike share their `os` document."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.base import Answers, Collector, Command, Facts, hole
from collectors.records import garbled, lines
from posture.model.observation import Hole


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """The name of the host in its own words; the inventory's id is what we go by."""

    hostname: str
    """Node name as uname(1) prints it."""


COMMANDS = (Command("identity.nodename", ("/usr/bin/uname", "-n"), max_bytes=4_000),)


def parse(answers: Answers) -> Facts | Hole:
    """Return the host's name, at most 255 characters."""
    answer = answers.get("identity.nodename")
    unseen = hole(answer)
    if unseen is not None:
        return unseen
    told = lines(answer)
    if len(told) != 1 or not told[0].strip().isprintable() or len(told[0]) > 255:
        return garbled("", "identity.nodename: not one printable name")
    return Facts(IdentityFacts(told[0].strip()))


COLLECTOR = Collector("identity", 1, COMMANDS, IdentityFacts, parse)
