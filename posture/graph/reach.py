"""Rules 2, 3 and 24: which zone reaches which port of which host, factored so that an endpoint costs two edges.

Endpoints of one zone, one port and one set of zones that reach them share a ``Reach`` node, one for zones where
attackers start and one for the others, so that closing a port to the outside leaves the inside as it is.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from posture.graph import draft as d
from posture.graph.draft import Draft
from posture.graph.evidence import Facts, HostView
from posture.model.host import Host, Inventory, Trust
from posture.model.path import Basis, NodeKind

OUTSIDE = frozenset({Trust.UNTRUSTED, Trust.PARTNER})
SELF = "self"
SEEN = frozenset({"seen-both", "network-only"})


@dataclass(frozen=True, slots=True)
class Way:
    """One zone that reaches a port, with how sure that is."""

    zone: str
    sure: str
    """Id of a confidence value."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One port of one host that somebody else may reach."""

    proto: str
    port: int
    outside: tuple[Way, ...]
    inside: tuple[Way, ...]
    process: str = ""
    user: str = ""
    """Who the process runs as; empty when the host did not say."""
    product: str = ""

    @property
    def name(self) -> str:
        """``tcp/22``."""
        return f"{self.proto}/{self.port}"

    @property
    def seen_outside(self) -> bool:
        """Whether a vantage in a zone where attackers start found it open."""
        return any(way.sure in SEEN for way in self.outside)


def endpoint_node(draft: Draft, view: HostView, endpoint: str) -> str:
    """Return the node of ``tcp/22`` of a host."""
    return draft.node(
        NodeKind.ENDPOINT,
        f"endpoint:{view.id}/{endpoint}",
        f"{endpoint} of {view.id}",
        host=view.id,
        zone=view.host.zone,
    )


def endpoints_of(view: HostView, inventory: Inventory) -> tuple[Endpoint, ...]:
    """Return the ports of a host that other hosts may reach, sorted."""
    sights = _Sights.of(view)
    found = []
    for proto, port in sorted(sights.places()):
        socket = sights.sockets.get((proto, port))
        ways = {
            zone.name: sure
            for zone in inventory.zones
            if (sure := _sure(sights, view, inventory, zone.name, (proto, port)))
        }
        if not ways:
            continue
        trust = {zone.name: zone.trust for zone in inventory.zones}
        sorted_ways = [Way(zone, sure) for zone, sure in sorted(ways.items())]
        found.append(
            Endpoint(
                proto=proto,
                port=port,
                outside=tuple(way for way in sorted_ways if trust[way.zone] in OUTSIDE),
                inside=tuple(way for way in sorted_ways if trust[way.zone] not in OUTSIDE),
                process=str((socket or {}).get("process") or ""),
                user=str((socket or {}).get("user") or ""),
                product=sights.products.get((proto, port), ""),
            )
        )
    return tuple(found)


Port = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Sights:
    """What vantages and the host itself say of its ports."""

    open_from: Mapping[Port, frozenset[str]]
    """Zones whose vantages found it open."""
    maybe_from: Mapping[Port, frozenset[str]]
    looked: frozenset[str]
    """Zones whose vantages saw every TCP port of the host."""
    shut_from: Mapping[Port, frozenset[str]]
    """Zones whose vantages asked and were not let in, on every address."""
    sockets: Mapping[Port, Facts]
    """What listens outside loopback."""
    products: Mapping[Port, str]

    @classmethod
    def of(cls, view: HostView) -> _Sights:
        open_from: dict[Port, set[str]] = {}
        maybe: dict[Port, set[str]] = {}
        shut: dict[Port, set[str]] = {}
        whole: dict[str, bool] = {}
        for sight in view.rows("exposure", "views"):
            zone, ports = str(sight["zone"]), sight["ports"]
            if zone == SELF:
                continue
            whole[zone] = whole.get(zone, False) or bool(ports["complete"])
            for place in _shut(sight):
                shut.setdefault(place, set()).add(zone)
            for port in ports["items"]:
                place = (str(port["proto"]), int(port["port"]))
                if port["state"] == "open":
                    open_from.setdefault(place, set()).add(zone)
                elif port["state"] == "open|filtered":
                    maybe.setdefault(place, set()).add(zone)
        sockets = {
            (str(one["proto"]), int(one["port"])): one
            for one in view.rows("listeners", "sockets")
            if not one["loopback"]
        }
        products = {
            (str(one["proto"]), int(one["port"])): str(one.get("product") or one.get("service") or "")
            for one in view.rows("exposure", "services")
        }
        return cls(
            open_from={place: frozenset(zones) for place, zones in open_from.items()},
            maybe_from={place: frozenset(zones) for place, zones in maybe.items()},
            looked=frozenset(zone for zone, done in whole.items() if done),
            shut_from={place: frozenset(zones) for place, zones in shut.items()},
            sockets=sockets,
            products=products,
        )

    def places(self) -> set[Port]:
        """Every port that somebody may reach; silent UDP only where the host says that something listens."""
        silent = {place for place in self.maybe_from if place in self.sockets}
        listening = {place for place in self.sockets if place[0] == "tcp"}
        return {*self.open_from, *listening, *silent}


