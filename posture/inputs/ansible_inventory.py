"""An Ansible inventory (``ansible-inventory --list`` JSON, YAML or INI) in the shape of our own inventory file.

Read: host names, groups and their variables, ``ansible_host``, ``ansible_port``, ``ansible_user``,
``ansible_connection`` and the ``posture_*`` variables (zone, owner, system, mission, roles, credential). Everything
else is left alone, secrets among it.

Source: Ansible's "How to build your inventory" (INI and YAML forms, numeric and alphabetic ranges).
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posture import yamlfile
from posture.errors import ConfigError

MAX_BYTES = 32_000_000  # `ansible-inventory --list` of 20,000 hosts with facts-like variables stays below
MAX_RANGE = 10_000  # hosts one range pattern may stand for


@dataclass(slots=True)
class _Group:
    """A group while it is being read."""

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: set[str] = field(default_factory=set)
    variables: dict[str, Any] = field(default_factory=dict)


Groups = dict[str, _Group]


def looks_like_one(path: Path) -> bool:
    """Return whether the file is an Ansible inventory rather than ours."""
    if path.suffix == ".json" or path.suffix in ("", ".ini", ".cfg") or path.name == "hosts":
        return True
    return not any(re.match(r"""["']?schema["']?\s*:""", line) for line in _text(path).splitlines())


def read(path: Path) -> dict[str, Any]:
    """Return what the inventory holds, as our inventory file would say it.

    Raises:
        ConfigError: it is none of the three forms.
    """
    text = _text(path)
    if text.lstrip().startswith("{"):
        groups = _from_json(path, text)
    elif path.suffix in (".yaml", ".yml"):
        groups = _from_yaml(path)
    else:
        groups = _from_ini(path, text)
    return _as_ours(path, groups)


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES:,} bytes", hint="split the inventory")
    return path.read_text("utf-8", "replace")


def _from_json(path: Path, text: str) -> Groups:
    try:
        listing = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON: {error}", hint="write it with `ansible-inventory --list`") from None
    if not isinstance(listing, dict):
        raise ConfigError(f"{path}: not an inventory", hint="write it with `ansible-inventory --list`")
    meta = listing.get("_meta", {})
    hostvars = meta.get("hostvars", {}) if isinstance(meta, dict) else {}
    groups: Groups = {"all": _Group()}
    for name, body in listing.items():
        if name == "_meta" or not isinstance(body, dict):
            continue
        group = groups.setdefault(name, _Group())
        group.hosts.update({host: {} for host in body.get("hosts", []) if isinstance(host, str)})
        group.children.update(child for child in body.get("children", []) if isinstance(child, str))
        group.variables.update(body.get("vars", {}) if isinstance(body.get("vars"), dict) else {})
    for host, variables in hostvars.items():
        groups["all"].hosts[host] = variables if isinstance(variables, dict) else {}
    return groups


def _from_yaml(path: Path) -> Groups:
    groups: Groups = {"all": _Group()}
    tree = yamlfile.plain(yamlfile.read(path, foreign=True))
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: not an inventory", hint="a mapping of groups is expected")
    for name, body in tree.items():
        _yaml_group(path, str(name), body, groups)
    return groups


def _yaml_group(path: Path, name: str, body: Any, groups: Groups) -> None:
    group = groups.setdefault(name, _Group())
    body = body if isinstance(body, dict) else {}
    unknown = sorted(str(key) for key in body if key not in ("hosts", "children", "vars"))
    if unknown:
        raise ConfigError(
            f"{path}: group `{name}` holds `{unknown[0]}`",
            hint="a group holds hosts, children and vars; our own inventory starts with `schema: posture.inventory/1`",
        )
    for pattern, variables in (body.get("hosts") or {}).items():
        for host in _expand(path, str(pattern)):
            group.hosts.setdefault(host, {}).update(variables if isinstance(variables, dict) else {})
    group.variables.update(body.get("vars") or {})
    for child, child_body in (body.get("children") or {}).items():
        group.children.add(str(child))
        _yaml_group(path, str(child), child_body, groups)


def _from_ini(path: Path, text: str) -> Groups:
    groups: Groups = {"all": _Group(), "ungrouped": _Group()}
    section, kind = "ungrouped", "hosts"
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        heading = re.fullmatch(r"\[([^\]:]+)(?::(vars|children))?\]\s*", line)
        if heading:
            section, kind = heading[1], heading[2] or "hosts"
            groups.setdefault(section, _Group())
            continue
        try:
            _ini_line(path, line, kind, groups.setdefault(section, _Group()))
        except (ValueError, configparser.Error) as error:
            raise ConfigError(
                f"{path}:{number}: {error}", hint="`name key=value …`, as Ansible's INI inventories"
            ) from None
    return groups


