"""What only shows over all hosts: keys that open many of them, made into one document of the pseudo-host ``fleet``.

documents = fleet_documents({"ssh_keys": {host.id: observation, …}, "tls": …}, as_of=run.as_of)
results = judge_host(FLEET, baseline.checks, documents, as_of=run.as_of, memo=memo)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from posture.evaluate.documents import make_document
from posture.evaluate.judge import FLEET, read_document
from posture.evaluate.logic import assertions
from posture.evaluate.paths import Blank, Field, Found, elements, follow
from posture.model.check import Check
from posture.model.observation import Blind, FactDocument, Hole, Observation, Origin, Unseen

KEYS, OFFER, TLS = "ssh_keys", "ssh_offer", "tls"
SOURCES: Mapping[str, tuple[str, ...]] = {
    "hosts_seen": (KEYS,),
    "authorized_keys": (KEYS,),
    "private_keys": (KEYS,),
    "ssh_host_keys": (KEYS, OFFER),
    "certificate_keys": (TLS,),
}
"""Which topics of the hosts each fact of the fleet is made from; any one of them will do."""
SOURCE_TOPICS = (KEYS, OFFER, TLS)


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A key that lets somebody in on several hosts."""

    fingerprint: str
    type: str
    hosts: list[str]
    """Ids of the hosts that accept it, sorted."""
    host_count: int
    root_on: list[str]
    """Those on which it opens root."""
    root_count: int


@dataclass(frozen=True, slots=True)
class SharedHostKey:
    """A server key that several hosts present: whoever takes it from one can pose as the others."""

    fingerprint: str
    type: str
    hosts: list[str]
    host_count: int


@dataclass(frozen=True, slots=True)
class TravellingKey:
    """A private key that lies on a host and opens another one."""

    fingerprint: str
    held_on: list[str]
    """``host:path`` of each copy."""
    encrypted: bool
    """Every copy has a passphrase."""
    opens: list[str]
    """Ids of other hosts that accept it."""
    opens_count: int
    opens_root_on: list[str]


@dataclass(frozen=True, slots=True)
class SharedCertificateKey:
    """A TLS key that several hosts use: whoever takes it from one can pose as the others."""

    spki: str
    """SHA-256 of the public key."""
    subject: str
    self_issued: bool
    """No authority vouches for it: often the key a vendor puts into every device."""
    endpoints: list[str]
    """``host 10.0.0.1:443`` of each."""
    hosts: list[str]
    host_count: int


@dataclass(frozen=True, slots=True)
class CertificateListing:
    """As ``KeyListing``, of TLS keys."""

    items: list[SharedCertificateKey]
    complete: bool


@dataclass(frozen=True, slots=True)
class KeyListing:
    """Keys, and whether every host was seen whole."""

    items: list[SharedKey]
    complete: bool


@dataclass(frozen=True, slots=True)
class HostKeyListing:
    """As ``KeyListing``, of server keys."""

    items: list[SharedHostKey]
    complete: bool


@dataclass(frozen=True, slots=True)
class TravellingKeyListing:
    """As ``KeyListing``, of private keys."""

    items: list[TravellingKey]
    complete: bool


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """Keys that concern more than one host; hosts that could not be read leave the lists incomplete."""

    hosts_seen: int
    authorized_keys: KeyListing
    """Accepted on two hosts or more."""
    ssh_host_keys: HostKeyListing
    """Presented by two hosts or more, by their own files or by what the network is shown."""
    private_keys: TravellingKeyListing
    """Found on one host and accepted by another."""
    certificate_keys: CertificateListing
    """Used for TLS by two hosts or more, as the network sees it."""


def fleet_schema() -> dict[str, Any]:
    """Return the JSON schema of the ``fleet`` topic."""
    return msgspec.json.schema(FleetFacts)


Sources = Mapping[str, Mapping[str, Observation]]
"""By topic, then by host."""


def fleet_documents(sources: Sources, *, as_of: datetime) -> dict[str, Observation]:
    """Return the documents of the pseudo-host ``fleet``.

    ``sources`` holds the observations of ``SOURCE_TOPICS`` of every host of the inventory that can have one. Without
    any document the topic is unseen.
    """
    seen = [doc for topic in SOURCE_TOPICS for doc in sources.get(topic, {}).values() if isinstance(doc, FactDocument)]
    if not seen:
        return {FLEET: Unseen(FLEET, FLEET, Blind.NOT_ATTEMPTED, "no host's keys were read")}
    keys = sources.get(KEYS, {})
    read = [doc for doc in keys.values() if isinstance(doc, FactDocument)]
    authorized = _gathered(keys, "authorized")
    host_keys = _host_keys(keys, sources.get(OFFER, {}))
    private = _gathered(keys, "private")
    certificates = _gathered(sources.get(TLS, {}), "certificates", _certificate_key)
    facts = FleetFacts(
        hosts_seen=len(read),
        authorized_keys=KeyListing(list(_shared(authorized)), authorized.complete),
        ssh_host_keys=HostKeyListing(list(_shared_host_keys(host_keys)), host_keys.complete),
        private_keys=TravellingKeyListing(
            list(_travelling(private, authorized)), private.complete and authorized.complete
        ),
        certificate_keys=CertificateListing(list(_shared_certificates(certificates)), certificates.complete),
    )
    nobody = ((path, Blind.NOT_ATTEMPTED, "no host's keys were read") for path in SOURCES if SOURCES[path] == (KEYS,))
    document = make_document(
        host=FLEET,
        topic=FLEET,
        facts=msgspec.to_builtins(facts),
        taken_at=min((doc.taken_at for doc in seen), default=as_of),
        origin=_weakest({doc.origin for doc in seen}),
        holes=() if read else tuple(Hole(*one) for one in nobody),
    )
    return {FLEET: document}


