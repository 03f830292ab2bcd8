"""AI services as the network sees them: what is behind each open port, which version, and whether it asks who is there.

The questions are GETs that ``collectors.ai.scan`` sends; the evidence holds marks and status codes, and all facts are
read from it. HTTP that nothing matched is unidentified, never "no AI service".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import msgspec

from collectors.ai.fingerprints import SERVICES, source_of
from collectors.ai.marks import Kind, Service, Source
from collectors.ai.sight import AddressSight, PortSight, access, found, ruled_out, sight_of, speaks_http, version
from collectors.base import Answers, Collector, Facts, Listing
from posture.model.host import SELF_VANTAGE, Trust
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class AiSighting:
    """One AI service, as seen from one vantage."""

    vantage: str
    zone: str
    trust: str
    address: str
    port: int
    endpoint: str
    """``tcp/11434``."""
    service: str
    """Id of the table, such as ``ollama``."""
    name: str
    kind: str
    version: str | None
    """``None`` when it names none."""
    access: str
    """open: what should need a login answered without one; partial: its key covers a part only; guarded; unknown."""
    marks: list[str]
    """What told it, sorted."""
    source: str
    """How well the best of these marks is known: live, src, doc, aig, K."""
    tls: bool
    asked_from: str
    """Vantage that asked: another one where this one could only see, with its nmap, that the port is open."""
    outside: bool
    """Seen from an untrusted, partner or undeclared zone."""


@dataclass(frozen=True, slots=True)
class Unidentified:
    """An open port that speaks HTTP and matched nothing: it may be an AI service all the same."""

    vantage: str
    zone: str
    address: str
    port: int
    endpoint: str
    tls: bool
    could_be: list[str]
    """Services that were not ruled out, because not everything was asked or a login stood before it; sorted."""


@dataclass(frozen=True, slots=True)
class AiGap:
    """A part of the question that was not answered."""

    vantage: str
    address: str
    port: int
    """0 for a whole address."""
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class AiServiceFacts:
    """The topic ``ai_service``. A list of one kind is complete when every open port of the host is decided for it."""

    services: Listing[AiSighting]
    """Of every kind, those too of which nobody knows whether they are open."""
    outside: Listing[AiSighting]
    """Those of them seen from untrusted, partner and undeclared zones; complete when an untrusted vantage asked."""
    unidentified: Listing[Unidentified]
    ollama: Listing[AiSighting]
    """Of this kind, and decided whether open; the same for the kinds below."""
    vllm: Listing[AiSighting]
    ray: Listing[AiSighting]
    notebook: Listing[AiSighting]
    tracking: Listing[AiSighting]
    triton: Listing[AiSighting]
    model_server: Listing[AiSighting]
    gateway: Listing[AiSighting]
    app_builder: Listing[AiSighting]
    vector_store: Listing[AiSighting]
    mcp: Listing[AiSighting]
    agent: Listing[AiSighting]
    """Every sighting: presence is what counts."""
    pipeline: Listing[AiSighting]
    requests: int
    """So many GETs were sent."""
    gaps: list[AiGap]


def parse(answers: Answers) -> Facts | Hole:
    """Return what stands behind the open ports of one host, from every vantage that asked."""
    read = [sight_of(answer) for _, answer in sorted(answers.items())]
    broken = [one for one in read if isinstance(one, Hole)]
    ports = [one for one in read if isinstance(one, PortSight)]
    addresses = [one for one in read if isinstance(one, AddressSight)]
    far = [one for one in addresses if one.reason is Blind.NOT_ATTEMPTED and _covered(one, ports)]
    gaps = [
        *_gaps((one for one in addresses if one not in far), ports),
        *(AiGap("", "", 0, one.reason.value, one.detail) for one in broken),
    ]
    if not ports and not any(one.reason is None for one in addresses):
        first = gaps[0] if gaps else None
        return Hole("", Blind(first.reason), first.detail) if first else Hole("", Blind.NOT_ATTEMPTED, "nobody asked")
    seen = [_Seen(port, port.vantage) for port in ports]
    seen += _carried(addresses, ports)
    whole = not broken and bool(addresses) and all(_covered(one, ports) for one in addresses)
    sightings = [sighting for one in seen for sighting in _sightings(one)]
    unidentified = [found_ for one in seen if (found_ := _unidentified(one.port)) is not None]
    untrusted = any(one.trust == Trust.UNTRUSTED for one in addresses)
    decided = whole and not any(one.could_be for one in unidentified) and not _cut(ports)
    lists = {kind.value: _of_kind(kind, sightings, ports, whole=whole) for kind in Kind}
    facts = AiServiceFacts(
        services=Listing(sightings, decided),
        outside=Listing([one for one in sightings if one.outside], decided and untrusted),
        unidentified=Listing(unidentified, whole and not _cut(ports)),
        **lists,
        requests=sum(len(port.asked) for port in ports),
        gaps=gaps,
    )
    return Facts(facts, tuple(_holes(facts, gaps, untrusted=untrusted)))


def _gaps(addresses: Iterable[AddressSight], ports: Iterable[PortSight]) -> Iterator[AiGap]:
    for one in addresses:
        if one.reason is not None:
            yield AiGap(one.vantage, one.address, 0, one.reason.value, one.detail)
    for port in ports:
        if port.reason is not None:
            yield AiGap(port.vantage, port.address, port.port, port.reason.value, port.detail)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A port as one vantage sees it, and who asked."""

    port: PortSight
    asked_from: str


