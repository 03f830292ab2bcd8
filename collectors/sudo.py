"""Who may become whom with sudo, and whether they are asked for a password."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from collectors.base import Answers, Collector, Facts, Listing
from collectors.textfiles import Line, TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


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


@dataclass(frozen=True, slots=True)
class Default:
    """One setting of one Defaults line."""

    path: str
    line: int
    scope: str
    """Empty for all, else ``:user``, ``@host``, ``!command`` or ``>runas`` as written."""
    name: str
    value: str
    """Empty for a switch."""
    negated: bool


@dataclass(frozen=True, slots=True)
class SudoFacts:
    """The sudoers policy of the files that sudo reads."""

    present: bool
    """``/etc/sudoers`` exists."""
    rules: Listing[Rule]
    """In the order in which sudo reads them; the last match wins."""
    defaults: Listing[Default]
    settings: dict[str, str]
    """Defaults for everybody, the last one winning; a negated switch is ``no``, a plain one ``yes``."""
    nopasswd: Listing[Rule]
    """Rules that give a non-root principal something without a password."""
    nopasswd_all: bool
    """A non-root principal may run every command as root without a password."""
    authenticate_off: list[str]
    """``path:line scope`` of Defaults that turn authentication off."""
    everyone_unrestricted: bool
    """``ALL`` users may run every command as root."""
    ignored: list[str]
    """Files in an included directory that sudo skips because of their names."""
    unread: list[str]
    """What else decides and was not read: files included from elsewhere, directory services."""


COMMANDS = (
    read_files("sudo.sudoers", "/etc/sudoers", "/etc/sudoers.d", sudo=True),
    read_files("sudo.nsswitch", "/etc/nsswitch.conf"),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the sudoers policy.

    Source: sudoers(5), sections SUDOERS FILE FORMAT and "Including other files from within sudoers".
    """
    files = files_of(answers.get("sudo.sudoers"))
    if isinstance(files, Hole):
        return files
    policy = _Policy(files)
    policy.read("/etc/sudoers", 0)
    unread = sorted({*policy.unread, *_directory_services(answers)})
    rules, all_of_them = _bounded(rule for definition in policy.definitions for rule in _rules(definition, policy))
    complete = files.complete and not unread and all_of_them
    given = [rule for rule in rules if not rule.root_itself]
    nopasswd = [rule for rule in given if rule.nopasswd]
    facts = SudoFacts(
        present=files.has("/etc/sudoers"),
        rules=Listing(rules, complete),
        defaults=Listing(policy.defaults, complete),
        settings=_settings(policy.defaults),
        nopasswd=Listing(nopasswd, complete),
        nopasswd_all=any(rule.every_command and rule.as_root for rule in nopasswd),
        authenticate_off=[
            f"{d.path}:{d.line} {d.scope}".rstrip() for d in policy.defaults if d.name == "authenticate" and d.negated
        ],
        everyone_unrestricted=any(rule.everyone and rule.every_command and rule.as_root for rule in given),
        ignored=sorted(policy.ignored),
        unread=unread,
    )
    return Facts(facts, _holes(files, unread, facts))


_MAX_WORDS = 50_000  # commands over all rules; the largest policy of a fleet we would believe is far below


def _bounded(rules: Iterable[Rule]) -> tuple[list[Rule], bool]:
    kept: list[Rule] = []
    words = 0
    for rule in rules:
        words += len(rule.commands) + len(rule.hosts) + len(rule.runas) + len(rule.runas_groups) + 1
        if words > _MAX_WORDS:
            return kept, False
        kept.append(rule)
    return kept, True


def _holes(files: TextFiles, unread: list[str], facts: SudoFacts) -> tuple[Hole, ...]:
    """Claims that are False only because something was not read are holes; a True one stands."""
    why = files.hole("")
    if why is None and unread:
        why = Hole("", Blind.NOT_ATTEMPTED, "not read: " + ", ".join(unread)[:180])
    if why is None:
        return ()
    claims = {
        "nopasswd_all": facts.nopasswd_all,
        "everyone_unrestricted": facts.everyone_unrestricted,
        "authenticate_off": bool(facts.authenticate_off),
        "present": facts.present,
    }
    paths = [name for name, seen in claims.items() if not seen] + ["settings"]
    return tuple(Hole(path, why.reason, why.detail) for path in paths)


