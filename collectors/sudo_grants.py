"""What a user specification of a sudoers file grants: one rule for each principal and set of tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from collectors.sudoers import Definition, Policy, names, partition, split


@dataclass(frozen=True, slots=True)
class Rule:
    """What one principal may run under one set of tags."""

    path: str
    line: int
    who: str
    """One principal: ``alice``, ``%wheel``, ``#1000``, ``+netgroup`` or ``ALL``; aliases are resolved."""
    but_not: list[str]
    """Principals the same line takes out again."""
    alias: str
    """The User_Alias that named the principal; empty when the rule did."""
    hosts: list[str]
    runas: list[str]
    """Users one may become; ``root`` when the rule does not say."""
    runas_groups: list[str]
    nopasswd: bool
    tags: list[str]
    """Sorted, without PASSWD and NOPASSWD."""
    commands: list[str]
    """With Cmnd_Alias resolved; ``!`` in front of what is taken away."""
    every_command: bool
    as_root: bool
    """The rule lets one become root (``root``, ``#0`` or ``ALL``)."""
    everyone: bool
    """The principal is ``ALL``."""
    root_itself: bool
    """The principal is root already, so the rule gives nothing away."""


_TAGS = r"(?:NO)?(?:PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|FOLLOW|MAIL|INTERCEPT)"
_TAG = re.compile(rf"\s*(?P<tag>{_TAGS})\s*:")
_ENDS_IN_TAG = re.compile(rf"(?:^|[\s,)=:]){_TAGS}\s*$")
_OPTIONS = "ROLE|TYPE|APPARMOR_PROFILE|PRIVS|LIMITPRIVS|NOTBEFORE|NOTAFTER|TIMEOUT|CWD|CHROOT"
_OPTION = re.compile(rf'\s*(?:{_OPTIONS})\s*=\s*(?:"[^"]*"|\S+)')
_RUNAS = re.compile(r"\s*\((?P<users>[^):]*)(?::(?P<groups>[^)]*))?\)")


@dataclass(frozen=True, slots=True)
class _Grant:
    """A run of commands with one runas list and one set of tags."""

    runas: tuple[str, ...]
    groups: tuple[str, ...]
    tags: frozenset[str]
    commands: tuple[str, ...]


def rules_of(definition: Definition, policy: Policy) -> Iterator[Rule]:
    """Yield what a specification gives to whom, its aliases resolved."""
    for privilege in _privileges(definition.privileges):
        hosts, _, commands = partition(privilege, "=")
        host_list = policy.resolve("Host", names(hosts))
        for grant in _grants(commands):
            yield from _one_per_principal(definition, policy, host_list, grant)


def _privileges(text: str) -> list[str]:
    """Split ``HOST=... : HOST=...``; the colon after a tag does not separate."""
    parts: list[str] = []
    for piece in split(text, ":"):
        if parts and _ENDS_IN_TAG.search(parts[-1]):
            parts[-1] += ":" + piece
        else:
            parts.append(piece)
    return parts


def _grants(text: str) -> Iterator[_Grant]:
    runas: tuple[str, ...] = ("root",)
    groups: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    grants: list[_Grant] = []
    for piece in split(text, ","):
        rest = piece
        found = _RUNAS.match(rest)
        if found is not None:
            runas = tuple(names(found["users"])) or (() if found["groups"] else ("root",))
            groups = tuple(names(found["groups"] or ""))
            rest = rest[found.end() :]
        while (match := _TAG.match(rest) or _OPTION.match(rest)) is not None:
            word = match.groupdict().get("tag")
            if word:
                tags[word.removeprefix("NO")] = word
            rest = rest[match.end() :]
        if rest.strip():
            found_now = _Grant(runas, groups, frozenset(tags.values()), (re.sub(r"\s+", " ", rest.strip()),))
            grants.append(found_now)
    for (runas, groups, kept), same in groupby(grants, key=lambda g: (g.runas, g.groups, g.tags)):
        yield _Grant(runas, groups, kept, tuple(command for grant in same for command in grant.commands))


def _one_per_principal(definition: Definition, policy: Policy, hosts: list[str], grant: _Grant) -> Iterator[Rule]:
    commands = policy.resolve("Cmnd", list(grant.commands))
    runas = policy.resolve("Runas", list(grant.runas))
    everybody = policy.resolve("User", names(definition.who))
    but_not = [who.lstrip("!") for who in everybody if who.startswith("!")]
    for name in names(definition.who):
        alias = name.lstrip("!") if ("User", name.lstrip("!")) in policy.aliases else ""
        for who in policy.resolve("User", [name]):
            if who.startswith("!"):
                continue
            yield Rule(
                path=definition.line.path,
                line=definition.line.number,
                who=who,
                but_not=but_not,
                alias=alias,
                hosts=hosts,
                runas=runas,
                runas_groups=policy.resolve("Runas", list(grant.groups)),
                nopasswd="NOPASSWD" in grant.tags,
                tags=sorted(grant.tags - {"PASSWD", "NOPASSWD"}),
                commands=commands,
                every_command="ALL" in commands,
                as_root=bool({"ALL", "root", "#0"} & set(runas)),
                everyone=who == "ALL",
                root_itself=who in {"root", "#0"},
            )