def _shut(sight: Facts) -> set[Port]:
    """Return the ports that were asked by name on every address of a view, and were closed or filtered on each."""
    states: dict[Port, list[str]] = {}
    for port in sight["ports"]["items"]:
        states.setdefault((str(port["proto"]), int(port["port"])), []).append(str(port["state"]))
    every = len(sight.get("addresses") or ())
    return {place for place, found in states.items() if len(found) >= every and set(found) <= {"closed", "filtered"}}


def _sure(sights: _Sights, view: HostView, inventory: Inventory, zone: str, place: Port) -> str:
    """Return how sure it is that a zone reaches a port; empty when it does not by all that was seen."""
    if zone in sights.open_from.get(place, ()):
        return "seen-both" if place in sights.sockets else "network-only"
    if zone in sights.maybe_from.get(place, ()):
        return "silent-udp" if place in sights.sockets else ""
    if place[0] != "tcp" or zone in sights.looked or zone in sights.shut_from.get(place, ()):
        return ""
    if zone != view.host.zone and _fenced(view, place[1]):
        return ""
    if inventory.flows is None or zone == view.host.zone:
        return "unmeasured"
    target = (view.id, view.host.zone)
    declared = any(one.source == zone and one.target in target and one.covers(*place) for one in inventory.flows)
    return "unmeasured" if declared else "unmeasured-undeclared"


def _fenced(view: HostView, port: int) -> bool:
    """Return whether the host's own firewall, seen whole, refuses new connections to a port from anywhere."""
    rules, wide = view.value("firewall", "rules"), view.value("firewall", "wide_accepts")
    if not (rules and wide and rules["complete"] and wide["complete"]) or wide["items"]:
        return False
    policies = {view.value("firewall", name) for name in ("inbound_ipv4", "inbound_ipv6")}
    return policies <= {"drop", "reject"} and not any(_may_accept(rule, port) for rule in rules["items"])


def _may_accept(rule: Facts, port: int) -> bool:
    """Return whether a rule may let a new connection in; a doubt counts as yes."""
    if rule["verdict"] != "accept" or rule["hook"] in ("output", "forward"):
        return False
    if rule["ports"]:
        return any(_holds(text, port) for text in rule["ports"])
    return bool(rule["sources"]) or (rule["conditions"] == 0 and set(rule["interfaces"]) != {"lo"})


def _holds(text: str, port: int) -> bool:
    proto, _, numbers = text.partition("/")
    low, _, high = numbers.partition("-")
    high = high or low
    return proto == "tcp" and (not (low.isdecimal() and high.isdecimal()) or int(low) <= port <= int(high))


def add_endpoints(draft: Draft, view: HostView, endpoints: Iterable[Endpoint]) -> None:
    """Add the edges of rules 2 and 3 for one host."""
    for endpoint in endpoints:
        node = endpoint_node(draft, view, endpoint.name)
        for side, ways in (("outside", endpoint.outside), ("inside", endpoint.inside)):
            if ways:
                reach = reach_node(draft, view.host.zone, endpoint.name, ways)
                _add_endpoint(draft, view, endpoint, side, ways, reach, node)


