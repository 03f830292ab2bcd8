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
    host: str = ""
    """Id of the inventory host that looks, through its own nmap; empty for the scanner's own places."""


FLEET = "fleet"
"""The pseudo-host of what only shows over all hosts: it has results and findings, and is in no count of hosts."""
IMPORTED_FROM = "imported_from"
"""Key of ``Host.declared`` of a host that only an import knows: it is judged, and never touched."""
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
class Flow:
    """A way through the network that the operator wants to be there: one line of the zone matrix."""

    source: str
    """Name of a ``Zone``."""
    target: str
    """Name of a ``Zone``, or id of a host."""
    ports: tuple[str, ...]
    """``tcp/443``, ``tcp/8000-8100``, ``udp/any`` or ``any``."""
    why: str = ""

    def covers(self, proto: str, port: int) -> bool:
        """Return whether the flow speaks of this port."""
        return any(_covers(text, proto, port) for text in self.ports)


def _covers(text: str, proto: str, port: int) -> bool:
    kind, _, numbers = text.partition("/")
    if kind not in (proto, "any"):
        return False
    if numbers in ("", "any"):
        return True
    low, _, high = numbers.partition("-")
    high = high or low
    return low.isdecimal() and high.isdecimal() and int(low) <= port <= int(high)


@dataclass(frozen=True, slots=True)
class Published:
    """One entry of a NAT, VIP or load-balancer map: what a public address and port lead to."""

    address: str
    """The public IP address."""
    port: int
    host: str
    """Id of the host behind it."""
    host_port: int
    proto: str = "tcp"


@dataclass(frozen=True, slots=True)
class RegisteredAi:
    """One entry of the operator's register of AI services: somebody answers for it."""

    service: str
    """Id of the product, such as ``ollama``."""
    host: str
    """Id of an inventory host."""
    owner: str
    port: int | None = None
    """``None``: on whatever port."""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All hosts, zones and vantages of an assessment; hosts sorted by id."""

    hosts: tuple[Host, ...]
    zones: tuple[Zone, ...]
    vantages: tuple[Vantage, ...] = ()
    name: str = "inventory"
    flows: tuple[Flow, ...] | None = None
    """The zone matrix; ``None`` when the operator declares none, which is not the same as an empty one."""
    published: tuple[Published, ...] = ()
    ai_register: tuple[RegisteredAi, ...] | None = None
    """What AI services there may be; ``None`` when no register is named, which is not the same as an empty one."""
    trust_anchors: tuple[str, ...] | None = None
    """Certificates in PEM of the authorities that clients trust; ``None`` when none are named."""
