"""What the ports that speak TLS offer to strangers: versions, suites and certificates, as every vantage was told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.network.exposure_greetings import Greeted, Greetings, greetings, table, text
from collectors.network.exposure_scripts import endpoint
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import SeenScript
from posture.certificates import PEM_CHARS, Certificate, read_certificate
from posture.model.observation import Blind, Hole

SUITES_MAX = 400  # per version; IANA has 350
_VERSION = re.compile(r"(?:SSL|TLS)v[0-9](?:\.[0-9])?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One port that speaks TLS."""

    endpoint: str
    """``10.0.0.1:443``."""
    address: str
    port: int
    service: str
    """What speaks inside, such as http."""
    seen_from: list[str]
    outside: bool
    """Told to a vantage in an untrusted, partner or undeclared zone."""
    versions: list[str]
    """Accepted: SSLv3, TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3."""
    compression: bool
    """A version compresses before it encrypts (CRIME)."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One cipher suite that an endpoint accepts in one version."""

    endpoint: str
    version: str
    name: str
    """As IANA writes it; in TLS 1.3 nmap says ``AKE`` for the part that is agreed apart."""
    exchange: str
    """rsa, dh, secp256r1, ecdh_x25519, …"""
    exchange_bits: int | None
    """Of a Diffie-Hellman group or the RSA key; absent for curves."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate, and where it is presented."""

    endpoint: str
    port: int
    outside: bool
    certificate: Certificate
    pem: str
    """As it came, for whoever checks its signature."""


@dataclass(frozen=True, slots=True)
class OldOnly:
    """An endpoint that speaks no TLS 1.3."""

    endpoint: str
    port: int
    newest: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A port that speaks TLS of which something could not be read."""

    endpoint: str
    what: str
    """greeting, suites or certificate."""
    detail: str


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """TLS as it is offered to strangers; never what a login would show."""

    endpoints: Listing[Endpoint]
    suites: Listing[Suite]
    """In TLS 1.3 nmap 7.93 stops at the first suite it is given; every suite of TLS 1.3 is a sound one."""
    certificates: Listing[Presented]
    """Of the server itself; intermediates are not asked for."""
    without_tls13: Listing[OldOnly]
    """Open where that cannot be told: nmap 7.93 does not see TLS 1.3 behind a certificate of another kind than RSA and
    P-256."""
    unread: list[Unread]


def parse(answers: Answers) -> Facts | Hole:
    """Return what the evidence of the look at a host holds of TLS."""
    found = greetings(Phase.TLS, answers, tells=_tells)
    if isinstance(found, Hole):
        return found
    presented, unread = _certificates(found)
    mute = [Unread(endpoint(one.address, one.port), "greeting", one.detail) for one in found.silent]
    facts = TlsFacts(
        endpoints=Listing([_endpoint(one) for one in found.greeted], found.complete),
        suites=Listing([suite for one in found.greeted for suite in _suites(one)], found.complete),
        certificates=Listing(presented, found.complete and not unread),
        without_tls13=_old(found, presented),
        unread=[*mute, *unread],
    )
    return Facts(facts, tuple(_holes(facts, found)))


def _tells(script: SeenScript) -> bool:
    said = script.structured
    return script.id == "ssl-enum-ciphers" and isinstance(said, dict) and any(map(_VERSION.fullmatch, said))


def _endpoint(one: Greeted) -> Endpoint:
    return Endpoint(
        endpoint=endpoint(one.address, one.port),
        address=one.address,
        port=one.port,
        service=one.service,
        seen_from=one.seen_from,
        outside=one.outside,
        versions=_versions(one),
        compression=any(_compresses(one, version) for version in _versions(one)),
    )


def _versions(one: Greeted) -> list[str]:
    said = one.scripts["ssl-enum-ciphers"].structured
    return sorted(key for key in said if _VERSION.fullmatch(key)) if isinstance(said, dict) else []


def _compresses(one: Greeted, version: str) -> bool:
    offered = table(table(one.scripts["ssl-enum-ciphers"].structured, version), "compressors")
    return isinstance(offered, list) and any(isinstance(name, str) and name != "NULL" for name in offered)


def _suites(one: Greeted) -> Iterator[Suite]:
    for version in _versions(one):
        listed = table(table(one.scripts["ssl-enum-ciphers"].structured, version), "ciphers")
        for row in listed[:SUITES_MAX] if isinstance(listed, list) else ():
            exchange, _, bits = text(row, "kex_info").partition(" ")
            if name := text(row, "name"):
                size = int(bits) if bits.isascii() and bits.isdecimal() and len(bits) <= 6 else None
                yield Suite(endpoint(one.address, one.port), version, name, exchange, size)


def _certificates(found: Greetings) -> tuple[list[Presented], list[Unread]]:
    presented, unread = [], []
    for one in found.greeted:
        place = endpoint(one.address, one.port)
        script = one.scripts.get("ssl-cert")
        pem = table(script.structured, "pem") if script is not None else ""
        pem = pem if isinstance(pem, str) else ""
        read = read_certificate(pem[: PEM_CHARS + 1]) if pem else "none was presented"
        if isinstance(read, str):
            unread.append(Unread(place, "certificate", read))
        else:
            presented.append(Presented(place, one.port, one.outside, read, pem))
    return presented, unread


def _old(found: Greetings, presented: list[Presented]) -> Listing[OldOnly]:
    telling = {
        one.endpoint for one in presented if (one.certificate.key_type, one.certificate.key_bits) in _SEEN_BEHIND
    }
    telling |= {one.endpoint for one in presented if one.certificate.key_type == "rsa"}
    old = [_endpoint(one) for one in found.greeted]
    old = [one for one in old if "TLSv1.3" not in one.versions]
    return Listing(
        [OldOnly(one.endpoint, one.port, (one.versions or [""])[-1]) for one in old if one.endpoint in telling],
        found.complete and all(one.endpoint in telling for one in old),
    )


_SEEN_BEHIND = {("ec", 256)}


def _holes(facts: TlsFacts, found: Greetings) -> Iterator[Hole]:
    """Name the lists of which nothing was seen, with the reason."""
    reason, detail = (found.why_not.reason, found.why_not.detail) if found.why_not else (Blind.UNPARSEABLE, "")
    for path, listing in (("endpoints", facts.endpoints), ("suites", facts.suites)):
        if not listing.items and not listing.complete:
            yield Hole(path, reason, detail)
    if not facts.certificates.items and not facts.certificates.complete:
        said = detail or next((one.detail for one in facts.unread), "")
        yield Hole("certificates", reason, said)
    if not facts.without_tls13.items and not facts.without_tls13.complete:
        yield Hole("without_tls13", reason, detail or "nmap does not see TLS 1.3 behind this kind of certificate")


COLLECTOR = Collector(topic="tls", version=2, commands=(), facts=TlsFacts, parse=parse, reads="exposure")
