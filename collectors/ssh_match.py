"""From the Match blocks of an SSH server to one connection each that the block applies to, to ask the server about.

What a block does is never guessed here: `sshd -T -C` says it. Only a connection that falls under the block is made up.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice

STRANGER = "posture-probe"
"""An account that is on no host; no block that names people applies to it."""
STRANGER_HOST = "probe.invalid"  # RFC 2606: never a real name
STRANGER_ADDRESS = "203.0.113.9"  # RFC 5737: never a real address
OWN_ADDRESS = "192.0.2.1"


class Dead(Enum):
    """Why a block has no connection to ask about."""

    EMPTY = "nobody on this host falls under it"
    UNKNOWN = "we cannot make up a connection that falls under it"


@dataclass(frozen=True, slots=True)
class Block:
    """The criteria of one Match line; all must hold."""

    text: str
    criteria: tuple[tuple[str, str], ...]
    """Name in lower case and its pattern list."""


@dataclass(frozen=True, slots=True)
class People:
    """Accounts and groups of the host."""

    groups_of: Mapping[str, frozenset[str]]
    """Groups of each account, the primary one included."""
    local_only: bool
    """No directory can add accounts or members."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """What the configuration files name."""

    blocks: tuple[Block, ...]
    """In the order of the files, without those for everybody (`Match all`): plain `sshd -T` has them."""
    includes: tuple[str, ...]
    """Paths and patterns of Include lines, absolute."""
    unread: int = 0
    """Match lines that make no sense to us."""


def blocks_of(lines: Iterable[str]) -> Blocks:
    """Return the blocks and includes among these configuration lines.

    Source: sshd_config(5), Match and Include; relative paths lie below /etc/ssh.
    """
    blocks: dict[str, Block] = {}
    includes: list[str] = []
    unread = 0
    for line in lines:
        keyword, arguments = _words(line)
        if keyword == "include":
            includes += [path if path.startswith("/") else f"/etc/ssh/{path}" for path in arguments]
        if keyword != "match":
            continue
        block = _block(arguments)
        if block is None:
            unread += 1
        elif block.criteria:
            blocks.setdefault(block.text, block)
    return Blocks(tuple(blocks.values()), tuple(sorted(set(includes))), unread)


def probe(block: Block, people: People, *, port: int = 22, others: Iterable[Block] = ()) -> str | Dead:
    """Return the `-C` argument of a connection that falls under the block, or why there is none.

    Of those who fall under it, one of whom the fewest ``others`` speak: what comes back is then the block's own.
    """
    lists = _lists_of(block)
    if not lists.keys() <= _KNOWN:
        return Dead.UNKNOWN
    user = _user(lists, people, [_lists_of(one) for one in others if one != block])
    if isinstance(user, Dead):
        return user
    chosen = {
        "user": user,
        "host": _chosen(lists.get("host", []), [STRANGER_HOST], _instances, _text_matches),
        "addr": _chosen(lists.get("address", []), [STRANGER_ADDRESS], _addresses, _address_matches),
        "laddr": _chosen(lists.get("localaddress", []), [OWN_ADDRESS], _addresses, _address_matches),
        "lport": _chosen(lists.get("localport", []), [str(port)], _instances, _text_matches),
        "rdomain": _chosen(lists["rdomain"], [], _instances, _text_matches) if "rdomain" in lists else "",
    }
    if None in chosen.values() or not all(_VALUE.fullmatch(value) for value in chosen.values() if value):
        return Dead.UNKNOWN
    return ",".join(f"{key}={value}" for key, value in chosen.items() if value)


ANYONE = f"user={STRANGER},host={STRANGER_HOST},addr={STRANGER_ADDRESS},laddr={OWN_ADDRESS},lport=22"
"""The connection of somebody nobody knows."""

_KNOWN = frozenset({"user", "group", "host", "address", "localaddress", "localport", "rdomain"})
_VALUE = re.compile(r"[A-Za-z0-9._:@+-]{1,128}", re.ASCII)
_LINE = re.compile(r"\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*)", re.ASCII)
_Instances = Callable[[str], list[str]]
_Matches = Callable[[str, str], bool]


def _words(line: str) -> tuple[str, list[str]]:
    found = _LINE.fullmatch(line.rstrip())
    if found is None:
        return "", []
    try:
        return found[1].lower(), shlex.split(found[2], comments=True, posix=True)
    except ValueError:
        return found[1].lower(), []


def _block(words: list[str]) -> Block | None:
    """Return the block of a Match line's arguments; ``Match User=a`` is ``Match User a`` (OpenSSH 9.8)."""
    flat = [part for word in words for part in (word.split("=", 1) if _NAMED.match(word) else [word])]
    if [word.lower() for word in flat] == ["all"]:
        return Block("all", ())
    if not flat or len(flat) % 2:
        return None
    pairs = tuple((flat[at].lower(), flat[at + 1]) for at in range(0, len(flat), 2))
    return Block(" ".join(flat), pairs)


