"""Whom a pattern of sshd names: criteria of Match lines, pattern lists, sources of a login.

Source: sshd_config(5), ssh_config(5) "PATTERNS"; match.c and addrmatch.c of OpenSSH.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

STRANGER = "203.0.113.9"  # RFC 5737: never a real address


@dataclass(frozen=True, slots=True)
class Source:
    """From where a login comes."""

    address: str = STRANGER
    name: str = ""
    """Its host name, believed only where sshd asks DNS."""


@lru_cache(maxsize=4096)
def criteria_of(match: str) -> tuple[tuple[str, str], ...]:
    """Return the criteria of a Match line, name in lower case and pattern list; ``all`` has none."""
    try:
        words = shlex.split(match)
    except ValueError:
        return (("unreadable", ""),)
    out: list[tuple[str, str]] = []
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name.lower() == "all":
            continue
        if not equals:
            value = words.pop(0) if words else ""
        out.append((name.lower(), value))
    return tuple(out)


def in_list(patterns: str, words: Iterable[str]) -> bool:
    """Return whether any word is in a pattern list, none of whose negations names it."""
    return any(_in_list(patterns, word) for word in words)


def in_groups(patterns: str, groups: Iterable[str]) -> bool:
    """Return whether somebody in these groups falls under a pattern list; one negated group keeps them out."""
    told, known = patterns.split(","), list(groups)
    if any(_fits(one[1:], group) for one in told if one.startswith("!") for group in known):
        return False
    return any(_fits(one, group) for one in told if not one.startswith("!") for group in known)


def _in_list(patterns: str, word: str) -> bool:
    hit = False
    for pattern in patterns.split(","):
        if _fits(pattern.lstrip("!"), word):
            if pattern.startswith("!"):
                return False
            hit = True
    return hit


def from_matches(patterns: str, source: Source, *, dns: bool) -> bool:
    """Return whether a source is in a list of addresses, networks and names; a negation that names it decides."""
    hit = False
    for pattern in patterns.split(","):
        bare = pattern.strip().lstrip("!")
        if bare and _is_source(bare, source, dns):
            if pattern.strip().startswith("!"):
                return False
            hit = True
    return hit


def _is_source(pattern: str, source: Source, dns: bool) -> bool:
    network = network_of(pattern)
    if network is not None:
        try:
            return ipaddress.ip_address(source.address) in network
        except ValueError:
            return False
    return _fits(pattern, source.address) or bool(dns and source.name and _fits(pattern.lower(), source.name.lower()))


@lru_cache(maxsize=4096)
def network_of(pattern: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the network a pattern is, a single address too; ``None`` for names and wildcards."""
    try:
        return ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return None


def is_user(pattern: str, user: str, source: Source, dns: bool) -> bool:
    """Return whether a pattern of AllowUsers or DenyUsers names this login."""
    name, at, place = pattern.rpartition("@")
    if not at:
        return _fits(pattern, user)
    return _fits(name, user) and _is_source(place, source, dns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # OpenSSH knows `*` and `?` only: a bracket is a bracket
    return re.compile(translate(pattern.replace("[", "[[]")), re.DOTALL)


def _fits(pattern: str, word: str) -> bool:
    return _compiled(pattern).match(word) is not None
