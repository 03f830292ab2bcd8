"""The `interpreters` topic: programs that turn text into running code, and who may start them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.listed import Entries, entries_of, list_paths
from posture.model.observation import Hole


@dataclass(frozen=True, slots=True)
class Program:
    """One of them."""

    name: str
    """What it is, whatever its version: ``python3``, ``perl``, ``node``, ``gcc``."""
    path: str
    kind: str
    """interpreter or compiler."""
    mode: str
    """Octal, four digits, of the file a link leads to."""
    owner: str
    group: str
    for_everyone: bool
    """Every account may run it."""


@dataclass(frozen=True, slots=True)
class InterpreterFacts:
    """Programs in /usr/bin and /usr/local/bin under their usual names; the shell is on every host and left out."""

    programs: Listing[Program]
    """Sorted by path."""


_INTERPRETERS = {
    "bun": ("bun",),
    "deno": ("deno",),
    "guile": ("guile",),
    "julia": ("julia",),
    "lua": ("lua", "lua5.1", "lua5.2", "lua5.3", "lua5.4", "luajit"),
    "node": ("node", "nodejs"),
    "perl": ("perl",),
    "php": ("php", "php7.4", "php8.0", "php8.1", "php8.2", "php8.3", "php8.4"),
    "powershell": ("pwsh",),
    "python2": ("python2", "python2.7"),
    "python3": ("python3",),
    "r": ("Rscript",),
    "ruby": ("ruby",),
    "tcl": ("tclsh", "tclsh8.6"),
}
_COMPILERS = {
    "as": ("as",),
    "clang": ("clang", "clang++"),
    "gcc": ("cc", "c++", "gcc", "g++"),
    "go": ("go", "gccgo"),
    "rustc": ("rustc",),
    "tcc": ("tcc",),
}
_PLACES = ("/usr/bin", "/usr/local/bin")

COMMANDS = (
    list_paths(
        "interpreters.programs",
        *(
            f"{place}/{file}"
            for place in _PLACES
            for names in (*_INTERPRETERS.values(), *_COMPILERS.values())
            for file in names
        ),
        depth=0,
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return what is there; a link is followed, so the mode is that of the program itself."""
    listed = entries_of(answers.get("interpreters.programs"))
    if isinstance(listed, Hole):
        return listed
    return Facts(InterpreterFacts(Listing(sorted(_programs(listed), key=lambda one: one.path), listed.complete)))


def _programs(listed: Entries) -> Iterator[Program]:
    for kind, table in (("interpreter", _INTERPRETERS), ("compiler", _COMPILERS)):
        for name, files in table.items():
            for path in (f"{place}/{file}" for place in _PLACES for file in files):
                entry = listed.at(path)
                if entry is not None and entry.kind == "file":
                    everyone = bool(int(entry.mode, 8) & 0o001)
                    yield Program(name, path, kind, entry.mode, entry.owner, entry.group, everyone)


COLLECTOR = Collector(topic="interpreters", version=1, commands=COMMANDS, facts=InterpreterFacts, parse=parse)
