"""Hosts, the zones they live in, and the places we look from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Trust(StrEnum):
    """How far a zone is trusted; attackers start in the untrusted ones."""

    UNTRUSTED = "untrusted"
    PARTNER = "partner"
    INTERNAL = "internal"
    RESTRICTED = "restricted"


class Mission(IntEnum):
    """What the mission loses with a host, from nothing to the crown jewels."""

    NONE = 0
    SUPPORTING = 1
    ESSENTIAL = 2
    VITAL = 3
    CROWN_JEWEL = 4


class TransportKind(StrEnum):
    """How a host is reached for its configuration."""

    SSH = "ssh"
    """paramiko, the default."""
    OPENSSH = "openssh"
    """The system's ``ssh`` program: Kerberos, PIV/PKCS#11, host CAs, a FIPS module."""
    LOCAL = "local"
    """This machine, without a network."""
    NONE = "none"
    """Looked at from the network only."""


class DeviceClass(StrEnum):
    """How gently a host must be treated by network probes."""

    SERVER = "server"
    FRAGILE = "fragile"
    """Named ports only, no version probes."""
    OT = "ot"
    """As fragile; kept apart for reports and rates."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the network with one level of trust."""

    name: str
    trust: Trust
    cidrs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vantage:
    """A place from which we look at the network."""

    name: str
    zone: str
    """Name of a ``Zone``; ``self`` for a machine that looks at itself, which is never evidence of exposure."""


FLEET = "fleet"
"""The pseudo-host of what only shows over all hosts: it has results and findings, and is in no count of hosts."""
SELF_VANTAGE = Vantage(name="self", zone="self")


@dataclass(frozen=True, slots=True)
class AssetTags:
    """The asset tags BOD 26-04 asks for by 2026-12-07; ``None`` is "not declared"."""

    organisation: str | None = None
    environment: str | None = None
    """prod or dev."""
    exposure: str | None = None
    """public or internal."""
    asset_type: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """How a host is logged into; it names a credential and never holds one."""

    transport: TransportKind = TransportKind.SSH
    address: str = ""
    """IP address or name to connect to; the host's first address when empty."""
    port: int = 22
    user: str = ""
    credential: str = ""
    """Name of a credential in the configuration."""
    jump: tuple[str, ...] = ()
    """Host ids to go through, nearest first."""
    host_keys: tuple[str, ...] = ()
    """Pinned public host keys, each ``type base64``; known_hosts is used when empty."""


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the inventory; ``id`` outlives renames and readdressing."""

    id: str
    addresses: tuple[str, ...]
    zone: str
    name: str = ""
    owner: str = ""
    system: str = ""
    """The ATO boundary the host belongs to."""
    roles: tuple[str, ...] = ()
    platform: str = ""
    """Declared CPE 2.3 or free name; what was read on the host stands in the ``os`` facts."""
    mission: Mission = Mission.NONE
    device_class: DeviceClass = DeviceClass.SERVER
    tags: AssetTags = field(default_factory=AssetTags)
    access: Access = field(default_factory=Access)
    groups: tuple[str, ...] = ()
    declared: tuple[tuple[str, object], ...] = ()
    """What the operator says of the host (services, accounts, …): sorted pairs, the ``declared`` document."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All hosts, zones and vantages of an assessment; hosts sorted by id."""

    hosts: tuple[Host, ...]
    zones: tuple[Zone, ...]
    vantages: tuple[Vantage, ...] = ()
    name: str = "inventory"
