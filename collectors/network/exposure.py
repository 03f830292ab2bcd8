"""What the network lets through: ``from zone → host:port/proto: open | closed | filtered``, one view per vantage.

The questions are nmap runs, not commands over SSH: ``exposure_scan`` beside it sends them, and what came back per
address stands in the evidence as an nmap XML document of that address alone, from which ``parse`` reads everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.network.exposure_belief import (
    believed,
    everywhere,
    is_outside,
    not_from_itself,
    port_looks,
    read_looks,
    tcp_complete,
    udp_complete,
    unasked,
    undecided,
)
from collectors.network.exposure_evidence import EVERY_TCP, Looked
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import SeenPort, ports_of
from collectors.network.pace import answered
from posture.model.host import SELF_VANTAGE, Trust
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class Port:
    """One port that nmap gave a state of its own, as seen from one vantage."""

    address: str
    proto: str
    """tcp or udp."""
    port: int
    state: str
    """open, closed, filtered; open|filtered when UDP stayed silent."""
    reason: str
    """Why nmap says so: syn-ack, reset, no-response, …"""
    service: str | None
    """Protocol name; a guess by port number when ``method`` is table."""
    method: str
    """probed (it answered), table (a guess), none."""
    product: str | None
    version: str | None
    extra: str | None
    tunnel: str | None
    """ssl when it was found inside TLS."""
    cpes: list[str]
    confidence: int
    """nmap's, 0 to 10."""


@dataclass(frozen=True, slots=True)
class Folded:
    """Ports that all said the same, counted."""

    address: str
    proto: str
    state: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the question that one vantage could not answer."""

    vantage: str
    address: str
    phase: str
    """tcp, recheck, udp, versions, tls, ssh, page, or all."""
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class View:
    """One host as seen from one vantage."""

    vantage: str
    zone: str
    trust: str
    """Trust of the vantage's zone; ``undeclared`` when the inventory does not say."""
    addresses: list[str]
    answered: bool
    """Whether anything at all came back; if not, the host may be switched off as well as filtered."""
    ports: Listing[Port]
    """Complete when every TCP port and the UDP list were asked on every address, and something answered."""
    folded: list[Folded]


@dataclass(frozen=True, slots=True)
class OpenPort:
    """An open port, with from where."""

    vantage: str
    zone: str
    trust: str
    address: str
    proto: str
    port: int
    service: str | None
    method: str
    tunnel: str | None


@dataclass(frozen=True, slots=True)
class Service:
    """What answered on an open port when asked for its version."""

    vantage: str
    address: str
    proto: str
    port: int
    service: str | None
    """``None``: asked, and not recognised."""
    product: str | None
    version: str | None
    extra: str | None
    tunnel: str | None
    cpes: list[str]
    confidence: int


@dataclass(frozen=True, slots=True)
class Exposure:
    """The topic ``exposure``; the host's view of itself stays apart and counts for nothing else."""

    views: Listing[View]
    open: Listing[OpenPort]
    """Open TCP and UDP ports from every vantage; ``open_tcp`` is decided more often, since silent UDP never is."""
    open_tcp: Listing[OpenPort]
    """Complete when all 65,535 ports of every address were asked from every vantage."""
    open_udp: Listing[OpenPort]
    """Complete over ``udp_asked`` only, when none of them stayed silent (open|filtered)."""
    open_tcp_from_outside: Listing[OpenPort]
    """The same from untrusted, partner and undeclared zones only; complete when an untrusted one looked as well."""
    open_udp_from_outside: Listing[OpenPort]
    services: Listing[Service]
    """What answers on the open ports; complete when every one of them was asked."""
    udp_asked: list[int]
    self_view: View | None
    """The local scan, which is never evidence of exposure."""
    gaps: list[Gap]


