"""What modprobe.d says of kernel modules that servers rarely need."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from collectors.records import FoundFile


@dataclass(frozen=True, slots=True)
class ModuleRule:
    """What the configuration and the kernel say of one module that is rarely needed."""

    name: str
    """As the module files spell it, with underscores: ``usb_storage``, ``firewire_core``."""
    loaded: bool
    blacklisted: bool
    """`blacklist` only stops loading by alias; see ``blocked``."""
    install: str | None
    """The command of its first `install` line in modprobe.d; absent when there is none."""
    blocked: bool
    """True when its `install` line runs a program that does nothing, so that modprobe(8) cannot load it."""


RARE_MODULES = (
    "atm",
    "can",
    "cramfs",
    "dccp",
    "firewire_core",
    "freevxfs",
    "hfs",
    "hfsplus",
    "jffs2",
    "rds",
    "sctp",
    "squashfs",
    "tipc",
    "udf",
    "usb_storage",
)
"""Protocols, buses and file systems that servers seldom need and old flaws live in."""

MODPROBE_DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
)
"""Highest precedence first."""


def rules_of(files: Iterable[FoundFile], loaded: Collection[str]) -> list[ModuleRule]:
    """Return a rule for each of ``RARE_MODULES``.

    Source: modprobe.d(5); libkmod takes the first `install` line whose pattern matches.
    """
    blacklist: set[str] = set()
    install: list[tuple[str, str]] = []
    for words in _lines(files):
        name = words[1].replace("-", "_") if len(words) > 1 else ""
        if words[0] == "blacklist":
            blacklist.add(name)
        elif words[0] == "install" and len(words) > 2:
            install.append((name, " ".join(words[2:])))
    return [_rule(name, install, blacklist, loaded) for name in RARE_MODULES]


_NOTHING = frozenset(f"{folder}/{name}" for folder in ("/bin", "/usr/bin") for name in ("true", "false"))


def _rule(name: str, install: list[tuple[str, str]], blacklist: set[str], loaded: Collection[str]) -> ModuleRule:
    command = next((command for pattern, command in install if fnmatchcase(name, pattern)), None)
    return ModuleRule(name, name in loaded, name in blacklist, command, command in _NOTHING)


def _lines(files: Iterable[FoundFile]) -> list[list[str]]:
    """Return the words of each line; of two files with one name the first directory wins, then names in order."""
    rank = {directory: at for at, directory in enumerate(MODPROBE_DIRECTORIES)}
    chosen: dict[str, str] = {}
    for file in sorted(files, key=lambda one: rank.get(one.path.rpartition("/")[0], len(rank))):
        folder, _, name = file.path.rpartition("/")
        if folder in rank:
            chosen.setdefault(name, file.text)
    text = "\n".join(chosen[name].replace("\\\n", " ") for name in sorted(chosen))
    return [words for line in text.splitlines() if (words := line.split()) and not words[0].startswith("#")]
