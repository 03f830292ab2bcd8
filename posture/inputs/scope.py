"""The written authorisation: every target and every moment passes through here before a packet leaves."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from posture.errors import ScopeError
from posture.inputs.blackout import Pause, blacked_out, next_begin

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

Lookup = Callable[[str], Iterable[str]]
"""From a host name to address texts; raises ``OSError`` when the name is unknown."""
OnRefused = Callable[[str, str], None]
"""Told of every target that was refused, and why: the probe log."""


def look_up(name: str) -> tuple[str, ...]:
    """Return every address the system's resolver knows for a name, each once, in the resolver's order."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Rates:
    """How hard we may push; conservative unless the owner says otherwise."""

    packets_per_s: int = 300
    """For all nmap processes of one vantage together."""
    packets_per_s_per_host: int = 300
    """For one address: a whole batch keeps to it, as nmap spends a batch's rate on whichever host is left."""
    packets_per_s_by_zone: tuple[tuple[str, int], ...] = ()
    """Lower rates for zones behind a jump host or firewall that cannot take more, by zone name."""
    connections_per_host: int = 0
    """Whole connections that one address may see of our probes at once; 0 leaves it to the plan: 40 while versions are
    read, 20 for greetings, by rate where ports are asked without root. Questions to AI services and logins come one by
    one."""
    parallel_logins: int = 16
    parallel_logins_per_zone: int = 8
    parallel_logins_per_jump: int = 4
    """Below sshd's default MaxStartups 10:30:100 and MaxSessions 10."""
    hosts_per_batch: int = 32
    timing: int = 3
    """nmap -T template, 2 to 4."""

    def __post_init__(self) -> None:
        """Refuse rates that are no rates.

        Raises:
            ScopeError: a number is out of its range.
        """
        _within("packets_per_s", self.packets_per_s, 1, 1_000_000)
        _within("packets_per_s_per_host", self.packets_per_s_per_host, 1, 1_000_000)
        _within("connections_per_host", self.connections_per_host, 0, 1000)
        for zone, rate in self.packets_per_s_by_zone:
            _within(f"packets_per_s_by_zone of {zone}", rate, 1, 1_000_000)
        _within("hosts_per_batch", self.hosts_per_batch, 1, 4096)
        _within("timing", self.timing, 2, 4)
        for name in ("parallel_logins", "parallel_logins_per_zone", "parallel_logins_per_jump"):
            _within(name, getattr(self, name), 1, 1024)


@dataclass(frozen=True, slots=True)
class Window:
    """When scanning is allowed; aware UTC moments, the end not included."""

    opens: datetime
    closes: datetime

    def __post_init__(self) -> None:
        """Refuse a window that can never be open, or whose moments have no time zone.

        Raises:
            ScopeError: naive moments, or an end that is not after the start.
        """
        if self.opens.tzinfo is None or self.closes.tzinfo is None:
            raise ScopeError(
                "the window has no time zone",
                hint="write moments with an offset, such as 2026-12-01T20:00:00Z",
            )
        if self.closes <= self.opens:
            raise ScopeError(
                f"the window closes at {self.closes}, before it opens",
                hint="`closes` must be later than `opens`",
            )

    def seconds_left(self, now: datetime) -> float:
        """Return how long the window stays open, in seconds; zero or less when it is closed."""
        if now < self.opens:
            return 0.0
        return (self.closes - now).total_seconds()


PROBE_CLASSES = ("tls", "ssh", "page", "smb")
"""What may be asked of an open port beside its version: a TLS greeting, an SSH greeting, the page at / over HTTP."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A host's owner allows it to look at the network for us, through the nmap that it has."""

    host: str
    """Id of the inventory host."""
    authorisation: str
    """Id of the signed document; its probes are logged under it."""