_FACT_LISTS = (
    "views",
    "open",
    "open_tcp",
    "open_udp",
    "open_tcp_from_outside",
    "open_udp_from_outside",
    "services",
    "udp_asked",
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the views of one host from every vantage that looked, and what follows from them."""
    everything, broken = read_looks(answers)
    looked = port_looks(everything)
    gaps = [*_gaps(everything), *(Gap("", "", "all", hole.reason.value, hole.detail) for hole in broken)]
    if not any(entry.host for entry in looked):
        detail = gaps[0].detail if gaps else "no vantage looked at this host"
        return Hole("", Blind(gaps[0].reason) if gaps else Blind.NOT_ATTEMPTED, detail)
    outer = not_from_itself(looked)
    own = [entry for entry in looked if entry.vantage.name == SELF_VANTAGE.name]
    facts = _exposure(outer, own, gaps, whole=not broken)
    return Facts(facts, tuple(_holes(facts, outer)))


def _exposure(outer: list[Looked], own: list[Looked], gaps: list[Gap], *, whole: bool) -> Exposure:
    views = _views(outer)
    tcp = Listing([port for view in views for port in _open(view, "tcp")], whole and tcp_complete(outer))
    udp = Listing([port for view in views for port in _open(view, "udp")], whole and udp_complete(outer))
    outside = [entry for entry in outer if is_outside(entry.trust)]
    untrusted = whole and any(entry.trust == Trust.UNTRUSTED for entry in outside)
    return Exposure(
        views=Listing(views, whole and {view.vantage for view in views} == {entry.vantage.name for entry in outer}),
        open=Listing([*tcp.items, *udp.items], tcp.complete and udp.complete),
        open_tcp=tcp,
        open_udp=udp,
        open_tcp_from_outside=Listing(
            [port for port in tcp.items if is_outside(port.trust)], untrusted and tcp_complete(outside)
        ),
        open_udp_from_outside=Listing(
            [port for port in udp.items if is_outside(port.trust)], untrusted and udp_complete(outside)
        ),
        services=Listing(_services(outer), tcp.complete and not unasked(outer)),
        udp_asked=sorted({port for entry in outer if entry.phase is Phase.UDP for port in ports_of(entry.asked)}),
        self_view=next(iter(_views(own)), None),
        gaps=gaps,
    )


def _gaps(looked: Iterable[Looked]) -> list[Gap]:
    gaps = []
    for entry in looked:
        if entry.reason is not None:
            gaps.append(_gap(entry, entry.reason, entry.detail))
        elif entry.phase is Phase.TCP and entry.asked != EVERY_TCP:
            gaps.append(_gap(entry, Blind.NOT_ATTEMPTED, f"only the named ports {entry.asked} were asked"))
        elif entry.phase is Phase.TCP and not believed(entry):
            gaps.append(_gap(entry, Blind.UNREACHABLE, "nothing came back: filtered whole, or switched off"))
        elif entry.phase is Phase.UDP and undecided(entry.host):
            gaps.append(_gap(entry, Blind.UNREACHABLE, "UDP ports stayed silent: open or filtered"))
    return gaps


def _gap(entry: Looked, reason: Blind, detail: str) -> Gap:
    return Gap(entry.vantage.name, entry.address, entry.phase.value, reason.value, detail)


def _views(looked: list[Looked]) -> list[View]:
    names = sorted({entry.vantage.name for entry in looked if entry.host})
    return [_view([entry for entry in looked if entry.vantage.name == name]) for name in names]


def _view(looked: list[Looked]) -> View:
    """Return one vantage's view; what the version phase learnt replaces the guesses of the first."""
    probed = {key: port for entry in looked if entry.phase is Phase.VERSIONS for key, port in _by_key(entry)}
    found = {key: port for entry in looked if entry.phase in _FIRST for key, port in _by_key(entry)}
    for key, port in ((key, port) for entry in looked if entry.phase is Phase.RECHECK for key, port in _by_key(entry)):
        # Open once is open; for the others the second answer settles what the first silence left in doubt.
        if port.state == "open" or (key in found and found[key].state != "open"):
            found[key] = port
    ports = [_port(key[0], port, probed.get(key)) for key, port in sorted(found.items())]
    folded = [
        Folded(entry.address, rest.proto or entry.phase.value, rest.state, rest.reason, rest.count)
        for entry in looked
        if entry.host and entry.phase in _FIRST
        for rest in entry.host.rest
    ]
    first = looked[0]
    udp_done = everywhere(looked, Phase.UDP) and not any(entry.reason for entry in looked if entry.phase is Phase.UDP)
    return View(
        vantage=first.vantage.name,
        zone=first.vantage.zone,
        trust=first.trust,
        addresses=sorted({entry.address for entry in looked}),
        answered=any(entry.host is not None and answered(entry.host) for entry in looked),
        ports=Listing(ports, tcp_complete(looked) and udp_done),
        folded=sorted(folded, key=lambda entry: (entry.address, entry.proto, entry.state, entry.reason)),
    )


_FIRST = (Phase.TCP, Phase.UDP)
Key = tuple[str, str, int]


def _by_key(entry: Looked) -> Iterator[tuple[Key, SeenPort]]:
    for port in entry.host.ports if entry.host else ():
        yield (entry.address, port.proto, port.port), port


def _port(address: str, port: SeenPort, probed: SeenPort | None) -> Port:
    # The state stays that of the first phase: by the second a cautious host may have shut us out.
    service = probed.service if probed and probed.service else port.service
    return Port(
        address=address,
        proto=port.proto,
        port=port.port,
        state=port.state,
        reason=port.reason,
        service=(service.name or None) if service else None,
        method=service.method if service else "none",
        product=(service.product or None) if service else None,
        version=(service.version or None) if service else None,
        extra=(service.extra or None) if service else None,
        tunnel=(service.tunnel or None) if service else None,
        cpes=sorted(service.cpes) if service else [],
        confidence=service.confidence if service else 0,
    )


def _open(view: View, proto: str) -> list[OpenPort]:
    return [
        OpenPort(
            view.vantage, view.zone, view.trust, port.address, proto, port.port, port.service, port.method, port.tunnel
        )
        for port in view.ports.items
        if port.state == "open" and port.proto == proto
    ]


def _services(looked: list[Looked]) -> list[Service]:
    found = []
    for entry in looked:
        if entry.phase is not Phase.VERSIONS or entry.host is None:
            continue
        for seen in entry.host.ports:
            if seen.state != "open":
                continue
            port = _port(entry.address, seen, None)
            known = port.method == "probed"
            found.append(
                Service(
                    vantage=entry.vantage.name,
                    address=entry.address,
                    proto=port.proto,
                    port=port.port,
                    service=port.service if known else None,
                    product=port.product,
                    version=port.version,
                    extra=port.extra,
                    tunnel=port.tunnel,
                    cpes=port.cpes,
                    confidence=port.confidence if known else 0,
                )
            )
    return sorted(found, key=lambda port: (port.vantage, port.address, port.proto, port.port))


def _holes(facts: Exposure, outer: list[Looked]) -> Iterator[Hole]:
    """Name the lists that nobody could fill at all, with the reason; lists filled in part only say so."""
    if not outer:
        for path in _FACT_LISTS:
            yield Hole(path, Blind.NOT_ATTEMPTED, "looked from the host itself only")
        return
    untrusted = any(entry.trust == Trust.UNTRUSTED for entry in outer)
    for phase, path, listing in (
        ("", "open", facts.open),
        ("tcp", "open_tcp", facts.open_tcp),
        ("udp", "open_udp", facts.open_udp),
        ("tcp", "open_tcp_from_outside", facts.open_tcp_from_outside),
        ("udp", "open_udp_from_outside", facts.open_udp_from_outside),
    ):
        if listing.items or listing.complete:
            continue
        if path.endswith("_outside") and not untrusted:
            yield Hole(path, Blind.NOT_ATTEMPTED, "no vantage in an untrusted zone looked")
        else:
            yield _nothing_seen(path, phase, facts.gaps)
    if not facts.services.items and not facts.services.complete:
        yield _nothing_seen("services", "versions" if unasked(outer) else "", facts.gaps)


def _nothing_seen(path: str, phase: str, gaps: list[Gap]) -> Hole:
    for gap in gaps:
        if gap.vantage != SELF_VANTAGE.name and phase in ("", gap.phase):
            return Hole(path, Blind(gap.reason), gap.detail)
    return Hole(path, Blind.NOT_ATTEMPTED, "it was not asked")


COLLECTOR = Collector(topic="exposure", version=1, commands=(), facts=Exposure, parse=parse)


def open_tcp_ports(answers: Answers) -> tuple[list[Port], bool]:
    """Return the open TCP ports of every look, the host's own included, and whether they are all there are."""
    everything, broken = read_looks(answers)
    looked = port_looks(everything)
    ports = [
        port for view in _views(looked) for port in view.ports.items if (port.proto, port.state) == ("tcp", "open")
    ]
    return ports, not broken and tcp_complete(looked)
