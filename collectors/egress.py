"""Roads out: rules by which a filter that drops by default still lets a connection to any address leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collectors.netfilter import Chain, Chains, Matches, RuleLine, own_fate

HTTPS = 443


def roads_out(views: Iterable[Chains], port: int = HTTPS) -> list[str]:
    """Return the rules that let this host connect to the TCP port on any address at all; sorted.

    A connection has to pass every chain, so one chain that names its peers closes the road that another leaves open.
    Chains that accept by default are no filter here: the verdict on outbound connections tells of those. A rule for
    named addresses or for accounts other than root is no road for everything; one whose match this program does not
    understand, or that names a set of ports, may be one.
    """
    shown = list(views)
    return sorted({road for version in ("ip", "ip6") for road in _roads(shown, version, port)})


def _roads(views: list[Chains], version: str, port: int) -> Iterator[str]:
    filters = [
        (chains, chain)
        for chains in views
        for chain in chains.values()
        if chain.hook == "output"
        and chain.family in {version, "inet"}
        and chain.filters
        and own_fate(chains, chain, version) in {"drop", "reject"}
    ]
    open_ways = [list(_ways(chains, chain, version, port, (), frozenset())) for chains, chain in filters]
    if all(open_ways):
        yield from (way for ways in open_ways for way in ways)


def _ways(
    chains: Chains, chain: Chain, version: str, port: int, named: tuple[str, ...], above: frozenset[str]
) -> Iterator[str]:
    """Yield the accepts a new connection to the port may meet; ``named`` are the ports of the jump that led here."""
    for rule in chain.rules:
        if rule.matches is Matches.NEVER or rule.only not in {"", version} or _narrow(rule):
            continue
        ports = rule.ports or named
        if ports and not any(_covers(one, port) for one in ports):
            continue
        if rule.verdict in {"drop", "reject"} and _plain(rule):
            return
        if rule.verdict == "accept":
            yield f"{chain.family} {chain.table} {chain.name}: {_shown(rule, ports)} accept"
        target = chains.get((chain.family, chain.table, rule.target)) if rule.target else None
        if target is not None and target.name not in above:
            yield from _ways(chains, target, version, port, ports, above | {chain.name})


_ROOT = frozenset({"0", "root"})


def _narrow(rule: RuleLine) -> bool:
    """Return whether the rule speaks of certain peers, or of certain accounts that are not root."""
    peers = any(not one.startswith("!") for one in rule.destinations)
    return peers or (bool(rule.owners) and not _ROOT & set(rule.owners))


def _plain(rule: RuleLine) -> bool:
    """Return whether nothing but a port limits the rule, so that no later one gets a word in."""
    return not (rule.conditions or rule.destinations or rule.owners or rule.sources or rule.interfaces)


def _covers(text: str, port: int) -> bool:
    proto, _, range_ = text.removeprefix("!").partition("/")
    if proto not in {"tcp", ""}:
        return False
    low, _, high = range_.partition("-")
    if not low.isascii() or not low.isdigit() or len(low) > 5:
        return True  # a named set, or a service name: nobody can say what is in it
    inside = int(low) <= port <= (int(high) if high.isdigit() and len(high) < 6 else int(low))
    return inside != text.startswith("!")


def _shown(rule: RuleLine, ports: tuple[str, ...]) -> str:
    return ",".join((*rule.interfaces, *ports)) or "anything"
