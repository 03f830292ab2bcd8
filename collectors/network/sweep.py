"""Which addresses of the authorised networks answer at all: one bounded nmap run a block, gently and in the window."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from collectors.network.exposure_plan import SLACK_S
from collectors.network.exposure_scan import Runner
from collectors.network.nmap import Phase, Probe, can_send_raw, command_line, run_nmap
from collectors.network.probe_log import ProbeLog, utc_now
from posture.errors import ScopeError, UsageError
from posture.inputs.scope import Scope
from posture.model.host import Vantage
from posture.model.observation import Blind

BLOCK = 256
ADDRESSES_MAX = 65_536  # half an hour at 300 packets a second
PORTS = (22, 80, 135, 139, 443, 445, 3389, 5985, 8080, 8443)
"""Asked of every address beside the scope's named ports: one of them is open or closed on nearly every host."""
PACKETS_PER_ADDRESS = 4 * len(PORTS)  # two kinds of ping for each port, each sent twice at most


@dataclass(frozen=True, slots=True)
class Alive:
    """An address where somebody is at home."""

    address: str
    reason: str
    """What came back first: echo-reply, syn-ack, reset, arp-response, …"""
    ports: tuple[str, ...]
    """Open ones of the few that were asked, as ``tcp/22``."""
    vendor: str = ""
    """Of the network card, where the address lies on our own link."""


@dataclass(frozen=True, slots=True)
class Unswept:
    """A block nobody can say anything about."""

    first: str
    last: str
    reason: Blind
    detail: str


def blocks(scope: Scope, leave_out: Collection[str] = (), cidrs: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """Return every address to sweep, in blocks: the scope's networks, or a part of them, without what is left out.

    Raises:
        UsageError: there are more than ``ADDRESSES_MAX``.
        ScopeError: a network that was asked for is none.
    """
    found: dict[str, None] = {}
    for text in cidrs or scope.cidrs:
        try:
            net = ipaddress.ip_network(text)
        except ValueError as error:
            raise ScopeError(f"`{text}` is not a network: {error}", hint="write 10.1.2.0/24") from None
        if net.num_addresses + len(found) > ADDRESSES_MAX:
            raise UsageError(
                f"{text} has more addresses than one sweep takes ({ADDRESSES_MAX})",
                hint="name parts of it with `--cidr`; IPv6 networks are found in IPAM, not by asking every address",
            )
        found.update(dict.fromkeys(str(ip) for ip in net if str(ip) not in leave_out and _admitted(str(ip), scope)))
    return [
        tuple(block)
        for six in (False, True)
        for alike in [[address for address in found if (":" in address) is six]]
        for block in (alike[at : at + BLOCK] for at in range(0, len(alike), BLOCK))
    ]


def sweep_probe(scope: Scope, addresses: Sequence[str], *, raw: bool) -> Probe:
    """Return the one nmap run that asks a block."""
    ports = tuple(sorted({*PORTS, *scope.named_ports}))
    rate = min(scope.rates.packets_per_s, scope.rates.packets_per_s_per_host * len(addresses))
    return Probe(
        Phase.SWEEP,
        ports,
        half_open=raw,
        ipv6=":" in addresses[0],
        packets_per_s=rate,
        timing=scope.rates.timing,
        retries=1,
        host_timeout_s=SLACK_S + PACKETS_PER_ADDRESS * len(addresses) // rate,
    )


def sweep(
    todo: Sequence[tuple[str, ...]],
    scope: Scope,
    vantage: Vantage,
    *,
    log: ProbeLog,
    stop: threading.Event,
    clock: Callable[[], datetime] = utc_now,
    raw: bool | None = None,
    run: Runner = run_nmap,
) -> Iterator[Alive | Unswept]:
    """Yield what each block brought; a block that could not be asked, or not to its end, says why.

    Raises:
        StoreError: the probe log cannot be written; nothing more is sent.
    """
    raw = can_send_raw() if raw is None else raw
    for addresses in todo:
        now = clock()
        if stop.is_set():
            yield Unswept(addresses[0], addresses[-1], Blind.NOT_ATTEMPTED, "stopped by the operator")
            continue
        try:
            scope.admit_moment(now)
            admitted = [scope.admit(address) for address in addresses]
        except ScopeError as error:
            yield Unswept(addresses[0], addresses[-1], Blind.OUT_OF_SCOPE, str(error))
            continue
        probe = sweep_probe(scope, admitted, raw=raw)
        timeout_s = min(2.0 * probe.host_timeout_s, scope.seconds_left(now))
        log.sent(vantage=vantage.name, what=command_line(probe), targets=admitted, ports=probe.asked)
        reply = run(probe, admitted, timeout_s=timeout_s, stop=stop)
        for host in reply.hosts:
            if host.status == "up" and host.address in admitted:
                opened = tuple(f"{port.proto}/{port.port}" for port in host.ports if port.state == "open")
                yield Alive(host.address, host.status_reason, opened, host.vendor)
        if reply.reason is not None:
            yield Unswept(addresses[0], addresses[-1], reply.reason, reply.detail)


def _admitted(address: str, scope: Scope) -> bool:
    try:
        scope.admit(address)
    except ScopeError:
        return False
    return True
