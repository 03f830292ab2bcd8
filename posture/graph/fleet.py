"""All hosts at once, as far as single hosts need it: who has which address, and which sources a pattern means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from posture.graph import draft as d
from posture.graph.draft import Draft
from posture.graph.patterns import STRANGER, Source, from_matches, network_of
from posture.graph.reach import Way, networks
from posture.model.host import Host, Inventory
from posture.model.path import NodeKind

MANY = 256  # hosts that one pattern names; beyond it the zone itself is meant


@dataclass(frozen=True, slots=True)
class Place:
    """One source a login may come from, as a node of the graph."""

    source: Source
    zone: str
    host: str = ""
    """Id of the inventory host that has the address; empty for somewhere in the zone."""
    guessed: bool = False
    """Nobody of the inventory has the address; whoever is in the zone might take it."""


@dataclass(slots=True)
class Fleet:
    """Addresses and zones of the inventory, indexed once."""

    inventory: Inventory
    _hosts_of: dict[str, tuple[Host, ...]] = field(default_factory=dict)
    _by_id: dict[str, Host] = field(default_factory=dict)
    _by_address: dict[str, Host] = field(default_factory=dict)
    _strangers: dict[str, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_id = {host.id: host for host in self.inventory.hosts}
        self._by_address = {one: host for host in self.inventory.hosts for one in host.addresses}
        self._strangers = {zone.name: _stranger(zone.cidrs) for zone in self.inventory.zones}

    def host(self, word: str) -> Host | None:
        """Return the host of this id, name or address; ``None`` when there is none, or more than one."""
        found = self._by_id.get(word) or self._by_address.get(word)
        if found is not None:
            return found
        named = [host for host in self.inventory.hosts if host.name == word] if word else []
        return named[0] if len(named) == 1 else None

    def places(self, ways: Iterable[Way], patterns: Iterable[str]) -> list[tuple[Way, Place]]:
        """Return what to ask about: somewhere in each zone, and each host or address there that a pattern names."""
        named = sorted({pattern.lstrip("!") for pattern in patterns})
        found: list[tuple[Way, Place]] = []
        for way in ways:
            found.append((way, Place(self._strangers.get(way.zone, Source()), way.zone)))
            for pattern in named:
                hosts = [host for host in self._named(pattern) if host.zone == way.zone]
                found += [
                    (way, Place(Source(one, host.name or host.id), way.zone, host.id))
                    for host in hosts[:MANY]
                    for one in host.addresses
                ]
                if not hosts and (free := self._free(pattern, way.zone)):
                    found.append((way, Place(Source(free), way.zone, guessed=True)))
        return found

    def _named(self, pattern: str) -> tuple[Host, ...]:
        """Return the hosts a pattern names by address or by name; read once per pattern."""
        if pattern not in self._hosts_of:
            self._hosts_of[pattern] = tuple(
                host
                for host in self.inventory.hosts
                if any(from_matches(pattern, Source(one, host.name or host.id), dns=True) for one in host.addresses)
            )
        return self._hosts_of[pattern]

    def _free(self, pattern: str, zone: str) -> str:
        """Return an address of the zone that the pattern names and no host has; empty when there is none."""
        network = network_of(pattern)
        cidrs = next((one.cidrs for one in self.inventory.zones if one.name == zone), ())
        for own in networks(cidrs):
            if network is not None and network.version == own.version and network.overlaps(own):
                smaller = network if network.prefixlen >= own.prefixlen else own
                return str(smaller[0] if smaller.num_addresses == 1 else smaller[1])
        return ""


def _stranger(cidrs: Iterable[str]) -> Source:
    """Return an address of a zone that is nobody's: the last but one of its first network."""
    for network in networks(cidrs):
        if network.num_addresses > 2:
            return Source(str(network[-2]))
    return Source(STRANGER)


def place_node(draft: Draft, place: Place) -> str:
    """Return the node that stands for a source: the zone, or presence on one host."""
    if not place.host:
        return d.zone(draft, place.zone)
    return draft.node(NodeKind.ACCOUNT, f"somebody:{place.host}", f"anybody on {place.host}", host=place.host)
