"""Packet filter rules from ``iptables-save`` and ``ip6tables-save``."""

from __future__ import annotations

import shlex

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
    draft = Draft()
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
            match_transport(draft, [proto], not inverted)
        elif word in {"-i", "-o"}:
            match_interfaces(draft, [next(waiting, "")], not inverted)
        elif word == "-s":
            match_sources(draft, next(waiting, "").split(","), not inverted)
        elif word == "-d":
            match_destinations(draft, next(waiting, "").split(","), not inverted)
        elif word in {"--uid-owner", "--gid-owner"}:
            match_owners(draft, [next(waiting, "")], not inverted)
        elif word in {"--dport", "--dports"}:
            ports = next(waiting, "").replace(":", "-").split(",")
            match_ports(draft, proto, ports, not inverted)
        elif word in {"--ctstate", "--state"}:
            match_states(draft, next(waiting, "").split(","), not inverted)
        elif word.startswith("-"):
            draft.conditions += draft.verdict == ""
            draft.narrow(Matches.NAMED if draft.verdict == "" else draft.matches)
        inverted = False
    return draft.done()


def _iptables_target(draft: Draft, target: str, *, goto: bool) -> None:
    if target in _VERDICTS:
        draft.verdict = _VERDICTS[target]
    elif target not in _NO_VERDICT and target:
        draft.verdict, draft.target = "goto" if goto else "jump", target
