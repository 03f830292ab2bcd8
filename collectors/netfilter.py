"""The rules of a packet filter, whoever wrote them, and the fate of a connection that nobody named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Matches(Enum):
    """Whether a rule applies to a new TCP connection from anywhere to a port and address that no rule names."""

    ALWAYS = "always"
    NEVER = "never"
    NAMED = "named"
    """Only traffic it names: a port, an address, an interface, a rate, or something we do not understand."""


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule, reduced to what decides."""

    matches: Matches
    verdict: str
    """accept, drop, reject, return, jump, goto; empty when it only counts, logs or marks."""
    target: str = ""
    ports: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    conditions: int = 0
    """How many matches it has beyond ports, sources and interfaces."""
    only: str = ""
    """``ip`` or ``ip6`` for a rule that concerns one of them in a chain of both."""
    destinations: tuple[str, ...] = ()
    """Addresses or named sets it is about; those it leaves out begin with ``!``."""
    owners: tuple[str, ...] = ()
    """Accounts and groups whose packets it is about."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain; ``hook`` is empty when packets get there by jumps only."""

    family: str
    table: str
    name: str
    hook: str = ""
    policy: str = "accept"
    filters: bool = True
    """False for chains that translate addresses or choose routes."""
    rules: list[RuleLine] = field(default_factory=list)


Chains = Mapping[tuple[str, str, str], Chain]
"""By family, table and name."""

_ORDER = ("none", "accept", "reject", "drop")


def strictest(verdicts: list[str]) -> str:
    """Return the verdict that wins: a packet has to pass every base chain."""
    return max(verdicts, key=_ORDER.index, default="none")


def fate(chains: Chains, hook: str, version: str) -> str:
    """Return drop, reject, accept or none: what the hook does with a new connection that no rule names.

    ``version`` is ``ip`` or ``ip6``.
    """
    verdicts = [
        own_fate(chains, chain, version)
        for chain in chains.values()
        if chain.hook == hook and chain.family in {version, "inet"} and chain.filters
    ]
    return strictest(verdicts)


def own_fate(chains: Chains, chain: Chain, version: str) -> str:
    """Return drop, reject or accept: what one base chain alone does with such a connection."""
    return _walk(chains, chain, version, frozenset()) or chain.policy


def _walk(chains: Chains, chain: Chain, version: str, above: frozenset[str]) -> str:
    """Return the verdict reached inside the chain, or an empty string when it returns."""
    for rule in chain.rules:
        if rule.matches is not Matches.ALWAYS or rule.only not in {"", version}:
            continue
        if rule.verdict in {"accept", "drop", "reject"}:
            return rule.verdict
        if rule.verdict == "return":
            return ""
        if rule.verdict in {"jump", "goto"} and rule.target not in above and len(above) < _MAX_JUMPS:
            target = chains.get((chain.family, chain.table, rule.target))
            inside = _walk(chains, target, version, above | {chain.name}) if target is not None else ""
            if inside or rule.verdict == "goto":
                return inside
    return ""


def wide_accepts(chains: Chains, hook: str) -> list[tuple[Chain, RuleLine]]:
    """Return rules on the way of the hook that accept new connections without naming a port or a source.

    A rule for a whole interface, a destination address or a match we do not understand may let everything in, although
    the default drops.
    """
    waiting = [chain for chain in chains.values() if chain.hook == hook and chain.filters]
    reached = {chain.name: chain for chain in waiting}
    found: list[tuple[Chain, RuleLine]] = []
    while waiting:
        chain = waiting.pop()
        for rule in chain.rules:
            if rule.matches is Matches.NEVER or rule.ports or rule.sources:
                continue
            if rule.verdict == "accept":
                found.append((chain, rule))
            target = chains.get((chain.family, chain.table, rule.target)) if rule.target else None
            if target is not None and target.name not in reached:
                reached[target.name] = target
                waiting.append(target)
    return found


_MAX_JUMPS = 16  # the kernel's own limit (NFT_JUMP_STACK_SIZE)
