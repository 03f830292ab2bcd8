"""Looks at hosts from the network in two phases, gently and inside the authorisation, and brings home the evidence.

Phase one finds open ports on all TCP ports and a UDP list; phase two asks only those for their version, and for more
where the scope allows it. A batch that dies costs the hosts it had not finished, and they are tried once more in two
halves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from collectors.base import Answer, Command, Session, Transcript
from collectors.network.exposure_evidence import UNDECLARED, Looked, evidence_of
from collectors.network.exposure_plan import (
    Aim,
    aim_at,
    batch_timeout_s,
    bounded,
    capped,
    chunks,
    discovery,
    gentle,
    lanes_for,
    rate_for,
    recheck_probe,
    script_probe,
    slower,
    targets_of,
    version_probe,
)
from collectors.network.exposure_scripts import phases_of, script_groups
from collectors.network.exposure_vantages import TRANSPORT
from collectors.network.nmap import ALL_TCP, Phase, Probe, Reply, can_send_raw, command_line, run_nmap
from collectors.network.nmap_xml import RunHeader, SeenHost
from collectors.network.pace import Pace, same_silence, silent_ports, suspects
from collectors.network.probe_log import ProbeLog, utc_now
from posture.errors import ScopeError
from posture.inputs.scope import Lookup, Scope, look_up
from posture.model.host import Host, Trust, Vantage
from posture.model.observation import Blind, Hole, Origin

UNION_PROBES_MAX = 20_000  # about a minute at the default rate: what one more silent service would cost


class Runner(Protocol):
    """Runs one probe: nmap on this machine, on a vantage host (``FarNmap``), or later on a worker."""

    def __call__(self, probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
        """Return what came back; a probe that fails says so in its reply."""
        ...


def scan_exposure(
    hosts: Sequence[Host],
    scope: Scope,
    vantage: Vantage,
    *,
    trust_of_zone: Mapping[str, Trust],
    log: ProbeLog,
    stop: threading.Event,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
    pace: Pace | None = None,
    known_up: Container[str] = frozenset(),
    raw: bool | None = None,
    run: Runner = run_nmap,
    blocked: Hole | None = None,
    lookup: Lookup = look_up,
) -> Iterator[Transcript]:
    """Yield one transcript per host, chunk by chunk; what could not be looked at says why in its answers.

    ``known_up`` holds the ids of hosts that something else saw alive in this run: their silence is believed.
    ``pace`` is shared by scans of one vantage that run at the same time. ``progress`` is told (hosts done, all).
    ``blocked`` says why this vantage cannot look at all: every host then has that reason, and nothing is sent.

    Raises:
        StoreError: the probe log cannot be written; nothing more is sent.
    """
    trust = trust_of_zone.get(vantage.zone)
    waiting = list(chunks(hosts, scope))
    lanes = lanes_for(scope, len(waiting))
    scan = _Scan(
        scope=scope,
        vantage=vantage,
        trust=trust.value if trust else UNDECLARED,
        log=log,
        stop=stop,
        clock=clock,
        pace=pace or Pace(scope.rates.packets_per_s, lanes),
        lanes=lanes,
        raw=can_send_raw() if raw is None else raw,
        run=run,
        blocked=blocked,
    )
    done = 0

    def look(chunk: Sequence[Host]) -> list[Transcript]:
        aims = [aim_at(host, scope, lookup, log.refused) for host in chunk]
        started_at = clock()
        found = scan.chunk(chunk[0], aims)
        return [scan.transcript(aim, found, started_at, aim.host.id in known_up) for aim in aims]

    for looked in _side_by_side(look, waiting, lanes):
        yield from looked
        done += len(looked)
        if progress is not None:
            progress(done, len(hosts))


def _side_by_side(
    look: Callable[[Sequence[Host]], list[Transcript]], waiting: Sequence[Sequence[Host]], lanes: int
) -> Iterator[list[Transcript]]:
    """Yield what each chunk brought, in their order, while the next ones are looked at."""
    if lanes == 1:
        yield from map(look, waiting)
        return
    workers = ThreadPoolExecutor(lanes, thread_name_prefix="exposure")
    try:
        yield from workers.map(look, waiting)
    finally:
        workers.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one phase brought for one address."""

    probe: Probe
    argv: tuple[str, ...] = ()
    """Empty when nothing was sent."""
    host: SeenHost | None = None
    header: RunHeader = field(default_factory=RunHeader)
    duration_ms: int = 0
    stderr: str = ""
    reason: Blind | None = None
    detail: str = ""
    again: bool = False
    """Whether a second attempt may bring more."""
    second: _Found | None = None
    """The second attempt, where both lost packets: what either saw open is open, and nothing else is settled."""


