"""Directories offered over NFS: to whom, and whether a remote root stays root."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.textfiles import Line, files_of, read_files
from posture.model.observation import Hole


@dataclass(frozen=True, slots=True)
class Export:
    """One directory for one client."""

    path: str
    client: str
    """As written: a name, a network, a netgroup, a pattern or ``*``."""
    options: list[str]
    """As written, with the file's defaults; sorted."""
    everyone: bool
    """Any address may mount it."""
    no_root_squash: bool
    writable: bool
    active: bool
    """nfsd knows it now (etab); False for one that is only configured."""
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """NFS exports, configured and active."""

    exports: Listing[Export]


COMMANDS = (
    read_files("exports.files", "/etc/exports", "/etc/exports.d"),
    read_files("exports.active", "/var/lib/nfs/etab"),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the exports of both lists; the same directory for the same client appears once.

    Source: exports(5); ``/var/lib/nfs/etab`` is what exportfs handed to the kernel.
    """
    files = files_of(answers.get("exports.files"))
    if isinstance(files, Hole):
        return files
    active = files_of(answers.get("exports.active"))
    now = [] if isinstance(active, Hole) else list(_exports(active.lines, active=True))
    running = {(export.path, export.client) for export in now}
    read = [line for line in files.lines if line.path == "/etc/exports" or line.path.endswith(".exports")]
    configured = [export for export in _exports(read, active=False) if (export.path, export.client) not in running]
    found = sorted([*now, *configured], key=lambda export: (export.path, export.client, export.file, export.line))
    complete = files.complete and not isinstance(active, Hole) and active.complete
    return Facts(ExportFacts(Listing(found, complete)))


_DIRECTORY = re.compile(r'\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>\S+))\s*(?P<clients>.*)$')
_CLIENT = re.compile(r"(?P<client>[^\s()]*)(?:\((?P<options>[^)]*)\))?")
_ANYBODY = frozenset({"", "*", "0.0.0.0/0", "0.0.0.0/0.0.0.0", "::/0", "<world>"})


def _exports(lines: Iterable[Line], *, active: bool) -> Iterator[Export]:
    for line in _joined(lines):
        found = _DIRECTORY.match(line.text.partition("#")[0])
        if found is None:
            continue
        path = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), found["quoted"] or found["plain"])
        yield from _clients(path, found["clients"], line, active)


def _clients(path: str, text: str, line: Line, active: bool) -> Iterator[Export]:
    defaults: list[str] = []
    # A directory without any client is offered to everybody.
    for word in text.split() or [""]:
        if word.startswith("-"):
            defaults = word[1:].split(",")
            continue
        found = _CLIENT.match(word)
        if found is None:
            continue
        own = [option for option in (found["options"] or "").split(",") if option]
        yield _export(path, found["client"], [*defaults, *own], line, active)


def _export(path: str, client: str, options: list[str], line: Line, active: bool) -> Export:
    return Export(
        path=path,
        client=client or "*",
        options=sorted(set(options)),
        everyone=client in _ANYBODY,
        no_root_squash=_last(options, "no_root_squash", "root_squash", "all_squash"),
        writable=_last(options, "rw", "ro"),
        active=active,
        file=line.path,
        line=line.number,
    )


def _last(options: list[str], wanted: str, *others: str) -> bool:
    """Return whether ``wanted`` is the last word said on the matter."""
    said = [option for option in options if option == wanted or option in others]
    return bool(said) and said[-1] == wanted


def _joined(lines: Iterable[Line]) -> Iterator[Line]:
    held = ""
    start = 0
    for line in lines:
        start = start if held else line.number
        if line.text.endswith("\\"):
            held += line.text[:-1] + " "
            continue
        yield Line(line.path, start, held + line.text)
        held = ""


COLLECTOR = Collector(topic="exports", version=1, commands=COMMANDS, facts=ExportFacts, parse=parse)
