"""Which dates of BOD 26-04 would move if ports no longer answered from outside: the exposure is judged anew, no more.

A host counts as no longer exposed only where ``public_exposure`` itself would say so of the same look with those ports
shut. A tag, a published address or a port that stays open keeps every date where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from posture.model.clock import DueDate
from posture.model.host import Host, Inventory, Trust
from posture.model.observation import FactDocument, Observation
from posture.model.outlook import Relief
from posture.model.path import AttackGraph, NodeKind
from posture.model.vulnerability import Exposure
from posture.vulnerabilities.assess import TABLE_CLOCK, subject
from posture.vulnerabilities.exposed import MEASURED, public_exposure
from posture.vulnerabilities.register import Reader

Looked = Callable[[str], Observation | None]
"""Gives the document of topic ``exposure`` of a host."""


def relieved(
    graph: AttackGraph, gone: Collection[str], known: Reader, inventory: Inventory, looked: Looked
) -> Iterator[Relief]:
    """Yield every date that would move once these conditions of the graph are gone."""
    for host, ports in sorted(_shut(graph, gone, inventory).items()):
        entry = known.entry(host)
        found = next((one for one in inventory.hosts if one.id == host), None)
        if entry is None or found is None or entry.exposure.decided_by != MEASURED or not entry.exposure.exposed:
            continue
        then = _judged_anew(found, inventory, looked(host), ports)
        if then.exposed is False:
            said = ", ".join(sorted(ports))
            yield from _moved(known, host, then, f"{said} of {host} would no longer answer from outside")


def _moved(known: Reader, host: str, then: Exposure, why: str) -> Iterator[Relief]:
    for one in known.of_host(host):
        now = _table_date(one.due)
        if now is None:
            continue
        _, dues = known.rules.decide(one.record, then, one.detections)
        later = _table_date(dues)
        if later != now:
            told = f"{now.row}; then {later.row if later else 'no date: on the next upgrade'}"
            yield Relief(host, subject(one.affected), now.due, later.due if later else None, f"{why}: {told}")


def _table_date(dues: Collection[DueDate]) -> DueDate | None:
    return next((one for one in dues if one.clock == TABLE_CLOCK), None)


def _shut(graph: AttackGraph, gone: Collection[str], inventory: Inventory) -> Mapping[str, frozenset[str]]:
    """Return by host the ports that some untrusted zone reaches now, and none once the conditions are gone."""
    before, after = _reached(graph, frozenset(), inventory), _reached(graph, frozenset(gone), inventory)
    ports: dict[str, set[str]] = {}
    for node in before - after:
        host, _, port = node.removeprefix("endpoint:").partition("/")
        ports.setdefault(host, set()).add(port)
    return {host: frozenset(names) for host, names in ports.items()}


def _reached(graph: AttackGraph, gone: frozenset[str], inventory: Inventory) -> set[str]:
    kind = {one.id: one.kind for one in graph.nodes}
    untrusted = {f"zone:{zone.name}" for zone in inventory.zones if zone.trust is Trust.UNTRUSTED}
    stands = [edge for edge in graph.edges if gone.isdisjoint(edge.conditions) and len(edge.premises) == 1]
    reach = {one.conclusion for one in stands if one.premises[0] in untrusted}
    return {one.conclusion for one in stands if one.premises[0] in reach and kind[one.conclusion] is NodeKind.ENDPOINT}


def _judged_anew(host: Host, inventory: Inventory, seen: Observation | None, ports: Collection[str]) -> Exposure:
    if not isinstance(seen, FactDocument):
        return Exposure(None, "", "")
    content = msgspec.json.decode(seen.content)
    facts = content["facts"]
    for name in ("open_tcp_from_outside", "open_udp_from_outside"):
        facts[name]["items"] = [one for one in facts[name]["items"] if _port(one) not in ports]
    for view in facts["views"]["items"]:
        if view.get("trust") == Trust.UNTRUSTED:
            for one in view["ports"]["items"]:
                if _port(one) in ports:
                    one["state"] = "closed"
    return public_exposure(host, inventory, replace(seen, content=msgspec.json.encode(content)))


def _port(item: Mapping[str, Any]) -> str:
    return f"{item['proto']}/{item['port']}"
