"""Whether a host is publicly exposed in BOD 26-04's sense: who says so, and what speaks against it.

Open is believed from anybody, closed only from a complete look out of an untrusted zone or from the operator's word;
where two disagree the stricter stands and the sentence says so. What nobody knows is ``None`` and counts as exposed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from posture.model.host import SELF_VANTAGE, Host, Inventory, Published, Trust
from posture.model.observation import FactDocument, Observation
from posture.model.vulnerability import Exposure

MEASURED, TAG, ADDRESS, IMPORTED, DEFAULT = "measured", "tag", "address", "imported", "default"
"""What may have decided."""


@dataclass(frozen=True, slots=True, order=True)
class ExternalSight:
    """A port that somebody outside saw open: a Cyber Hygiene report, a commercial scan, a generic CSV."""

    address: str
    """Public IP address in canonical form."""
    port: int
    proto: str
    source: str
    """Who saw it: ``CISA Cyber Hygiene``."""
    seen_on: date


def public_exposure(
    host: Host, inventory: Inventory, observed: Observation | None, imported: Iterable[ExternalSight] = ()
) -> Exposure:
    """Return whether untrusted parties can reach the host, what decided, and one sentence why.

    ``observed`` is the host's document of topic ``exposure``. A look from the host itself, or out of a zone that is not
    untrusted, is never evidence of anything here; an absence in ``imported`` is none either.

    Source: BOD 26-04, definition of "publicly exposed"; assets without exposure data count as exposed.
    """
    enclave = host.id.rpartition("/")[0]  # of a merged run; the evidence names its vantages without it
    names = {one: one.name.removeprefix(f"{enclave}/") for one in inventory.vantages}
    own = {SELF_VANTAGE.name, *(name for one, name in names.items() if one.host == host.id)}
    zones = {zone.name for zone in inventory.zones if zone.trust is Trust.UNTRUSTED}
    untrusted = frozenset(name for one, name in names.items() if one.zone in zones and name not in own)
    seen = _Seen(host, _facts(observed), own, untrusted)
    for decided_by, why in _for(host, inventory, seen, imported):
        return Exposure(True, decided_by, f"{why}{_against(host)}")
    return _closed(host, seen)


def published_to(host: Host, inventory: Inventory) -> tuple[str, ...]:
    """Return every public address and port that leads to the host, as ``203.0.113.7:443/tcp -> 8443``, sorted."""
    return tuple(
        sorted(f"{_place(one)}/{one.proto} -> {one.host_port}" for one in inventory.published if one.host == host.id)
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What untrusted vantages measured of one host."""

    host: Host
    facts: Mapping[str, Any]
    own: set[str]
    """Vantages that are the host itself."""
    untrusted: frozenset[str]
    """Other vantages of untrusted zones by the inventory."""

    def open(self) -> Iterator[Mapping[str, Any]]:
        """Yield every port that an untrusted vantage found open."""
        for name in ("open_tcp_from_outside", "open_udp_from_outside"):
            yield from (port for port in _items(self.facts.get(name)) if self._counts(port))

    def silent_from(self) -> str:
        """Return the untrusted vantages that asked all of the host and found nothing open; empty if one could not.

        What is shut to one of them may be open to another.
        """
        addresses = set(self.host.addresses)
        shut = set()
        for view in filter(self._counts, _items(self.facts.get("views"))):
            ports = view.get("ports") or {}
            states = [entry.get("state", "") for entry in (*_items(ports), *view.get("folded", ()))]
            # Silent UDP is "open|filtered": it may be open.
            closed = bool(states) and all(state in ("closed", "filtered") for state in states)
            if ports.get("complete") and closed and addresses <= set(view.get("addresses", ())):
                shut.add(str(view["vantage"]))
        unsure = {gap["vantage"] for gap in self.facts.get("gaps", ())} & self.untrusted - shut
        return "" if unsure else ", ".join(sorted(shut))

    def _counts(self, seen: Mapping[str, Any]) -> bool:
        return seen.get("trust") == Trust.UNTRUSTED and seen.get("vantage") not in self.own


def _for(host: Host, inventory: Inventory, seen: _Seen, imported: Iterable[ExternalSight]) -> Iterator[tuple[str, str]]:
    """Yield what says that the host is exposed, the surest first."""
    for port in seen.open():
        where = f"{port['vantage']} in untrusted zone {port['zone']}"
        yield MEASURED, f"{port['proto']}/{port['port']} is open from {where}"
    published = [entry for entry in inventory.published if entry.host == host.id]
    outer = {(one.address, one.proto, one.port) for one in published}
    for sight in sorted(imported):
        if sight.address in host.addresses or (sight.address, sight.proto, sight.port) in outer:
            where = f"{sight.proto}/{sight.port} of {sight.address}"
            yield IMPORTED, f"{sight.source} saw {where} open on {sight.seen_on.isoformat()}"
    for one in published:
        if _routable(one.address) or _in_untrusted(one.address, inventory):
            yield ADDRESS, f"the inventory publishes it at {_place(one)}"
    if host.tags.exposure == "public":
        yield TAG, "its tag says public"
    routable = next((address for address in host.addresses if _routable(address)), None)
    if routable and not (host.tags.exposure == "internal" and seen.silent_from()):
        yield ADDRESS, f"{routable} is routable on the internet"


def _against(host: Host) -> str:
    return ", although its tag says internal" if host.tags.exposure == "internal" else ""


def _closed(host: Host, seen: _Seen) -> Exposure:
    if vantage := seen.silent_from():
        return Exposure(False, MEASURED, f"{vantage} in an untrusted zone asked all its ports and found none open")
    if host.tags.exposure == "internal":
        return Exposure(False, TAG, "its tag says internal, and nothing speaks against it")
    return Exposure(None, DEFAULT, "no tag, and no complete look from an untrusted zone: counts as exposed")


def _in_untrusted(address: str, inventory: Inventory) -> bool:
    ip = ipaddress.ip_address(address)
    nets = [(ipaddress.ip_network(cidr), zone.trust) for zone in inventory.zones for cidr in zone.cidrs]
    around = [(net.prefixlen, trust is Trust.UNTRUSTED) for net, trust in nets if ip in net]
    return bool(around) and max(around)[1]


def _routable(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False  # a name: nobody can say from here


def _place(one: Published) -> str:
    return f"[{one.address}]:{one.port}" if ":" in one.address else f"{one.address}:{one.port}"


def _facts(observed: Observation | None) -> Mapping[str, Any]:
    if not isinstance(observed, FactDocument):
        return {}
    facts = msgspec.json.decode(observed.content)["facts"]
    return facts if isinstance(facts, dict) else {}


def _items(listing: Any) -> list[Any]:
    return list(listing["items"]) if isinstance(listing, dict) and isinstance(listing.get("items"), list) else []
