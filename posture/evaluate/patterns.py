"""Regular expressions of checks: anchored at both ends, short, and unable to run away on hostile input.

Python's engine backtracks, and the text comes from hosts we do not trust. A pattern is refused when it nests unbounded
repeats, looks around or back, or holds more than two repeats whose end is ambiguous; with the length cap on the input,
the worst case of what is left is quadratic in ``MAX_INPUT``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from posture.errors import BaselineError

MAX_PATTERN = 500  # the longest pattern of our baselines is under 200
MAX_INPUT = 2048  # longest text compared with a pattern; beyond it the outcome is unknown
_REPEAT, _OPTIONAL = 10, 2  # how much an ambiguous `*` and an ambiguous `?` count
_MAX_AMBIGUOUS = 20
_NESTED = 1000  # counts as: an ambiguous repeat inside another


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the pattern, to be used with ``fullmatch``; a dot matches any character, line ends included.

    Raises:
        BaselineError: it is not anchored, too long, does not compile, or could run away.
    """
    if len(pattern) > MAX_PATTERN:
        raise BaselineError(
            f"a pattern of {len(pattern)} characters", hint=f"at most {MAX_PATTERN}; use several assertions"
        )
    if not pattern.startswith("^") or not pattern.endswith("$") or pattern.endswith(r"\$"):
        raise BaselineError(
            f"the pattern `{pattern}` is not anchored", hint="begin it with ^ and end it with $ (or .*$)"
        )
    body = pattern[1:-1]
    try:
        tree = _parser.parse(body, re.ASCII | re.DOTALL)
        compiled = re.compile(body, re.ASCII | re.DOTALL)
    except (re.error, RecursionError, OverflowError) as error:
        raise BaselineError(f"the pattern `{pattern}` does not compile: {error}", hint="see Python's re") from None
    fault = "has alternatives outside brackets" if _splits_outside(body) else _fault(tree)
    if fault:
        raise BaselineError(f"the pattern `{pattern}` {fault}", hint="write a simpler one, or several assertions")
    return compiled


_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)
_FORBIDDEN = {
    op.ASSERT: "looks ahead or behind",
    op.ASSERT_NOT: "looks ahead or behind",
    op.GROUPREF: "refers back to a group",
    op.GROUPREF_EXISTS: "refers back to a group",
    op.AT: "has an anchor inside (or alternatives outside brackets)",
}


def _fault(tree: Any) -> str:
    """Return why the pattern is refused, or nothing."""
    fault = _forbidden(tree, inside_repeat=False)
    if fault:
        return fault
    ambiguous = _ambiguous(list(tree), frozenset())
    if ambiguous >= _NESTED:
        return "repeats a repeat"
    if ambiguous > _MAX_AMBIGUOUS:
        return f"holds more than {_MAX_AMBIGUOUS // _REPEAT} repeats that can end in several places"
    return ""


_BRACKETED = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")


def _splits_outside(body: str) -> bool:
    """Return whether a ``|`` stands outside every bracket: it would leave each anchor with one side only."""
    depth = 0
    for char in _BRACKETED.sub("x", body):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            return True
    return False


def _forbidden(tree: Any, *, inside_repeat: bool) -> str:
    for code, argument in tree:
        if code in _FORBIDDEN:
            return _FORBIDDEN[code]
        if code is op.SUBPATTERN and (argument[1] or argument[2]):
            return "changes flags inside"
        if code is op.BRANCH and inside_repeat and _overlap([_first(branch) for branch in argument[1]]):
            return "repeats alternatives that begin alike"
        for below in _below(code, argument):
            fault = _forbidden(below, inside_repeat=inside_repeat or (code in _REPEATS and argument[1] > 1))
            if fault:
                return fault
    return ""


def _below(code: Any, argument: Any) -> list[Any]:
    if code in _REPEATS or code is op.SUBPATTERN:
        return [argument[-1]]
    if code is op.BRANCH:
        return list(argument[1])
    return [argument] if code is getattr(op, "ATOMIC_GROUP", None) else []


def _overlap(sets: list[frozenset[int]]) -> bool:
    seen: set[int] = set()
    for chars in sets:
        if seen & chars or not chars:
            return True
        seen |= chars
    return False


def _ambiguous(nodes: list[Any], after: frozenset[int]) -> int:
    """Return how many repeats may end in several places, in weighted counts, given what may follow."""
    count = 0
    for index, (code, argument) in enumerate(nodes):
        follows = _first(nodes[index + 1 :]) | (after if _may_be_empty(nodes[index + 1 :]) else frozenset())
        if code not in _REPEATS:
            count += max((_ambiguous(list(below), follows) for below in _below(code, argument)), default=0)
            continue
        inner = _ambiguous(list(argument[-1]), follows | _first(argument[-1]))
        varies = argument[0] != argument[1]
        loops = argument[1] > 1
        count += _NESTED if inner and varies and loops else inner * max(int(argument[0]), 1)
        if varies and _any_char(argument[-1]) & follows:
            count += _REPEAT if loops else _OPTIONAL
    return count


def _first(nodes: Any) -> frozenset[int]:
    """Return the character codes (below 256) with which a match may begin."""
    out: frozenset[int] = frozenset()
    for code, argument in nodes:
        if code in _REPEATS or code is op.SUBPATTERN:
            out |= _first(argument[-1])
        elif code is op.BRANCH:
            out = out.union(*(_first(branch) for branch in argument[1]))
        else:
            out |= _chars(code, argument)
        if not _may_be_empty([(code, argument)]):
            break
    return out


def _any_char(nodes: Any) -> frozenset[int]:
    out: frozenset[int] = frozenset()
    for code, argument in nodes:
        out |= _chars(code, argument)
        out = out.union(*(_any_char(below) for below in _below(code, argument)))
    return out


def _may_be_empty(nodes: Any) -> bool:
    for code, argument in nodes:
        if code in _REPEATS:
            if argument[0] > 0 and not _may_be_empty(argument[-1]):
                return False
        elif code is op.SUBPATTERN:
            if not _may_be_empty(argument[-1]):
                return False
        elif code is op.BRANCH:
            if not any(_may_be_empty(branch) for branch in argument[1]):
                return False
        else:
            return False
    return True


_ALL = frozenset(range(256))
_CATEGORIES = {
    op.CATEGORY_DIGIT: frozenset(b"0123456789"),
    op.CATEGORY_SPACE: frozenset(b" \t\n\r\f\v"),
    op.CATEGORY_WORD: frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"),
}
_NOT_CATEGORIES = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
}


def _chars(code: Any, argument: Any) -> frozenset[int]:
    if code is op.LITERAL:
        return frozenset({min(argument, 255)})
    if code is op.NOT_LITERAL:
        return _ALL - {argument}
    if code is op.ANY:
        return _ALL
    if code is op.RANGE:
        return frozenset(range(min(argument[0], 255), min(argument[1], 255) + 1))
    if code is op.CATEGORY:
        if argument in _NOT_CATEGORIES:
            return _ALL - _CATEGORIES[_NOT_CATEGORIES[argument]]
        return _CATEGORIES.get(argument, _ALL)
    if code is op.IN:
        negated = bool(argument) and argument[0][0] is op.NEGATE
        chars = frozenset[int]().union(*(_chars(*part) for part in argument if part[0] is not op.NEGATE))
        return _ALL - chars if negated else chars
    return frozenset()