def _add_endpoint(
    draft: Draft, view: HostView, endpoint: Endpoint, side: str, ways: tuple[Way, ...], reach: str, node: str
) -> None:
    why = f"{endpoint.name} of {view.id} is reached from {', '.join(way.zone for way in ways)}"
    draft.edge(
        "endpoint",
        [reach],
        node,
        why + (f"; {endpoint.process} listens there" if endpoint.process else ""),
        conditions=endpoint_conditions(draft, view, endpoint, side),
        basis=Basis.OBSERVED,
        evidence=(*view.ref("exposure", "open"), *view.ref("listeners", "sockets")),
    )


def endpoint_conditions(draft: Draft, view: HostView, endpoint: Endpoint, side: str) -> list[str]:
    """Return what keeps a port reachable from one side: the findings on it, or the setting."""
    subject = str(endpoint.port)
    checks = [("EXP-01", subject), ("EXP-06", subject)]
    checks += [("EXP-03", subject)] if side == "outside" else []
    why = f"{endpoint.name} of {view.id} answers from {side}"
    return draft.found_or_setting(
        view,
        checks if endpoint.proto == "tcp" else [],
        key=f"reach|{endpoint.name}|{side}",
        why=why,
        remedy=f"let the firewall of {view.id} refuse {endpoint.name} from {side}, or bind the service to loopback",
    )


def reach_node(draft: Draft, zone: str, endpoint: str, ways: tuple[Way, ...]) -> str:
    """Return the node of all endpoints of a zone and port that the same zones reach, with its edges."""
    text = ",".join(f"{way.zone}={way.sure}" for way in ways)
    id_ = f"reach:{zone}/{endpoint}/{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    if id_ in draft.nodes:
        return id_
    draft.node(NodeKind.REACH, id_, f"{endpoint} in {zone}", zone=zone)
    for way in ways:
        add_way(draft, way, zone, endpoint, id_)
    return id_


def add_way(draft: Draft, way: Way, target: str, endpoint: str, reach: str) -> None:
    """Add one zone's way to a reach node."""
    seen = way.sure in (*SEEN, "silent-udp")
    said = "was found open" if seen else "was not measured: something listens there"
    draft.edge(
        "reach",
        [d.zone(draft, way.zone)],
        reach,
        f"from zone {way.zone}, {endpoint} in zone {target} {said}",
        conditions=way_conditions(draft, way.zone, target, endpoint),
        sure=way.sure,
        basis=Basis.OBSERVED if seen else Basis.ASSUMED,
    )


def way_conditions(draft: Draft, source: str, target: str, endpoint: str) -> list[str]:
    """Return what lets packets pass between two zones; nothing stands between hosts of one zone."""
    if source == target:
        return []
    return [
        draft.condition(
            f"network|{source}>{target}|{endpoint}",
            "",
            f"packets pass from zone {source} to {endpoint} in zone {target}",
            remedy=f"refuse {endpoint} from zone {source} at the firewall of zone {target}",
        )
    ]


def add_presence(draft: Draft, host: Host, inventory: Inventory) -> None:
    """Add the edges of rule 24: who runs code here may send packets from every zone the host stands in."""
    here = d.somebody(draft, host)
    for name in zones_of(host, inventory):
        why = f"{host.id} has an address in zone {name}"
        remedy = f"take the address in zone {name} away from {host.id}"
        second = name != host.zone
        held = [draft.condition(f"{host.id}|address|{name}", host.id, why, remedy=remedy)] if second else []
        said = f"{why}, so code there may send packets from it"
        draft.edge("presence", [here], d.zone(draft, name), said, conditions=held)


def zones_of(host: Host, inventory: Inventory) -> Iterator[str]:
    """Yield the zones a host stands in: the declared one, and those whose networks hold an address of its."""
    yield host.zone
    addresses = [parsed for text in host.addresses if (parsed := address(text))]
    for zone in inventory.zones:
        if zone.name != host.zone and any(one in net for one in addresses for net in networks(zone.cidrs)):
            yield zone.name


IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def networks(cidrs: Iterable[str]) -> list[IPNetwork]:
    """Return the networks among these texts."""
    out: list[IPNetwork] = []
    for text in cidrs:
        try:
            out.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue
    # 0.0.0.0/0 is "everything else": a host of another zone is not in it
    return [net for net in out if net.prefixlen]


def address(text: str) -> IPAddress | None:
    """Return the address this text means, or ``None``."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
