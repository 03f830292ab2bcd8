"""The closed set of operators: what each compares, what it accepts, and how it reads.

Rules that hold for all of them:

- A value of the wrong kind is never true and never false: it raises ``Mismatch`` and the outcome is unknown.
- Text stays text. Only where a number is expected is text of the form ``-?[0-9]+`` read as a whole number, since
  ``sshd -T`` and its like print numbers as text. ``true`` and ``false`` are never numbers and never text.
- A list that is not complete decides only what a counterexample (or an example) already decides.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from posture.evaluate.paths import is_listing, type_word
from posture.evaluate.patterns import MAX_INPUT, compile_pattern
from posture.evaluate.render import show
from posture.evaluate.versions import SCHEMES, NotAVersion, compare
from posture.model.finding import Outcome

Kind = Literal["scalar", "number", "range", "scalars", "pattern", "nothing", "version", "cidrs", "days", "counts"]
"""What an operator's value must be."""

Accepts = Literal["scalar", "number", "text", "list", "anything"]
"""What the fact must be."""


class Mismatch(ValueError):  # noqa: N818 - an outcome of a comparison, caught in ``logic``
    """The fact is not of the kind the operator compares."""


@dataclass(frozen=True, slots=True)
class Given:
    """One comparison: the fact, whether all of it was seen, and the check's side."""

    actual: Any
    whole: bool
    expected: Any
    scheme: str
    as_of: date


@dataclass(frozen=True, slots=True)
class Operator:
    """One word of the check language."""

    name: str
    kind: Kind
    accepts: Accepts
    phrase: str
    """How the expectation reads; ``{}`` is the value."""
    apply: Callable[[Given], Outcome] | None = None
    """``None`` for what ``logic`` decides itself: exists, absent and the quantifiers."""


def expectation(name: str, expected: Any, scheme: str = "") -> str:
    """Return what a check expects, in words: ``at most 4``."""
    operator = OPERATORS[name]
    if operator.kind == "nothing":
        return operator.phrase
    if operator.kind == "range":
        return operator.phrase.format(*map(show, expected))
    if operator.kind == "counts":
        return operator.phrase.format(" and ".join(expectation(op, value) for op, value in sorted(expected.items())))
    return operator.phrase.format(show(expected)) + (f" ({scheme})" if scheme else "")


def value_fault(name: str, value: Any, scheme: str) -> str:
    """Return what is wrong with the value a check gives an operator; empty when it fits.

    Raises:
        BaselineError: a pattern is refused.
    """
    operator = OPERATORS[name]
    if operator.kind == "pattern" and isinstance(value, str):
        compile_pattern(value)
    if operator.kind == "version":
        if scheme not in SCHEMES:
            return f"needs `scheme`: one of {', '.join(sorted(SCHEMES))}"
        return (
            "" if isinstance(value, str) and _is_version(scheme, value) else f"needs a {scheme} version as quoted text"
        )
    if scheme:
        return "takes no `scheme`"
    return "" if _FITS[operator.kind](value) else f"needs {_WORDS[operator.kind]}"