def _directory_services(answers: Answers) -> list[str]:
    files = files_of(answers.get("sudo.nsswitch"))
    if isinstance(files, Hole) or not files.complete:
        return ["nsswitch.conf"]
    for line in files.lines:
        name, colon, services = line.text.partition(":")
        if colon and name.strip() == "sudoers":
            words = re.sub(r"\[.*?\]", " ", services.partition("#")[0]).split()
            return [f"nsswitch:{word}" for word in words if word != "files"]
    return []


@dataclass(frozen=True, slots=True)
class _Definition:
    """A user specification before its aliases are resolved."""

    line: Line
    who: str
    privileges: str


_INCLUDE = re.compile(r"[@#](include|includedir)\s+(\"[^\"]+\"|\S+)\s*$")
_ALIAS = re.compile(r"(User|Runas|Host|Cmnd|Cmd)_Alias\s+(.*)$", re.DOTALL)
_DEFAULTS = re.compile(
    r"Defaults(?P<scope>[:@!>]\s*(?:[^\s\\]|\\.)+(?:\s*,\s*(?:[^\s\\]|\\.)+)*)?\s+(?P<settings>.*)$",
    re.DOTALL,
)
_SETTING = re.compile(
    r"(?P<not>!*)\s*(?P<name>[a-z_]\w*)\s*(?:(?P<op>[+-]?=)\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|(?:[^,\\]|\\.)*))?"
)
_MAX_INCLUDES = 128  # sudo itself gives up at this depth
_MAX_EXPANSION = 2_000  # members of one alias; beyond it the file is an attack, not a policy


class _Policy:
    """Everything the files say, in the order in which sudo reads them."""

    def __init__(self, files: TextFiles) -> None:
        self._files = files
        self.definitions: list[_Definition] = []
        self.defaults: list[Default] = []
        self.aliases: dict[tuple[str, str], list[str]] = {}
        self.ignored: list[str] = []
        self.unread: list[str] = []
        self._open: set[str] = set()

    def read(self, path: str, depth: int) -> None:
        if path in self._open or depth > _MAX_INCLUDES:
            return
        self._open.add(path)
        for line in _joined(self._files.of(path)):
            self._statement(line, depth)
        self._open.discard(path)

    def _statement(self, line: Line, depth: int) -> None:
        include = _INCLUDE.match(line.text)
        if include is not None:
            self._include(include[1], include[2].strip('"'), line, depth)
            return
        text = _without_comment(line.text)
        if not text:
            return
        alias = _ALIAS.match(text)
        defaults = _DEFAULTS.match(text)
        if alias is not None:
            self._define(alias[1], alias[2])
        elif defaults is not None:
            self._set(line, (defaults["scope"] or "").replace(" ", ""), defaults["settings"])
        else:
            self._specify(line, text)

    def _include(self, word: str, target: str, line: Line, depth: int) -> None:
        path = target if target.startswith("/") else f"{line.path.rsplit('/', 1)[0]}/{target}"
        path = path.rstrip("/")
        if word == "include":
            if path.startswith("/etc/sudoers.d/") or self._files.of(path):
                self.read(path, depth + 1)
            else:
                self.unread.append(path)
            return
        if path != "/etc/sudoers.d":
            self.unread.append(path)
            return
        for file in sorted({found.path for found in self._files.below(path)}):
            name = file.rsplit("/", 1)[1]
            if "." in name or name.endswith("~") or file.count("/") != path.count("/") + 1:
                self.ignored.append(file)
            else:
                self.read(file, depth + 1)

    def _define(self, kind: str, text: str) -> None:
        kind = "Cmnd" if kind == "Cmd" else kind
        for part in _split(text, ":"):
            name, equals, members = part.partition("=")
            if equals:
                self.aliases[kind, name.strip()] = [m for m in (m.strip() for m in _split(members, ",")) if m]

    def _set(self, line: Line, scope: str, text: str) -> None:
        for part in _split(text, ","):
            found = _SETTING.match(part.strip())
            if found is not None:
                value = (found["value"] or "").strip().strip('"')
                negated = len(found["not"]) % 2 == 1
                self.defaults.append(Default(line.path, line.number, scope, found["name"], value, negated))

    def _specify(self, line: Line, text: str) -> None:
        left, equals, right = _partition(text, "=")
        if not equals:
            return
        principals, host = _who_and_host(left)
        self.definitions.append(_Definition(line, principals, f"{host}={right}"))

    def resolve(self, kind: str, names: Iterable[str]) -> list[str]:
        """Return the members with aliases replaced, ``!`` kept, each once."""
        out: dict[str, None] = {}
        opened: set[str] = set()
        waiting = [(name, False) for name in reversed(list(names))]
        while waiting and len(out) < _MAX_EXPANSION:
            name, inverted = waiting.pop()
            bare = name.lstrip("! ")
            negative = inverted ^ (name.count("!", 0, len(name) - len(bare)) % 2 == 1)
            mark = "!" if negative else ""
            members = self.aliases.get((kind, bare))
            if members is None:
                out[mark + bare] = None
            elif mark + bare not in opened:
                # Every alias is opened once: a file of aliases that name each other twice would grow without end.
                opened.add(mark + bare)
                waiting.extend((member, negative) for member in reversed(members))
        return list(out)