_Round = dict[str, _Found]
"""By address."""


@dataclass(frozen=True, slots=True)
class _Scan:
    """One vantage at work."""

    scope: Scope
    vantage: Vantage
    trust: str
    log: ProbeLog
    stop: threading.Event
    clock: Callable[[], datetime]
    pace: Pace
    lanes: int
    raw: bool
    run: Runner
    blocked: Hole | None

    def chunk(self, host: Host, aims: Sequence[Aim]) -> dict[Phase, _Round]:
        """Return what every phase brought for every address of the chunk; ``host`` stands for its zone and class."""
        found: dict[Phase, _Round] = {phase: {} for phase in Phase if phase is not Phase.SWEEP}
        for ipv6 in (False, True):
            targets = targets_of(aims, ipv6=ipv6)
            if not targets:
                continue
            rate = rate_for(self.pace.packets_per_s, host, self.scope, self.lanes)
            probes = list(discovery(host, self.scope, rate, raw=self.raw, ipv6=ipv6))
            found[Phase.TCP] |= self._round(probes[0], targets, host)
            twice = ((address, found[Phase.TCP][address].second) for address in targets)
            found[Phase.RECHECK] |= {address: second for address, second in twice if second is not None}
            if not gentle(host):
                for probe, group in _rechecks(found[Phase.TCP], targets, probes[0]):
                    found[Phase.RECHECK] |= self._round(probe, group, host)
                for probe in probes[1:]:
                    found[probe.phase] |= self._round(probe, targets, host)
                found[Phase.UDP] |= self._without_udp(targets)
                for probe, group in _version_groups(found, targets, probes[0]):
                    found[Phase.VERSIONS] |= self._round(probe, group, host)
                for phase in phases_of(self.scope.probes):
                    known = {at: found[Phase.VERSIONS][at].host for at in targets if at in found[Phase.VERSIONS]}
                    for ports, group in script_groups(phase, known):
                        found[phase] |= self._round(script_probe(probes[0], phase, ports), group, host)
        return found

    def transcript(self, aim: Aim, found: Mapping[Phase, _Round], started_at: datetime, known_up: bool) -> Transcript:
        """Return one host's evidence from this vantage."""
        answers = [
            self._answer(phase, address, rounds[address], known_up)
            for phase, rounds in found.items()
            for address in aim.addresses
            if address in rounds
        ]
        for target, reason in aim.refused:
            nothing = _Found(Probe(Phase.TCP, ALL_TCP), reason=Blind.OUT_OF_SCOPE, detail=reason)
            answers.append(self._answer(Phase.TCP, target, nothing, known_up))
        session = Session(
            host=aim.host.id,
            account="",
            vantage=self.vantage.name,
            origin=Origin.LIVE,
            started_at=started_at,
            transport=TRANSPORT,
        )
        failure = None if answers else Hole("", Blind.NOT_ATTEMPTED, "the inventory gives no address for this host")
        return Transcript(session, {answer.command.id: answer for answer in answers}, failure)

    def _without_udp(self, targets: Sequence[str]) -> _Round:
        """Return why UDP was not asked, where it was not."""
        if self.raw or self.blocked is not None or not self.scope.udp_ports:
            return {}
        probe = Probe(Phase.UDP, udp_ports=self.scope.udp_ports)
        return _nothing(probe, targets, Blind.COMMAND_REFUSED, "UDP scans need root")

    def _round(self, probe: Probe, targets: Sequence[str], host: Host) -> _Round:
        """Return what a probe brought for every target; those it died on are asked once more, in halves."""
        first = self._attempt(probe, targets, host)
        again = [address for address in targets if first[address].again]
        if not again:
            return first
        second: _Round = {}
        lossy = [address for address in again if first[address].reason is Blind.TRUNCATED]
        for group in (lossy, [address for address in again if address not in lossy]):
            middle = (len(group) + 1) // 2
            for half in filter(None, (group[:middle], group[middle:])):
                second |= self._attempt(slower(probe, lossy=group is lossy), half, host)
        return first | {address: _better(first[address], second[address]) for address in again}

    def _attempt(self, probe: Probe, targets: Sequence[str], host: Host) -> _Round:
        """Send one batch, after asking the stop, the pace and the authorisation's clock once more."""
        now = self.clock()
        if self.stop.is_set():
            return _nothing(probe, targets, Blind.NOT_ATTEMPTED, "stopped by the operator")
        if self.blocked is not None:
            return _nothing(probe, targets, self.blocked.reason, self.blocked.detail)
        if self.pace.stopped:
            return _nothing(probe, targets, Blind.TIMED_OUT, self.pace.stopped)
        try:
            self.scope.admit_moment(now)
            admitted = [self.scope.admit(target) for target in targets]
        except ScopeError as error:
            return _nothing(probe, targets, Blind.OUT_OF_SCOPE, str(error))
        with self.pace.lease() as packets_per_s:
            ready = bounded(capped(probe, packets_per_s), len(admitted))
            timeout_s = min(batch_timeout_s(ready), self.scope.seconds_left(now))
            self.log.sent(vantage=self.vantage.name, what=command_line(ready), targets=admitted, ports=ready.asked)
            reply = self.run(ready, admitted, timeout_s=timeout_s, stop=self.stop)
        found = _sorted_out(ready, admitted, reply)
        lossy = sum(entry.reason is Blind.TRUNCATED and entry.host is not None for entry in found.values())
        cut_short = reply.reason is Blind.TIMED_OUT and bool(reply.argv)
        if probe.phase is Phase.TCP:
            self.pace.judge(host.zone, reply.hosts, lossy, cut_short=cut_short)
        return found

    def _answer(self, phase: Phase, address: str, found: _Found, known_up: bool) -> Answer:
        looked = Looked(
            vantage=self.vantage,
            trust=self.trust,
            phase=phase,
            address=address,
            asked=found.probe.asked,
            host=found.host,
            reason=found.reason,
            detail=found.detail,
            known_up=known_up,
        )
        evidence = evidence_of(looked, found.header, found.argv)
        return Answer(
            command=Command(
                id=f"exposure.{phase.value}/{self.vantage.name}/{address}",
                argv=found.argv,
                timeout_s=int(batch_timeout_s(found.probe)),
            ),
            stdout=evidence.content,
            stderr=found.stderr.encode(),
            exit_code=0 if found.reason is None else None,
            duration_ms=found.duration_ms,
            truncated=found.reason is Blind.TRUNCATED,
            timed_out=found.reason is Blind.TIMED_OUT,
            redactions=evidence.count,
            ran_as_root=self.raw and bool(found.argv),
        )


