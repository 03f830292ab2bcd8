"""The interfaces by which a host or device is managed, and from where they are reached: topic ``management``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collectors.base import Answers, Collector, Facts, Listing, document
from collectors.network.exposure_scripts import endpoint
from posture.derived.consoles import PROTOCOLS, USUAL, console
from posture.model.host import Host, Trust
from posture.model.observation import Blind, FactDocument, Hole, Observation, Unseen

WINRM = "Microsoft HTTPAPI"
"""What answers on the WinRM ports; elsewhere the same server carries ordinary sites."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A way to manage the host, open to the network."""

    endpoint: str
    """``10.0.0.1:22/tcp``."""
    port: int
    kind: str
    """ssh, telnet, cleartext-login, remote-desktop, snmp, controller, winrm, web-console, router-admin, database or
    orchestration."""
    product: str
    basis: str
    """protocol, page, certificate; port when it did not say what it speaks, and counts as what is usual there."""
    why: str
    """One sentence."""
    seen_from: list[str]
    outside: bool
    """One of the vantages stands in an untrusted, partner or undeclared zone."""


@dataclass(frozen=True, slots=True)
class Device:
    """What kind of thing it is, by the surest word there is."""

    vendor: str
    model: str
    version: str
    edge: bool
    """It stands at the edge of a network, by its role or its product."""
    basis: str
    """declared, fingerprint, page or certificate."""
    why: str


@dataclass(frozen=True, slots=True)
class ManagementFacts:
    """How the host is managed, as the network sees it."""

    interfaces: Listing[Interface]
    """Complete over TCP; what is open on UDP stands here too."""
    from_outside: Listing[Interface]
    """Those that an untrusted, partner or undeclared zone reaches; complete over TCP when every page was looked at."""
    edge: bool
    """A role of the host or its product says that it stands at the edge of a network."""
    device: Device | None
    """Absent when neither the inventory nor the network says."""
    support_ends: str | None
    """Day on which the vendor's support ends, as the inventory declares it below ``device``."""


EDGE_ROLES = frozenset({"firewall", "router", "vpn", "edge", "load-balancer", "proxy", "waf", "switch", "access-point"})


def management_of(host: Host, exposure: Observation, pages: Observation, tls: Observation) -> Observation:
    """Return topic ``management`` of a host. Pure; unseen when nobody looked at it from the network."""
    if isinstance(exposure, Unseen):
        return Unseen(host.id, "management", exposure.reason, exposure.detail)
    seen = _Seen(_facts(exposure), _facts(pages), _facts(tls))
    interfaces = list(_interfaces(seen))
    unlooked = seen.unlooked(interfaces)
    outside = [one for one in interfaces if one.outside]
    whole = bool(_list(seen.exposure, "services")["complete"])
    facts = ManagementFacts(
        interfaces=Listing(interfaces, whole and not unlooked),
        from_outside=Listing(
            outside,
            bool(_list(seen.exposure, "open_tcp_from_outside")["complete"])
            and whole
            and not any(page["outside"] for page in unlooked),
        ),
        edge=_edge(host, interfaces, seen),
        device=_device(host, seen),
        support_ends=_declared(host, "end_of_support") or None,
    )
    return document(
        host=host.id,
        topic="management",
        facts=msgspec.to_builtins(facts),
        holes=tuple(_holes(facts, exposure, unlooked)),
        evidence=exposure.evidence,
        taken_at=exposure.taken_at,
        origin=exposure.origin,
    )


_NOBODY: Mapping[str, Any] = {"items": [], "complete": False}


@dataclass(slots=True)
class _Port:
    """One open port with everything that is known of it."""

    address: str
    proto: str
    number: int
    service: Mapping[str, Any] = field(default_factory=dict)
    seen_from: set[str] = field(default_factory=set)
    outside: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    exposure: Mapping[str, Any]
    pages: Mapping[str, Any]
    tls: Mapping[str, Any]

    def ports(self) -> list[_Port]:
        """Return the open ports, by place."""
        found: dict[tuple[str, str, int], _Port] = {}
        for sight in _list(self.exposure, "open")["items"]:
            key = (sight["address"], sight["proto"], sight["port"])
            port = found.setdefault(key, _Port(*key))
            port.seen_from.add(f"{sight['vantage']} ({sight['zone']})")
            port.outside = port.outside or sight["trust"] not in (Trust.INTERNAL, Trust.RESTRICTED)
        for service in _list(self.exposure, "services")["items"]:
            known = found.get((service["address"], service["proto"], service["port"]))
            if known is not None and (service["service"] or not known.service):
                known.service = service
        return [found[key] for key in sorted(found)]

    def page(self, port: _Port) -> Mapping[str, Any]:
        """Return the page of a port; empty when nobody looked."""
        listed = _list(self.pages, "pages")["items"]
        return next((one for one in listed if (one["address"], one["port"]) == (port.address, port.number)), {})

    def certificate(self, port: _Port) -> Mapping[str, Any]:
        """Return the certificate of a port; empty without one."""
        place = endpoint(port.address, port.number)
        listed = _list(self.tls, "certificates")["items"]
        return next((one["certificate"] for one in listed if one["endpoint"] == place), {})

    def unlooked(self, known: list[Interface]) -> list[dict[str, Any]]:
        """Return ports that speak HTTP, are not recognised, and whose page nobody saw: any may be a console."""
        recognised = {one.endpoint for one in known}
        return [
            {"endpoint": _place(port), "outside": port.outside}
            for port in self.ports()
            if str(port.service.get("service") or "").startswith("http")
            and not self.page(port)
            and _place(port) not in recognised
        ]


