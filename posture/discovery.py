"""What answers on the network against what the inventory and the agency's own lists know. Pure."""

from __future__ import annotations

import csv
import io
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from posture.errors import UsageError
from posture.inputs.inventory import zone_of
from posture.model.discovered import Found
from posture.model.host import Host, Inventory

ROWS_MAX = 1_000_000
CELL_CHARS = 200


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """Where the agency's list and we do not say the same."""

    kind: str
    """``only_here``, ``only_there`` or ``conflicting``."""
    address: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One address of a CMDB, IPAM or CDM export."""

    address: str
    name: str = ""
    owner: str = ""
    zone: str = ""


def unknown_of(
    alive: Mapping[str, tuple[tuple[str, ...], str]],
    inventory: Inventory,
    seen_at: datetime,
    earlier: Mapping[str, Found] | None = None,
) -> tuple[Found, ...]:
    """Return the addresses that no host of the inventory has, by address; ``alive`` gives open ports and vendor.

    ``earlier`` are those of the last sweep: what is still unknown keeps the moment it was first seen.
    """
    known = _known(inventory)
    before = earlier or {}
    return tuple(
        Found(
            address=address,
            zone=zone_of((address,), inventory.zones),
            ports=ports,
            vendor=vendor,
            first_seen=before[address].first_seen if address in before else seen_at,
            last_seen=seen_at,
        )
        for address, (ports, vendor) in sorted(alive.items(), key=lambda entry: _order(entry[0]))
        if address not in known
    )


def fragment(found: Iterable[Found]) -> str:
    """Return the unknown hosts as a YAML fragment of an inventory, to be completed by a person."""
    lines = ["# Answers on the network, and nobody has assessed it. Name the owner, then move it into the inventory."]
    lines.append("hosts:")
    for one in found:
        zone = f", zone: {_quoted(one.zone)}" if one.zone else ""
        seen = f"first seen {one.first_seen:%Y-%m-%d}; open: {', '.join(one.ports) or 'none of those asked'}"
        id_ = f"found-{one.address.replace(':', '-')}"
        lines.append(f'  - {{id: {id_}, addresses: ["{one.address}"]{zone}, access: {{transport: none}}}}   # {seen}')
    return "\n".join(lines) + "\n"


def read_list(text: str, where: str) -> tuple[Listed, ...]:
    """Return the rows of a CSV export that have an IP address; names of columns are matched without case or spaces.

    Raises:
        UsageError: no column of addresses, or more rows than anybody has hosts.
    """
    sample = text[:4096]
    delimiter = max(",;\t", key=sample.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = _columns(next(rows, []))
    if "address" not in columns:
        raise UsageError(f"{where}: no column of addresses", hint=f"one of: {', '.join(_NAMES['address'])}")
    found: list[Listed] = []
    try:
        for number, row in enumerate(rows):
            if number >= ROWS_MAX:
                raise UsageError(f"{where}: more than {ROWS_MAX} rows", hint="cut it down to the scope")
            said = {key: row[at].strip()[:CELL_CHARS] for key, at in columns.items() if at < len(row)}
            found += _listed(said)
    except csv.Error as error:
        raise UsageError(f"{where}: not CSV: {error}", hint="export it again, as UTF-8") from None
    return tuple(found)


def reconcile(inventory: Inventory, found: Iterable[Found], listed: Iterable[Listed]) -> tuple[Difference, ...]:
    """Return where the agency's list says less, more or something else than the inventory and the network, sorted."""
    known = _known(inventory)
    here: dict[str, str] = {address: f"inventory: {host.id}" for address, host in known.items()}
    here |= {one.address: f"answers, open: {', '.join(one.ports) or '-'}" for one in found}
    there: dict[str, Listed] = {}
    differences: set[Difference] = set()
    for row in listed:
        first = there.setdefault(row.address, row)
        if _said(first) != _said(row):
            differences.add(Difference("conflicting", row.address, f"listed as {_said(first)}", f"and as {_said(row)}"))
        if row.address in known:
            differences.update(_conflicts(known[row.address], row))
    differences.update(Difference("only_here", one, here[one], "") for one in here.keys() - there.keys())
    differences.update(Difference("only_there", one, "", _said(there[one])) for one in there.keys() - here.keys())
    return tuple(sorted(differences, key=lambda one: (one.kind, _order(one.address), one.here, one.there)))


_NAMES: Mapping[str, tuple[str, ...]] = {
    "address": ("address", "ip", "ipaddress", "ipv4", "ipv4address", "ipv6address", "primaryip", "addresses"),
    "name": ("name", "hostname", "host", "fqdn", "dnsname", "ciname", "assetname"),
    "owner": ("owner", "ownedby", "assignedto", "team", "supportgroup"),
    "zone": ("zone", "networkzone", "segment", "securityzone"),
}


def _columns(header: list[str]) -> dict[str, int]:
    clean = ["".join(char for char in cell.lower() if char.isalnum()) for cell in header]
    found = {}
    for key, names in _NAMES.items():
        at = next((clean.index(name) for name in names if name in clean), None)
        if at is not None:
            found[key] = at
    return found


def _listed(said: Mapping[str, str]) -> Iterator[Listed]:
    for text in said.get("address", "").replace(";", " ").replace(",", " ").split():
        try:
            address = str(ipaddress.ip_address(text))
        except ValueError:
            continue
        yield Listed(address, said.get("name", ""), said.get("owner", ""), said.get("zone", ""))


def _conflicts(host: Host, row: Listed) -> Iterator[Difference]:
    ours = {"name": {host.id, host.name}, "owner": {host.owner}, "zone": {host.zone}}
    for key, values in ours.items():
        said: str = getattr(row, key)
        names = {_short(value) if key == "name" else value.lower() for value in values if value}
        if said and names and (_short(said) if key == "name" else said.lower()) not in names:
            mine = " / ".join(sorted(value for value in values if value))
            yield Difference("conflicting", row.address, f"{key}: {mine}", f"{key}: {said}")


def _short(name: str) -> str:
    """A CMDB writes `web1.agency.example` where the inventory says `web1`."""
    return name.lower().split(".")[0]


def _said(row: Listed) -> str:
    return ", ".join(part for part in (row.name, row.owner, row.zone) if part) or "listed"


def _known(inventory: Inventory) -> dict[str, Host]:
    return {address: host for host in inventory.hosts for address in host.addresses} | {
        host.access.address: host for host in inventory.hosts if host.access.address
    }


def _order(address: str) -> tuple[int, int, str]:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return (9, 0, address)
    return (ip.version, int(ip), "")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