def sources_of(check: Check) -> tuple[str, ...]:
    """Return the topics of the hosts that a check of the fleet rests on."""
    named = [assertion.fact for assertion in (*assertions(check.applicability), *assertions(check.condition))]
    fields = [path.removeprefix(f"{FLEET}.").partition("[")[0].partition(".")[0] for path in named]
    return tuple(sorted({topic for name in fields for topic in SOURCES.get(name, ())})) or (KEYS,)


@dataclass(slots=True)
class _Gathered:
    """Elements of one list over all hosts, by fingerprint."""

    by_key: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    complete: bool = True


def _fingerprint(value: Mapping[str, Any]) -> Any:
    return value.get("fingerprint")


def _certificate_key(value: Mapping[str, Any]) -> Any:
    certificate = value.get("certificate")
    return certificate.get("spki") if isinstance(certificate, dict) else None


def _gathered(
    keys: Mapping[str, Observation], name: str, key_of: Callable[[Mapping[str, Any]], Any] = _fingerprint
) -> _Gathered:
    out = _Gathered(complete=bool(keys))
    for host in sorted(keys):
        observation = keys[host]
        place = follow(read_document(observation), (Field(name),)) if isinstance(observation, FactDocument) else None
        listed = elements(place) if isinstance(place, Found) else None
        if listed is None or isinstance(listed, Blank):
            out.complete = False
            continue
        out.complete = out.complete and listed.missing is None
        for row in listed.rows:
            value = row.place.value if isinstance(row.place, Found) else None
            fingerprint = key_of(value) if isinstance(value, dict) else None
            if isinstance(fingerprint, str) and isinstance(value, dict):
                out.by_key.setdefault(fingerprint, []).append((host, value))
            else:
                out.complete = False  # a key whose fingerprint is unknown may be any key
    return out


def _host_keys(keys: Mapping[str, Observation], offers: Mapping[str, Observation]) -> _Gathered:
    """Return host keys from the hosts' own files and from what the network is shown; one of the two is enough."""
    out = _Gathered(complete=bool(keys or offers))
    for host in sorted(keys.keys() | offers.keys()):
        parts = [_gathered({host: side[host]}, "host_keys") for side in (keys, offers) if host in side]
        out.complete = out.complete and any(part.complete for part in parts)
        for fingerprint, places in sorted((one for part in parts for one in part.by_key.items()), key=_first):
            out.by_key.setdefault(fingerprint, []).extend(places)
    return out


def _first(entry: tuple[str, list[tuple[str, dict[str, Any]]]]) -> str:
    return entry[0]


def _shared_certificates(found: _Gathered) -> Iterator[SharedCertificateKey]:
    for spki, places in sorted(found.by_key.items()):
        hosts = sorted({host for host, _ in places})
        if len(hosts) > 1:
            yield SharedCertificateKey(
                spki=spki,
                subject=str(places[0][1]["certificate"].get("subject") or ""),
                self_issued=any(value["certificate"].get("self_issued") is True for _, value in places),
                endpoints=sorted({f"{host} {value.get('endpoint', '')}" for host, value in places}),
                hosts=hosts,
                host_count=len(hosts),
            )


def _shared(found: _Gathered) -> Iterator[SharedKey]:
    for fingerprint, places in sorted(found.by_key.items()):
        hosts = sorted({host for host, _ in places})
        root_on = sorted({host for host, key in places if key.get("account") == "root"})
        if len(hosts) > 1:
            yield SharedKey(fingerprint, _type(places), hosts, len(hosts), root_on, len(root_on))


def _shared_host_keys(found: _Gathered) -> Iterator[SharedHostKey]:
    for fingerprint, places in sorted(found.by_key.items()):
        hosts = sorted({host for host, _ in places})
        if len(hosts) > 1:
            yield SharedHostKey(fingerprint, _type(places), hosts, len(hosts))


def _travelling(private: _Gathered, authorized: _Gathered) -> Iterator[TravellingKey]:
    for fingerprint, copies in sorted(private.by_key.items()):
        accepted = authorized.by_key.get(fingerprint, [])
        holders = {host for host, _ in copies}
        # on its only holder a key opens nothing new; with two holders each opens the other
        opens = sorted({host for host, _ in accepted if holders - {host}})
        if not opens:
            continue
        yield TravellingKey(
            fingerprint=fingerprint,
            held_on=sorted({f"{host}:{key.get('path', '')}" for host, key in copies}),
            encrypted=all(key.get("encrypted") is True for _, key in copies),
            opens=opens,
            opens_count=len(opens),
            opens_root_on=sorted({host for host, key in accepted if host in opens and key.get("account") == "root"}),
        )


def _type(places: list[tuple[str, dict[str, Any]]]) -> str:
    return str(places[0][1].get("type") or "")


def _weakest(origins: set[Origin]) -> Origin:
    """Return the origin that promises least: one replayed host makes the fleet's facts replayed."""
    order = (Origin.ATTESTED, Origin.IMPORTED, Origin.REPLAYED, Origin.LIVE)
    return next(origin for origin in order if origin in origins)