def whole_number(value: Any) -> int | float:
    """Return a number, or text of the form ``-?[0-9]+`` as one.

    Raises:
        Mismatch: it is neither.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMERIC.match(value):
        return int(value)
    raise Mismatch(f"{_named(value)} is not a whole number")


_NUMERIC = re.compile(r"-?[0-9]{1,18}\Z", re.ASCII)
_T, _F, _U = Outcome.TRUE, Outcome.FALSE, Outcome.UNKNOWN


def _truth(holds: bool) -> Outcome:
    return _T if holds else _F


def _same(actual: Any, expected: Any) -> bool:
    """Return whether two scalars are equal; the expected one says of what kind they must be."""
    if isinstance(expected, bool):
        if not isinstance(actual, bool):
            raise Mismatch(f"{_named(actual)} is not true or false")
        return actual is expected
    if isinstance(expected, (int, float)):
        return whole_number(actual) == expected
    if not isinstance(actual, str):
        raise Mismatch(f"{_named(actual)} is not text")
    return bool(actual == expected)


def _named(value: Any) -> str:
    return f"`{value[:60]}`" if isinstance(value, str) else type_word(value)


def _eq(given: Given) -> Outcome:
    return _truth(_same(given.actual, given.expected))


def _in(given: Given) -> Outcome:
    return _truth(any(_same(given.actual, one) for one in given.expected))


def _negated(apply: Callable[[Given], Outcome]) -> Callable[[Given], Outcome]:
    flipped = {_T: _F, _F: _T}
    return lambda given: flipped.get(outcome := apply(given), outcome)


def _number(test: Callable[[Any, Any], bool]) -> Callable[[Given], Outcome]:
    return lambda given: _truth(test(whole_number(given.actual), given.expected))


def _members(given: Given) -> list[Any]:
    actual = given.actual
    if is_listing(actual):
        actual = actual["items"]
    if not isinstance(actual, list):
        raise Mismatch(f"{_named(actual)} is not a list")
    return actual


def _holds_member(members: list[Any], wanted: Any) -> bool:
    return True in [_same(member, wanted) for member in members]  # every member must be comparable


def _contains(given: Given) -> Outcome:
    if _holds_member(_members(given), given.expected):
        return _T
    return _F if given.whole else _U


def _superset(given: Given) -> Outcome:
    members = _members(given)
    if all(_holds_member(members, wanted) for wanted in given.expected):
        return _T
    return _F if given.whole else _U


def _disjoint(given: Given) -> Outcome:
    members = _members(given)
    if True in [_holds_member(members, unwanted) for unwanted in given.expected]:
        return _F
    return _T if given.whole else _U


def _subset(given: Given) -> Outcome:
    strangers = [m for m in _members(given) if not any(_same(m, allowed) for allowed in given.expected)]
    if strangers:
        return _F
    return _T if given.whole else _U


def _matches(given: Given) -> Outcome:
    # `sshd -T` says `none` or a number under one key: a whole number is matched by its digits
    text = str(given.actual) if _is_int(given.actual) else given.actual
    if not isinstance(text, str):
        raise Mismatch(f"{_named(text)} is not text")
    if len(text) > MAX_INPUT:
        raise Mismatch(f"text of {len(text)} characters is too long to match")
    return _truth(compile_pattern(given.expected).fullmatch(text) is not None)


def _version(test: Callable[[int], bool]) -> Callable[[Given], Outcome]:
    def apply(given: Given) -> Outcome:
        if not isinstance(given.actual, str):
            raise Mismatch(f"{_named(given.actual)} is not text")
        try:
            return _truth(test(compare(given.scheme, given.actual, given.expected)))
        except NotAVersion as error:
            raise Mismatch(str(error)) from None

    return apply


def _within(given: Given) -> Outcome:
    nets = [given.expected] if isinstance(given.expected, str) else given.expected
    networks = [ipaddress.ip_network(net) for net in nets]
    several = isinstance(given.actual, list) or is_listing(given.actual)
    addresses = [_address(one) for one in (_members(given) if several else [given.actual])]
    if not all(any(ip in network for network in networks) for ip in addresses):
        return _F
    return _T if given.whole else _U


def _address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        ip = ipaddress.ip_address(value.split("%", 1)[0] if isinstance(value, str) else "")
    except ValueError:
        raise Mismatch(f"{_named(value)} is not an IP address") from None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return mapped or ip


def _day(value: Any) -> date:
    """Return the UTC day of an ISO 8601 date, or of a moment that names its zone."""
    try:
        if isinstance(value, str) and _ISO_DAY.match(value):
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Mismatch(f"{_named(value)} is not a date (YYYY-MM-DD, or a moment with its zone)")
    return moment.astimezone(UTC).date()


_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)


def _before(given: Given) -> Outcome:
    return _truth(_day(given.actual) < given.as_of - timedelta(days=given.expected))


def _after(given: Given) -> Outcome:
    return _truth(_day(given.actual) > given.as_of + timedelta(days=given.expected))


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_int(value) or isinstance(value, float)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, bool)) or _is_number(value)


def _are_scalars(value: Any) -> bool:
    """A list that is not empty, of one kind: otherwise one member would make the comparison unknown for all."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(v, str) for v in value) or all(_is_int(v) for v in value)


