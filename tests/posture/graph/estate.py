"""A small estate as facts: an outside, a web host, an application host and a database that must not be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from graphs import forward

from posture.catalogue.load import load
from posture.evaluate.documents import make_document
from posture.graph.build import build_graph
from posture.graph.evidence import HostEvidence
from posture.model.finding import Result, Status, Verdict
from posture.model.host import FLEET, Host, Inventory, Mission, Trust, Zone
from posture.model.observation import Blind, Hole, Observation, Origin, Unseen
from posture.model.path import AttackGraph, Edge
from posture.model.vulnerability import Vulnerability

NOW = datetime(2026, 6, 20, 4, tzinfo=UTC)
BOOK = load().rulebook
ZONES = (
    Zone("outside", Trust.UNTRUSTED, ("198.51.100.0/24",)),
    Zone("dmz", Trust.INTERNAL, ("10.0.1.0/24",)),
    Zone("apps", Trust.INTERNAL, ("10.0.2.0/24",)),
    Zone("data", Trust.RESTRICTED, ("10.0.3.0/24",)),
)
K1, K2 = "SHA256:" + "a" * 43, "SHA256:" + "b" * 43
Facts = dict[str, dict[str, Any]]


def listing(*items: Any, complete: bool = True) -> dict[str, Any]:
    return {"items": list(items), "complete": complete}


def user(name: str, uid: int = 1000, **more: Any) -> dict[str, Any]:
    home = "/root" if uid == 0 else f"/home/{name}"
    said = {"name": name, "uid": uid, "gid": uid, "home": home, "shell": "/bin/bash", "interactive": True}
    return {**said, "system": False, "password": "none", "scheme": None, "expires": None, **more}


def authorized(account: str, fingerprint: str = K1, *options: str, **more: Any) -> dict[str, Any]:
    home = "/root" if account == "root" else f"/home/{account}"
    said = {
        "account": account,
        "path": f"{home}/.ssh/authorized_keys",
        "type": "ssh-ed25519",
        "fingerprint": fingerprint,
    }
    rest = {"options": list(options), "cert_authority": False, "owner": account, "group": account}
    return {**said, **rest, "mode": "0600", **more}


def private(account: str, fingerprint: str = K1, **more: Any) -> dict[str, Any]:
    said = {"path": f"/home/{account}/.ssh/id_ed25519", "account": account, "owner": account, "group": account}
    return {**said, "mode": "0600", "format": "openssh", "encrypted": False, "fingerprint": fingerprint, **more}


def socket(port: int, process: str = "sshd", user: str = "root", **more: Any) -> dict[str, Any]:
    said = {"proto": "tcp", "port": port, "process": process, "user": user, "loopback": False, "every_address": True}
    return {**said, "endpoint": f"tcp/{port}", "address": "*", **more}


def view(zone: str, *ports: int, complete: bool = True) -> dict[str, Any]:
    found = [{"proto": "tcp", "port": port, "state": "open", "address": "10.0.0.1"} for port in ports]
    trust = next(str(one.trust) for one in ZONES if one.name == zone)
    return {"vantage": f"at-{zone}", "zone": zone, "trust": trust, "ports": listing(*found, complete=complete)}


def seen(*ports: int) -> list[dict[str, Any]]:
    """Return the looks of a vantage in every zone; only from outside these ports are open."""
    return [view(one.name, *(ports if one.name == "outside" else ())) for one in ZONES]


def rule_of_sudo(who: str, *commands: str, **more: Any) -> dict[str, Any]:
    every = commands == () or "ALL" in commands
    said = {
        "path": "/etc/sudoers",
        "line": 30,
        "who": who,
        "but_not": [],
        "hosts": ["ALL"],
        "runas": ["ALL"],
        "tags": [],
    }
    return {
        **said,
        "nopasswd": True,
        "commands": list(commands) or ["ALL"],
        "every_command": every,
        "as_root": True,
        **more,
    }


def sshd(
    contexts: Iterable[Mapping[str, Any]] = (), lists: Mapping[str, Any] | None = None, **effective: Any
) -> dict[str, Any]:
    base = {"port": 22, "passwordauthentication": "no", "pubkeyauthentication": "yes", "permitrootlogin": "no"}
    base |= {"usepam": "yes", "kbdinteractiveauthentication": "no", "strictmodes": "yes", "usedns": "no"}
    base |= {"permitemptypasswords": "no", "forcecommand": "none", "allowagentforwarding": "no"}
    told = {
        "port": ["22"],
        "authorizedkeysfile": [".ssh/authorized_keys"],
        "authenticationmethods": ["any"],
        **(lists or {}),
    }
    blocks = [
        {
            "match": one["match"],
            "probe": one.get("probe", ""),
            "effective": base | effective | one.get("effective", {}),
            "lists": told | one.get("lists", {}),
        }
        for one in contexts
    ]
    return {
        "present": True,
        "effective": base | effective,
        "lists": told,
        "contexts": listing(*blocks),
        "config_newer_than_daemon": False,
    }


def account_line(*arguments: str, module: str = "pam_unix.so") -> dict[str, Any]:
    said = {"service": "sshd", "type": "account", "control": "required", "module": module, "arguments": list(arguments)}
    return {**said, "path": "/etc/pam.d/sshd", "line": 9}


def facts(
    *users: dict[str, Any],
    views: Iterable[dict[str, Any]] = (),
    sockets: Iterable[dict[str, Any]] = (),
    groups: Mapping[str, list[str]] | None = None,
    **topics: dict[str, Any],
) -> Facts:
    people = [user("root", 0), *users]
    named = [
        {"name": name, "gid": 500 + at, "members": members} for at, (name, members) in enumerate((groups or {}).items())
    ]
    uid_zero = [one["name"] for one in people if one["uid"] == 0]
    found: Facts = {
        "accounts": {"users": listing(*people), "groups": listing(*named), "uid_zero": listing(*uid_zero)},
        "exposure": {"views": listing(*views), "services": listing()},
        "listeners": {"sockets": listing(*sockets)},
        "sshd": sshd(),
        "ssh_keys": {"authorized": listing(), "private": listing(), "sockets": listing()},
        "sudo": {"rules": listing(), "authenticate_off": []},
        "containers": {
            "engines": [],
            "sockets": listing(),
            "groups": listing(),
            "network_listeners": [],
            "tls_verified": False,
            "privileged": listing(),
            "holds_docker_socket": listing(),
        },
        "ai_service": {"services": listing()},
        "cron": {"files": listing()},
        "exports": {"exports": listing()},
        "mounts": {"targets": {}},
        "secret_files": {"files": listing()},
        "logins": {
            "accounts": listing(
                *(
                    {"name": one["name"], "interactive": True, "never": False, "last_at": "2026-06-19T12:00:00Z"}
                    for one in people
                )
            )
        },
        "vulnerabilities": {"known": listing()},
        "pam": {"faillock_in_stack": False, "stacks": listing(account_line())},
        "declared": {"addresses": [], "zone": "", "trust": "", "mission": 0},
    }
    told = {topic: {**found.get(topic, {}), **topics.get(topic, {})} for topic in {*found, *topics}}
    if told["ssh_keys"]:
        told["ssh_keys"] = {"folders": listing(*_folders(told["ssh_keys"]["authorized"]["items"])), **told["ssh_keys"]}
    return told


def folder(path: str, owner: str = "root", mode: str = "0755", group: str = "") -> dict[str, Any]:
    return {"path": path, "mode": mode, "owner": owner, "group": group or owner}


def _folders(keys: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Yield every directory above these files of keys, as root keeps them."""
    paths = {str(above) for one in keys for above in PurePosixPath(one["path"]).parents}
    return (folder(path) for path in sorted(paths))


