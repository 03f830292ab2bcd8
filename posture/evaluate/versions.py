"""Which of two versions is the older, by the rules of the scheme they are written in."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import zip_longest

MAX_VERSION_LENGTH = 200  # the longest version in Debian's archive has 66 characters


class NotAVersion(ValueError):  # noqa: N818 - says what the text is, and never leaves this package
    """The text is no version of the scheme."""


def compare(scheme: str, left: str, right: str) -> int:
    """Return -1, 0 or 1 as left is older than, equal to or newer than right.

    Raises:
        NotAVersion: either text does not follow the scheme.
    """
    for text in (left, right):
        if not text or len(text) > MAX_VERSION_LENGTH:
            raise NotAVersion(f"`{text[:40]}` is not a version")
    return SCHEMES[scheme](left, right)


def is_version(scheme: str, text: str) -> bool:
    """Return whether the text is a version of the scheme."""
    try:
        compare(scheme, text, text)
    except NotAVersion:
        return False
    return True


_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)*\Z", re.ASCII)


def _compare_dotted(left: str, right: str) -> int:
    """Numbers between dots; missing ones count as 0."""
    if not _DOTTED.match(left) or not _DOTTED.match(right):
        raise NotAVersion(f"`{left}` and `{right}` must be numbers between dots")
    return _sign([int(n) for n in left.split(".")], [int(n) for n in right.split(".")])


def _sign(left: list[int], right: list[int]) -> int:
    for mine, theirs in zip_longest(left, right, fillvalue=0):
        if mine != theirs:
            return -1 if mine < theirs else 1
    return 0


_SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?\Z", re.ASCII)


def _compare_semver(left: str, right: str) -> int:
    """Source: Semantic Versioning 2.0.0, section 11."""
    mine, theirs = _SEMVER.match(left), _SEMVER.match(right)
    if mine is None or theirs is None:
        raise NotAVersion(f"`{left}` and `{right}` must read as 1.2.3")
    core = _sign([int(mine[n]) for n in (1, 2, 3)], [int(theirs[n]) for n in (1, 2, 3)])
    if core or mine[4] == theirs[4]:
        return core
    if mine[4] is None or theirs[4] is None:
        return 1 if mine[4] is None else -1
    for one, other in zip_longest(mine[4].split("."), theirs[4].split(".")):
        if one != other:
            return _semver_part(one, other)
    return 0


def _semver_part(one: str | None, other: str | None) -> int:
    if one is None or other is None:
        return -1 if one is None else 1
    if one.isdigit() and other.isdigit():
        return (int(one) > int(other)) - (int(one) < int(other))
    if one.isdigit() != other.isdigit():
        return -1 if one.isdigit() else 1
    return (one > other) - (one < other)


_DEB = re.compile(r"(?:([0-9]+):)?([0-9A-Za-z.+~:-]+?)(?:-([0-9A-Za-z.+~]+))?\Z", re.ASCII)


def _compare_deb(left: str, right: str) -> int:
    """Source: deb-version(7), Debian policy 5.6.12."""
    mine, theirs = _DEB.match(left), _DEB.match(right)
    if mine is None or theirs is None:
        raise NotAVersion(f"`{left}` and `{right}` must be Debian versions")
    epoch = _sign([int(mine[1] or 0)], [int(theirs[1] or 0)])
    return epoch or _deb_part(mine[2], theirs[2]) or _deb_part(mine[3] or "0", theirs[3] or "0")


_RUNS = re.compile(r"([^0-9]*)([0-9]*)", re.ASCII)


def _deb_part(left: str, right: str) -> int:
    """Compare runs of other characters and of digits in turn."""
    for (text, digits), (other_text, other_digits) in zip_longest(
        _RUNS.findall(left), _RUNS.findall(right), fillvalue=("", "")
    ):
        for mine, theirs in zip_longest(map(_deb_order, text), map(_deb_order, other_text), fillvalue=0):
            if mine != theirs:
                return -1 if mine < theirs else 1
        numbers = _sign([int(digits or 0)], [int(other_digits or 0)])
        if numbers:
            return numbers
    return 0


def _deb_order(char: str) -> int:
    """``~`` sorts before the end, letters before everything else."""
    if char == "~":
        return -1
    return ord(char) if char.isalpha() else ord(char) + 256


_RPM = re.compile(r"(?:([0-9]+):)?([0-9A-Za-z._+~^]+)(?:-([0-9A-Za-z._+~^]+))?\Z", re.ASCII)


def _compare_rpm(left: str, right: str) -> int:
    """Compare epoch, version, and release when both have one. Source: rpm-version(7)."""
    mine, theirs = _RPM.match(left), _RPM.match(right)
    if mine is None or theirs is None:
        raise NotAVersion(f"`{left}` and `{right}` must be RPM versions")
    order = _sign([int(mine[1] or 0)], [int(theirs[1] or 0)]) or _rpm_part(mine[2], theirs[2])
    if order or mine[3] is None or theirs[3] is None:
        return order
    return _rpm_part(mine[3], theirs[3])


_RPM_SEGMENT = re.compile(r"~|\^|[0-9]+|[A-Za-z]+", re.ASCII)


def _rpm_part(left: str, right: str) -> int:
    """Source: rpmvercmp in rpm's lib/rpmvercmp.c, restated: ``~`` is older than the end, ``^`` newer than it."""
    for one, other in zip_longest(_RPM_SEGMENT.findall(left), _RPM_SEGMENT.findall(right)):
        if one == other:
            continue
        if "~" in (one, other):
            return -1 if one == "~" else 1
        if one is None or other is None:
            return -1 if one is None else 1
        if "^" in (one, other):
            return -1 if one == "^" else 1
        order = _rpm_segment(one, other)
        if order:
            return order
    return 0


def _rpm_segment(one: str, other: str) -> int:
    if one.isdigit() != other.isdigit():
        return 1 if one.isdigit() else -1
    if one.isdigit():
        return (int(one) > int(other)) - (int(one) < int(other))
    return (one > other) - (one < other)


SCHEMES: dict[str, Callable[[str, str], int]] = {
    "deb": _compare_deb,
    "rpm": _compare_rpm,
    "semver": _compare_semver,
    "dotted": _compare_dotted,
}
"""Scheme name to comparison."""
