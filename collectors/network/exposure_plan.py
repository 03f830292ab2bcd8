"""What an exposure scan will send, computed before the first packet: batches of hosts, and one typed probe for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from collectors.network.exposure_scripts import phases_of
from collectors.network.nmap import ALL_TCP, SCRIPT_S, SCRIPTS, Phase, Probe, can_send_raw, command_line
from posture.errors import ScopeError
from posture.inputs.scope import Lookup, OnRefused, Scope, look_up
from posture.model.host import DeviceClass, Host, Vantage

GENTLE_PACKETS_PER_S = 10  # fragile and OT devices: a human with telnet is not much slower
FLOOR_SHARE = 0.75  # of the authorised rate; left alone, nmap crawls at hosts that drop everything
LOSSY_DIVISOR = 8  # of the floor, for a second attempt where packets were lost: room to find out what the way bears
RETRIES = 2
UDP_RETRIES = 5
RECHECK_RETRIES = 5
CONNECTIONS_MAX = 40  # nmap's own ideal for service scans at -T4
EXPECTED_TRIES = 2  # a silent port is asked twice before nmap believes it
LANE_PACKETS_PER_S = (
    30_000  # below that a batch waits for its rate; above it for round trips, which lanes wait for at once
)
LANES_MAX = 4
SLACK_S = 120
VERSION_S_PER_PORT = 20  # a service that never speaks costs one silent wait and a few probes of 5 s
SCRIPT_CONNECTIONS_MAX = 20  # nmap's own limit for scripts
SSH_CONNECTIONS = 4  # ssh-hostkey holds so many where a server never ends the exchange (seen with nmap 7.93)
POLITE_DELAY_S = 0.4  # nmap(1): -T2 waits that long between probes and sends one at a time
DELAY_S = 0.02  # nmap adds delay between probes to one host once it sees loss; this much we wait for


@dataclass(frozen=True, slots=True)
class Aim:
    """A host with the addresses of it that may be touched."""

    host: Host
    addresses: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PlannedProbe:
    """One nmap run of the manifest, before anything was sent."""

    argv: tuple[str, ...]
    """``TARGETS`` stands for our file of addresses; ``OPEN``, ``SILENT``, ``TLS``, ``SSH``, ``PAGE`` and ``SMB`` for
    the ports that were found to be so, or to speak so, before."""
    targets: tuple[str, ...]
    vantage: str
    zone: str
    phase: str
    expected_s: int
    """At the authorised rate, if every port stays silent."""
    note: str = ""


def probe_manifest(
    scope: Scope,
    hosts: Sequence[Host],
    vantage: Vantage,
    *,
    raw: bool | None = None,
    lookup: Lookup = look_up,
) -> list[PlannedProbe]:
    """Return every nmap run that ``scan_exposure`` would start, in its order; nothing is sent to any target."""
    raw = can_send_raw() if raw is None else raw
    planned = []
    waiting = list(chunks(hosts, scope))
    lanes = lanes_for(scope, len(waiting))
    for chunk in waiting:
        aims = [aim_at(host, scope, lookup) for host in chunk]
        for ipv6 in (False, True):
            targets = targets_of(aims, ipv6=ipv6)
            if not targets:
                continue
            rate = rate_for(scope.rates.packets_per_s, chunk[0], scope, lanes)
            probes = list(discovery(chunk[0], scope, rate, raw=raw, ipv6=ipv6))
            planned.append(_planned(probes[0], targets, chunk[0], vantage))
            if gentle(chunk[0]):
                continue
            planned.append(_later(recheck_probe(probes[0], (1,)), "SILENT", targets, chunk[0], vantage))
            planned += [_planned(probe, targets, chunk[0], vantage) for probe in probes[1:]]
            planned.append(_later(version_probe(probes[0], (1,), ()), "OPEN", targets, chunk[0], vantage))
            for phase in phases_of(scope.probes):
                ports = phase.value.upper()
                planned.append(_later(script_probe(probes[0], phase, (1,)), ports, targets, chunk[0], vantage))
    return planned


def chunks(hosts: Sequence[Host], scope: Scope) -> Iterator[list[Host]]:
    """Yield hosts that may share a batch: same zone and gentleness, bounded by their number of addresses."""
    ordered = sorted(hosts, key=lambda host: (host.zone, gentle(host), host.id))
    for _, alike in groupby(ordered, key=lambda host: (host.zone, gentle(host))):
        chunk: list[Host] = []
        size = 0
        for host in alike:
            if chunk and size + len(host.addresses) > scope.rates.hosts_per_batch:
                yield chunk
                chunk, size = [], 0
            chunk.append(host)
            size += len(host.addresses)
        yield chunk


def gentle(host: Host) -> bool:
    """Return whether the host gets named ports only, slowly, and no version probes."""
    return host.device_class is not DeviceClass.SERVER


def aim_at(host: Host, scope: Scope, lookup: Lookup, refused: OnRefused | None = None) -> Aim:
    """Return which addresses of the host may be touched, and which not and why; names are resolved here."""
    addresses: list[str] = []
    outside: list[tuple[str, str]] = []
    for target in host.addresses:
        try:
            addresses += scope.resolve(target, lookup=lookup, refused=refused)
        except ScopeError as error:
            outside.append((target, str(error)))
    return Aim(host, tuple(dict.fromkeys(addresses)), tuple(outside))


def targets_of(aims: Iterable[Aim], *, ipv6: bool) -> tuple[str, ...]:
    """Return the addresses of one family, each once."""
    return tuple(dict.fromkeys(address for aim in aims for address in aim.addresses if (":" in address) is ipv6))


def lanes_for(scope: Scope, batches: int) -> int:
    """Return how many batches run side by side: more than one where a single one cannot use the vantage's rate."""
    rates = scope.rates
    useful = max(rates.packets_per_s // LANE_PACKETS_PER_S, rates.packets_per_s // rates.packets_per_s_per_host)
    return max(1, min(LANES_MAX, batches, useful))


def rate_for(budget: int, host: Host, scope: Scope, lanes: int) -> int:
    """Return packets per second for a batch of hosts like ``host``, within every limit of the scope.

    What one address may see is the limit of the whole batch: nmap spends a batch's rate on whichever host is left. A
    zone's limit is shared by all batches that may run in it at once.
    """
    if gentle(host):
        return min(budget, GENTLE_PACKETS_PER_S)
    zone = dict(scope.rates.packets_per_s_by_zone)
    shared = zone[host.zone] // lanes if host.zone in zone else budget
    return max(1, min(budget, shared, scope.rates.packets_per_s_per_host))


def discovery(host: Host, scope: Scope, rate: int, *, raw: bool, ipv6: bool) -> Iterator[Probe]:
    """Yield the probes of phase one; TCP first, UDP only where raw sockets allow it."""
    if gentle(host):
        # A whole handshake, one at a time: half-open connections are what old stacks choke on.
        yield Probe(Phase.TCP, scope.named_ports, half_open=False, ipv6=ipv6, packets_per_s=rate, timing=2, retries=1)
        return
    connections = scope.rates.connections_per_host
    tcp = Probe(
        Phase.TCP,
        ALL_TCP,
        half_open=raw,
        ipv6=ipv6,
        packets_per_s=rate,
        # A floor and a bound on connections contradict each other.
        min_packets_per_s=int(rate * FLOOR_SHARE) if raw or not connections else 0,
        timing=scope.rates.timing,
        retries=RETRIES,
        connections=connections,
    )
    yield tcp
    if raw and scope.udp_ports:
        # No floor, more patience: hosts limit their "port unreachable" to one a second, and one lost answer leaves
        # a port undecided for good.
        yield replace(
            tcp,
            phase=Phase.UDP,
            tcp_ports=(),
            udp_ports=scope.udp_ports,
            min_packets_per_s=0,
            timing=min(3, scope.rates.timing),
            retries=UDP_RETRIES,
        )


def recheck_probe(tcp_probe: Probe, ports: Sequence[int]) -> Probe:
    """Return the probe that asks silent ports once more, slower and with more patience."""
    again = slower(tcp_probe)
    return replace(again, phase=Phase.RECHECK, tcp_ports=tuple(ports), min_packets_per_s=0, retries=RECHECK_RETRIES)


def version_probe(tcp_probe: Probe, tcp: Sequence[int], udp: Sequence[int]) -> Probe:
    """Return the probe of phase two for the ports found open, in the manner of phase one."""
    return replace(
        tcp_probe,
        phase=Phase.VERSIONS,
        tcp_ports=tuple(tcp),
        udp_ports=tuple(udp),
        min_packets_per_s=0,
        parallelism=max(4, min(CONNECTIONS_MAX, tcp_probe.packets_per_s // 10)),
    )


def script_probe(tcp_probe: Probe, phase: Phase, ports: Sequence[int]) -> Probe:
    """Return the probe that asks more of ports that speak TLS, SSH or HTTP; nmap limits scripts, not packets."""
    connections = tcp_probe.connections
    return replace(
        tcp_probe,
        phase=phase,
        tcp_ports=tuple(ports),
        min_packets_per_s=0,
        parallelism=max(2, min(SCRIPT_CONNECTIONS_MAX, tcp_probe.packets_per_s // 20)),
        connections=connections and max(1, connections // (SSH_CONNECTIONS if phase is Phase.SSH else 1)),
    )


def slower(probe: Probe, *, lossy: bool = False) -> Probe:
    """Return the probe at half its rate, for a second attempt.

    Where packets were lost (``lossy``) nmap finds out by itself how many the way bears, down to an eighth of the floor:
    with none at all it crawls behind a firewall that answers now and then.
    """
    rate = max(1, probe.packets_per_s // 2)
    floor = min(probe.min_packets_per_s, int(rate * FLOOR_SHARE)) // (LOSSY_DIVISOR if lossy else 1)
    return replace(probe, packets_per_s=rate, min_packets_per_s=floor)


def capped(probe: Probe, packets_per_s: int) -> Probe:
    """Return the probe no faster than the rate given."""
    rate = min(probe.packets_per_s, packets_per_s)
    return replace(probe, packets_per_s=rate, min_packets_per_s=min(probe.min_packets_per_s, int(rate * FLOOR_SHARE)))


def bounded(probe: Probe, addresses: int) -> Probe:
    """Return the probe with a time limit per host; nmap works on them side by side, so each may take the batch's."""
    ports = len(probe.tcp_ports) + len(probe.udp_ports)
    if probe.phase in SCRIPTS:
        # Reckoned from the longest a script may take, so there is no more to wait for: a port that floods ends here.
        return replace(probe, host_timeout_s=int(expected_s(probe, addresses)) + SCRIPT_S[probe.phase])
    return replace(probe, host_timeout_s=int(2 * expected_s(probe, addresses) + ports * DELAY_S) + SLACK_S)


def batch_timeout_s(probe: Probe) -> float:
    """Return after how long a whole batch is ended, in seconds."""
    return probe.host_timeout_s * 1.5 + SLACK_S


def expected_s(probe: Probe, addresses: int) -> float:
    """Return how long a batch takes at the probe's rate if every port stays silent, in seconds."""
    ports = len(probe.tcp_ports) + len(probe.udp_ports)
    if probe.phase is Phase.VERSIONS:
        return addresses * ports * VERSION_S_PER_PORT / max(1, min(probe.at_once, addresses * ports))
    if probe.phase in SCRIPTS:
        runs = addresses * ports * len(SCRIPTS[probe.phase])
        return runs * SCRIPT_S[probe.phase] / max(1, min(probe.at_once, runs))
    tries = addresses * ports * EXPECTED_TRIES
    if probe.timing <= 2:
        return tries * max(POLITE_DELAY_S, 1 / probe.packets_per_s)
    # Each waits for its answer up to a second.
    return tries / min(probe.packets_per_s, probe.at_once or probe.packets_per_s)


def _planned(probe: Probe, targets: tuple[str, ...], host: Host, vantage: Vantage) -> PlannedProbe:
    return PlannedProbe(
        argv=command_line(bounded(probe, len(targets))),
        targets=targets,
        vantage=vantage.name,
        zone=host.zone,
        phase=probe.phase.value,
        expected_s=int(expected_s(probe, len(targets))),
        note="named ports only, no version probes" if gentle(host) else "",
    )


def _later(probe: Probe, ports: str, targets: tuple[str, ...], host: Host, vantage: Vantage) -> PlannedProbe:
    """Return the line of a probe whose ports are known only when the first phase is through."""
    ready = bounded(probe, len(targets))
    words = (ports if word == ready.asked else word for word in command_line(ready))
    return PlannedProbe(
        argv=tuple(words),
        targets=targets,
        vantage=vantage.name,
        zone=host.zone,
        phase=probe.phase.value,
        expected_s=0,
        note=f"{_WHICH[ports]}, and only those ports; the host timeout grows with them",
    )


_WHICH = {
    "SILENT": "only hosts with silent ports",
    "OPEN": "only hosts with open ports",
    "TLS": "only hosts with ports that speak TLS",
    "SSH": "only hosts with ports that speak SSH",
    "PAGE": "only hosts with ports that speak HTTP: a GET of / and five redirects on the same port at most",
    "SMB": "only hosts with ports that speak SMB, or may: 139 and 445",
}
