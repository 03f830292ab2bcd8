"""The inventory file to hosts, zones and vantages: ours, or an Ansible inventory as it is."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from posture import yamlfile
from posture.errors import ConfigError
from posture.inputs import ai_register, ansible_inventory, trust_anchors
from posture.model.host import (
    FLEET,
    Access,
    AssetTags,
    DeviceClass,
    Flow,
    Host,
    Inventory,
    Mission,
    Published,
    TransportKind,
    Trust,
    Vantage,
    Zone,
)
from posture.yamlfile import Located

Name = str
MissionWord = Literal["none", "supporting", "essential", "vital", "crown_jewel"]


class ZoneEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A zone as it is written."""

    name: Name
    trust: Trust
    cidrs: list[str] = []


class VantageEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A vantage as it is written."""

    name: Name
    zone: Name
    host: Name = ""


class FlowEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"source": "from", "target": "to"}):
    """A line of the zone matrix as it is written."""

    source: Name
    target: Name
    ports: list[str]
    why: str = ""


class PublishedEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A line of a NAT, VIP or load-balancer map as it is written."""

    public: str
    to: str
    proto: Literal["tcp", "udp"] = "tcp"


class AccessEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How to log in, as it is written; what is left out comes from the group."""

    transport: TransportKind | None = None
    address: str | None = None
    port: int | None = None
    user: str | None = None
    credential: Name | None = None
    jump: list[Name] | None = None
    host_keys: list[str] | None = None


class TagsEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """BOD 26-04 asset tags as they are written."""

    organisation: str | None = None
    environment: Literal["prod", "dev"] | None = None
    exposure: Literal["public", "internal"] | None = None
    asset_type: str | None = None


class CommonEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What groups and hosts may both say."""

    zone: Name | None = None
    owner: str | None = None
    system: str | None = None
    roles: list[str] | None = None
    platform: str | None = None
    mission: MissionWord | None = None
    device_class: DeviceClass | None = None
    tags: TagsEntry | None = None
    access: AccessEntry | None = None
    declared: dict[str, Any] = {}


