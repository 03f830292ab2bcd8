"""docs/facts.md: every fact a check may ask for, with the commands that bring it; and the topics' JSON schemas."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from collectors.base import Collector, Command, Listing, schema_of
from collectors.registry import COLLECTORS
from posture.catalogue.load import load
from posture.evaluate.fleet import FleetFacts, fleet_schema
from posture.evaluate.scanning import ScanningFacts, scanning_schema
from posture.observe import DERIVED_COLLECTORS, MATCHED_COLLECTORS, NETWORK_COLLECTORS
from tools.markdown import BANNER, code, flowed, table

_EVERY = (*COLLECTORS, *NETWORK_COLLECTORS, *DERIVED_COLLECTORS, *MATCHED_COLLECTORS)
_PLAIN = {str: "text", int: "number", float: "number", bool: "yes or no"}


def fact_schemas() -> Mapping[str, Any]:
    """Return the JSON schema of each topic that has one, by topic."""
    schemas = {collector.topic: schema_of(collector) for collector in _EVERY}
    return {**schemas, "fleet": fleet_schema(), "scanning": scanning_schema()}


def facts_page() -> str:
    """Return the page: each topic's facts with their meaning, and what is asked of a host for them."""
    collectors = sorted(_EVERY, key=lambda collector: collector.topic)
    parts = [
        BANNER,
        "# Facts\n\nWhat checks are about. A path stands in a check as it stands here; `[*]` is every element"
        " of a list. Each fact is *seen*, *absent* (looked completely, not there) or *unseen*, and unseen is"
        " never good. `posture show host ID --json` prints a host's.\n\n",
        *(f"- [{collector.topic}](#{collector.topic}): {_about(collector.facts)}\n" for collector in collectors),
        f"- [fleet](#fleet): {_about(FleetFacts)}\n",
        f"- [scanning](#scanning): {_about(ScanningFacts)}\n",
        "- `declared`: what the inventory says of the host, any key of its `declared` map; attested, not collected.\n",
    ]
    parts += [_topic(collector) for collector in collectors]
    parts.append("\n## fleet\n\nWorked out from `ssh_keys`, `ssh_offer` and `tls` of all hosts of a run.\n\n")
    parts.append(_fields("fleet", FleetFacts))
    parts.append(f"\n## scanning\n\nThe scanner's own records.\n\n{_fields('scanning', ScanningFacts)}")
    return "".join(parts)


def _topic(collector: Collector) -> str:
    asked = [*collector.commands, *collector.second]
    first = {command.id for command in collector.commands}
    rows = [
        (code(_line(command)), "root" if command.sudo else "", "" if command.id in first else "2") for command in asked
    ]
    parts = [
        f"\n## {collector.topic}\n\n{_about(collector.facts)} Version {collector.version},"
        f" [schema](schemas/facts/{collector.topic}.schema.json).",
        f" Read by {', '.join(readers)}.\n\n"
        if (readers := _readers(collector.topic))
        else " No check reads it yet.\n\n",
        _fields(collector.topic, collector.facts),
    ]
    if rows:
        parts.append("\n" + table(("asked of the host", "as", "batch"), rows))
    elif collector in DERIVED_COLLECTORS:
        parts.append("\nAsks nothing: worked out from other topics of the host and from the inventory.\n")
    elif collector in MATCHED_COLLECTORS:
        parts.append("\nAsks nothing: worked out from `packages`, `exposure`, feeds and imports.\n")
    else:
        parts.append(f"\nNot asked over a login: {_NETWORK[collector.topic]}.\n")
    return "".join(parts)


_NETWORK = {
    "exposure": "nmap looks from the network",
    "tls": "nmap greets the ports that speak TLS (`ssl-cert`, `ssl-enum-ciphers`), where `probes` has `tls`",
    "ssh_offer": "nmap greets the ports that speak SSH (`ssh2-enum-algos`, `ssh-hostkey`), where `probes` has `ssh`",
    "smb_offer": "nmap greets ports 139 and 445 (`smb-protocols`, `smb2-security-mode`), where `probes` has `smb`",
    "pages": "nmap gets / of the ports that speak HTTP (`http-title`, `http-headers`), where `probes` has `page`",
    "ai_service": "open ports are asked by HTTP GET, where the scope authorises it ([how](ai-services.md))",
}


