"""The language of sudoers files: statements, includes, aliases and defaults, in the order in which sudo reads them.

Source: sudoers(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.textfiles import Line, TextFiles


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
class Definition:
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


class Policy:
    """Everything the files say, in the order in which sudo reads them."""

    def __init__(self, files: TextFiles) -> None:
        self._files = files
        self.definitions: list[Definition] = []
        self.defaults: list[Default] = []
        self.aliases: dict[tuple[str, str], list[str]] = {}
        self.ignored: list[str] = []
        self.unread: list[str] = []
        self._open: set[str] = set()

    def read(self, path: str, depth: int) -> None:
        """Take in a file, and what it includes in its places."""
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
        for part in split(text, ":"):
            name, equals, members = part.partition("=")
            if equals:
                self.aliases[kind, name.strip()] = [m for m in (m.strip() for m in split(members, ",")) if m]

    def _set(self, line: Line, scope: str, text: str) -> None:
        for part in split(text, ","):
            found = _SETTING.match(part.strip())
            if found is not None:
                value = (found["value"] or "").strip().strip('"')
                negated = len(found["not"]) % 2 == 1
                self.defaults.append(Default(line.path, line.number, scope, found["name"], value, negated))

    def _specify(self, line: Line, text: str) -> None:
        left, equals, right = partition(text, "=")
        if not equals:
            return
        principals, host = _who_and_host(left)
        self.definitions.append(Definition(line, principals, f"{host}={right}"))

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


def split(text: str, separator: str) -> list[str]:
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


def partition(text: str, separator: str) -> tuple[str, bool, str]:
    """Return what stands before the first separator, whether there is one, and what stands after it."""
    parts = split(text, separator)
    return parts[0], len(parts) > 1, separator.join(parts[1:])


def _who_and_host(left: str) -> tuple[str, str]:
    """Split ``alice, bob  HOST`` at the white space that no comma touches."""
    text = re.sub(r"\s*,\s*", ",", left.strip())
    text = re.sub(r"!\s+", "!", text)
    words = re.findall(r'(?:"[^"]*"|\\.|[^\s\\"])+', text)
    if len(words) < 2:
        return (words[0] if words else ""), "ALL"
    return words[0], ",".join(words[1:])


def names(text: str) -> list[str]:
    """Return the names of a list with commas, without quotes."""
    return [name.strip().strip('"') for name in split(text, ",") if name.strip()]