class GroupEntry(CommonEntry, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A group: defaults for the hosts that name it."""

    name: Name


class HostEntry(CommonEntry, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A host as it is written."""

    id: Name
    addresses: list[str]
    name: str = ""
    groups: list[Name] = []


class InventoryFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    schema: Literal["posture.inventory/1"]
    zones: list[ZoneEntry]
    hosts: list[HostEntry]
    groups: list[GroupEntry] = []
    vantages: list[VantageEntry] = []
    flows: list[FlowEntry] | None = None
    published: list[PublishedEntry] = []
    ai_register: str = ""
    """A file beside this one."""
    trust_anchors: str = ""
    """A file of certificates beside this one."""


def read(path: Path) -> Inventory:
    """Return the inventory a file holds, ours or Ansible's, hosts sorted by id.

    Raises:
        ConfigError: with ``file:line``, the key and a suggestion.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such inventory", hint="`posture init` writes a commented one")
    if ansible_inventory.looks_like_one(path):
        located = Located(str(path), ansible_inventory.read(path))
    else:
        located = yamlfile.read(path)
    return _build(located, yamlfile.convert(located, InventoryFile), path)


def _build(located: Located, file: InventoryFile, path: Path) -> Inventory:
    zones = tuple(Zone(zone.name, zone.trust, tuple(zone.cidrs)) for zone in file.zones)
    for index, zone in enumerate(zones):
        for position, cidr in enumerate(zone.cidrs):
            _network(located.at("zones", index, "cidrs", position), cidr)
    vantages = tuple(Vantage(vantage.name, vantage.zone, vantage.host) for vantage in file.vantages)
    for index, vantage in enumerate(vantages):
        _known(located.at("vantages", index), "zone", vantage.zone, {zone.name for zone in zones})
    groups = {group.name: group for group in file.groups}
    hosts = [_host(located.at("hosts", index), entry, groups, zones) for index, entry in enumerate(file.hosts)]
    ids = [host.id for host in hosts]
    for index, host in enumerate(hosts):
        if host.id in ids[:index]:
            raise located.error(
                f"host id `{host.id}` stands twice",
                "hosts",
                index,
                hint="ids are unique; groups carry what hosts share",
            )
        for jump in host.access.jump:
            _known(located.at("hosts", index), "access", jump, set(ids))
    for index, vantage in enumerate(vantages):
        if vantage.host:
            _known(located.at("vantages", index), "host", vantage.host, set(ids))
    return Inventory(
        tuple(sorted(hosts, key=lambda host: host.id)),
        zones,
        vantages,
        path.name,
        flows=_flows(located, file, {zone.name for zone in zones}, set(ids)),
        published=tuple(
            _published(located.at("published", index), entry, set(ids)) for index, entry in enumerate(file.published)
        ),
        ai_register=ai_register.read(path.parent / file.ai_register, ids) if file.ai_register else None,
        trust_anchors=trust_anchors.read(path.parent / file.trust_anchors) if file.trust_anchors else None,
    )


def _flows(located: Located, file: InventoryFile, zones: set[str], hosts: set[str]) -> tuple[Flow, ...] | None:
    for index, entry in enumerate(file.flows or ()):
        place = located.at("flows", index)
        _known(place, "from", entry.source, zones)
        _known(place, "to", entry.target, zones | hosts)
        for text in entry.ports:
            if not _is_ports(text):
                hint = "`any`, tcp/443, tcp/8000-8100 or udp/any"
                raise place.error(f"`{text[:80]}` names no ports", "ports", hint=hint)
    if file.flows is None:
        return None
    return tuple(Flow(entry.source, entry.target, tuple(entry.ports), entry.why) for entry in file.flows)


_PORTS = re.compile(r"any|(?:tcp|udp|any)/(?:any|([0-9]{1,5})(?:-([0-9]{1,5}))?)")


def _is_ports(text: str) -> bool:
    found = _PORTS.fullmatch(text)
    if found is None:
        return False
    low, high = (int(group) if group else 0 for group in found.groups())
    return found[1] is None or 1 <= low <= (high or low) <= 65535


def _published(located: Located, entry: PublishedEntry, hosts: set[str]) -> Published:
    public, _, port = entry.public.rpartition(":")
    host, _, host_port = entry.to.rpartition(":")
    try:
        address = str(ipaddress.ip_address(public.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise located.error(f"`{entry.public[:80]}` is no address and port", "public", hint="203.0.113.7:443") from None
    for key, text in (("public", port), ("to", host_port)):
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
            raise located.error(f"`{text[:20]}` is no port", key, hint="a number from 1 to 65535 after the colon")
    _known(located, "to", host, hosts)
    return Published(address, int(port), host, int(host_port), entry.proto)


def _host(located: Located, entry: HostEntry, groups: Mapping[str, GroupEntry], zones: tuple[Zone, ...]) -> Host:
    if entry.id == FLEET:
        raise located.error(f"`{FLEET}` is no host id", "id", hint="it stands for what only shows over all hosts")
    if not _HOST_ID.fullmatch(entry.id):
        raise located.error(
            f"`{entry.id[:80]}` is no host id",
            "id",
            hint="letters, digits, dot, dash and underscore, at most 128, no dash first",
        )
    for name in entry.groups:
        _known(located, "groups", name, set(groups))
    layers: list[CommonEntry] = [*(groups[name] for name in entry.groups), entry]
    addresses = tuple(_address(located, index, text) for index, text in enumerate(entry.addresses))
    host = Host(
        id=entry.id,
        addresses=addresses,
        zone=_last(layers, "zone", "") or zone_of(addresses, zones),
        name=entry.name or entry.id,
        owner=_last(layers, "owner", ""),
        system=_last(layers, "system", ""),
        roles=tuple(_last(layers, "roles", ())),
        platform=_last(layers, "platform", ""),
        mission=Mission[_last(layers, "mission", "none").upper()],
        device_class=_last(layers, "device_class", DeviceClass.SERVER),
        tags=_tags(layers),
        access=_access(layers),
        groups=tuple(entry.groups),
        declared=tuple(sorted({key: value for layer in layers for key, value in layer.declared.items()}.items())),
    )
    if not addresses:
        raise located.error(
            f"host `{host.id}` has no address", "addresses", hint="one IP address or host name at least"
        )
    if not host.zone:
        raise located.error(f"host `{host.id}` has no zone", hint="name one, or give a zone the CIDR of its address")
    _known(located, "zone", host.zone, {zone.name for zone in zones})
    return host


_HOST_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?")


def _address(located: Located, index: int, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if _HOST_NAME.fullmatch(text):
            return text
    hint = "one address or name an entry, without port or options"
    raise located.error(f"`{text[:80]}` is neither an IP address nor a host name", "addresses", index, hint=hint)


def _network(located: Located, text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise located.error(str(error), hint="write the network address, such as 10.1.0.0/16") from None


def zone_of(addresses: Iterable[str], zones: tuple[Zone, ...]) -> str:
    """Return the zone with the longest prefix around the first address that lies in one; empty if none does."""
    for address in addresses:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            continue
        nets = [
            (ipaddress.ip_network(cidr).prefixlen, zone.name)
            for zone in zones
            for cidr in zone.cidrs
            if ip in ipaddress.ip_network(cidr)
        ]
        if nets:
            return max(nets)[1]
    return ""


def _known(located: Located, key: str, name: str, names: set[str]) -> None:
    if name not in names:
        hint = yamlfile.suggestion(name, names) or f"described here: {', '.join(sorted(names)[:10]) or 'none'}"
        raise located.error(f"`{name[:80]}` is not described in this file", key, hint=hint)


def _last(layers: list[CommonEntry], key: str, otherwise: Any) -> Any:
    said = [getattr(layer, key) for layer in layers if getattr(layer, key) is not None]
    return said[-1] if said else otherwise


def _access(layers: list[CommonEntry]) -> Access:
    access = Access()
    for layer in layers:
        if layer.access is not None:
            access = replace(access, **_said(layer.access))
    return access


def _tags(layers: list[CommonEntry]) -> AssetTags:
    tags = AssetTags()
    for layer in layers:
        if layer.tags is not None:
            tags = replace(tags, **_said(layer.tags))
    return tags


def _said(entry: msgspec.Struct) -> dict[str, Any]:
    """Return what an entry says, without what it leaves out."""
    said = {key: value for key, value in msgspec.structs.asdict(entry).items() if value is not None}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