def _joined(lines: tuple[Line, ...]) -> Iterator[Line]:
    """Yield statements, with lines that end in a backslash put together."""
    held = ""
    start = 0
    last = 0
    for line in lines:
        # Empty lines do not come home, so a gap in the numbers ends a continued line.
        if held and line.number != last + 1:
            yield Line(line.path, start, held.strip())
            held = ""
        start = start if held else line.number
        last = line.number
        if line.text.endswith("\\"):
            held += line.text[:-1] + " "
            continue
        yield Line(line.path, start, (held + line.text).strip())
        held = ""
    if held and lines:
        yield Line(lines[-1].path, start, held.strip())


def _without_comment(text: str) -> str:
    """Cut a comment off; ``#1000`` and ``%#1000`` are ids, not comments."""
    for found in re.finditer(r"#", text):
        at = found.start()
        escaped = at > 0 and text[at - 1] == "\\"
        numeric = re.match(r"#-?\d", text[at:]) is not None and (at == 0 or text[at - 1] in ' \t,%!(:="')
        if not escaped and not numeric and text.count('"', 0, at) % 2 == 0:
            return text[:at].strip()
    return text.strip()


def _split(text: str, separator: str) -> list[str]:
    """Split at a separator that is neither escaped, quoted, nor inside brackets."""
    parts: list[str] = []
    start = 0
    depth = 0
    quoted = False
    skip = False
    for at, char in enumerate(text):
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif char == '"':
            quoted = not quoted
        elif not quoted and char in "()":
            depth = max(0, depth + (1 if char == "(" else -1))
        elif char == separator and not quoted and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts


def _partition(text: str, separator: str) -> tuple[str, bool, str]:
    parts = _split(text, separator)
    return parts[0], len(parts) > 1, separator.join(parts[1:])


def _who_and_host(left: str) -> tuple[str, str]:
    """Split ``alice, bob  HOST`` at the white space that no comma touches."""
    text = re.sub(r"\s*,\s*", ",", left.strip())
    text = re.sub(r"!\s+", "!", text)
    words = re.findall(r'(?:"[^"]*"|\\.|[^\s\\"])+', text)
    if len(words) < 2:
        return (words[0] if words else ""), "ALL"
    return words[0], ",".join(words[1:])


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


def _rules(definition: _Definition, policy: _Policy) -> Iterator[Rule]:
    for privilege in _privileges(definition.privileges):
        hosts, _, commands = _partition(privilege, "=")
        host_list = policy.resolve("Host", _names(hosts))
        for grant in _grants(commands):
            yield from _one_per_principal(definition, policy, host_list, grant)


def _privileges(text: str) -> list[str]:
    """Split ``HOST=... : HOST=...``; the colon after a tag does not separate."""
    parts: list[str] = []
    for piece in _split(text, ":"):
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
    for piece in _split(text, ","):
        rest = piece
        found = _RUNAS.match(rest)
        if found is not None:
            runas = tuple(_names(found["users"])) or (() if found["groups"] else ("root",))
            groups = tuple(_names(found["groups"] or ""))
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


def _one_per_principal(definition: _Definition, policy: _Policy, hosts: list[str], grant: _Grant) -> Iterator[Rule]:
    commands = policy.resolve("Cmnd", list(grant.commands))
    runas = policy.resolve("Runas", list(grant.runas))
    everybody = policy.resolve("User", _names(definition.who))
    but_not = [who.lstrip("!") for who in everybody if who.startswith("!")]
    for name in _names(definition.who):
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


def _names(text: str) -> list[str]:
    return [name.strip().strip('"') for name in _split(text, ",") if name.strip()]


def _settings(defaults: list[Default]) -> dict[str, str]:
    values: dict[str, str] = {}
    for default in defaults:
        if not default.scope:
            values[default.name] = "no" if default.negated else default.value or "yes"
    return values


COLLECTOR = Collector(topic="sudo", version=1, commands=COMMANDS, facts=SudoFacts, parse=parse)
