"""Read records out of answers: lines, plain numbers, and the files that one `find` framed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.base import Answer, hole
from posture.model.observation import Blind, Hole

FRAME = "\\0%y\\t%m\\t%u\\t%g\\t%s\\t%p\\0"
"""For `find -printf`: kind, mode, owner, group, size and path between two NULs; what follows is the file's text.

`grep -I` prints nothing of a file that holds a NUL, so a file's text cannot forge the next frame.
"""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file that `find` met, with whatever text was asked of it."""

    path: str
    kind: str
    """``f`` file, ``d`` directory, ``l`` symbolic link, … as in find(1), `%y`."""
    mode: str
    """Four octal digits, such as ``0600``."""
    owner: str
    group: str
    size_bytes: int
    text: str


def blind(answer: Answer | None, path: str = "") -> Hole | None:
    """Return why this answer cannot be believed; that some of the named files are not there is no reason.

    A complaint about a file that is there is a reason even with exit code 0: find does not hand on what its
    ``-exec grep`` could not read, and 1 is find's code for every complaint.
    """
    reason = hole(answer, path)
    if answer is None or (reason is not None and (answer.truncated or answer.timed_out)):
        return reason
    complaints = [
        line for line in answer.stderr.decode("utf-8", "replace").splitlines() if line.strip() and _OWN_NAME not in line
    ]
    withheld = next((line for line in complaints if _WITHHELD.search(line)), None)
    if reason is None:
        return None if withheld is None else Hole(path, Blind.COMMAND_REFUSED, withheld.strip()[:200])
    only_missing = bool(complaints) and all(line.rstrip().endswith(_MISSING) for line in complaints)
    # Killed half-way (137), a program may have said no more than what was missing until then.
    return None if only_missing and answer.exit_code in _SOME_MISSING else reason


def missing_paths(answer: Answer | None) -> set[str]:
    """Return the paths of which find says that they are not there, whatever else it says."""
    said = "" if answer is None or answer.timed_out else answer.stderr.decode("utf-8", "replace")
    return {found[1] for line in said.splitlines() if (found := _FIND_MISSES.fullmatch(line.strip())) is not None}


def lines(answer: Answer | None) -> list[str]:
    """Return the lines of standard output that are not blank, without their line ends."""
    if answer is None:
        return []
    return [line for line in answer.text.replace("\r\n", "\n").split("\n") if line.strip()]


def settled(text: str) -> int | str:
    """Return a plain decimal integer as a number and anything else as it is (``022`` stays text)."""
    text = text.strip()
    return int(text) if _INTEGER.fullmatch(text) else text


def framed_files(answer: Answer | None) -> list[FoundFile]:
    """Return the files of a `find` that printed ``FRAME``; what does not look like a frame is left out."""
    if answer is None:
        return []
    parts = answer.text.split("\0")
    found = (_found(head, text) for head, text in zip(parts[1::2], parts[2::2], strict=False))
    return [file for file in found if file is not None]


def frames_are_whole(answer: Answer) -> bool:
    """Return whether every frame of the output could be read."""
    parts = answer.text.split("\0")
    return len(parts) % 2 == 1 and len(framed_files(answer)) == len(parts) // 2


def garbled(path: str, what: str) -> Hole:
    """Return the hole of an answer that was complete and made no sense."""
    return Hole(path, Blind.UNPARSEABLE, what)


_OWN_NAME = "sudo: unable to resolve host"
"""sudo warns on hosts that do not know their own name, and runs the command all the same."""
_MISSING = "No such file or directory"
_FIND_MISSES = re.compile(r"(?:/\S{1,100}/)?find: [\u2018'](/[^\u2019'\n]{1,4096})[\u2019']: " + _MISSING)
_SOME_MISSING = (1, 2)
"""What find, cut and cat, and what grep and ls, end with when a named file is not there."""
_WITHHELD = re.compile(r": (?:Permission denied|Operation not permitted|Input/output error|Stale file handle)\s*$")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_MODE = re.compile(r"[0-7]{1,4}", re.ASCII)


def _found(head: str, text: str) -> FoundFile | None:
    fields = head.split("\t", 5)
    if len(fields) != 6 or not _MODE.fullmatch(fields[1]) or not fields[4].isdecimal():
        return None
    kind, mode, owner, group, size, path = fields
    return FoundFile(path, kind, mode.zfill(4), owner, group, int(size[:18]), text)