def host(id_: str, zone: str, address: str, mission: Mission = Mission.NONE, **more: Any) -> Host:
    return Host(id_, (address,), zone, name=f"{id_}.example", mission=mission, **more)


WEB = host("web", "dmz", "10.0.1.10")
APP = host("app", "apps", "10.0.2.10")
DB = host("db", "data", "10.0.3.10", Mission.CROWN_JEWEL)


def evidence(
    of: Host,
    said: Facts,
    *,
    failing: Mapping[str, tuple[str, ...]] | None = None,
    passing: Iterable[str] = (),
    unseen: Iterable[str] = (),
    holes: Mapping[str, tuple[Hole, ...]] | None = None,
    flaws: tuple[Vulnerability, ...] = (),
    at: datetime = NOW - timedelta(hours=1),
) -> HostEvidence:
    observed: dict[str, Observation] = {
        topic: make_document(
            host=of.id, topic=topic, facts=told, taken_at=at, origin=Origin.LIVE, holes=(holes or {}).get(topic, ())
        )
        for topic, told in said.items()
    }
    observed |= {topic: Unseen(of.id, topic, Blind.COMMAND_REFUSED, "sudo: a password is required") for topic in unseen}
    named = tuple((f"pkg:{one.affected.package.name} {one.affected.cve}", one) for one in flaws)
    return HostEvidence(of, observed, results(of.id, failing or {}, passing), named)


def results(host: str, failing: Mapping[str, tuple[str, ...]], passing: Iterable[str] = ()) -> tuple[Result, ...]:
    bad = [
        Result(host, check, 1, Verdict(Status.FAIL, "", (), (), subjects), ()) for check, subjects in failing.items()
    ]
    good = [Result(host, check, 1, Verdict(Status.PASS, "", (), ()), ()) for check in passing]
    return tuple(sorted([*bad, *good], key=lambda one: one.check))


def graph_of(*hosts: HostEvidence, fleet: Mapping[str, tuple[str, ...]] | None = None, **more: Any) -> AttackGraph:
    flows = more.pop("flows", None)
    inventory = Inventory(tuple(sorted((one.host for one in hosts), key=lambda one: one.id)), ZONES, flows=flows)
    return build_graph(inventory, hosts, BOOK, NOW, fleet_results=results(FLEET, fleet or {}), assumed=(), **more)


def edges(graph: AttackGraph, rule: str, conclusion: str = "") -> list[Edge]:
    return [one for one in graph.edges if one.rule == rule and (not conclusion or one.conclusion == conclusion)]


def reached(graph: AttackGraph, *start: str, without: Iterable[str] = ()) -> set[str]:
    """Return all that is held from an attacker outside, or from what is named."""
    known = {node.id for node in graph.nodes}
    assert set(start) <= known, f"{set(start) - known} is not in the graph"
    origins = tuple(replace(graph.origins[0], node=one) for one in start) or graph.origins
    return forward(replace(graph, origins=origins), without=tuple(without))
