"""What only shows over all hosts: keys that open many of them, made into one document of the pseudo-host ``fleet``.

documents = fleet_documents({host.id: ssh_keys_observation, …}, as_of=run.as_of)
results = judge_host(FLEET, baseline.checks, documents, as_of=run.as_of, memo=memo)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from posture.evaluate.documents import make_document
from posture.evaluate.judge import FLEET, read_document
from posture.evaluate.paths import Blank, Field, Found, elements, follow
from posture.model.observation import Blind, FactDocument, Observation, Origin, Unseen

SOURCE_TOPIC = "ssh_keys"
"""The one topic fleet facts are made from."""


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
    """Presented by two hosts or more."""
    private_keys: TravellingKeyListing
    """Found on one host and accepted by another."""


def fleet_schema() -> dict[str, Any]:
    """Return the JSON schema of the ``fleet`` topic."""
    return msgspec.json.schema(FleetFacts)


def fleet_documents(keys: Mapping[str, Observation], *, as_of: datetime) -> dict[str, Observation]:
    """Return the documents of the pseudo-host ``fleet``.

    ``keys`` holds the ``ssh_keys`` observation of every host of the inventory that can have one. Without any document
    the topic is unseen.
    """
    seen = {host: doc for host, doc in keys.items() if isinstance(doc, FactDocument)}
    if not seen:
        return {FLEET: Unseen(FLEET, FLEET, Blind.NOT_ATTEMPTED, "no host's keys were read")}
    authorized = _gathered(keys, "authorized")
    host_keys = _gathered(keys, "host_keys")
    private = _gathered(keys, "private")
    facts = FleetFacts(
        hosts_seen=len(seen),
        authorized_keys=KeyListing(list(_shared(authorized)), authorized.complete),
        ssh_host_keys=HostKeyListing(list(_shared_host_keys(host_keys)), host_keys.complete),
        private_keys=TravellingKeyListing(
            list(_travelling(private, authorized)), private.complete and authorized.complete
        ),
    )
    document = make_document(
        host=FLEET,
        topic=FLEET,
        facts=msgspec.to_builtins(facts),
        taken_at=min((doc.taken_at for doc in seen.values()), default=as_of),
        origin=_weakest({doc.origin for doc in seen.values()}),
    )
    return {FLEET: document}


@dataclass(slots=True)
class _Gathered:
    """Elements of one list over all hosts, by fingerprint."""

    by_key: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    complete: bool = True


def _gathered(keys: Mapping[str, Observation], name: str) -> _Gathered:
    out = _Gathered()
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
            fingerprint = value.get("fingerprint") if isinstance(value, dict) else None
            if isinstance(fingerprint, str) and isinstance(value, dict):
                out.by_key.setdefault(fingerprint, []).append((host, value))
            else:
                out.complete = False  # a key whose fingerprint is unknown may be any key
    return out


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