_WORTH_A_RETRY = frozenset({Blind.TRUNCATED, Blind.TIMED_OUT, Blind.UNPARSEABLE})


def _rechecks(found: _Round, targets: Sequence[str], tcp_probe: Probe) -> Iterator[tuple[Probe, list[str]]]:
    """Yield the probes that ask silent ports among answering ones again."""
    silent = {
        address: (suspects(entry.host), ())
        for address in targets
        if (entry := found[address]).host is not None and entry.reason is None
    }
    for (tcp, _), group in _grouped(silent):
        yield recheck_probe(tcp_probe, tcp), group


def _version_groups(
    found: Mapping[Phase, _Round], targets: Sequence[str], tcp_probe: Probe
) -> Iterator[tuple[Probe, list[str]]]:
    """Yield the probes of phase two; nmap asks for a version only where a port is open."""
    opened = {
        address: (
            _open_ports(found[Phase.TCP].get(address), "tcp", found[Phase.RECHECK].get(address)),
            _open_ports(found[Phase.UDP].get(address), "udp"),
        )
        for address in targets
    }
    for (tcp, udp), group in _grouped(opened):
        yield version_probe(tcp_probe, tcp, udp), group


_PortSets = tuple[tuple[int, ...], tuple[int, ...]]
"""TCP and UDP."""


