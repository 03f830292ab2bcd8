"""YAML as a playbook is written: block style, every string quoted or literal, nothing for a template to act on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_TEMPLATE = re.compile(r"\{[{%#]")


class Expression(str):
    """Text that Ansible may take as a template: ours alone, never the catalogue's or a host's."""

    __slots__ = ()


def yaml_lines(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the lines of a list or mapping."""
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _entry(f"{pad}{key if _PLAIN_KEY.fullmatch(key) else json.dumps(key)}:", member, depth)
    else:
        for member in value:
            lines = list(yaml_lines(member, depth + 1)) if _nested(member) else [f"{pad}  {_scalar(member)}"]
            yield f"{pad}- {lines[0].lstrip()}"
            yield from lines[1:]


def _entry(head: str, member: Any, depth: int) -> Iterator[str]:
    if _nested(member):
        yield head
        yield from yaml_lines(member, depth + 1)
    elif isinstance(member, str) and _literal(member):
        tag = "" if isinstance(member, Expression) or not _TEMPLATE.search(member) else "!unsafe "
        yield f"{head} {tag}|{'' if member.endswith(chr(10)) else '-'}"
        yield from (f"{'  ' * (depth + 1)}{line}".rstrip() for line in member.rstrip("\n").split("\n"))
    else:
        yield f"{head} {_scalar(member)}"


def _nested(value: Any) -> bool:
    return isinstance(value, (Mapping, Sequence)) and not isinstance(value, str) and bool(value)


def _literal(text: str) -> bool:
    lines = text.rstrip("\n").split("\n")
    plain = all(line.isprintable() and line == line.rstrip() for line in lines)
    return len(lines) > 1 and plain and lines[0] == lines[0].lstrip() and text.count("\n") - len(lines) < 1


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    # As a page may carry it inside a script element: `<` and `&` are written out.
    quoted = json.dumps(value).replace("<", "\\u003c").replace("&", "\\u0026")
    return f"!unsafe {quoted}" if _TEMPLATE.search(value) and not isinstance(value, Expression) else quoted
