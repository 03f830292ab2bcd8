"""What ``sshd -T`` prints, as values and lists by key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors.base import Answer, hole
from collectors.records import garbled, lines, settled
from posture.model.observation import Blind, Hole

_COMMAS = (
    "casignaturealgorithms",
    "ciphers",
    "hostbasedacceptedalgorithms",
    "hostbasedacceptedkeytypes",
    "hostkeyalgorithms",
    "kexalgorithms",
    "macs",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
)
_SPACES = (
    "authenticationmethods",
    "authorizedkeysfile",
    "authorizedprincipalsfile",
    "logverbose",
    "permitlisten",
    "permitopen",
    "persourcepenalties",
)
_LINES = (
    "acceptenv",
    "allowgroups",
    "allowusers",
    "denygroups",
    "denyusers",
    "hostkey",
    "listenaddress",
    "port",
    "setenv",
    "subsystem",
)
LISTS = {**dict.fromkeys(_COMMAS, ","), **dict.fromkeys(_SPACES, " "), **dict.fromkeys(_LINES, "\n")}
"""Keys that hold several values, with what stands between them."""

NUMBER_OR_WORD = ("persourcemaxstartups",)
"""Keys that say a number or ``none``: they stay text, so that a check can tell one from the other."""

_KEY = re.compile(r"[a-z][a-z0-9]{2,60}", re.ASCII)


@dataclass(slots=True)
class Found:
    """Holes collected on the way."""

    holes: list[Hole] = field(default_factory=list)

    def add(self, unseen: Hole | None) -> None:
        """Take in a hole, if there is one."""
        if unseen is not None:
            self.holes.append(unseen)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one kind of connection gets."""

    effective: dict[str, int | str]
    lists: dict[str, list[str]]


def dump(answer: Answer | None) -> Settings | Hole:
    """Return what the server printed, or why that is no whole configuration."""
    unseen = hole(answer)
    if unseen is not None:
        return _last_word(answer, unseen)
    values: dict[str, list[str]] = {}
    for line in lines(answer):
        key, _, value = line.strip().partition(" ")
        if not _KEY.fullmatch(key):
            return garbled("", "sshd -T: a line without a key")
        values.setdefault(key, []).append(value.strip())
    if not values.keys() >= {"port", "passwordauthentication", "permitrootlogin"}:
        return garbled("", "sshd -T: not a whole configuration")
    effective: dict[str, int | str] = {
        key: " ".join(told) if key in NUMBER_OR_WORD else settled(" ".join(told)) for key, told in values.items()
    }
    steps = str(effective.get("maxstartups", "")).split(":")
    if len(steps) == 3:
        effective |= {
            f"maxstartups_{name}": settled(step) for name, step in zip(("start", "rate", "full"), steps, strict=True)
        }
    return Settings(effective, {key: list(_split(told, LISTS[key])) for key, told in values.items() if key in LISTS})


def _last_word(answer: Answer | None, unseen: Hole) -> Hole:
    """Return the hole with the last line of standard error: sshd warns of many things before it says why it stops."""
    words = answer.stderr.decode("utf-8", "replace").split("\n") if answer is not None else []
    said = [word.strip() for word in words if word.strip()]
    return Hole("", unseen.reason, said[-1][:200]) if said and unseen.reason is Blind.UNPARSEABLE else unseen


def _split(told: list[str], separator: str) -> Iterator[str]:
    for value in told:
        yield from (part.strip() for part in value.split(separator) if part.strip())
