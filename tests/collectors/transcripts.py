"""Recorded answers for parser tests: JSON files with what each command printed, read back as the transport would give them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from collectors.base import Answer, Answers, Collector, Command, Facts
from posture.model.observation import Blind

FIXTURES = Path(__file__).parent / "fixtures"


def recorded(name: str) -> dict[str, Answer]:
    """Return the answers of one fixture; ``recorded_…`` were printed by real programs, ``authored_…`` by hand."""
    rows = json.loads((FIXTURES / f"{name}.json").read_text())
    return {
        id_: answer(id_, row["stdout"], row["stderr"], row["exit"], tuple(row["argv"])) for id_, row in rows.items()
    }


def as_declared(collector: Collector, answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """Return the answers with the commands of the collector, its exit codes and limits included."""
    known = {command.id: command for command in collector.commands}
    if collector.follow_up is not None:
        known |= {command.id: command for command in collector.follow_up(answers)}
    return {id_: replace(one, command=known.get(id_, one.command)) for id_, one in answers.items()}


def answer(
    id_: str, stdout: str = "", stderr: str = "", exit_code: int | None = 0, argv: tuple[str, ...] = ("/bin/true",)
) -> Answer:
    """Return an answer made up for a test."""
    return Answer(Command(id_, argv), stdout.encode(), stderr.encode(), exit_code, 3)


def told(
    answers: Mapping[str, Answer], id_: str, stdout: str, stderr: str = "", exit_code: int = 0
) -> dict[str, Answer]:
    """Return the answers with another one in place of one."""
    base = answers.get(id_, answer(id_))
    return {**answers, id_: replace(base, stdout=stdout.encode(), stderr=stderr.encode(), exit_code=exit_code)}


def refused(answers: Mapping[str, Answer], *ids: str) -> dict[str, Answer]:
    """Return the answers as a host gives them whose sudo refuses these commands."""
    said = b"sudo: a password is required\n"
    return {**answers, **{id_: replace(answers[id_], stdout=b"", stderr=said, exit_code=1) for id_ in ids}}


def facts_of(collector: Collector, answers: Answers) -> Facts:
    """Return the facts; a whole topic unseen is a failure of the test."""
    parsed = collector.parse(answers)
    assert isinstance(parsed, Facts), parsed
    return parsed


def holes_of(parsed: Facts) -> dict[str, Blind]:
    """Return the reason of each hole by path."""
    return {hole.path: hole.reason for hole in parsed.holes}