def _grouped(wanted: Mapping[str, _PortSets]) -> Iterator[tuple[_PortSets, list[str]]]:
    """Yield ports with the addresses to ask for them: their union, or each set by itself where that is too much.

    The union costs a packet or two for each host that lacks a port; a run of its own for each set would cost the
    slowest service of each.
    """
    groups: dict[_PortSets, list[str]] = {}
    for address, ports in wanted.items():
        if any(ports):
            groups.setdefault(ports, []).append(address)
    tcp = tuple(sorted({port for ports in groups for port in ports[0]}))
    udp = tuple(sorted({port for ports in groups for port in ports[1]}))
    everyone = [address for address, ports in wanted.items() if any(ports)]
    if not groups:
        return
    if len(everyone) * (len(tcp) + len(udp)) <= UNION_PROBES_MAX:
        yield (tcp, udp), everyone
    else:
        yield from sorted(groups.items())


def _open_ports(found: _Found | None, proto: str, again: _Found | None = None) -> tuple[int, ...]:
    hosts = [entry.host for entry in (found, again) if entry is not None and entry.host is not None]
    return tuple(sorted({p.port for host in hosts for p in host.ports if p.state == "open" and p.proto == proto}))


def _nothing(probe: Probe, targets: Sequence[str], reason: Blind, detail: str) -> _Round:
    return {target: _Found(probe, reason=reason, detail=detail) for target in targets}


def _sorted_out(probe: Probe, targets: Sequence[str], reply: Reply) -> _Round:
    """Return the reply by address, with the reason wherever it is not the whole truth."""
    hosts = {host.address: host for host in reply.hosts}
    return {address: _found(probe, reply, hosts.get(address)) for address in targets}


def _found(probe: Probe, reply: Reply, host: SeenHost | None) -> _Found:
    known = _Found(probe, reply.argv, host, reply.header, reply.duration_ms, reply.stderr)
    if host is None and reply.reason is not None:
        again = bool(reply.argv) and reply.reason in _WORTH_A_RETRY
        return replace(known, reason=reply.reason, detail=reply.detail, again=again)
    if host is None or host.status == "down":
        # nmap asks the local link for the address first (ARP, ND), -Pn or not, and leaves out who is not there.
        detail = reply.stderr[:200] or "no such address on the local link, or no route to it"
        return replace(known, host=None, reason=Blind.UNREACHABLE, detail=detail)
    if host.timed_out:
        detail = f"nmap gave the host up after {probe.host_timeout_s} s"
        return replace(known, host=None, reason=Blind.TIMED_OUT, detail=detail)
    if probe.phase is Phase.TCP and silent_ports(host):
        detail = "packets were lost: ports stayed silent at random among answering ones"
        return replace(known, reason=Blind.TRUNCATED, detail=detail, again=True)
    return known


def _better(first: _Found, second: _Found) -> _Found:
    """Return the attempt to keep: a whole one, one whose silence is the same twice and so no loss, or both."""
    if second.host is None:
        return second if second.argv and first.host is None else first
    if first.host is None or second.reason is not Blind.TRUNCATED:
        return second
    seen_once = set(_open_ports(first, "tcp")) - set(_open_ports(second, "tcp"))
    if not seen_once and same_silence(silent_ports(first.host), silent_ports(second.host)):
        return replace(second, reason=None, detail="")
    return replace(first, second=second)
