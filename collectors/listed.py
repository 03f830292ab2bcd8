"""Files by name, mode, owner and time, listed by one find that stays on its file system and never reads content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.base import Answer, Command, hole
from posture.model.observation import Blind, Hole

FORMAT = "%m %y %U %G %T@ %u %g %p\\0"
"""Octal mode, type letter, uid, gid, modification time, owner, group, path.

Rows end with NUL: a user may put a line break, and a forged row, into a file name.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path on the host."""

    path: str
    kind: str
    """file, directory, link or other."""
    mode: str
    """Octal, four digits."""
    uid: int
    gid: int
    owner: str
    group: str
    modified_s: int
    """Seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Entries:
    """What one find printed."""

    found: tuple[Entry, ...]
    """Sorted by path."""
    missing: frozenset[str]
    """Starting points that do not exist."""
    unreadable: tuple[str, ...]
    complete: bool

    def at(self, path: str) -> Entry | None:
        """Return the entry of a path."""
        return next((entry for entry in self.found if entry.path == path), None)


def list_paths(id_: str, *paths: str, depth: int = 1, sudo: bool = False) -> Command:
    """Return the command that lists these paths and what lies up to ``depth`` levels below them.

    A path that is a link itself is followed, links below it are not.
    """
    argv = ("/usr/bin/find", "-H", *paths, "-maxdepth", str(depth), "-xdev", "-printf", FORMAT)
    return Command(id_, argv, sudo=sudo, ok_exit=(0, 1))


def entries_of(answer: Answer | None) -> Entries | Hole:
    """Return what was listed, or why nothing was."""
    problem = hole(answer)
    if answer is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    missing, unreadable, strange = _complaints(answer.stderr.decode("utf-8", "replace"))
    # What was cut off in the middle of a row is no row.
    whole = answer.text.rpartition("\0")[0] if problem is not None else answer.text
    rows = whole.split("\0")
    found = tuple(sorted(_entries(rows), key=lambda entry: entry.path))
    if strange and answer.exit_code != 0 and not found:
        return Hole("", Blind.UNPARSEABLE, strange[0][:200])
    if answer.exit_code == 1 and (strange or not (missing or unreadable)):
        unreadable.append(strange[0] if strange else "find reported an error it did not name")
    if len(found) < sum(1 for row in rows if row):
        unreadable.append("a row that find did not write")
    complete = problem is None and not unreadable
    return Entries(found, frozenset(missing), tuple(sorted(unreadable)), complete)


_COMPLAINT = re.compile(r"^\S*find: [‘'`](?P<path>.*)[’']: (?P<why>[^:]+)$")
_ROW = re.compile(r"([0-7]{1,4}) (\S) (\d{1,12}) (\d{1,12}) (-?\d{1,12})(?:\.\d+)? (\S+) (\S+) (.+)", re.DOTALL)
_KINDS = {"f": "file", "d": "directory", "l": "link"}


def _complaints(stderr: str) -> tuple[set[str], list[str], list[str]]:
    missing: set[str] = set()
    unreadable: list[str] = []
    strange: list[str] = []
    for line in stderr.splitlines():
        found = _COMPLAINT.match(line)
        if found is None:
            if line.strip() and "unable to resolve host" not in line:
                strange.append(line)
        elif found["why"] == "No such file or directory":
            missing.add(found["path"])
        else:
            unreadable.append(f"{found['path']}: {found['why']}")
    return missing, unreadable, strange


def _entries(rows: Iterable[str]) -> Iterator[Entry]:
    for row in rows:
        found = _ROW.fullmatch(row)
        if found is not None:
            mode, kind, uid, gid, modified, owner, group, path = found.groups()
            yield Entry(
                path,
                _KINDS.get(kind, "other"),
                mode.zfill(4),
                int(uid),
                int(gid),
                owner,
                group,
                int(modified),
            )
