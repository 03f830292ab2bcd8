"""From what a host answered to what is known of it: every topic as a document, or the reason why it is unseen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from collectors.ai import service as ai_service
from collectors.ai.scan import TRANSPORT as HTTP
from collectors.base import Collector, Transcript, applies, document, observe, schema_of
from collectors.network import exposure, pages, smb_offer, ssh_offer, tls
from collectors.network.exposure_vantages import TRANSPORT, merged
from collectors.registry import COLLECTORS
from posture import known
from posture.derived import ai, flows, management, trust, views
from posture.model.assessment import Run
from posture.model.host import Host, Inventory
from posture.model.observation import Blind, FactDocument, Hole, Observation, Origin, Unseen

NETWORK_COLLECTORS: tuple[Collector, ...] = (
    exposure.COLLECTOR,
    ai_service.COLLECTOR,
    pages.COLLECTOR,
    smb_offer.COLLECTOR,
    ssh_offer.COLLECTOR,
    tls.COLLECTOR,
)
"""Topics that are asked of the network, not over a login."""
DERIVED_COLLECTORS: tuple[Collector, ...] = (
    ai.COLLECTOR,
    flows.COLLECTOR,
    management.COLLECTOR,
    trust.COLLECTOR,
    views.COLLECTOR,
)
"""Topics that are made from others of the same host: they ask nothing, and are here for their schemas."""
MATCHED_COLLECTORS: tuple[Collector, ...] = (known.COLLECTOR,)
"""Topics that come of feeds and imports beside the host's own: made when a run is judged."""
NMAP = TRANSPORT
"""The transport of sessions that looked from the network."""
NETWORK_TRANSPORTS: Mapping[str, str] = {exposure.COLLECTOR.topic: NMAP, ai_service.COLLECTOR.topic: HTTP}
"""Which sessions a topic of the network is read from; every other session is a login."""
_NOBODY = {
    exposure.COLLECTOR.topic: "nobody looked at the host from the network",
    ai_service.COLLECTOR.topic: "nobody asked: `ai_services` in the scope file authorises it",
}

_PLATFORM_CHARS = 120  # the longest PRETTY_NAME we know has 45


def schemas_by_topic() -> dict[str, dict[str, Any]]:
    """Return the published schema of every topic's facts."""
    known = (*COLLECTORS, *NETWORK_COLLECTORS, *DERIVED_COLLECTORS, *MATCHED_COLLECTORS)
    return {collector.topic: schema_of(collector) for collector in known}


def observations(
    host: Host, inventory: Inventory, run: Run, transcripts: Iterable[Transcript]
) -> dict[str, Observation]:
    """Return every topic of a host by name: a document, or why it is unseen. Pure: answers in, facts out."""
    sessions = list(transcripts)
    login = _telling([entry for entry in sessions if is_login(entry.session.transport)])
    found: dict[str, Observation] = {}
    for collector in COLLECTORS:
        if login is None:
            why = "the host was never begun" if applies(collector, host) else "no login is declared for the host"
            found[collector.topic] = Unseen(host.id, collector.topic, Blind.NOT_ATTEMPTED, why)
        else:
            found[collector.topic] = observe(collector, login)
    for collector in NETWORK_COLLECTORS:
        source = collector.reads or collector.topic
        looks = [entry for entry in sessions if entry.session.transport == NETWORK_TRANSPORTS[source]]
        if looks:
            found[collector.topic] = observe(collector, merged(looks))
        else:
            why = _NOBODY[source]
            found[collector.topic] = Unseen(host.id, collector.topic, Blind.NOT_ATTEMPTED, why)
    found["declared"] = declared(host, inventory, run)
    found["flows"] = flows.flows_of(host, inventory, found["exposure"])
    found["ai"] = ai.ai_of(host, inventory, found["ai_service"], found["ai_host"])
    found["management"] = management.management_of(host, found["exposure"], found["pages"], found["tls"])
    found["trust"] = trust.trust_of(host, inventory, found["tls"])
    found["views"] = views.views_of(host, inventory, found["exposure"], found["listeners"], found["firewall"])
    return found


def is_login(transport: str) -> bool:
    """Return whether a session of this transport was a login, and no look from the network."""
    return transport not in NETWORK_TRANSPORTS.values()


def declared(host: Host, inventory: Inventory, run: Run) -> FactDocument:
    """Return what the operator says of a host as a document, topic ``declared``."""
    said = dict(host.declared)
    services = said.get("services", [])
    ports: dict[str, list[int]] = {"tcp": [], "udp": []}
    for service in services if isinstance(services, list) else []:
        if isinstance(service, dict) and isinstance(service.get("port"), int):
            ports.setdefault(str(service.get("proto", "tcp")), []).append(service["port"])
    tags = {
        "organisation": host.tags.organisation,
        "environment": host.tags.environment,
        "exposure": host.tags.exposure,
        "asset_type": host.tags.asset_type,
    }
    trust = {zone.name: zone.trust.value for zone in inventory.zones}
    facts = {
        **said,
        "addresses": list(host.addresses),
        "zone": host.zone,
        "trust": trust.get(host.zone, "untrusted"),
        "roles": list(host.roles),
        "owner": host.owner,
        "system": host.system,
        "mission": int(host.mission),
        "tags": {key: value for key, value in tags.items() if value is not None},
        "tcp_ports": sorted(set(ports["tcp"])),
        "udp_ports": sorted(set(ports["udp"])),
    }
    return document(
        host=host.id,
        topic="declared",
        facts=facts,
        evidence=(),
        taken_at=run.started_at,
        origin=Origin.ATTESTED,
        # Who may have an account is a question where nobody answered it, not an empty list.
        holes=() if "accounts" in said else (Hole("accounts", Blind.NOT_ATTEMPTED, _NO_ACCOUNTS),),
    )


_NO_ACCOUNTS = "the inventory does not say who may have an account here: list them as `accounts` below `declared`"


def platform_of(observed: Mapping[str, Observation]) -> str:
    """Return what the host calls itself, such as ``Debian GNU/Linux 12 (bookworm)``; empty when unseen."""
    system = observed.get("os")
    if not isinstance(system, FactDocument):
        return ""
    facts = msgspec.json.decode(system.content)["facts"]
    return str(facts.get("pretty_name") or facts.get("release") or facts.get("family") or "")[:_PLATFORM_CHARS]


def _telling(logins: list[Transcript]) -> Transcript | None:
    """Return the last session that brought anything; the last one, with its reason, when none did."""
    told = [entry for entry in logins if entry.answers] or logins
    return told[-1] if told else None