@dataclass(frozen=True, slots=True)
class AiQuestions:
    """Open ports may be asked in HTTP whether an AI service is behind them."""

    requests_per_port: int = 8
    """At most so many GETs to one port."""

    def __post_init__(self) -> None:
        """Refuse a number that is no budget.

        Raises:
            ScopeError: it is out of its range.
        """
        _within("requests_per_port", self.requests_per_port, 1, 64)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the system owner signed."""

    authorisation: str
    owner: str
    window: Window
    cidrs: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    """Wins over ``cidrs``."""
    rates: Rates = field(default_factory=Rates)
    allow_passphrase_test: bool = False
    """Whether private keys found may be tested for a missing passphrase (ssh-keygen -y -P "")."""
    udp_ports: tuple[int, ...] = (53, 69, 111, 123, 137, 161, 500, 514, 623, 1900, 5353)
    named_ports: tuple[int, ...] = (22, 23, 80, 443)
    """All that fragile and OT devices are asked for."""
    probes: tuple[str, ...] = ("tls", "ssh", "smb")
    """Which of ``PROBE_CLASSES`` the owner allows; greetings are, a page is fetched only where it is named."""
    vantages: tuple[Grant, ...] = ()
    """Hosts that may look at the network; no other host ever does."""
    ai_services: AiQuestions | None = None
    """``None``: no port is asked for an AI service."""
    blackouts: tuple[Pause, ...] = ()
    """Hours inside the window in which nothing is sent all the same."""

    def __post_init__(self) -> None:
        """Refuse networks and ports that do not mean what they seem to.

        Raises:
            ScopeError: a CIDR with host bits, a port outside 1 to 65535, or a class of probe that does not exist.
        """
        for text in (*self.cidrs, *self.excluded):
            _network(text)
        for port in (*self.udp_ports, *self.named_ports):
            _within("a port", port, 1, 65535)
        for name in self.probes:
            if name not in PROBE_CLASSES:
                raise ScopeError(f"`{name}` is no class of probe", hint=f"one of: {', '.join(PROBE_CLASSES)}")

    def admit(self, address: str) -> str:
        """Return the address in canonical form when it may be touched.

        Raises:
            ScopeError: it is not the address of one host, outside every allowed CIDR, or excluded.
        """
        ip = _one_host(address)
        if any(ip in _network(text) for text in self.excluded):
            raise ScopeError(
                f"{ip} is excluded by authorisation {self.authorisation}",
                hint="ask the owner to change the scope file",
            )
        around = [net for net in map(_network, self.cidrs) if ip in net]
        if not around:
            raise ScopeError(
                f"{ip} lies outside authorisation {self.authorisation}",
                hint="add its CIDR to `cidrs` in the scope file, with the owner's consent",
            )
        if all(_is_broadcast(ip, net) for net in around):
            raise ScopeError(
                f"{ip} is the broadcast address of {around[0]}",
                hint=f"if it is a host after all, add {ip}/32 to `cidrs`",
            )
        return str(ip)

    def resolve(self, target: str, *, lookup: Lookup = look_up, refused: OnRefused | None = None) -> tuple[str, ...]:
        """Return the admitted addresses of a name or address; the one place where names are resolved.

        Connect to what this returns, never to the name again: a name may answer differently the next time.

        Raises:
            ScopeError: it is neither a name nor an address, is unknown, or every address of it is refused.
        """
        tell = refused or _nobody
        try:
            if _is_address(target):
                return (self.admit(target),)
            found = _addresses_of(target, lookup)
        except ScopeError as error:
            tell(target, str(error))
            raise
        admitted: list[str] = []
        reasons: list[str] = []
        for address in found:
            try:
                admitted.append(self.admit(address))
            except ScopeError as error:
                reasons.append(str(error))
                tell(target, f"resolves to an address that is refused: {error}")
        if not admitted:
            raise ScopeError(
                f"`{target}` resolves to nothing that may be touched: {'; '.join(reasons)}",
                hint="correct the name, or have the owner extend `cidrs`",
            )
        return tuple(dict.fromkeys(admitted))

    def admit_moment(self, now: datetime) -> None:
        """Return when scanning is allowed at this moment; asked again before each batch.

        Raises:
            ScopeError: the window is closed.
        """
        if not self.window.opens <= now < self.window.closes:
            raise ScopeError(
                f"{now:%Y-%m-%d %H:%M} UTC is outside the window "
                f"{self.window.opens:%Y-%m-%d %H:%M} to {self.window.closes:%Y-%m-%d %H:%M}",
                hint="wait for the window, or have the owner extend it in the scope file",
            )
        if found := blacked_out(self.blackouts, now):
            until, reason = found
            raise ScopeError(
                f"{now:%Y-%m-%d %H:%M} UTC lies in a blackout until {until:%Y-%m-%d %H:%M} UTC"
                + (f": {reason}" if reason else ""),
                hint="wait for its end, or have the owner change `blackouts` in the scope file",
            )

    def seconds_left(self, now: datetime) -> float:
        """Return how long scanning stays allowed, in seconds; zero or less when it is not."""
        if blacked_out(self.blackouts, now):
            return 0.0
        left = self.window.seconds_left(now)
        begins = next_begin(self.blackouts, now)
        return left if begins is None else min(left, (begins - now).total_seconds())


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ScopeError(f"{name} is {value}", hint=f"it must lie between {low} and {high}")


@lru_cache(maxsize=4096)
def _network(text: str) -> IPNetwork:
    try:
        return ipaddress.ip_network(text, strict=True)
    except ValueError as error:
        raise ScopeError(
            f"`{text}` is not a network: {error}", hint="write 10.1.2.0/24, or 10.1.2.3/32 for one host"
        ) from None


def _is_address(text: str) -> bool:
    # A colon can stand in no host name, so anything with one is meant as an IPv6 address and judged as such.
    if ":" in text:
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _one_host(text: str) -> IPAddress:
    try:
        # Python refuses leading zeros by itself since 3.9.5: some libraries read 010 as octal.
        ip = ipaddress.ip_address(text)
    except ValueError:
        raise ScopeError(f"`{text}` is not an IP address", hint="names are resolved before they get here") from None
    if ip.version == 6 and ip.scope_id is not None:
        raise ScopeError(
            f"`{text}` carries a zone id",
            hint="link-local addresses mean another host on every link: use a global one",
        )
    if ip.version == 6 and _carries_ipv4(ip):
        raise ScopeError(
            f"{ip} carries an IPv4 address inside",
            hint="write the IPv4 address itself, so that `excluded` can see it",
        )
    if ip.is_multicast or ip.is_unspecified or ip == _LIMITED_BROADCAST:
        raise ScopeError(
            f"{ip} is not the address of one host", hint="multicast, broadcast and 0.0.0.0 are never scanned"
        )
    return ip


_LIMITED_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
_CARRIERS = tuple(
    ipaddress.IPv6Network(text)
    for text in ("::ffff:0:0/96", "2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")
)
"""IPv4-mapped (RFC 4291), 6to4 (RFC 3056), Teredo (RFC 4380), NAT64 (RFC 6052, RFC 8215)."""
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291, 2.5.5.1, deprecated; ::1 lies in it


def _carries_ipv4(ip: ipaddress.IPv6Address) -> bool:
    if any(ip in net for net in _CARRIERS):
        return True
    return ip in _IPV4_COMPATIBLE and int(ip) > 0xFFFF


def _is_broadcast(ip: IPAddress, net: IPNetwork) -> bool:
    # RFC 3021: a /31 has no broadcast address.
    return ip.version == 4 and net.prefixlen <= 30 and ip == net.broadcast_address


_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?\Z")
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)\Z")


def _addresses_of(name: str, lookup: Lookup) -> tuple[str, ...]:
    if not _NAME.match(name):
        raise ScopeError(
            f"{name!r} is neither an address nor a host name", hint="letters, digits, dots and hyphens only"
        )
    *before, last = name.rstrip(".").split(".")
    if _NUMBER.match(last) or (before and last[0].isdecimal()):
        # getaddrinfo reads `0177.1`, `2130706433` and `0x7f.1` as 127.0.0.1; 10.1.2.1-255 is nmap's for many hosts.
        raise ScopeError(f"`{name}` is an address in a form that hides which", hint="write it in four decimal numbers")
    try:
        return tuple(lookup(name))
    except (OSError, UnicodeError) as error:
        raise ScopeError(
            f"`{name}` cannot be resolved: {error}", hint="write the address into the inventory"
        ) from error


def _nobody(target: str, reason: str) -> None:
    """Tell nobody."""
