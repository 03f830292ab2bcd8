"""The agency's hosts: where each is, in which condition, and what all of them have before any fault."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from collectors.manifest import sudoers
from collectors.registry import COLLECTORS
from tests.lab.host import Build, base
from tests.lab.network import Network
from tests.lab.overlay import Overlay

ACCOUNT = "posture"
UNLIMITED = f"{ACCOUNT} ALL=(root) NOPASSWD: ALL\n"
"""Sudo rules for benchmarks against other tools, which run whatever they like."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host the agency has whatever the seed: where it is, and in which condition."""

    id: str
    zone: str
    number: int
    mission: str
    condition: str
    """faulty, firewalled, no-sudo, changed-key, unreachable or hardened."""
    owner: str = "server-team"


PLACES = (
    Place("web1", "dmz", 10, "essential", "faulty", "web-team"),
    Place("web2", "dmz", 11, "supporting", "faulty", "web-team"),
    Place("desk1", "users", 10, "supporting", "faulty", "desktop-team"),
    Place("desk2", "users", 11, "none", "changed-key", "desktop-team"),
    Place("app1", "servers", 10, "vital", "faulty"),
    Place("app2", "servers", 11, "essential", "no-sudo"),
    Place("db1", "servers", 12, "vital", "firewalled"),
    Place("vault1", "restricted", 10, "crown_jewel", "hardened"),
    Place("ghost1", "restricted", 11, "none", "unreachable"),
)

BLIND = {"no-sudo": "command_refused", "changed-key": "host_key_mismatch", "unreachable": "unreachable"}
"""Why a host in this condition cannot be judged (wholly, or where root is needed)."""


@cache
def generated_sudoers() -> str:
    """Return what `posture manifest` tells a system owner to install, as it is."""
    return sudoers(COLLECTORS, ACCOUNT)


def blank(network: Network, id_: str, zone: str, number: int) -> Build:
    """Return a host as Debian installs it."""
    upper = network.state / "hosts" / id_ / "upper"
    upper.mkdir(parents=True)
    plan = network.zone(zone)
    return Build(id_, zone, number, Overlay(base(), upper), addresses=(plan.address4(number), plan.address6(number)))


def welcome(build: Build, public_key: str, rules: str | None = None) -> None:
    """Give the scanner its account, with the generated sudo rules, others, or (empty) none."""
    uid = build.account(ACCOUNT, shell="/bin/sh")
    build.accounts_declared.append(ACCOUNT)
    build.authorise(ACCOUNT, uid, f"{public_key} {ACCOUNT}@scanner")
    rules = generated_sudoers() if rules is None else rules
    if rules:
        build.root.write("/etc/sudoers.d/50-posture", rules, mode=0o440)
