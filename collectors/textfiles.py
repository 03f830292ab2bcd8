"""Configuration files brought home by one grep: every line with its path and number, and what could not be read.

``grep`` reads many files and whole directories in one process, follows the links that ``/etc`` is full of, and says of
each path whether it is missing or refused; so no shell has to expand anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.base import Answer, Command, hole
from posture.model.observation import Blind, Hole

GREP = ("/usr/bin/grep", "-RHaZn", "-D", "skip", ".")
"""Every line that is not empty, as ``path NUL number colon text``; devices and FIFOs are not opened."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file on the host."""

    path: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class TextFiles:
    """The files of one answer."""

    lines: tuple[Line, ...]
    """Sorted by path, then number."""
    missing: frozenset[str]
    unreadable: tuple[tuple[str, str], ...]
    """Path and reason."""
    asked: tuple[str, ...]
    truncated: bool

    @property
    def complete(self) -> bool:
        """True when nothing that exists was withheld or cut off."""
        return not self.truncated and not self.unreadable

    def of(self, path: str) -> tuple[Line, ...]:
        """Return the lines of one file."""
        return tuple(line for line in self.lines if line.path == path)

    def below(self, directory: str) -> tuple[Line, ...]:
        """Return the lines of every file below a directory."""
        return tuple(line for line in self.lines if line.path.startswith(directory.rstrip("/") + "/"))

    def has(self, path: str) -> bool:
        """Return whether the path exists, as far as this answer can say."""
        return any(line.path == path for line in self.lines) or (path in self.asked and path not in self.missing)

    def paths(self) -> tuple[str, ...]:
        """Return every file that has lines, sorted."""
        return tuple(sorted({line.path for line in self.lines}))

    def hole(self, path: str) -> Hole | None:
        """Return why facts at ``path`` cannot be complete, or ``None``."""
        if self.unreadable:
            return Hole(path, Blind.COMMAND_REFUSED, "; ".join(f"{p}: {why}" for p, why in self.unreadable)[:200])
        if self.truncated:
            return Hole(path, Blind.TRUNCATED, "the files are longer than the output limit")
        return None


def read_files(id_: str, *paths: str, sudo: bool = False, timeout_s: int = 20) -> Command:
    """Return the command that reads these files, and every file below those that are directories."""
    return Command(id_, (*GREP, *paths), sudo=sudo, timeout_s=timeout_s, ok_exit=(0, 1, 2))


def files_of(answer: Answer | None) -> TextFiles | Hole:
    """Return the files in an answer to ``read_files``, or why there are none.

    Source: grep(1), -Z and EXIT STATUS (2 when any file could not be read, the others are printed all the same).
    """
    problem = hole(answer)
    if answer is None or (problem is not None and problem.reason is not Blind.TRUNCATED):
        return problem or Hole("", Blind.NOT_ATTEMPTED)
    missing, unreadable, strange = _complaints(answer.stderr.decode("utf-8", "replace"))
    # What was cut off in the middle of a line is no line.
    whole = answer.text.rpartition("\n")[0] if problem is not None else answer.text
    rows = whole.split("\n")
    lines = tuple(sorted(_lines(rows), key=lambda line: (line.path, line.number)))
    if strange and answer.exit_code != 0 and not lines:
        return Hole("", Blind.UNPARSEABLE, strange[0][:200])
    if answer.exit_code == 2 and (strange or not (missing or unreadable)):
        unreadable.append(("", strange[0] if strange else "grep reported an error it did not name"))
    if len(lines) < sum(1 for row in rows if row):
        unreadable.append(("", "a line that grep did not write"))
    asked = answer.command.argv[len(GREP) :]
    return TextFiles(lines, frozenset(missing), tuple(sorted(unreadable)), asked, problem is not None)


def settings(lines: Iterable[Line], *, separator: str = "=", comments: str = "#;") -> dict[str, str]:
    """Return ``key = value`` lines as a map, the last one winning; a key without a value has the empty string."""
    values: dict[str, str] = {}
    for line in lines:
        text = line.text.strip()
        if not text or text[0] in comments or text.startswith("["):
            continue
        key, _, value = text.partition(separator)
        values[key.strip()] = value.strip()
    return values


_COMPLAINT = re.compile(r"^(?:\S*grep): (?P<path>.+): (?P<why>[^:]+)$")


def _complaints(stderr: str) -> tuple[set[str], list[tuple[str, str]], list[str]]:
    missing: set[str] = set()
    unreadable: list[tuple[str, str]] = []
    strange: list[str] = []
    for line in stderr.splitlines():
        found = _COMPLAINT.match(line)
        if found is None:
            # sudo warns on hosts that do not know their own name, and runs the command all the same.
            if line.strip() and "unable to resolve host" not in line:
                strange.append(line)
        elif found["why"] == "No such file or directory":
            missing.add(found["path"])
        elif "recursive directory loop" not in found["why"]:
            unreadable.append((found["path"], found["why"]))
    return missing, unreadable, strange


def _lines(rows: Iterable[str]) -> Iterator[Line]:
    for row in rows:
        path, nul, rest = row.partition("\0")
        number, colon, line = rest.partition(":")
        if nul and colon and number.isascii() and number.isdigit() and len(number) < 10:
            yield Line(path, int(number), line.rstrip("\r"))
