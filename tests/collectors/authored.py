"""Answers written by hand in the form the real programs use, for systems we had no machine of."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.base import Answer, Collector
from tests.collectors.transcripts import answer, as_declared


def grep(id_: str, files: Mapping[str, str], missing: tuple[str, ...] = (), denied: tuple[str, ...] = ()) -> Answer:
    """Return what `textfiles.read_files` brings home for these files."""
    lines = [
        f"{path}\0{number}:{line}"
        for path, text in files.items()
        for number, line in enumerate(text.split("\n"), 1)
        if line
    ]
    stderr = [f"/usr/bin/grep: {path}: No such file or directory" for path in missing]
    stderr += [f"/usr/bin/grep: {path}: Permission denied" for path in denied]
    code = 2 if stderr else 0 if lines else 1
    return answer(id_, "".join(line + "\n" for line in lines), "".join(line + "\n" for line in stderr), code)


def find(id_: str, rows: tuple[str, ...], missing: tuple[str, ...] = ()) -> Answer:
    """Return what `listed.list_paths` brings home: rows as ``mode type uid gid time owner group path``."""
    stderr = "".join(f"/usr/bin/find: '{path}': No such file or directory\n" for path in missing)
    return answer(id_, "".join(row + "\0" for row in rows), stderr, 1 if stderr else 0)


def told_by(collector: Collector, *answers: Answer) -> dict[str, Answer]:
    """Return the answers with the collector's own commands; what is not given was never asked."""
    return as_declared(collector, {one.command.id: one for one in answers})
