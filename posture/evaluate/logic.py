"""Three-valued truth of a condition over the facts of one host.

``all`` is false if any member is false, else unknown if any is unknown, else true; ``any`` mirrors it. A member
that does not apply is left out. Unseen is unknown everywhere, and nothing overrides that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, assert_never

from posture.evaluate.operators import OPERATORS, QUANTIFIERS, SETS, Given, Mismatch, expectation
from posture.evaluate.paths import (
    Absent,
    Blank,
    FactPath,
    Found,
    Place,
    Row,
    Spread,
    elements,
    follow,
    is_listing,
    parse_path,
    spread,
)
from posture.evaluate.render import show_element, show_place
from posture.model.check import All, AnyOf, Assertion, Condition, FactRef, Not, OnAbsent, ParamRef, When
from posture.model.finding import Outcome
from posture.model.observation import Blind


@dataclass(frozen=True, slots=True)
class Scene:
    """What a check is judged against."""

    topics: Mapping[str, Place]
    """The facts of each topic, or why they are unseen."""
    params: Mapping[str, Any]
    as_of: date


@dataclass(frozen=True, slots=True)
class Truth:
    """An outcome, and what it rests on."""

    outcome: Outcome
    blank: Blank | None = None
    """Why it is unknown."""
    actual: Place | str = field(default_factory=Absent)
    offenders: tuple[Row, ...] = ()
    """The elements that decided against it."""
    all_seen: bool = True
    """True when no further offender can be out of sight."""


@dataclass(frozen=True, slots=True)
class Line:
    """One assertion as it came out, for people to read."""

    assertion: Assertion
    truth: Truth
    expected: str


def evaluate(
    condition: Condition, scene: Scene, lines: list[Line] | None = None, element: Place | None = None
) -> Truth:
    """Return the truth of a condition; every assertion met is appended to ``lines``."""
    match condition:
        case Assertion():
            truth = _assertion(condition, scene, element)
            if lines is not None:
                lines.append(Line(condition, truth, expected_text(condition, scene)))
            return truth
        case All(members=members):
            return _combined([evaluate(m, scene, lines, element) for m in members], Outcome.FALSE, Outcome.TRUE)
        case AnyOf(members=members):
            return _combined([evaluate(m, scene, lines, element) for m in members], Outcome.TRUE, Outcome.FALSE)
        case Not(member=member):
            truth = evaluate(member, scene, lines, element)
            return replace(truth, outcome=_FLIPPED.get(truth.outcome, truth.outcome))
        case When(param=param, equals=equals, member=member):
            if scene.params.get(param) != equals:
                return Truth(Outcome.NOT_APPLICABLE)
            return evaluate(member, scene, lines, element)
        case _:
            assert_never(condition)


def expected_text(assertion: Assertion, scene: Scene) -> str:
    """Return what an assertion expects, in words, with parameters filled in."""
    value: Any = assertion.value
    if isinstance(value, ParamRef):
        value = scene.params.get(value.name)
    if isinstance(value, FactRef):
        value = f"what {value.path} says"
    text = expectation(assertion.op, value, assertion.scheme)
    inner = _where_text(assertion.where, scene) if assertion.where is not None else ""
    return f"{text}{inner}" if inner else text.rstrip(": ")


def assertions(condition: Condition | None) -> Iterator[Assertion]:
    """Yield every assertion of a condition, those inside ``where`` included."""
    match condition:
        case None:
            return
        case Assertion():
            yield condition
            yield from assertions(condition.where)
        case All(members=members) | AnyOf(members=members):
            for member in members:
                yield from assertions(member)
        case Not(member=member) | When(member=member):
            yield from assertions(member)
        case _:
            assert_never(condition)


_FLIPPED = {Outcome.TRUE: Outcome.FALSE, Outcome.FALSE: Outcome.TRUE}
_ON = {
    OnAbsent.PASS: Outcome.TRUE,
    OnAbsent.FAIL: Outcome.FALSE,
    OnAbsent.NOT_APPLICABLE: Outcome.NOT_APPLICABLE,
}


def _combined(members: list[Truth], decides: Outcome, otherwise: Outcome) -> Truth:
    counted = [member for member in members if member.outcome is not Outcome.NOT_APPLICABLE]
    if not counted:
        return Truth(Outcome.NOT_APPLICABLE)
    unknown = next((member for member in counted if member.outcome is Outcome.UNKNOWN), None)
    if any(member.outcome is decides for member in counted):
        return Truth(decides, all_seen=unknown is None)
    return Truth(Outcome.UNKNOWN, unknown.blank) if unknown else Truth(otherwise)


def _assertion(assertion: Assertion, scene: Scene, element: Place | None) -> Truth:
    relative = element is not None
    path = parse_path(assertion.fact, relative=relative)
    start = element if element is not None else scene.topics.get(path.topic, _NEVER_ASKED)
    if path.spreads or assertion.op in QUANTIFIERS:
        return _over_list(assertion, path, start, scene)
    place = follow(start, path.steps)
    if isinstance(place, Blank):
        return Truth(Outcome.UNKNOWN, place, place)
    if assertion.op in ("exists", "absent"):
        return _truth((assertion.op == "exists") == isinstance(place, Found), place)
    if isinstance(place, Absent):
        return Truth(_ON[assertion.on_absent], actual=place)
    empty = place.value == [] or (is_listing(place.value) and not place.value["items"] and place.value["complete"])
    if empty and place.whole and assertion.on_empty is not None:
        return Truth(_ON[assertion.on_empty], actual=place)
    return _compared(assertion, place, scene, element)


_NEVER_ASKED = Blank(Blind.NOT_ATTEMPTED, "the topic was never asked for")


def _truth(holds: bool, place: Place) -> Truth:
    return Truth(Outcome.TRUE if holds else Outcome.FALSE, actual=place)


def _compared(assertion: Assertion, place: Found, scene: Scene, element: Place | None) -> Truth:
    """Return how the operator judges a value that was found."""
    if place.holes and assertion.op not in SETS:
        lost = place.holes[0]
        return Truth(Outcome.UNKNOWN, Blank(lost.reason, lost.detail), place)
    expected = _expected(assertion, scene, element)
    if isinstance(expected, Truth):
        return expected
    apply = OPERATORS[assertion.op].apply
    if apply is None:
        raise ValueError(f"operator {assertion.op} compares nothing")
    try:
        outcome = apply(Given(place.value, place.whole, expected, assertion.scheme, scene.as_of))
    except Mismatch as error:
        return Truth(Outcome.UNKNOWN, Blank(Blind.UNPARSEABLE, str(error)), place)
    if outcome is Outcome.UNKNOWN:
        lost_reason = place.holes[0].reason if place.holes else Blind.TRUNCATED
        return Truth(outcome, Blank(lost_reason, "the list is not complete"), place)
    return Truth(outcome, actual=place)


def _expected(assertion: Assertion, scene: Scene, element: Place | None) -> Any:
    """Return the value to compare with, or the truth that follows from not having it."""
    value = assertion.value
    if isinstance(value, ParamRef):
        return scene.params[value.name]
    if not isinstance(value, FactRef):
        return value
    relative = value.path.startswith(".")
    path = parse_path(value.path, relative=relative)
    start = (element or Absent()) if relative else scene.topics.get(path.topic, _NEVER_ASKED)
    place = follow(start, path.steps)
    if isinstance(place, Blank):
        return Truth(Outcome.UNKNOWN, Blank(place.reason, f"{value.path}: {place.detail}"), place)
    if isinstance(place, Absent):
        return Truth(_ON[assertion.on_absent], actual=f"{value.path} is absent")
    if not place.whole:
        return Truth(Outcome.UNKNOWN, Blank(Blind.TRUNCATED, f"{value.path} is not complete"), place)
    return _checked_kind(assertion, place)


def _checked_kind(assertion: Assertion, place: Found) -> Any:
    """Return the referenced value when the operator can use it; what a host or an operator wrote may be anything."""
    value = place.value["items"] if is_listing(place.value) else place.value
    kind = OPERATORS[assertion.op].kind
    good = {
        "scalar": isinstance(value, (str, int, float)),
        "scalars": isinstance(value, list) and all(isinstance(v, (str, int)) for v in value),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
    }
    if good.get(kind, False):
        return value
    return Truth(Outcome.UNKNOWN, Blank(Blind.UNPARSEABLE, "the fact compared with is of another kind"), place)


def _over_list(assertion: Assertion, path: FactPath, start: Place, scene: Scene) -> Truth:
    """Return the truth of a quantifier, or of a set operator over the places a path names."""
    listed = _rows(path, start)
    if isinstance(listed, Blank):
        return Truth(Outcome.UNKNOWN, listed, listed)
    if isinstance(listed, Absent):
        return Truth(_ON[assertion.on_absent], actual=listed)
    if assertion.op not in QUANTIFIERS:
        return _over_set(assertion, listed, scene)
    if assertion.where is None:
        raise ValueError(f"operator {assertion.op} needs `where`")
    judged = [(row, evaluate(assertion.where, scene, None, row.place)) for row in listed.rows]
    judged = [(row, truth) for row, truth in judged if truth.outcome is not Outcome.NOT_APPLICABLE]
    doubt = listed.missing or next((t.blank for _, t in judged if t.outcome is Outcome.UNKNOWN), None)
    if not judged and doubt is None:
        return Truth(_ON[assertion.on_empty or OnAbsent.FAIL], actual="empty")
    return _quantified(assertion, judged, doubt, scene)


def _rows(path: FactPath, start: Place) -> Spread | Absent | Blank:
    if path.spreads:
        return spread(start, path.steps)
    place = follow(start, path.steps)
    return elements(place) if isinstance(place, Found) else place


def _over_set(assertion: Assertion, listed: Spread, scene: Scene) -> Truth:
    """Treat the places a path names as one list; an absent one contributes nothing."""
    if assertion.op not in SETS:
        raise ValueError(f"operator {assertion.op} cannot be used on a path with [*]")
    lost = listed.missing or next((row.place for row in listed.rows if isinstance(row.place, Blank)), None)
    values = [row.place.value for row in listed.rows if isinstance(row.place, Found)]
    if not values and lost is None and assertion.on_empty is not None:
        return Truth(_ON[assertion.on_empty], actual="empty")
    truth = _compared(assertion, Found({"complete": lost is None, "items": values}), scene, None)
    if truth.outcome is Outcome.UNKNOWN and lost is not None:
        return replace(truth, blank=lost, all_seen=False)
    if truth.outcome is not Outcome.FALSE:
        return truth
    alone = [row for row in listed.rows if isinstance(row.place, Found) and _offends(assertion, row.place, scene)]
    return replace(truth, offenders=tuple(alone), all_seen=lost is None)


def _offends(assertion: Assertion, place: Found, scene: Scene) -> bool:
    """Return whether one value alone already breaks a set operator that speaks of all values."""
    if assertion.op in ("contains", "superset_of"):
        return False
    one = Found({"complete": True, "items": [place.value]})
    return _compared(assertion, one, scene, None).outcome is Outcome.FALSE


def _quantified(assertion: Assertion, judged: list[tuple[Row, Truth]], doubt: Blank | None, scene: Scene) -> Truth:
    holds = tuple(row for row, truth in judged if truth.outcome is Outcome.TRUE)
    fails = tuple(row for row, truth in judged if truth.outcome is Outcome.FALSE)
    match assertion.op:
        case "every":
            outcome, against = _decided(bool(fails), Outcome.FALSE, Outcome.TRUE, doubt), fails
        case "none_of":
            outcome, against = _decided(bool(holds), Outcome.FALSE, Outcome.TRUE, doubt), holds
        case "some":
            outcome, against = _decided(bool(holds), Outcome.TRUE, Outcome.FALSE, doubt), fails
        case _:
            outcome, against = _counted(assertion, len(holds), len(judged), doubt, scene), holds
    shown = _tally(assertion, against, len(judged), doubt)
    if outcome is Outcome.UNKNOWN:
        return Truth(outcome, doubt, shown, all_seen=False)
    return Truth(outcome, None, shown, against if outcome is Outcome.FALSE else (), doubt is None)


def _decided(example: bool, then: Outcome, otherwise: Outcome, doubt: Blank | None) -> Outcome:
    if example:
        return then
    return Outcome.UNKNOWN if doubt is not None else otherwise


def _counted(assertion: Assertion, low: int, judged: int, doubt: Blank | None, scene: Scene) -> Outcome:
    """Return the truth of every comparison for all counts that are still possible, from ``low`` upwards."""
    limits = _expected(assertion, scene, None)
    if not isinstance(limits, dict):
        raise TypeError("count needs comparisons")
    top = max(low, *(limit + 1 for limit in limits.values()))
    possible = range(low, (top if doubt is not None else low) + 1)
    tests = {"eq": int.__eq__, "lt": int.__lt__, "le": int.__le__, "gt": int.__gt__, "ge": int.__ge__}
    answers = {all(tests[name](number, limit) for name, limit in limits.items()) for number in possible}
    if len(answers) > 1:
        return Outcome.UNKNOWN
    return Outcome.TRUE if answers.pop() else Outcome.FALSE


def _tally(assertion: Assertion, against: tuple[Row, ...], total: int, doubt: Blank | None) -> str:
    """Return which elements decided: ``2 of 5: toor (uid=0), www (uid=0)``."""
    fields = tuple(sorted({inner.fact.strip(".").split(".")[0].split("[")[0] for inner in assertions(assertion.where)}))
    shown = "; ".join(
        sorted(show_element(row.element, fields) if fields != ("",) else show_place(row.place) for row in against)
    )
    more = "" if doubt is None else f" (and what is not seen: {doubt.reason.value})"
    return f"{len(against)} of {total}{': ' if shown else ''}{shown}{more}"


_JOINED = {All: " and ", AnyOf: " or "}


def _where_text(condition: Condition, scene: Scene) -> str:
    match condition:
        case Assertion(fact=fact):
            name = fact.lstrip(".")
            return f"{name} {expected_text(condition, scene)}".strip()
        case All(members=members) | AnyOf(members=members):
            return "(" + _JOINED[type(condition)].join(_where_text(member, scene) for member in members) + ")"
        case Not(member=member):
            return f"not {_where_text(member, scene)}"
        case When(member=member):
            return _where_text(member, scene)
        case _:
            assert_never(condition)
