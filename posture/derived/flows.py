"""The measured ways into a host against the zone matrix that the operator declares: topic ``flows``.

Ways inside one zone are no flows between zones and stand in no matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from collectors.base import Answers, Collector, Facts, Listing, document
from posture.model.host import Flow, Host, Inventory
from posture.model.observation import Blind, FactDocument, Hole, Observation, Unseen
from posture.vulnerabilities.exposed import published_to


@dataclass(frozen=True, slots=True)
class MeasuredFlow:
    """An open port, and whether somebody wants it to be reachable from there."""

    vantage: str
    source: str
    """Zone of the vantage."""
    trust: str
    target: str
    """Zone of the host."""
    address: str
    proto: str
    port: int
    declared: bool
    why: str
    """What the matrix says of it; empty when nothing."""


@dataclass(frozen=True, slots=True)
class MissingFlow:
    """A declared way that the packets do not find."""

    vantage: str
    source: str
    target: str
    """Zone or host, as it is declared."""
    proto: str
    port: int
    state: str
    """filtered: something is in the way; closed: the way is free, and nothing listens at its end."""
    why: str


@dataclass(frozen=True, slots=True)
class FlowFacts:
    """What comes into a host from other zones, and what should."""

    matrix: bool
    """Whether the inventory declares flows at all."""
    measured: Listing[MeasuredFlow]
    """Complete when every TCP port was asked from every vantage; what is open on UDP stands here too."""
    missing: Listing[MissingFlow]
    published: list[str]
    """Public addresses and ports that lead here by the inventory's NAT map, as ``203.0.113.7:443/tcp -> 8443``."""


def flows_of(host: Host, inventory: Inventory, exposure: Observation) -> Observation:
    """Return topic ``flows`` of a host. Pure."""
    if isinstance(exposure, Unseen):
        return Unseen(host.id, "flows", exposure.reason, exposure.detail)
    seen: Mapping[str, Any] = msgspec.json.decode(exposure.content)["facts"]
    matrix = inventory.flows
    measured = [_measured(port, host, matrix or ()) for port in seen["open"]["items"] if port["zone"] != host.zone]
    missing = _missing(host, matrix or (), seen["views"]["items"])
    facts = FlowFacts(
        matrix=matrix is not None,
        measured=Listing(measured, bool(seen["open_tcp"]["complete"])),
        missing=Listing(list(missing), bool(seen["views"]["complete"])),
        published=list(published_to(host, inventory)),
    )
    return document(
        host=host.id,
        topic="flows",
        facts=msgspec.to_builtins(facts),
        holes=_holes(exposure, facts),
        evidence=exposure.evidence,
        taken_at=exposure.taken_at,
        origin=exposure.origin,
    )


def _measured(port: Mapping[str, Any], host: Host, matrix: tuple[Flow, ...]) -> MeasuredFlow:
    wanted = next(
        (flow for flow in _flows(matrix, port["zone"], host) if flow.covers(port["proto"], port["port"])), None
    )
    return MeasuredFlow(
        vantage=port["vantage"],
        source=port["zone"],
        trust=port["trust"],
        target=host.zone,
        address=port["address"],
        proto=port["proto"],
        port=port["port"],
        declared=wanted is not None,
        why=wanted.why if wanted else "",
    )


def _flows(matrix: tuple[Flow, ...], source: str, host: Host) -> Iterator[Flow]:
    return (flow for flow in matrix if flow.source == source and flow.target in (host.id, host.zone))


def _missing(host: Host, matrix: tuple[Flow, ...], views: list[Mapping[str, Any]]) -> Iterator[MissingFlow]:
    for view in views:
        for flow in _flows(matrix, view["zone"], host):
            for proto, port in _named(flow):
                state = _state(view, proto, port)
                # A zone's flow is there when it leads to the host: what listens in a zone differs from host to host.
                gone = ("filtered",) if flow.target == host.zone else ("filtered", "closed")
                if state in gone:
                    yield MissingFlow(view["vantage"], flow.source, flow.target, proto, port, state, flow.why)


def _named(flow: Flow) -> Iterator[tuple[str, int]]:
    """Yield the single ports that a flow names; ranges and ``any`` allow more than anybody expects to find."""
    for text in flow.ports:
        proto, _, number = text.partition("/")
        if number.isdecimal() and proto != "any":
            yield proto, int(number)


def _state(view: Mapping[str, Any], proto: str, port: int) -> str:
    """Return the one state that every address of the view has for a port; empty when that cannot be told."""
    states = set()
    for address in view["addresses"]:
        own = {
            entry["state"]
            for entry in view["ports"]["items"]
            if (entry["address"], entry["proto"], entry["port"]) == (address, proto, port)
        }
        folded = {entry["state"] for entry in view["folded"] if (entry["address"], entry["proto"]) == (address, proto)}
        found = own or (folded if len(folded) == 1 and view["answered"] and proto == "tcp" else set())
        states |= found or {""}
    return str(states.pop()) if len(states) == 1 else ""


def _holes(exposure: FactDocument, facts: FlowFacts) -> tuple[Hole, ...]:
    """Return why nothing was measured, where nothing was."""
    if facts.measured.items or facts.measured.complete:
        return ()
    said = {path: (reason, detail) for path, reason, detail in msgspec.json.decode(exposure.content)["holes"]}
    reason, detail = said.get("open_tcp", (Blind.NOT_ATTEMPTED.value, "not every port was asked"))
    return (Hole("measured", Blind(reason), detail),)


def _never(answers: Answers) -> Facts | Hole:
    return Hole("", Blind.NOT_ATTEMPTED, "made from other topics")


COLLECTOR = Collector(topic="flows", version=1, commands=(), facts=FlowFacts, parse=_never)
"""For its schema; the topic is made by ``flows_of``."""
