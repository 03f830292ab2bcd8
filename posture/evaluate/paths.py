"""Fact paths: their grammar, and what one finds when following them through a document.

    sshd.effective.permitrootlogin          a field, or a key of a map
    kernel.sysctl["kernel.kptr_restrict"]   a map key that holds dots
    accounts.users[*].shell                 every element of a list
    accounts.users[name=root].shell         the element whose field has this value
    .shell                                  inside `where`: below the element at hand; `.` is the element itself

Three answers are kept apart: ``Found``, ``Absent`` (looked, not there) and ``Blank`` (could not look).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from posture.errors import BaselineError
from posture.model.observation import Blind


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object, or a key of a map."""

    name: str


@dataclass(frozen=True, slots=True)
class Each:
    """Every element of a list."""


@dataclass(frozen=True, slots=True)
class Pick:
    """The element of a list whose field has this value, compared as text."""

    key: str
    value: str


Step = Field | Each | Pick


@dataclass(frozen=True, slots=True)
class FactPath:
    """A parsed path; ``topic`` is empty for a path below an element."""

    topic: str
    steps: tuple[Step, ...]
    text: str

    @property
    def spreads(self) -> bool:
        """True when the path names many places."""
        return any(isinstance(step, Each) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Found:
    """A value, with the holes that lie below it."""

    value: Any
    holes: tuple[OpenHole, ...] = ()

    @property
    def whole(self) -> bool:
        """True when nothing below the value is unseen and a list says it is all there is."""
        return not self.holes and (not is_listing(self.value) or self.value["complete"] is True)


@dataclass(frozen=True, slots=True)
class Absent:
    """We looked completely, and it is not there."""


@dataclass(frozen=True, slots=True)
class Blank:
    """We could not look."""

    reason: Blind
    detail: str = ""


Place = Found | Absent | Blank


@dataclass(frozen=True, slots=True)
class OpenHole:
    """What is left of a hole's path below the place at hand."""

    steps: tuple[Step, ...]
    reason: Blind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One place of a spread, with the list element it belongs to."""

    place: Place
    element: Place
    """The element at the path's last ``[*]``."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Every place a path with ``[*]`` names."""

    rows: tuple[Row, ...]
    missing: Blank | None = None
    """Why there may be more; ``None`` when these are all."""


@lru_cache(maxsize=4096)
def parse_path(text: str, *, relative: bool = False) -> FactPath:
    """Return the path this text means.

    Raises:
        BaselineError: it does not follow the grammar.
    """
    if relative and text in ("", "."):
        return FactPath("", (), ".")
    body = text[1:] if relative else text
    if relative != text.startswith("."):
        raise BaselineError(
            f"`{text}`: a path inside `where` starts with a dot, and no other does",
            hint="`.shell`, or `topic.field`",
        )
    steps, rest = _steps(body)
    if rest or not steps:
        raise BaselineError(f"`{text}` is not a fact path: cannot read `{rest or text}`", hint=_GRAMMAR)
    if relative:
        return FactPath("", steps, text)
    if not isinstance(steps[0], Field):
        raise BaselineError(f"`{text}`: a path starts with its topic", hint=_GRAMMAR)
    return FactPath(steps[0].name, steps[1:], text)


def hole_steps(path: str) -> tuple[Step, ...]:
    """Return the steps of a hole's path; what cannot be read is left off, so that the hole covers more, never less."""
    return _steps(path)[0]


def follow(start: Place, steps: tuple[Step, ...]) -> Place:
    """Return what stands at the end of the steps, none of which is ``[*]``."""
    place = start
    for step in steps:
        if not isinstance(place, Found):
            return place
        match step:
            case Field():
                place = _descend(place, step)
            case Pick():
                place = _pick(place, step)
            case Each():
                raise ValueError("a path with [*] names many places")
    return _closed(place)


def spread(start: Place, steps: tuple[Step, ...]) -> Spread | Absent | Blank:
    """Return every place the steps name; ``Absent`` or ``Blank`` when the list itself is."""
    first = next(index for index, step in enumerate(steps) if isinstance(step, Each))
    trunk = follow(start, steps[:first])
    if not isinstance(trunk, Found):
        return trunk
    listed = elements(trunk)
    if isinstance(listed, Blank):
        return listed
    rest = steps[first + 1 :]
    rows: list[Row] = []
    missing = listed.missing
    for row in listed.rows:
        if not any(isinstance(step, Each) for step in rest):
            rows.append(Row(follow(row.element, rest), row.element))
            continue
        below = spread(row.element, rest)
        if isinstance(below, Spread):
            rows.extend(below.rows)
            missing = missing or below.missing
        elif isinstance(below, Blank):
            missing = missing or below
    return Spread(tuple(rows), missing)


def elements(place: Found) -> Spread | Blank:
    """Return the elements of a list, each with the holes that concern it."""
    value, missing = place.value, None
    if is_listing(value):
        missing = None if value["complete"] is True else Blank(Blind.TRUNCATED, "the list is not complete")
        value = value["items"]
    if not isinstance(value, list):
        return Blank(Blind.UNPARSEABLE, f"a list was expected, not {type_word(value)}")
    rows = []
    index = _Index.of(place.holes)
    matched: set[Pick] = set()
    for element in value:
        below = tuple(index.holes_of(element, matched))
        inner = _closed(Found(element, below)) if element is not None else Absent()
        rows.append(Row(inner, inner))
    lost = next((holes[0] for pick, holes in index.picked.items() if pick not in matched), None)
    if lost is None:  # a hole that is the elements themselves
        lost = next((hole for hole in place.holes if hole.steps == (Each(),)), None)
    if missing is None and lost is not None:
        missing = Blank(lost.reason, lost.detail)
    return Spread(tuple(rows), missing)


def is_listing(value: Any) -> bool:
    """Return whether this is a list that says whether it is complete (``collectors.base.Listing`` in JSON)."""
    return (
        isinstance(value, dict)
        and value.keys() == {"complete", "items"}
        and isinstance(value["complete"], bool)
        and isinstance(value["items"], list)
    )


def type_word(value: Any) -> str:
    """Return what kind of value this is, in the words of the docs."""
    words = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return words.get(type(value), "a mapping")


_GRAMMAR = 'topic.field, topic.list[*].field, topic.list[key=value].field, topic.map["key.with.dots"]'
_NAME = r"[A-Za-z_][A-Za-z0-9_\-]*"
_STEP = re.compile(
    rf"\.?(?P<field>{_NAME})"
    r"|(?P<each>\[\*\])"
    r'|\[(?P<quote>["\'])(?P<quoted>[^"\'\]]+)(?P=quote)\]'
    rf'|\[(?P<key>{_NAME})=(?P<open>["\']?)(?P<value>[^"\'\]]*)(?P=open)\]'
)


def _steps(text: str) -> tuple[tuple[Step, ...], str]:
    """Return the steps and what could not be read after them."""
    steps: list[Step] = []
    at = 0
    while at < len(text) and (match := _STEP.match(text, at)):
        named = match["field"] is not None
        if named and (text[at] == ".") != bool(steps):
            break
        if named:
            steps.append(Field(match["field"]))
        elif match["each"]:
            steps.append(Each())
        elif match["quoted"] is not None:
            steps.append(Field(match["quoted"]))
        else:
            steps.append(Pick(match["key"], match["value"]))
        at = match.end()
    return tuple(steps), text[at:]


def _descend(place: Found, step: Field) -> Place:
    """Return the field below an object; its holes go along, and one that ends here hides it."""
    holes = place.holes
    below = tuple(_behind(hole) for hole in holes if hole.steps and hole.steps[0] == step) if holes else ()
    ended = next((hole for hole in below if not hole.steps), None)
    if ended is not None:
        return Blank(ended.reason, ended.detail)
    if not isinstance(place.value, dict) or is_listing(place.value):
        return Blank(Blind.UNPARSEABLE, f"no field `{step.name}`: {type_word(place.value)} stands above it")
    value = place.value.get(step.name)
    if value is None:
        # a hole deeper down says that something is here which we could not read
        return Blank(below[0].reason, below[0].detail) if below else Absent()
    return Found(value, below)


def _pick(place: Found, step: Pick) -> Place:
    listed = elements(place)
    if isinstance(listed, Blank):
        return listed
    doubt = listed.missing
    for hole in place.holes:
        if hole.steps == (step,):
            return Blank(hole.reason, hole.detail)
    for row in listed.rows:
        key = follow(row.element, (Field(step.key),)) if isinstance(row.element, Found) else row.element
        if isinstance(key, Found) and as_text(key.value) == step.value:
            return row.element
        if isinstance(key, Blank):
            doubt = doubt or key
    return doubt or Absent()


def as_text(value: Any) -> str:
    """Return a scalar as it is written in paths and subjects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@dataclass(frozen=True, slots=True)
class _Index:
    """The holes of a list, so that each element finds its own without a walk through all: a host may have thousands."""

    general: tuple[OpenHole, ...]
    picked: Mapping[Pick, list[OpenHole]]
    keys: frozenset[str]

    @classmethod
    def of(cls, holes: tuple[OpenHole, ...]) -> _Index:
        general: list[OpenHole] = []
        picked: dict[Pick, list[OpenHole]] = {}
        for hole in holes:
            head = hole.steps[0] if hole.steps else Each()
            match head:
                case Pick():
                    picked.setdefault(head, []).append(hole)
                case Each():
                    general.append(_behind(hole))
                case Field():  # a field of a list: it cannot be placed, so it covers all
                    general.append(OpenHole((), hole.reason, hole.detail))
        return cls(tuple(general), picked, frozenset(pick.key for pick in picked))

    def holes_of(self, element: Any, matched: set[Pick]) -> Iterator[OpenHole]:
        """Yield what is left of each hole that concerns this element, and note which picks found theirs."""
        yield from self.general
        for name in sorted(self.keys) if isinstance(element, dict) else ():
            value = element.get(name)
            pick = Pick(name, as_text(value))
            if value is not None and pick in self.picked:
                matched.add(pick)
                yield from map(_behind, self.picked[pick])


def _behind(hole: OpenHole) -> OpenHole:
    return OpenHole(hole.steps[1:], hole.reason, hole.detail)


def _closed(place: Place) -> Place:
    """Return ``Blank`` when a hole ends exactly here."""
    if isinstance(place, Found):
        for hole in place.holes:
            if not hole.steps:
                return Blank(hole.reason, hole.detail)
    return place
