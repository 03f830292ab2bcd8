"""AI services of a host from both sides, against the operator's register: topic ``ai``.

Shadow AI is what either side found and no register knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from collectors.base import Answers, Collector, Facts, Listing, document
from posture.model.host import Host, Inventory, RegisteredAi
from posture.model.observation import Blind, FactDocument, Hole, Observation, Unseen


@dataclass(frozen=True, slots=True)
class FoundAi:
    """One AI service, by whichever side saw it."""

    service: str
    endpoint: str
    """``tcp/11434``, or ``host`` where only the host tells of a program."""
    sides: list[str]
    """host, network; sorted."""
    network_says: str
    host_says: str
    registered: bool
    owner: str
    """By the register; empty when it is on none."""


@dataclass(frozen=True, slots=True)
class MissingAi:
    """An entry of the register that neither side found."""

    service: str
    port: int | None
    owner: str


@dataclass(frozen=True, slots=True)
class AiFacts:
    """What is there of AI, and whether somebody answers for it."""

    register: bool
    """Whether the inventory names a register at all."""
    found: Listing[FoundAi]
    """Complete when the network told every open port apart and the host showed every program."""
    missing: list[MissingAi]


def ai_of(host: Host, inventory: Inventory, network: Observation, own: Observation) -> Observation:
    """Return topic ``ai`` of a host from ``ai_service`` and ``ai_host``. Pure; unseen when both are."""
    if isinstance(network, Unseen) and isinstance(own, Unseen):
        return Unseen(host.id, "ai", network.reason, f"{network.topic}: {network.detail}"[:200])
    seen, programs = _facts(network, "services"), _facts(own, "processes")
    register = tuple(one for one in inventory.ai_register or () if one.host == host.id)
    rows = list(_rows(seen["items"], programs["items"]))
    found = [_found(row, register) for row in sorted(rows, key=lambda row: (row.service, row.endpoint))]
    missing = [one for one in register if not any(_means(one, row) for row in rows)]
    known = [one for one in (network, own) if isinstance(one, FactDocument)]
    whole = bool(seen["complete"]) and bool(programs["complete"])
    facts = AiFacts(
        register=inventory.ai_register is not None,
        found=Listing(found, whole),
        missing=[MissingAi(one.service, one.port, one.owner) for one in missing],
    )
    return document(
        host=host.id,
        topic="ai",
        facts=msgspec.to_builtins(facts),
        holes=() if found or whole else (_why(network, own),),
        evidence=tuple(sorted({id_ for one in known for id_ in one.evidence})),
        taken_at=min(one.taken_at for one in known),
        origin=known[0].origin,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    service: str
    endpoint: str
    port: int | None
    network: str
    own: str


def _facts(observation: Observation, name: str) -> Mapping[str, Any]:
    nothing: Mapping[str, Any] = {"items": [], "complete": False}
    if isinstance(observation, Unseen):
        return nothing
    found: Mapping[str, Any] = msgspec.json.decode(observation.content)["facts"].get(name) or nothing
    return found


def _rows(sightings: list[Mapping[str, Any]], programs: list[Mapping[str, Any]]) -> Iterator[_Row]:
    """Yield each service once: its ports with what the host says of the same product, then programs without a port."""
    running = {one["service"]: f"runs as {one['account']}" for one in programs}
    ports: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for one in sightings:
        ports.setdefault((one["service"], one["port"]), []).append(one)
    for (service, port), sights in ports.items():
        places = sorted({f"{one['vantage']} ({one['zone']})" for one in sights})
        says = f"{sights[0]['access']} on tcp/{port}, from {', '.join(places)}"
        yield _Row(service, f"tcp/{port}", port, says, running.get(service, ""))
    seen = {service for service, _ in ports}
    for service, says in sorted(running.items()):
        if service not in seen:
            yield _Row(service, "host", None, "", says)


def _found(row: _Row, register: tuple[RegisteredAi, ...]) -> FoundAi:
    entry = next((one for one in register if _means(one, row)), None)
    return FoundAi(
        service=row.service,
        endpoint=row.endpoint,
        sides=[side for side, said in (("host", row.own), ("network", row.network)) if said],
        network_says=row.network,
        host_says=row.own,
        registered=entry is not None,
        owner=entry.owner if entry else "",
    )


def _means(entry: RegisteredAi, row: _Row) -> bool:
    return entry.service == row.service and (entry.port is None or row.port is None or entry.port == row.port)


def _why(network: Observation, own: Observation) -> Hole:
    for side, name in ((network, "services"), (own, "processes")):
        if isinstance(side, Unseen):
            return Hole("found", side.reason, f"{side.topic}: {side.detail}"[:200])
        for path, reason, detail in msgspec.json.decode(side.content)["holes"]:
            if path == name:
                return Hole("found", Blind(reason), detail)
    return Hole("found", Blind.NOT_ATTEMPTED, "one of the two sides is not complete")


def _never(answers: Answers) -> Facts | Hole:
    return Hole("", Blind.NOT_ATTEMPTED, "made from other topics")


COLLECTOR = Collector(topic="ai", version=1, commands=(), facts=AiFacts, parse=_never)
"""For its schema; the topic is made by ``ai_of``."""