def _interfaces(seen: _Seen) -> Iterator[Interface]:
    for port in seen.ports():
        found = _recognised(port, seen)
        if found is not None:
            kind, product, basis, why = found
            yield Interface(_place(port), port.number, kind, product, basis, why, sorted(port.seen_from), port.outside)


def _recognised(port: _Port, seen: _Seen) -> tuple[str, str, str, str] | None:
    """Return kind, product, basis and one sentence; ``None`` for what is no management interface."""
    name = str(port.service.get("service") or "")
    product = str(port.service.get("product") or "")
    if name in PROTOCOLS:
        return PROTOCOLS[name], product or name, "protocol", f"it answers as {name}"
    if name.startswith("http") and product.startswith(WINRM) and USUAL.get((port.proto, port.number)) == "winrm":
        return "winrm", product, "protocol", f"{product} answers on the port of WinRM"
    page = seen.page(port)
    if found := console(*(str(page.get(key) or "") for key in ("title", "realm", "server")), product):
        return found[0].kind, f"{found[0].vendor} {found[0].product}", "page", f"its page says `{found[1][:80]}`"
    certificate = seen.certificate(port)
    if found := console(*(str(certificate.get(key) or "") for key in ("subject", "organisation", "issuer"))):
        what = f"{found[0].vendor} {found[0].product}"
        return found[0].kind, what, "certificate", f"its certificate says `{found[1][:80]}`"
    usual = USUAL.get((port.proto, port.number))
    if usual is not None and name in ("", "tcpwrapped", "unknown"):
        return usual, "", "port", f"it did not say what it speaks, and {port.proto}/{port.number} is usual for {usual}"
    return None


def _edge(host: Host, interfaces: list[Interface], seen: _Seen) -> bool:
    products = {one.product for one in interfaces}
    return bool(EDGE_ROLES & set(host.roles)) or any(
        (found := console(name)) is not None and found[0].edge for name in sorted(products)
    )


def _device(host: Host, seen: _Seen) -> Device | None:
    edge = bool(EDGE_ROLES & set(host.roles))
    if vendor := _declared(host, "vendor"):
        why = "the inventory says so"
        return Device(vendor, _declared(host, "model"), _declared(host, "version"), edge, "declared", why)
    ports = seen.ports()
    for port in ports:
        for cpe in port.service.get("cpes") or ():
            part, vendor, model, version = _cpe(str(cpe))
            if part == "h":
                why = f"{_place(port)} answers as {port.service.get('product') or cpe}"
                return Device(vendor, model, version, edge, "fingerprint", why)
    for port in ports:
        page, certificate = seen.page(port), seen.certificate(port)
        for basis, texts in (
            ("page", [str(page.get(key) or "") for key in ("title", "realm", "server")]),
            ("certificate", [str(certificate.get(key) or "") for key in ("subject", "organisation")]),
        ):
            found = console(*texts)
            if found is not None and (found[0].edge or found[0].kind == "controller"):
                why = f"the {basis} of {_place(port)} says `{found[1][:80]}`"
                return Device(found[0].vendor, found[0].product, "", edge or found[0].edge, basis, why)
    return None


def _cpe(text: str) -> tuple[str, str, str, str]:
    """Return part, vendor, product and version of ``cpe:/h:cisco:catalyst:12.2``; empty where it says nothing."""
    parts = [*text.removeprefix("cpe:/").split(":"), "", "", ""][:4]
    return parts[0], parts[1], parts[2], parts[3]


def _declared(host: Host, key: str) -> str:
    said = dict(host.declared).get("device")
    return str(said.get(key) or "") if isinstance(said, dict) else ""


def _holes(facts: ManagementFacts, exposure: FactDocument, unlooked: list[dict[str, Any]]) -> Iterator[Hole]:
    said = {path: (reason, detail) for path, reason, detail in msgspec.json.decode(exposure.content)["holes"]}
    unseen = [one["endpoint"] for one in unlooked]
    for path, listing, source in (
        ("interfaces", facts.interfaces, "services"),
        ("from_outside", facts.from_outside, "open_tcp_from_outside"),
    ):
        if listing.items or listing.complete:
            continue
        if source in said:
            yield Hole(path, Blind(said[source][0]), said[source][1])
        elif unseen:
            yield Hole(path, Blind.NOT_ATTEMPTED, f"nobody looked at the page of {', '.join(unseen[:5])}: {_ALLOW}")
        else:
            yield Hole(path, Blind.NOT_ATTEMPTED, "not every open port was asked what it speaks")
    if facts.support_ends is None:
        yield Hole("support_ends", Blind.NOT_ATTEMPTED, _NO_DATE)


_ALLOW = "the scope file allows it with `page` under `probes`"
_NO_DATE = "the inventory does not say when support ends: write `device: {end_of_support: …}` below `declared`"


def _place(port: _Port) -> str:
    return f"{endpoint(port.address, port.number)}/{port.proto}"


def _list(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facts.get(name)
    return found if isinstance(found, dict) else _NOBODY


def _facts(observed: Observation) -> Mapping[str, Any]:
    return msgspec.json.decode(observed.content)["facts"] if isinstance(observed, FactDocument) else {}


def _never(answers: Answers) -> Facts | Hole:
    return Hole("", Blind.NOT_ATTEMPTED, "made from other topics")


COLLECTOR = Collector(topic="management", version=1, commands=(), facts=ManagementFacts, parse=_never)
"""For its schema; the topic is made by ``management_of``."""
