"""All imports together: what other scanners say of each host today, and which hosts only they know."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from posture.imports.scan import ImportedFinding, ImportedHost, kept
from posture.inputs.inventory import zone_of
from posture.model.host import FLEET, IMPORTED_FROM, Access, Host, Inventory, TransportKind

_ZONE = "imported"  # of a host in no zone of the inventory: its trust is unknown, so untrusted


@dataclass(frozen=True, slots=True)
class Reported:
    """What one source says of one host, over all its imports."""

    source: str
    credentialed: bool
    scanned_at: datetime
    findings: tuple[ImportedFinding, ...]
    """Those that are still there; each since its earliest sight."""


def _reported(scans: list[ImportedHost]) -> Reported:
    """Return what scans of one asset by one source come to, the latest last."""
    ordered = sorted(scans, key=lambda one: (one.scanned_at, one.credentialed))
    first: dict[str, datetime] = {}
    present: dict[str, ImportedFinding] = {}
    deep = False
    for scan in ordered:
        # A scan without a login does not see what one with a login saw: its silence mends nothing.
        if scan.credentialed or not deep:
            present = {}
        deep = deep or scan.credentialed
        for one in scan.findings:
            first[one.cve] = min(one.first_seen, first.get(one.cve, one.first_seen))
            if one.fixed:
                present.pop(one.cve, None)
            else:
                present[one.cve] = one
    findings = (msgspec.structs.replace(one, first_seen=first[cve]) for cve, one in present.items())
    return Reported(ordered[-1].source, deep, ordered[-1].scanned_at, tuple(sorted(findings)))


class Book:
    """Every import of one place, by the inventory's hosts."""

    def __init__(self, place: Path, inventory: Inventory) -> None:
        known: dict[tuple[str, str], list[ImportedHost]] = {}
        digests = []
        for head, hosts in kept(place):
            digests.append(head.sha256)
            for host in hosts:
                known.setdefault((host.source, host.asset), []).append(host)
        self.digest = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest() if digests else ""
        places = _Places(inventory)
        self._of: dict[str, list[Reported]] = {}
        self._only: dict[str, Host] = {}
        for (_, asset), scans in sorted(known.items()):
            newest = max(scans, key=lambda one: one.scanned_at)
            id_ = places.host_of(newest) or (f"{asset}-imported" if asset in places.ids | {FLEET} else asset)
            self._of.setdefault(id_, []).append(_reported(scans))
            if id_ not in places.ids:
                self._only.setdefault(id_, _imported_host(id_, newest, inventory))

    def of(self, host_id: str) -> tuple[Reported, ...]:
        """Return what every source says of a host, by source."""
        return tuple(self._of.get(host_id, ()))

    def only_imported(self) -> tuple[Host, ...]:
        """Return the hosts that are in no inventory of ours, by id."""
        return tuple(self._only[id_] for id_ in sorted(self._only))


class _Places:
    """Which host of the inventory a scanner's asset is; one that may be two is none."""

    def __init__(self, inventory: Inventory) -> None:
        self.ids = {host.id for host in inventory.hosts}
        self._by: dict[str, set[str]] = {}
        for host in inventory.hosts:
            for key in (host.id.lower(), host.name.lower(), *host.addresses):
                if key:
                    self._by.setdefault(key, set()).add(host.id)

    def host_of(self, seen: ImportedHost) -> str:
        for keys in (seen.names, seen.addresses, [seen.asset]):
            if len(found := set(self._all(keys))) == 1:
                return found.pop()
        return ""

    def _all(self, keys: Iterable[str]) -> Iterator[str]:
        for key in keys:
            yield from self._by.get(key, ())


def _imported_host(id_: str, seen: ImportedHost, inventory: Inventory) -> Host:
    return Host(
        id=id_,
        addresses=tuple(seen.addresses),
        zone=zone_of(seen.addresses, inventory.zones) or _ZONE,
        name=next((name for name in seen.names if name != id_), ""),
        platform=seen.platform,
        access=Access(transport=TransportKind.NONE),
        declared=((IMPORTED_FROM, seen.source),),
    )