def _line(command: Command) -> str:
    return " ".join(argument if argument and " " not in argument else repr(argument) for argument in command.argv)


@cache
def _needs() -> tuple[tuple[str, str], ...]:
    return tuple((need.fact, check.id) for check in load().checks.values() for need in check.requires)


def _readers(topic: str) -> list[str]:
    return sorted({check for fact, check in _needs() if fact.split(".")[0].split("[")[0] == topic})


def _fields(topic: str, facts: type) -> str:
    rows = ((code(path), kind, meaning) for path, kind, meaning in _walk(topic, facts, ()))
    return table(("fact", "is", "meaning"), rows)


def _walk(path: str, facts: type, above: tuple[type, ...]) -> Iterator[tuple[str, str, str]]:
    """Yield path, kind and meaning of every field, depth first."""
    hints = typing.get_type_hints(facts)
    meanings = _meanings(facts)
    for field in dataclasses.fields(facts):
        yield from _place(f"{path}.{field.name}", hints[field.name], meanings.get(field.name, ""), (*above, facts))


def _place(path: str, hint: Any, meaning: str, above: tuple[type, ...]) -> Iterator[tuple[str, str, str]]:
    hint, absent = _without_none(hint)
    mark = ", or absent" if absent else ""
    element = _element(hint)
    if element is not None:
        below, kind = f"{path}[*]", "list" if _complete(hint) else "list, may be incomplete"
    elif typing.get_origin(hint) in (dict, Mapping):
        below, kind = f"{path}[key]", "map"
        element = typing.get_args(hint)[1]
    elif _is_record(hint):
        yield path, f"record{mark}", meaning or _about(hint)
        if hint not in above:
            yield from _walk(path, hint, above)
        return
    else:
        yield path, f"{_word(hint)}{mark}", meaning
        return
    inner, _ = _without_none(element)
    if _is_record(inner):
        yield path, f"{kind}{mark}", meaning or _about(inner)
        if inner not in above:
            yield from _walk(below, inner, above)
    elif _element(inner) is not None or typing.get_origin(inner) in (dict, Mapping):
        yield path, f"{kind}{mark}", meaning
        yield from _place(below, inner, "", above)
    else:
        yield path, f"{kind} of {_word(inner)}{mark}", meaning


def _without_none(hint: Any) -> tuple[Any, bool]:
    members = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else ()
    if type(None) not in members:
        return hint, False
    rest = [member for member in members if member is not type(None)]
    return (rest[0] if len(rest) == 1 else typing.Union[tuple(rest)]), True  # noqa: UP007 - built at run time


def _element(hint: Any) -> Any:
    """Return what a list's elements are; ``None`` when it is no list."""
    origin = typing.get_origin(hint)
    if origin is Listing or origin in (list, tuple):
        return typing.get_args(hint)[0]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and {"items", "complete"} == _names(hint):
        return typing.get_args(typing.get_type_hints(hint)["items"])[0]
    return None


def _names(record: type) -> set[str]:
    return {field.name for field in dataclasses.fields(record)}


def _complete(hint: Any) -> bool:
    return typing.get_origin(hint) in (list, tuple)


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def _word(hint: Any) -> str:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(sorted({_word(member) for member in typing.get_args(hint)}))
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(code(str(value)) for value in typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(code(str(member.value)) for member in hint)
    return _PLAIN.get(hint, str(getattr(hint, "__name__", hint)))


def _about(record: type) -> str:
    return flowed((inspect.getdoc(record) or "").split("\n\n")[0])


@cache
def _meanings(record: type) -> dict[str, str]:
    """Return the sentence below each field of a dataclass, from its source."""
    body = _class_bodies(record.__module__).get(record.__name__, [])
    found = {}
    for field, after in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            text = after.value.value if isinstance(after.value, ast.Constant) else None
            if isinstance(text, str):
                found[field.target.id] = flowed(text)
    return found


@cache
def _class_bodies(module: str) -> dict[str, list[ast.stmt]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