_NAMED = re.compile(r"[A-Za-z-]+=", re.ASCII)


_Lists = dict[str, list[list[str]]]
_MAX_CHOICE = 100  # of those who fall under a block; each is held against all other blocks


def _lists_of(block: Block) -> _Lists:
    lists: _Lists = {}
    for name, patterns in block.criteria:
        lists.setdefault(name, []).append(patterns.split(","))
    return lists


def _user(lists: _Lists, people: People, others: list[_Lists]) -> str | Dead:
    users, groups = lists.get("user", []), lists.get("group", [])
    if not users and not groups:
        return STRANGER
    known = sorted(people.groups_of)
    made_up = [] if groups else [one for patterns in users for pattern in patterns for one in _instances(pattern)]
    candidates = (*known, *([] if groups else [STRANGER]), *made_up)
    fitting = list(islice((name for name in candidates if _is_meant(name, lists, people)), _MAX_CHOICE))
    if not fitting:
        return Dead.EMPTY if groups and people.local_only else Dead.UNKNOWN
    named = [one for one in others if "user" in one or "group" in one]
    return min(fitting, key=lambda name: sum(_is_meant(name, one, people) for one in named))


def _is_meant(name: str, lists: _Lists, people: People) -> bool:
    """Return whether the users and groups that a block names have this account among them."""
    of_groups = people.groups_of.get(name, frozenset())
    return all(_listed(name, patterns, _text_matches) for patterns in lists.get("user", ())) and all(
        _group_listed(of_groups, patterns) for patterns in lists.get("group", ())
    )


def _group_listed(groups: frozenset[str], patterns: list[str]) -> bool:
    """Return whether somebody in these groups falls under the list; one negated group keeps them out."""
    if any(_text_matches(group, p[1:]) for p in patterns if p.startswith("!") for group in groups):
        return False
    return any(_text_matches(group, p) for p in patterns if not p.startswith("!") for group in groups)


def _chosen(lists: list[list[str]], usual: list[str], instances: _Instances, matches: _Matches) -> str | None:
    """Return the first value that every list accepts: a usual one when it does, or one made from the patterns."""
    made_up = [value for patterns in lists for pattern in patterns for value in instances(pattern)]
    for value in [*usual, *made_up]:
        if all(_listed(value, patterns, matches) for patterns in lists):
            return value
    return None


def _listed(value: str, patterns: list[str], matches: _Matches) -> bool:
    """Source: ssh_config(5), PATTERNS: a negated match decides, and negation alone never accepts."""
    if any(matches(value, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(matches(value, pattern) for pattern in patterns if not pattern.startswith("!"))


def _text_matches(value: str, pattern: str) -> bool:
    """Compare with `*` and `?`; by hand, because a hostile pattern may stall a regular expression."""
    at_value = at_pattern = 0
    star, resume = -1, 0
    while at_value < len(value):
        letter = pattern[at_pattern] if at_pattern < len(pattern) else ""
        if letter == "*":
            star, resume = at_pattern, at_value
            at_pattern += 1
        elif letter and letter in ("?", value[at_value]):
            at_value, at_pattern = at_value + 1, at_pattern + 1
        elif star >= 0:
            resume += 1
            at_value, at_pattern = resume, star + 1
        else:
            return False
    return not pattern[at_pattern:].strip("*")


def _instances(pattern: str) -> list[str]:
    if pattern.startswith("!"):
        return []
    return [pattern.replace("*", fill).replace("?", "x") for fill in ("x", "xyz", "")]


def _addresses(pattern: str) -> list[str]:
    if pattern.startswith("!"):
        return []
    try:
        network = ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return _glob_addresses(pattern)
    size = network.num_addresses
    places = sorted({min(1, size - 1), min(2, size - 1), size // 4, size // 2, 3 * size // 4, max(size - 2, 0)})
    return [str(network[place]) for place in places]


def _glob_addresses(pattern: str) -> list[str]:
    parts = pattern.replace("*", "7").replace("?", "7").split(".")
    return [".".join([*parts, *["7"] * (4 - len(parts))])] if len(parts) <= 4 else []


def _address_matches(value: str, pattern: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return _text_matches(value, pattern)
