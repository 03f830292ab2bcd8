"""Answers written by hand in the form the real programs use, for systems we had no machine of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.base import Answer, Collector
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded


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


def read_whole(collector: Collector, answers: tuple[Answer, ...] | str) -> Any:
    """Return the facts of answers, or of a fixture, that leave no hole."""
    told = as_declared(collector, recorded(answers)) if isinstance(answers, str) else told_by(collector, *answers)
    facts = facts_of(collector, told)
    assert holes_of(facts) == {}
    return facts.value
