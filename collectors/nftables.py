"""Packet filter rules from ``nft -j list ruleset``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from collectors.netfilter import Chain, Matches, RuleLine
from collectors.netfilter_rule import (
    Draft,
    match_destinations,
    match_interfaces,
    match_owners,
    match_ports,
    match_sources,
    match_states,
    match_transport,
)


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


_SILENT = frozenset({"counter", "log", "comment", "mangle", "notrack", "meta", "quota"})


def _nft_rule(expressions: Any, family: str) -> Iterator[RuleLine]:
    draft = Draft()
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
            draft = Draft(verdict=verdict, target=_text(_object(pair[1], verdict) or {}, "target"))
            _nft_match(draft, {"op": "==", "left": body.get("key"), "right": pair[0]}, family)
            yield draft.done()


def _nft_match(draft: Draft, body: dict[str, Any], family: str) -> None:
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
        match_interfaces(draft, values, equal)
    elif meta == "nfproto":
        draft.only = _ONLY.get(values[0], "") if equal and len(values) == 1 and family == "inet" else draft.only
    elif _text(_object(left, "ct") or {}, "key") == "status" and equal and "dnat" in values:
        # What was translated here was named by the rule that translates it.
        draft.narrow(Matches.NEVER)
    elif meta == "l4proto" or what in {("ip", "protocol"), ("ip6", "nexthdr")}:
        match_transport(draft, values, equal)
    elif what[0] in _NEVER_TCP:
        draft.conditions += 1
        draft.narrow(Matches.NEVER)
    elif what[1] == "dport":
        match_ports(draft, what[0], values, equal)
    elif (what[1] or meta) in _WHO:
        _WHO[what[1] or meta](draft, values, equal)
    elif left.get("ct") == {"key": "state"} or _text(_object(left, "ct") or {}, "key") == "state":
        match_states(draft, values, equal)
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


_WHO = {"saddr": match_sources, "daddr": match_destinations, "skuid": match_owners, "skgid": match_owners}
"""Fields that say from whom, to whom, or for which account."""
