"""Everything the logins of one run share, and the way from a host of the inventory to an admitted address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from collectors.base import Session
from collectors.transports.credentials import Credential, CredentialGuard
from collectors.transports.hostkeys import Trusted, trusted_keys
from collectors.transports.script import SessionLimits
from posture.errors import CollectError, ScopeError
from posture.inputs.scope import Scope
from posture.model.host import Host
from posture.model.observation import Blind, Origin


@dataclass(frozen=True, slots=True)
class Reach:
    """How the hosts of one run are reached; shared by all its threads."""

    scope: Scope
    vantage: str
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    """The inventory by id, for jump hosts."""
    known_hosts: Path | None = None
    limits: SessionLimits = field(default_factory=SessionLimits)
    guard: CredentialGuard = field(default_factory=CredentialGuard)
    stop: threading.Event = field(default_factory=threading.Event)
    """Set it to end every session at its next turn."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One login on the way: a host, the address we may connect to, its keys and the credential."""

    host: Host
    address: str
    """IP address, admitted by the scope."""
    trusted: Trusted
    credential: Credential

    @property
    def where(self) -> str:
        """How messages name the hop."""
        return f"{self.host.id} ({self.address} port {self.host.access.port})"


def route(host: Host, reach: Reach) -> tuple[Hop, ...]:
    """Return every login from here to the host, jump hosts first, the host itself last.

    Raises:
        CollectError: an address is outside the scope, a name does not resolve, or a jump host or credential
            is not declared.
    """
    jumps = []
    for name in host.access.jump:
        if name not in reach.hosts:
            raise CollectError(
                Blind.NOT_ATTEMPTED, f"jump host `{name}` is not in the inventory", hint="add it as a host"
            )
        jumps.append(reach.hosts[name])
    return tuple(_hop(each, reach) for each in (*jumps, host))


def session_of(host: Host, reach: Reach, *, transport: str, host_key: str = "", account: str = "") -> Session:
    """Return the session that starts now."""
    return Session(
        host=host.id,
        account=account or host.access.user,
        vantage=reach.vantage,
        origin=Origin.LIVE,
        started_at=datetime.now(UTC),
        host_key=host_key,
        transport=transport,
    )


def admitted_address(host: Host, scope: Scope, now: datetime) -> str:
    """Return the IP address to connect to, after the scope admitted both it and the moment.

    Raises:
        CollectError: OUT_OF_SCOPE, or UNREACHABLE when a name does not resolve.
    """
    name = host.access.address or (host.addresses[0] if host.addresses else "")
    if not name:
        raise CollectError(Blind.NOT_ATTEMPTED, f"{host.id} has no address", hint="give it one in the inventory")
    try:
        found = socket.getaddrinfo(name, host.access.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CollectError(Blind.UNREACHABLE, f"`{name}` does not resolve: {error}") from None
    try:
        scope.admit_moment(now)
        # Every address of a name must be allowed: which one a connection takes is not ours to choose for long.
        admitted = [scope.admit(str(entry[4][0]).split("%")[0]) for entry in found]
    except ScopeError as error:
        raise CollectError(Blind.OUT_OF_SCOPE, str(error), hint=error.hint) from None
    return admitted[0]


def _hop(host: Host, reach: Reach) -> Hop:
    credential = reach.credentials.get(host.access.credential)
    if credential is None or not host.access.user:
        raise CollectError(
            Blind.NOT_ATTEMPTED,
            f"{host.id}: no user, or no credential named `{host.access.credential}`",
            hint="name one in the inventory and describe it in the configuration",
        )
    address = admitted_address(host, reach.scope, datetime.now(UTC))
    names = (host.access.address, address, *host.addresses)
    return Hop(host, address, trusted_keys(host, names, reach.known_hosts), credential)