def _ini_line(path: Path, line: str, kind: str, group: _Group) -> None:
    if kind == "children":
        group.children.add(line.split(maxsplit=1)[0])
    elif kind == "vars":
        key, _, value = line.partition("=")
        group.variables[key.strip()] = value.strip()
    else:
        pattern, *pairs = shlex.split(line, comments=True)
        variables = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        for host in _expand(path, pattern):
            group.hosts.setdefault(host, {}).update(variables)


def _expand(path: Path, pattern: str) -> Iterator[str]:
    """Yield the host names of a pattern such as ``web[01:10].example`` or ``db[a:c]``."""
    match = re.search(r"\[([0-9]+|[a-z]):([0-9]+|[a-z])(?::([0-9]+))?\]", pattern)
    if match is None:
        yield pattern
        return
    first, last, step = match[1], match[2], int(match[3] or 1)
    numeric = first.isdigit() and last.isdigit()
    low, high = (int(first), int(last)) if numeric else (ord(first), ord(last))
    if step < 1 or (high - low) // step >= MAX_RANGE:
        raise ConfigError(f"{path}: `{pattern[:80]}` stands for more than {MAX_RANGE:,} hosts", hint="split the range")
    for number in range(low, high + 1, step):
        middle = str(number).zfill(len(first)) if numeric else chr(number)
        yield from _expand(path, pattern[: match.start()] + middle + pattern[match.end() :])


def _as_ours(path: Path, groups: Groups) -> dict[str, Any]:
    hosts: dict[str, dict[str, Any]] = {}
    belongs: dict[str, list[str]] = {}
    for name in _outermost_first(groups):
        for host in _members(name, groups, frozenset()):
            hosts.setdefault(host, {}).update(groups[name].variables)
            if name not in ("all", "ungrouped"):
                belongs.setdefault(host, []).append(name)
    for group in groups.values():
        for host, variables in group.hosts.items():
            hosts.setdefault(host, {}).update(variables)
    if not hosts:
        raise ConfigError(
            f"{path}: no host in it",
            hint="our own inventory starts with `schema: posture.inventory/1`; Ansible's need at least one host",
        )
    zones = sorted({str(variables.get("posture_zone", "default")) for variables in hosts.values()})
    trusts = groups["all"].variables.get("posture_zones", {})
    return {
        "schema": "posture.inventory/1",
        "zones": [_zone(name, trusts if isinstance(trusts, Mapping) else {}) for name in zones],
        "hosts": [_host(name, variables, belongs.get(name, [])) for name, variables in sorted(hosts.items())],
        "groups": [{"name": name} for name in sorted({group for names in belongs.values() for group in names})],
    }


def _zone(name: str, trusts: Mapping[str, Any]) -> dict[str, Any]:
    """A zone's trust stands in ``posture_zones`` of group ``all``; one of which nothing is said counts as untrusted."""
    return {"name": name, "trust": str(trusts.get(name, "untrusted")), "cidrs": []}


def _host(name: str, variables: Mapping[str, Any], groups: list[str]) -> dict[str, Any]:
    local = variables.get("ansible_connection") == "local"
    access = {
        "transport": "local" if local else "ssh",
        "port": int(str(variables.get("ansible_port", 22)) or 22),
        "user": str(variables.get("ansible_user", "")),
        "credential": str(variables.get("posture_credential", "default")),
    }
    ours = {key.removeprefix("posture_"): variables[key] for key in sorted(variables) if key in _OUR_VARIABLES}
    if isinstance(ours.get("roles"), str):
        ours["roles"] = [role.strip() for role in str(ours["roles"]).split(",")]
    host_id = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    address = str(variables.get("ansible_host", name))
    return {
        "id": host_id,
        "name": name,
        "addresses": [address],
        "groups": groups,
        "access": access,
        "zone": "default",
        **ours,
    }


_OUR_VARIABLES = ("posture_zone", "posture_owner", "posture_system", "posture_mission", "posture_roles")


def _members(name: str, groups: Groups, above: frozenset[str]) -> set[str]:
    """Return the hosts of a group and its children; a group that is its own ancestor adds nothing."""
    if name in above or name not in groups:
        return set()
    if name == "all":
        return {host for group in groups.values() for host in group.hosts}
    own = set(groups[name].hosts)
    return own.union(*(_members(child, groups, above | {name}) for child in sorted(groups[name].children)))


def _outermost_first(groups: Groups) -> list[str]:
    """Order groups so that a child's variables come after its parents': ``all`` first, then by depth."""
    depth: dict[str, int] = {}

    def down(name: str, level: int, above: frozenset[str]) -> None:
        depth[name] = max(depth.get(name, 0), level)
        for child in groups[name].children if name in groups else ():
            if child not in above:
                down(child, level + 1, above | {name})

    for name in sorted(groups):
        down(name, 1, frozenset())
    depth["all"] = 0
    return sorted((name for name in depth if name in groups), key=lambda name: (depth[name], name))