def _are_cidrs(value: Any) -> bool:
    nets = [value] if isinstance(value, str) else value
    try:
        return bool(nets) and all(isinstance(net, str) and ipaddress.ip_network(net) for net in nets)
    except (ValueError, TypeError):
        return False


def _is_version(scheme: str, text: str) -> bool:
    try:
        compare(scheme, text, text)
    except NotAVersion:
        return False
    return True


COUNT_COMPARISONS = ("eq", "ge", "gt", "le", "lt")


def _are_counts(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(key in COUNT_COMPARISONS and _is_int(limit) and limit >= 0 for key, limit in value.items())
    )


_FITS: dict[Kind, Callable[[Any], bool]] = {
    "scalar": _is_scalar,
    "number": _is_number,
    "range": lambda v: isinstance(v, list) and len(v) == 2 and all(map(_is_number, v)) and v[0] <= v[1],
    "scalars": _are_scalars,
    "pattern": lambda v: isinstance(v, str),
    "nothing": lambda v: v is None,
    "cidrs": _are_cidrs,
    "days": lambda v: _is_int(v) and abs(v) <= 36_500,
    "counts": _are_counts,
}
_WORDS: dict[Kind, str] = {
    "scalar": "one value: quoted text, a number, true or false",
    "number": "a number",
    "range": "a list of two numbers, the smaller first",
    "scalars": "a list of values of one kind, not empty",
    "pattern": "a pattern in quotes",
    "nothing": "no value",
    "cidrs": "a CIDR or a list of them, without host bits",
    "days": "a whole number of days",
    "counts": f"comparisons of a number, such as {{le: 3}}; keys: {', '.join(COUNT_COMPARISONS)}",
}

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("eq", "scalar", "scalar", "{}", _eq),
        Operator("ne", "scalar", "scalar", "anything but {}", _negated(_eq)),
        Operator("in", "scalars", "scalar", "one of {}", _in),
        Operator("not_in", "scalars", "scalar", "none of {}", _negated(_in)),
        Operator("lt", "number", "number", "less than {}", _number(lambda a, b: a < b)),
        Operator("le", "number", "number", "at most {}", _number(lambda a, b: a <= b)),
        Operator("gt", "number", "number", "more than {}", _number(lambda a, b: a > b)),
        Operator("ge", "number", "number", "at least {}", _number(lambda a, b: a >= b)),
        Operator("between", "range", "number", "{} to {}", _number(lambda a, b: b[0] <= a <= b[1])),
        Operator("contains", "scalar", "list", "{} among them", _contains),
        Operator("not_contains", "scalar", "list", "{} not among them", _negated(_contains)),
        Operator("subset_of", "scalars", "list", "nothing but {}", _subset),
        Operator("superset_of", "scalars", "list", "all of {}", _superset),
        Operator("disjoint", "scalars", "list", "none of {}", _disjoint),
        Operator("matches", "pattern", "text", "text like {}", _matches),
        Operator("not_matches", "pattern", "text", "text unlike {}", _negated(_matches)),
        Operator("exists", "nothing", "anything", "present"),
        Operator("absent", "nothing", "anything", "absent"),
        Operator("version_lt", "version", "text", "older than {}", _version(lambda order: order < 0)),
        Operator("version_ge", "version", "text", "{} or newer", _version(lambda order: order >= 0)),
        Operator("within_cidr", "cidrs", "anything", "inside {}", _within),
        Operator("before_days", "days", "text", "more than {} days ago", _before),
        Operator("after_days", "days", "text", "more than {} days ahead", _after),
        Operator("every", "nothing", "list", "every one: "),
        Operator("some", "nothing", "list", "at least one: "),
        Operator("none_of", "nothing", "list", "none: "),
        Operator("count", "counts", "list", "{} in number: "),
    )
}
"""Every operator by name."""

QUANTIFIERS = ("every", "some", "none_of", "count")
SETS = ("contains", "not_contains", "subset_of", "superset_of", "disjoint", "within_cidr")
DATES = ("before_days", "after_days")
NEED_ON_EMPTY = (*QUANTIFIERS, "not_contains", "subset_of", "disjoint")
"""Nothing is said of an empty list unless the check says what it means."""
