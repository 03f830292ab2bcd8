"""Packet filter rules, from ``nft -j list ruleset`` or ``iptables-save``, and the fate of a connection nobody named."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec


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


def nft_chains(text: str) -> dict[tuple[str, str, str], Chain] | None:
    """Return the chains of ``nft -j list ruleset``, or ``None`` when it is not that.

    Source: libnftables-json(5).
    """
    try:
        body = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    entries = body.get("nftables") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return None
    chains: dict[tuple[str, str, str], Chain] = {}
    for entry in entries:
        found = _object(entry, "chain")
        if found is not None:
            chain = _nft_chain(found)
            chains[chain.family, chain.table, chain.name] = chain
    for entry in entries:
        rule = _object(entry, "rule")
        if rule is not None:
            key = (_text(rule, "family"), _text(rule, "table"), _text(rule, "chain"))
            if key in chains:
                chains[key].rules.extend(_nft_rule(rule.get("expr"), key[0]))
    return chains


def _object(entry: Any, key: str) -> dict[str, Any] | None:
    found = entry.get(key) if isinstance(entry, dict) else None
    return found if isinstance(found, dict) else None


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _nft_chain(found: dict[str, Any]) -> Chain:
    return Chain(
        family=_text(found, "family"),
        table=_text(found, "table"),
        name=_text(found, "name"),
        hook=_text(found, "hook"),
        policy="drop" if found.get("policy") == "drop" else "accept",
        filters=_text(found, "type") in {"", "filter"},
    )


@dataclass(slots=True)
class _Draft:
    """A rule while its expressions are read."""

    matches: Matches = Matches.ALWAYS
    verdict: str = ""
    target: str = ""
    ports: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    conditions: int = 0
    only: str = ""
    destinations: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)

    def narrow(self, matches: Matches) -> None:
        if self.matches is Matches.ALWAYS or matches is Matches.NEVER:
            self.matches = matches

    def done(self) -> RuleLine:
        return RuleLine(
            self.matches,
            self.verdict,
            self.target,
            tuple(sorted(self.ports)),
            tuple(sorted(self.sources)),
            tuple(sorted(self.interfaces)),
            self.conditions,
            self.only,
            tuple(sorted(self.destinations)),
            tuple(sorted(self.owners)),
        )


_SILENT = frozenset({"counter", "log", "comment", "mangle", "notrack", "meta", "quota"})


def _nft_rule(expressions: Any, family: str) -> Iterator[RuleLine]:
    draft = _Draft()
    for expression in expressions if isinstance(expressions, list) else []:
        if not isinstance(expression, dict) or len(expression) != 1:
            draft.narrow(Matches.NAMED)
            continue
        ((name, body),) = expression.items()
        if name in {"accept", "drop", "reject", "return"}:
            draft.verdict = name
        elif name in {"jump", "goto"} and isinstance(body, dict):
            draft.verdict, draft.target = name, _text(body, "target")
        elif name == "match" and isinstance(body, dict):
            _nft_match(draft, body, family)
        elif name == "vmap" and isinstance(body, dict):
            yield from _verdict_map(body, family)
            draft.narrow(Matches.NAMED)
        elif name == "xt" and isinstance(body, dict) and body.get("type") == "target":
            draft.verdict = {"REJECT": "reject", "DROP": "drop"}.get(_text(body, "name"), "")
        elif name not in _SILENT:
            draft.conditions += 1
            draft.narrow(Matches.NAMED)
    yield draft.done()


def _verdict_map(body: dict[str, Any], family: str) -> Iterator[RuleLine]:
    """Yield one rule for each pair of a map from a match to a verdict."""
    data = body.get("data")
    pairs = data.get("set") if isinstance(data, dict) else None
    for pair in pairs if isinstance(pairs, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], dict):
            verdict = str(next(iter(pair[1]), ""))
            draft = _Draft(verdict=verdict, target=_text(_object(pair[1], verdict) or {}, "target"))
            _nft_match(draft, {"op": "==", "left": body.get("key"), "right": pair[0]}, family)
            yield draft.done()


def _nft_match(draft: _Draft, body: dict[str, Any], family: str) -> None:
    left = body.get("left")
    operator = body.get("op")
    values = _values(body.get("right"))
    if not isinstance(left, dict):
        draft.conditions += 1
        draft.narrow(Matches.NAMED)
        return
    equal = operator in {"==", "in"}
    meta = _text(_object(left, "meta") or {}, "key")
    payload = _object(left, "payload") or {}
    what = (_text(payload, "protocol"), _text(payload, "field"))
    if what[0] in {"ip", "ip6"} and family == "inet":
        draft.only = what[0]
    if meta in {"iifname", "iif", "oifname", "oif"}:
        _interfaces(draft, values, equal)
    elif meta == "nfproto":
        draft.only = _ONLY.get(values[0], "") if equal and len(values) == 1 and family == "inet" else draft.only
    elif _text(_object(left, "ct") or {}, "key") == "status" and equal and "dnat" in values:
        # What was translated here was named by the rule that translates it.
        draft.narrow(Matches.NEVER)
    elif meta == "l4proto" or what in {("ip", "protocol"), ("ip6", "nexthdr")}:
        _transport(draft, values, equal)
    elif what[0] in _NEVER_TCP:
        draft.conditions += 1
        draft.narrow(Matches.NEVER)
    elif what[1] == "dport":
        _ports(draft, what[0], values, equal)
    elif (what[1] or meta) in _WHO:
        _WHO[what[1] or meta](draft, values, equal)
    elif left.get("ct") == {"key": "state"} or _text(_object(left, "ct") or {}, "key") == "state":
        _states(draft, values, equal)
    else:
        draft.conditions += 1
        draft.narrow(Matches.NAMED)


_ONLY = {"ipv4": "ip", "ipv6": "ip6"}
_NEVER_TCP = frozenset({"icmp", "icmpv6", "igmp", "ah", "esp", "comp"})
"""Headers that no TCP packet has, so that a rule about their fields lets no connection in."""


def _values(right: Any) -> list[str]:
    """Return the right side of a match as words: ``22``, ``1000-2000``, ``10.0.0.0/8``, ``established``."""
    if isinstance(right, dict):
        if isinstance(right.get("set"), list):
            return [value for part in right["set"] for value in _values(part)]
        if isinstance(right.get("range"), list):
            return ["-".join(value for part in right["range"] for value in _values(part))]
        prefix = _object(right, "prefix")
        if prefix is not None:
            return [f"{_text(prefix, 'addr')}/{prefix.get('len')}"]
        element = _object(right, "elem")
        return _values(element.get("val")) if element is not None else []
    if isinstance(right, list):
        return [value for part in right for value in _values(part)]
    return [str(right)] if isinstance(right, str | int) else []


def _interfaces(draft: _Draft, names: list[str], equal: bool) -> None:
    if equal and names == ["lo"]:
        draft.interfaces.append("lo")
        draft.narrow(Matches.NEVER)
    elif not equal and names == ["lo"]:
        draft.narrow(Matches.ALWAYS)
    else:
        draft.interfaces.extend(names if equal else [f"!{name}" for name in names])
        draft.narrow(Matches.NAMED)


def _transport(draft: _Draft, names: list[str], equal: bool) -> None:
    if bool({"tcp", "6"} & set(names)) == equal:
        draft.narrow(Matches.ALWAYS)
    else:
        draft.conditions += 1
        draft.narrow(Matches.NEVER)


_EVERY_PORT = frozenset({"0-65535", "1-65535"})


def _ports(draft: _Draft, proto: str, ports: list[str], equal: bool) -> None:
    proto = "tcp" if proto == "th" else proto
    if proto == "tcp" and equal and _EVERY_PORT & set(ports):
        draft.narrow(Matches.ALWAYS)
        return
    draft.ports.extend(f"{'' if equal else '!'}{proto}/{port}" for port in ports)
    draft.narrow(Matches.NAMED)
    draft.conditions += not ports


def _sources(draft: _Draft, networks: list[str], equal: bool) -> None:
    if equal and any(network in {"0.0.0.0/0", "::/0"} for network in networks):
        draft.narrow(Matches.ALWAYS)
        return
    draft.sources.extend(networks if equal else [f"!{network}" for network in networks])
    draft.narrow(Matches.NAMED)
    draft.conditions += not networks


def _destinations(draft: _Draft, networks: list[str], equal: bool) -> None:
    if not (equal and any(network in {"0.0.0.0/0", "::/0"} for network in networks)):
        draft.destinations.extend(networks if equal else [f"!{network}" for network in networks])
    # What a rule says of where a connection goes never makes it one for every address of this host.
    draft.narrow(Matches.NAMED)
    draft.conditions += 1


def _owners(draft: _Draft, names: list[str], equal: bool) -> None:
    draft.owners.extend(names if equal else [])
    draft.narrow(Matches.NAMED)
    draft.conditions += 1


_WHO = {"saddr": _sources, "daddr": _destinations, "skuid": _owners, "skgid": _owners}
"""Fields that say from whom, to whom, or for which account."""


def _states(draft: _Draft, states: list[str], equal: bool) -> None:
    applies = ("new" in {state.lower() for state in states}) == equal
    draft.narrow(Matches.ALWAYS if applies else Matches.NEVER)
    draft.conditions += not applies


def iptables_chains(text: str, family: str) -> dict[tuple[str, str, str], Chain] | None:
    """Return the chains of ``iptables-save`` (family ip) or ``ip6tables-save`` (ip6); ``None`` when it is not that.

    Source: iptables-save(8), iptables(8), iptables-extensions(8).
    """
    chains: dict[tuple[str, str, str], Chain] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":") and table:
            name, _, policy = line[1:].partition(" ")
            chains[family, table, name] = _builtin(family, table, name, policy.split(" ")[0])
        elif line.startswith("-A ") and table:
            words = _words(line)
            if len(words) > 1 and (family, table, words[1]) in chains:
                chains[family, table, words[1]].rules.append(_iptables_rule(words[2:]))
        elif line.strip() and not line.startswith("#") and line.strip() != "COMMIT":
            return None
    return chains


_HOOKS = {"INPUT": "input", "OUTPUT": "output", "FORWARD": "forward"}


def _builtin(family: str, table: str, name: str, policy: str) -> Chain:
    hook = _HOOKS.get(name, "") if policy != "-" else ""
    return Chain(family, table, name, hook, "drop" if policy == "DROP" else "accept", table != "nat")


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return", "QUEUE": "accept"}
_NO_VERDICT = frozenset(
    {
        "LOG",
        "NFLOG",
        "ULOG",
        "AUDIT",
        "MARK",
        "CONNMARK",
        "CT",
        "NOTRACK",
        "TRACE",
        "SECMARK",
        "CONNSECMARK",
        "DSCP",
        "TOS",
        "TTL",
        "HL",
        "CLASSIFY",
        "SET",
        "TCPMSS",
        "CHECKSUM",
        "IDLETIMER",
        "LED",
        "RATEEST",
        "TEE",
    }
)


def _iptables_rule(words: list[str]) -> RuleLine:
    draft = _Draft()
    proto = ""
    inverted = False
    waiting = iter(words)
    for word in waiting:
        if word == "!":
            inverted = True
            continue
        if word in {"-m", "--match", "--comment", "--reject-with", "--log-prefix", "--log-level"}:
            next(waiting, "")
        elif word in {"-j", "-g"}:
            _iptables_target(draft, next(waiting, ""), goto=word == "-g")
        elif word == "-p":
            proto = next(waiting, "")
            _transport(draft, [proto], not inverted)
        elif word in {"-i", "-o"}:
            _interfaces(draft, [next(waiting, "")], not inverted)
        elif word == "-s":
            _sources(draft, next(waiting, "").split(","), not inverted)
        elif word == "-d":
            _destinations(draft, next(waiting, "").split(","), not inverted)
        elif word in {"--uid-owner", "--gid-owner"}:
            _owners(draft, [next(waiting, "")], not inverted)
        elif word in {"--dport", "--dports"}:
            ports = next(waiting, "").replace(":", "-").split(",")
            _ports(draft, proto, ports, not inverted)
        elif word in {"--ctstate", "--state"}:
            _states(draft, next(waiting, "").split(","), not inverted)
        elif word.startswith("-"):
            draft.conditions += draft.verdict == ""
            draft.narrow(Matches.NAMED if draft.verdict == "" else draft.matches)
        inverted = False
    return draft.done()


def _iptables_target(draft: _Draft, target: str, *, goto: bool) -> None:
    if target in _VERDICTS:
        draft.verdict = _VERDICTS[target]
    elif target not in _NO_VERDICT and target:
        draft.verdict, draft.target = "goto" if goto else "jump", target
