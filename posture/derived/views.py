"""What the network says of a host against what the host says of itself: topic ``views``, both pieces side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from collectors.base import Answers, Collector, Facts, Listing, document
from posture.model.host import Host, Inventory, Trust
from posture.model.observation import Blind, FactDocument, Hole, Observation, Unseen


@dataclass(frozen=True, slots=True)
class HiddenPort:
    """A port that answers the network and that the host does not own up to."""

    endpoint: str
    """``tcp/4444``."""
    port: int
    seen_from: list[str]
    """Vantages that found it open, with their zones."""
    network_says: str
    host_says: str
    explained_by: str
    """The NAT map's word for it; empty when nothing explains it."""


@dataclass(frozen=True, slots=True)
class DeadListener:
    """A socket on every address that no vantage reaches."""

    endpoint: str
    port: int
    process: str | None
    unit: str | None
    network_says: str
    host_says: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A port that the host's firewall refuses and that packets reach all the same."""

    endpoint: str
    port: int
    seen_from: list[str]
    network_says: str
    host_says: str


@dataclass(frozen=True, slots=True)
class ViewFacts:
    """Where the two views of a host do not agree; TCP only, since silent UDP proves nothing."""

    hidden: Listing[HiddenPort]
    dead: Listing[DeadListener]
    disagreements: Listing[Disagreement]


def views_of(
    host: Host, inventory: Inventory, exposure: Observation, listeners: Observation, firewall: Observation
) -> Observation:
    """Return topic ``views`` of a host. Pure; unseen when one of the two sides is."""
    for side in (exposure, listeners):
        if isinstance(side, Unseen):
            return Unseen(host.id, "views", side.reason, f"{side.topic}: {side.detail}"[:200])
    assert isinstance(exposure, FactDocument) and isinstance(listeners, FactDocument)  # noqa: S101 - narrows
    sides = _Sides(_facts(exposure), _facts(listeners), _facts(firewall))
    facts = ViewFacts(
        hidden=Listing(
            list(_hidden(sides, host, inventory)), sides.asked_everything and bool(sides.own_ports["complete"])
        ),
        dead=Listing(list(_dead(sides, host)), sides.asked_everything and bool(sides.sockets["complete"])),
        disagreements=Listing(
            list(_disagreements(sides)), sides.asked_everything and bool(sides.own_ports["complete"])
        ),
    )
    known = [one for one in (exposure, listeners, firewall) if isinstance(one, FactDocument)]
    return document(
        host=host.id,
        topic="views",
        facts=msgspec.to_builtins(facts),
        holes=tuple(_holes(sides, firewall)),
        evidence=tuple(sorted({id_ for one in known for id_ in one.evidence})),
        taken_at=min(one.taken_at for one in known),
        origin=exposure.origin,
    )


_NOBODY: Mapping[str, Any] = {"items": [], "complete": False}


@dataclass(frozen=True, slots=True)
class _Sides:
    exposure: Mapping[str, Any]
    listeners: Mapping[str, Any]
    firewall: Mapping[str, Any]

    @property
    def asked_everything(self) -> bool:
        """Whether every TCP port was asked from every vantage."""
        return bool(self.exposure.get("open_tcp", _NOBODY)["complete"])

    @property
    def sockets(self) -> Mapping[str, Any]:
        return self.listeners.get("sockets") or _NOBODY

    @property
    def own_ports(self) -> Mapping[str, Any]:
        return self.listeners.get("tcp_ports") or _NOBODY

    @property
    def open(self) -> dict[int, list[Mapping[str, Any]]]:
        """Open TCP ports, with every sight of each."""
        found: dict[int, list[Mapping[str, Any]]] = {}
        for sight in self.exposure.get("open_tcp", _NOBODY)["items"]:
            found.setdefault(sight["port"], []).append(sight)
        return dict(sorted(found.items()))

    @property
    def looked_from_inside(self) -> bool:
        """Whether a vantage looked that stands in no untrusted or partner zone."""
        views = self.exposure.get("views", _NOBODY)["items"]
        return any(view["trust"] in (Trust.INTERNAL, Trust.RESTRICTED) for view in views)

    @property
    def vantages(self) -> list[str]:
        return sorted({_place(view) for view in self.exposure.get("views", _NOBODY)["items"]})


def _hidden(sides: _Sides, host: Host, inventory: Inventory) -> Iterator[HiddenPort]:
    if not sides.own_ports["complete"]:
        return
    for port, sights in sides.open.items():
        if port not in sides.own_ports["items"]:
            yield HiddenPort(
                endpoint=f"tcp/{port}",
                port=port,
                seen_from=_places(sights),
                network_says=_open_from(sights),
                host_says=f"no socket on tcp/{port} outside loopback",
                explained_by=_explained(port, sights, inventory),
            )