def _carried(addresses: Iterable[AddressSight], ports: Sequence[PortSight]) -> Iterator[_Seen]:
    """Yield the ports that a vantage found open and could not ask, with what they answered another one."""
    for far in addresses:
        for port in ports:
            if far.reason is Blind.NOT_ATTEMPTED and port.address == far.address and port.port in far.ports:
                place = msgspec.structs.replace(port, vantage=far.vantage, zone=far.zone, trust=far.trust)
                yield _Seen(place, port.vantage)


def _covered(address: AddressSight, ports: Sequence[PortSight]) -> bool:
    """Return whether every port that this vantage sees open was asked, from here or from another place."""
    if not address.complete or address.reason not in (None, Blind.NOT_ATTEMPTED):
        return False
    here = {port.port for port in ports if port.address == address.address and port.vantage == address.vantage}
    anywhere = {port.port for port in ports if port.address == address.address}
    return set(address.ports) <= (here if address.reason is None else anywhere)


def _cut(ports: Iterable[PortSight]) -> bool:
    """Return whether a port was not asked to the end for another reason than the budget, which names what is left."""
    return any(port.reason not in (None, Blind.TRUNCATED) for port in ports)


def _sightings(seen: _Seen) -> Iterator[AiSighting]:
    port = seen.port
    for service in found(port.asked):
        marks = sorted(_own_marks(service, port))
        said = version(service, port.asked)
        yield AiSighting(
            vantage=port.vantage,
            zone=port.zone,
            trust=port.trust,
            address=port.address,
            port=port.port,
            endpoint=f"tcp/{port.port}",
            service=service.id,
            name=service.name,
            kind=service.kind.value,
            version=said or None,
            access=access(service, port.asked),
            marks=marks,
            source=min(map(source_of, marks), key=list(Source).index).value,
            tls=_in_tls(port),
            asked_from=seen.asked_from,
            outside=_is_outside(port),
        )


def _own_marks(service: Service, port: PortSight) -> set[str]:
    own = {mark.id for mark in service.marks}
    return {hit.mark for one in port.asked for hit in one.hits if hit.mark in own}


def _in_tls(port: PortSight) -> bool:
    return any(one.tls and one.status is not None for one in port.asked)


def _is_outside(port: PortSight) -> bool:
    # A zone nobody declared counts as outside; this machine's look at itself passes no network.
    return port.vantage != SELF_VANTAGE.name and port.trust not in (Trust.INTERNAL, Trust.RESTRICTED)


def _unidentified(port: PortSight) -> Unidentified | None:
    if not speaks_http(port.asked) or found(port.asked):
        return None
    could_be = sorted(service.id for service in SERVICES if not ruled_out(service, port.asked))
    return Unidentified(port.vantage, port.zone, port.address, port.port, f"tcp/{port.port}", _in_tls(port), could_be)


def _of_kind(
    kind: Kind, sightings: list[AiSighting], ports: Sequence[PortSight], *, whole: bool
) -> Listing[AiSighting]:
    """Return the sightings of a kind that are decided; complete when no other can be hidden."""
    own = [one for one in sightings if one.kind == kind and not _only_here(one)]
    told = [one for one in own if one.access != "unknown" or kind is Kind.AGENT]
    services = [service for service in SERVICES if service.kind is kind]
    return Listing(told, whole and len(told) == len(own) and all(_decided(services, port) for port in ports))


def _only_here(sighting: AiSighting) -> bool:
    """Return whether nobody else could have seen it: a machine without a network looks at its own loopback."""
    return sighting.vantage == SELF_VANTAGE.name and ipaddress.ip_address(sighting.address).is_loopback


def _decided(services: Sequence[Service], port: PortSight) -> bool:
    """Return whether a port shows for each of the services that it is it, or is not."""
    if port.reason not in (None, Blind.TRUNCATED):
        return False
    if not speaks_http(port.asked):
        return True
    proven = found(port.asked)
    # One port is one service: what was told there leaves no room for another.
    return bool(proven) or all(ruled_out(service, port.asked) for service in services)


def _holes(facts: AiServiceFacts, gaps: Sequence[AiGap], *, untrusted: bool) -> Iterator[Hole]:
    """Name the lists that are empty and not complete, with the reason."""
    for sighting in facts.services.items:
        if sighting.version is None:
            path = f"services[endpoint={sighting.endpoint}].version"
            yield Hole(path, Blind.NOT_ATTEMPTED, "no version was read: it names none to strangers, or was not asked")
    for entry in fields(facts):
        listing = getattr(facts, entry.name)
        if not isinstance(listing, Listing) or listing.items or listing.complete:
            continue
        if entry.name == "outside" and not untrusted:
            yield Hole("outside", Blind.NOT_ATTEMPTED, "no vantage in an untrusted zone asked")
        else:
            yield _why(entry.name, facts, gaps)


def _why(name: str, facts: AiServiceFacts, gaps: Sequence[AiGap]) -> Hole:
    if gaps:
        return Hole(name, Blind(gaps[0].reason), gaps[0].detail)
    unknown = next((one for one in facts.services.items if one.kind == name), None)
    if unknown is not None:
        return Hole(name, Blind.NOT_ATTEMPTED, f"{unknown.endpoint}: a GET cannot show whether {unknown.name} is open")
    port = next((one for one in facts.unidentified.items if one.could_be), None)
    where = f"{port.endpoint} speaks HTTP and was not told apart" if port else "it was not asked"
    return Hole(name, Blind.NOT_ATTEMPTED, where)


COLLECTOR = Collector(topic="ai_service", version=1, commands=(), facts=AiServiceFacts, parse=parse)
