"""Whether a host's certificates hold for its clients: topic ``trust``, by the inventory's authorities and names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from collectors.base import Answers, Collector, Facts, Listing, document
from posture.certificates import distrusted
from posture.model.host import Host, Inventory
from posture.model.observation import Blind, FactDocument, Hole, Observation, Unseen


@dataclass(frozen=True, slots=True)
class Chain:
    """A certificate, and whether the authorities that clients trust stand behind it."""

    endpoint: str
    subject: str
    issuer: str
    refused: str
    """Why a client refuses it; empty when it does not."""


@dataclass(frozen=True, slots=True)
class Naming:
    """A certificate, and whether it is for the names that clients call the host by."""

    endpoint: str
    names: list[str]
    """What it is for."""
    missing: str
    """Names of the host that it is not for; empty when it is for all."""


@dataclass(frozen=True, slots=True)
class TrustFacts:
    """What a client makes of the host's certificates."""

    anchors: int
    """How many authorities the inventory names."""
    chains: Listing[Chain]
    """Open when no authorities are named, or a certificate was not read."""
    namings: Listing[Naming]
    """Open when the inventory gives the host no DNS name, or a certificate was not read."""


def trust_of(host: Host, inventory: Inventory, tls: Observation) -> Observation:
    """Return topic ``trust`` of a host. Pure; unseen when ``tls`` is."""
    if isinstance(tls, Unseen):
        return Unseen(host.id, "trust", tls.reason, f"tls: {tls.detail}"[:200])
    presented = msgspec.json.decode(tls.content)["facts"]["certificates"]
    anchors, names = inventory.trust_anchors, names_of(host)
    items, whole = presented["items"], bool(presented["complete"])
    facts = TrustFacts(
        anchors=len(anchors or ()),
        chains=Listing([_chain(one, anchors, tls) for one in items] if anchors else [], whole and bool(anchors)),
        namings=Listing([_naming(one, names) for one in items] if names else [], whole and bool(names)),
    )
    if whole and not items:
        facts = replace(facts, chains=Listing([]), namings=Listing([]))
    return document(
        host=host.id,
        topic="trust",
        facts=msgspec.to_builtins(facts),
        holes=tuple(_holes(facts, tls)),
        evidence=tls.evidence,
        taken_at=tls.taken_at,
        origin=tls.origin,
    )


def names_of(host: Host) -> list[str]:
    """Return the DNS names that clients call a host by: its own where it has a dot, and ``declared.names``."""
    declared = dict(host.declared).get("names")
    listed = declared if isinstance(declared, list) else []
    return sorted({name.lower().rstrip(".") for name in (host.name, *listed) if isinstance(name, str) and "." in name})


def _chain(presented: Mapping[str, Any], anchors: tuple[str, ...], tls: FactDocument) -> Chain:
    certificate = presented["certificate"]
    refused = distrusted(presented["pem"], anchors, tls.taken_at)
    return Chain(presented["endpoint"], certificate["subject"], certificate["issuer"], refused)


def _naming(presented: Mapping[str, Any], names: list[str]) -> Naming:
    has = presented["certificate"]["names"]
    return Naming(presented["endpoint"], has, ", ".join(name for name in names if not _fits(name, has)))


def _fits(name: str, has: list[str]) -> bool:
    """Return whether a certificate for these names is one for this name; a wildcard is one label (RFC 6125)."""
    _, _, parent = name.partition(".")
    return name in has or f"*.{parent}" in has


def _holes(facts: TrustFacts, tls: FactDocument) -> Iterator[Hole]:
    unread = next((Hole(path, Blind(reason), detail) for path, reason, detail in
                   msgspec.json.decode(tls.content)["holes"] if path == "certificates"), None)  # fmt: skip
    for path, listing, why in (("chains", facts.chains, _NO_ANCHORS), ("namings", facts.namings, _NO_NAMES)):
        if not listing.items and not listing.complete:
            found = unread or Hole("", Blind.NOT_ATTEMPTED, why)
            yield Hole(path, found.reason, found.detail)


_NO_ANCHORS = "the inventory names no `trust_anchors`: a file with the authorities that the agency's clients trust"
_NO_NAMES = "the inventory has no DNS name of the host: `name`, or `names` below `declared`"


def _never(answers: Answers) -> Facts | Hole:
    return Hole("", Blind.NOT_ATTEMPTED, "made from other topics")


COLLECTOR = Collector(topic="trust", version=1, commands=(), facts=TrustFacts, parse=_never)
"""For its schema; the topic is made by ``trust_of``."""
