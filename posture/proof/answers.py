"""The questions of a verification, and what came of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from posture.errors import PostureError

T = TypeVar("T")
_NAMED = 5  # how many of a kind are named one by one


class Answered(StrEnum):
    """What came of one question."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "not checked"


@dataclass(frozen=True, slots=True)
class Line:
    """One question of the verification, and its answer."""

    what: str
    answered: Answered
    detail: str = ""


def tried(what: str, read: Callable[[], T]) -> tuple[T | None, Line]:
    """Return what was read, or nothing and the line that says why not."""
    try:
        return read(), Line(what, Answered.HOLDS)
    except PostureError as reason:
        return None, Line(what, Answered.FAILS, str(reason))


def held(what: str, holds: bool, otherwise: str, detail: str = "") -> Line:
    """Return the line of a question with two answers."""
    return Line(what, Answered.HOLDS, detail) if holds else Line(what, Answered.FAILS, otherwise)


def none(what: str, found: list[str], word: str, detail: str = "") -> Line:
    """Return the line of a question that holds when nothing was found."""
    if not found:
        return Line(what, Answered.HOLDS, detail)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return Line(what, Answered.FAILS, f"{len(found)} {word}: {'; '.join(found[:_NAMED])}{more}")