def _explained(port: int, sights: list[Mapping[str, Any]], inventory: Inventory) -> str:
    """Return where the inventory's NAT map sends every address that was seen; empty when it does not know one."""
    leads = {
        (one.address, one.port): f"{one.host}:{one.host_port}" for one in inventory.published if one.proto == "tcp"
    }
    found = [leads.get((sight["address"], port), "") for sight in sights]
    return f"published, leads to {', '.join(sorted(set(found)))}" if found and all(found) else ""


def _dead(sides: _Sides, host: Host) -> Iterator[DeadListener]:
    if not sides.asked_everything or not sides.looked_from_inside:
        return
    for socket in sides.sockets["items"]:
        wide = socket["proto"] == "tcp" and socket["every_address"] and not socket["loopback"]
        # The port we log in by is reached, whatever the vantages say.
        if wide and socket["port"] not in sides.open and socket["port"] != host.access.port:
            who = socket["process"] or "the kernel"
            yield DeadListener(
                endpoint=socket["endpoint"],
                port=socket["port"],
                process=socket["process"],
                unit=socket["unit"],
                network_says=f"not open from {', '.join(sides.vantages)}",
                host_says=f"{who} listens on every address",
            )


def _disagreements(sides: _Sides) -> Iterator[Disagreement]:
    if not _rules_known(sides.firewall):
        return
    for port, sights in sides.open.items():
        if port not in sides.own_ports["items"]:
            continue  # forwarded elsewhere, or hidden: the host's input rules never see it
        refused = [sight for sight in sights if _refuses(sides.firewall, sight["address"], port)]
        if refused:
            key = _verdict_key(refused[0]["address"])
            yield Disagreement(
                endpoint=f"tcp/{port}",
                port=port,
                seen_from=_places(refused),
                network_says=_open_from(refused),
                host_says=f"its firewall ends in {sides.firewall[key]}, and no rule accepts tcp/{port}",
            )


def _rules_known(firewall: Mapping[str, Any]) -> bool:
    rules, wide = firewall.get("rules") or _NOBODY, firewall.get("wide_accepts") or _NOBODY
    return bool(rules["complete"] and wide["complete"]) and not wide["items"]


def _refuses(firewall: Mapping[str, Any], address: str, port: int) -> bool:
    if firewall.get(_verdict_key(address)) not in ("drop", "reject"):
        return False
    return not any(_may_accept(rule, port) for rule in firewall["rules"]["items"])


def _verdict_key(address: str) -> str:
    return "inbound_ipv6" if ":" in address else "inbound_ipv4"


def _may_accept(rule: Mapping[str, Any], port: int) -> bool:
    """Return whether a rule may let a new connection to the port in; a doubt counts as yes."""
    if rule["verdict"] != "accept" or rule["hook"] in ("output", "forward"):
        return False
    if rule["ports"]:
        return any(_holds(text, port) for text in rule["ports"])
    # Rules without a port: those for loopback and for states say nothing of new connections from the network.
    return bool(rule["sources"]) or (rule["conditions"] == 0 and set(rule["interfaces"]) != {"lo"})


def _holds(text: str, port: int) -> bool:
    proto, _, numbers = text.partition("/")
    low, _, high = numbers.partition("-")
    high = high or low
    if proto != "tcp":
        return False
    return not (low.isdecimal() and high.isdecimal()) or int(low) <= port <= int(high)


def _holes(sides: _Sides, firewall: Observation) -> Iterator[Hole]:
    if isinstance(firewall, Unseen):
        yield Hole("disagreements", firewall.reason, firewall.detail)
    elif not all((sides.firewall.get(name) or _NOBODY)["complete"] for name in ("rules", "wide_accepts")):
        yield Hole("disagreements", Blind.TRUNCATED, "the host's rules were not seen whole")
    if not sides.looked_from_inside:
        yield Hole("dead", Blind.NOT_ATTEMPTED, "no vantage in an internal or restricted zone looked")


def _facts(observed: Observation) -> Mapping[str, Any]:
    return msgspec.json.decode(observed.content)["facts"] if isinstance(observed, FactDocument) else {}


def _place(seen: Mapping[str, Any]) -> str:
    return f"{seen['vantage']} ({seen['zone']})"


def _places(sights: list[Mapping[str, Any]]) -> list[str]:
    return sorted({_place(sight) for sight in sights})


def _open_from(sights: list[Mapping[str, Any]]) -> str:
    named = next((sight["service"] for sight in sights if sight["service"]), None)
    return f"open{f' ({named})' if named else ''} from {', '.join(_places(sights))}"


def _never(answers: Answers) -> Facts | Hole:
    return Hole("", Blind.NOT_ATTEMPTED, "made from other topics")


COLLECTOR = Collector(topic="views", version=1, commands=(), facts=ViewFacts, parse=_never)
"""For its schema; the topic is made by ``views_of``."""
