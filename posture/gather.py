"""Brings home what hosts and the network say, and keeps it as it comes: nothing here judges."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from collectors.ai.scan import TRANSPORT as HTTP
from collectors.ai.scan import Looks, ask_ai_services
from collectors.base import Transcript, Transport
from collectors.network.exposure_scan import scan_exposure
from collectors.network.far_nmap import FarNmap
from collectors.network.nmap import run_nmap
from collectors.network.probe_log import ProbeLog
from collectors.registry import COLLECTORS
from collectors.transports.credentials import Credential, CredentialKind
from collectors.transports.reach import Reach, route
from collectors.transports.script import SessionLimits
from posture.asked import asked_over
from posture.engine import collect_hosts, open_door
from posture.errors import CollectError
from posture.inputs.config import Config
from posture.inputs.scope import Scope
from posture.judged import Circumstances
from posture.known import Matcher, Nothing
from posture.model.asked import Asked
from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.host import IMPORTED_FROM, Host, Inventory, TransportKind, Vantage
from posture.model.observation import Blind, Hole
from posture.observe import NMAP, is_login
from posture.store import Store, Visit
from posture.vantages import Sights, sent

READING, LOOKING, ASKING, JUDGING = "reading hosts", "looking from the network", "asking AI services", "judging"
"""The stages that progress is told of."""


class Progress(Protocol):
    """Who is told how far the work has come."""

    def expect(self, stage: str, total: int) -> None:
        """Announce a stage and its number of hosts."""
        ...

    def advance(self, stage: str, what: str = "") -> None:
        """Count one host of a stage."""
        ...


class Silent:
    """Tells nobody."""

    def expect(self, stage: str, total: int) -> None:
        """Do nothing."""

    def advance(self, stage: str, what: str = "") -> None:
        """Do nothing."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Work:
    """How a scan is watched and stopped."""

    progress: Progress = field(default_factory=Silent)
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], datetime] = _utc_now
    """Says when a run ended; everything else is judged by the run's own moment."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a scan needs to know before the first packet."""

    inventory: Inventory
    scope: Scope
    config: Config
    baseline: Baseline
    circumstances: Circumstances
    vantage: Vantage
    jump_hosts: tuple[Host, ...] = ()
    """The whole inventory, where only a part of it is scanned: the way to that part may lead through the rest."""
    network: bool = True
    """Look at the hosts with nmap too."""
    look_here: bool = True
    """Look from where this scanner stands; else from ``far`` only."""
    far: tuple[Vantage, ...] = ()
    """Hosts that look as well, each with its own authorisation in the scope."""
    left_out: tuple[Vantage, ...] = ()
    """Places that may look and that this scan does not look from: the operator named another."""
    login: bool = True
    """Log in and read them."""
    matcher: Matcher = field(default_factory=Nothing)
    """What feeds and imports know; nothing, when none was loaded."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """How the collecting of a run ended."""

    stopped: bool
    """Somebody stopped it before every host was read."""
    notes: tuple[str, ...]


def gather(store: Store, run: Run, job: Job, work: Work, visits: frozenset[Visit] = frozenset()) -> Gathered:
    """Return how it ended, with every transcript kept; ``visits`` are those of the run that are there already.

    Raises:
        StoreError: the store or the probe log cannot be written; nothing more is sent.
    """
    keeper = _Keeper(store, run.id, work, visits)
    reach = _reach(job, work)
    with ProbeLog(job.config.folder / "probes.jsonl", job.scope.authorisation) as log:
        if job.login:
            for transcript in _logins(job, log, work, reach, _read(visits)):
                keeper.keep(transcript, READING)
        if job.network and not work.stop.is_set():
            for transcript in _looks(job, log, work, reach, keeper):
                keeper.keep(transcript, LOOKING)
            for transcript in _questions(store, run.id, job, log, work, keeper):
                keeper.keep(transcript, ASKING)
    keeper.keep_gaps(run, job)
    return Gathered(work.stop.is_set(), tuple(_notes(job, reach, work)))


def asked_by(job: Job, visits: frozenset[Visit], left_out: int) -> Asked:
    """Return what a run has asked when this attempt at it comes to its end.

    This one asks all that it sets out to. Of an earlier one, which was broken off, only what it brought home counts.
    """
    everyone = {host.id for host in job.inventory.hosts}
    logged_in = everyone if job.login else _read(visits)
    if job.network:
        asked = asked_over(job.inventory.hosts, logged_in, everyone, left_out)
        return replace(asked, vantages_left_out=_left_out(job, visits))
    transports = (NMAP,) if job.scope.ai_services is None else (NMAP, HTTP)
    places = (*((job.vantage,) if job.look_here else ()), *job.far, *job.left_out)
    seen = [_looked_at(visits, place.name, one) | {place.host} for place in places for one in transports]
    looked_at = everyone.intersection(*seen) if seen else set()
    return asked_over(job.inventory.hosts, logged_in, looked_at, left_out)


def _left_out(job: Job, visits: frozenset[Visit]) -> tuple[str, ...]:
    """Return the places that nobody wanted to look from, by name; not those that an earlier attempt looked from."""
    hosts = {host.id for host in job.inventory.hosts if _lookable(host)}
    return tuple(sorted(one.name for one in job.left_out if hosts - {one.host} - _looked_at(visits, one.name, NMAP)))


def _lookable(host: Host) -> bool:
    # A host that only an import knows was named by nobody: it is not probed.
    return bool(host.addresses) and IMPORTED_FROM not in dict(host.declared)


def _read(visits: frozenset[Visit]) -> set[str]:
    """Return the hosts whose login needs no repeating."""
    return {visit.host for visit in visits if visit.whole and visit.brought and is_login(visit.transport)}


def _looked_at(visits: frozenset[Visit], vantage: str, transport: str) -> set[str]:
    """Return the hosts that were wholly looked at, or asked, from this vantage."""
    looks = (visit for visit in visits if visit.transport == transport and visit.vantage == vantage)
    return {visit.host for visit in looks if visit.whole and visit.brought}


class _Keeper:
    """Keeps transcripts of one run, and knows which hosts need no second visit when it is taken up again."""

    def __init__(self, store: Store, run_id: str, work: Work, visits: frozenset[Visit]) -> None:
        self._store, self._run_id, self._work = store, run_id, work
        self.visits = visits
        self._told = {visit.host for visit in visits if visit.brought and is_login(visit.transport)}
        self.answered = set(self._told)
        """Hosts known to be alive: their silence towards the network is believed."""
        self._looks = Sights((one.transport, one.host, one.vantage) for one in visits if one.whole)

    def keep(self, transcript: Transcript, stage: str) -> None:
        """Store it, unless it says less than what is there."""
        host = transcript.session.host
        if transcript.session.transport == NMAP:
            kept = _cut_short(transcript) if self._work.stop.is_set() else transcript
        elif not is_login(transcript.session.transport):
            kept = transcript
        else:
            # A repeated visit that brought nothing must not hide the half that an earlier one brought.
            kept = transcript if transcript.answers or host not in self._told else None
            if transcript.answers:
                self.answered.add(host)
        if kept is not None:
            self._store.save_host(self._run_id, host, transcripts=[kept])
            self._work.progress.advance(stage, host)
            self._looks.add(kept)

    def keep_gaps(self, run: Run, job: Job) -> None:
        """Store from where nobody looked at hosts that others looked at, and with the run who did not look."""
        for visit in self.visits:
            if not visit.whole and visit.transport == NMAP and self._asked(visit):
                self._looks.held.add((NMAP, visit.host, visit.vantage))
        self._looks.fill(self._store, run, job.inventory, _why_not(job), self._work.clock())

    def _asked(self, visit: Visit) -> bool:
        """Return whether a visit of an earlier attempt, which was not whole, sent anything."""
        told = self._store.read_transcripts(self._run_id, visit.host)
        place = (visit.transport, visit.vantage)
        return any(sent(one) for one in told if (one.session.transport, one.session.vantage) == place)


def _cut_short(transcript: Transcript) -> Transcript | None:
    """Return a look that a stop broke off, marked so that it is repeated; nothing when nothing was sent."""
    answers = transcript.answers.values()
    if all(answer.exit_code is not None for answer in answers):
        return transcript
    if not sent(transcript):
        return None
    return replace(transcript, failure=Hole("", Blind.NOT_ATTEMPTED, "stopped by the operator"))


def _logins(job: Job, log: ProbeLog, work: Work, reach: Reach, done: set[str]) -> Iterator[Transcript]:
    hosts = [
        host for host in job.inventory.hosts if host.access.transport is not TransportKind.NONE and host.id not in done
    ]
    work.progress.expect(READING, len(hosts))

    def open_transport(host: Host) -> Transport:
        return _logged_in(host, reach, log)

    rates, vantage = job.scope.rates, job.vantage.name
    for transcript in collect_hosts(hosts, open_transport, COLLECTORS, rates, vantage=vantage, stop=work.stop):
        if transcript.failure is not None and transcript.failure.reason is Blind.OUT_OF_SCOPE:
            log.refused(transcript.session.host, transcript.failure.detail)
        yield transcript


def _logged_in(host: Host, reach: Reach, log: ProbeLog) -> Transport:
    if host.access.transport is not TransportKind.LOCAL:
        # Every hop is admitted before it is written down, and written down before a packet leaves.
        for hop in route(host, reach):
            what = (host.access.transport.value, "login", hop.host.access.user)
            log.sent(vantage=reach.vantage, what=what, targets=[hop.address], ports=str(hop.host.access.port))
    return open_door(host, reach)


def _reach(job: Job, work: Work) -> Reach:
    config = job.config
    credentials = {
        name: Credential(
            name=name,
            kind=CredentialKind(entry.kind),
            path=entry.path,
            certificate=entry.certificate,
            fingerprint=entry.fingerprint,
            argv=tuple(entry.argv),
        )
        for name, entry in config.credentials.items()
    }
    return Reach(
        scope=job.scope,
        vantage=job.vantage.name,
        credentials=credentials,
        hosts={host.id: host for host in (*job.jump_hosts, *job.inventory.hosts)},
        known_hosts=config.known_hosts,
        limits=SessionLimits(connect_s=config.deadlines.connect_s, session_s=config.deadlines.session_s),
        stop=work.stop,
    )


def _looks(job: Job, log: ProbeLog, work: Work, reach: Reach, keeper: _Keeper) -> Iterator[Transcript]:
    """Yield what every vantage saw of every host, one vantage after the other."""
    here = (job.vantage,) if job.look_here else ()
    todo = [(vantage, _seen_from(vantage, job, keeper)) for vantage in (*here, *job.far)]
    work.progress.expect(LOOKING, sum(len(hosts) for _, hosts in todo))
    for vantage, hosts in todo:
        if not hosts or work.stop.is_set():
            continue
        if not vantage.host:
            yield from _look(job, work, keeper, vantage, hosts, log=log)
            continue
        grants = [grant for grant in job.scope.vantages if grant.host == vantage.host]
        if not grants:
            continue
        with FarNmap(vantage.name, _door_of(vantage, job, reach, log)) as far:
            own_log = log.under(grants[0].authorisation)
            looks = _look(job, work, keeper, vantage, hosts, log=own_log, far=far)
            # A place that could not look at all is tried again when the run is resumed.
            yield from (replace(one, failure=far.blocked) if far.blocked else one for one in looks)


def _questions(store: Store, run_id: str, job: Job, log: ProbeLog, work: Work, keeper: _Keeper) -> Iterator[Transcript]:
    """Yield what open ports answered when asked for AI services, from every vantage that looked."""
    if job.scope.ai_services is None or work.stop.is_set():
        return
    here = (job.vantage,) if job.look_here else ()
    granted = {grant.host for grant in job.scope.vantages}
    todo = []
    for vantage in (*here, *(one for one in job.far if one.host in granted)):
        done = _looked_at(keeper.visits, vantage.name, HTTP)
        others = [host for host in job.inventory.hosts if host.addresses and host.id != vantage.host]
        todo.append((vantage, [host for host in others if host.id not in done]))
    work.progress.expect(ASKING, sum(len(hosts) for _, hosts in todo))
    for vantage, hosts in todo:
        yield from ask_ai_services(
            _looks_of(store, run_id, hosts, vantage),
            job.scope,
            vantage,
            trust_of_zone={zone.name: zone.trust for zone in job.inventory.zones},
            log=log,
            stop=work.stop,
        )


def _looks_of(store: Store, run_id: str, hosts: list[Host], vantage: Vantage) -> Iterator[Looks]:
    for host in hosts:
        sessions = store.read_transcripts(run_id, host.id)
        own = [one for one in sessions if (one.session.transport, one.session.vantage) == (NMAP, vantage.name)]
        yield Looks(host, own[-1] if own else None)


def _seen_from(vantage: Vantage, job: Job, keeper: _Keeper) -> list[Host]:
    """Return the hosts to look at from there; a host's look at itself passes no firewall and would prove nothing."""
    done = _looked_at(keeper.visits, vantage.name, NMAP)
    return [host for host in job.inventory.hosts if _lookable(host) and host.id not in done and host.id != vantage.host]


def _look(
    job: Job,
    work: Work,
    keeper: _Keeper,
    vantage: Vantage,
    hosts: list[Host],
    *,
    log: ProbeLog,
    far: FarNmap | None = None,
) -> Iterator[Transcript]:
    return scan_exposure(
        hosts,
        job.scope,
        vantage,
        trust_of_zone={zone.name: zone.trust for zone in job.inventory.zones},
        log=log,
        stop=work.stop,
        known_up=keeper.answered,
        run=far or run_nmap,
        raw=far.raw if far else None,
        blocked=far.blocked if far else None,
    )


def _door_of(vantage: Vantage, job: Job, reach: Reach, log: ProbeLog) -> Callable[[], Transport]:
    """Return what logs in to a vantage host, for as long as the window is open."""

    def open_it() -> Transport:
        left_s = max(1.0, min(_LOOK_S, job.scope.seconds_left(datetime.now(UTC))))
        limits = replace(reach.limits, session_s=left_s, total_bytes=_LOOK_BYTES)
        host = reach.hosts.get(vantage.host)
        if host is None:
            raise CollectError(Blind.NOT_ATTEMPTED, f"`{vantage.host}` is not in the inventory")
        return _logged_in(host, replace(reach, limits=limits), log)

    return open_it


_LOOK_S = 24 * 3600.0
_LOOK_BYTES = 1_000_000_000  # of nmap's XML, over a whole scan


def _why_not(job: Job) -> Mapping[Vantage, str]:
    """Return every place to look from, with the reason that holds for hosts that nobody looked at from there."""
    granted = {grant.host for grant in job.scope.vantages}
    why = dict.fromkeys((job.vantage, *job.inventory.vantages), "the run ended before it did")
    for place in job.inventory.vantages:
        if place.host and place.host not in granted:
            why[place] = f"the scope file has no authorisation for `{place.host}` under `vantages`"
        elif not place.host and place != job.vantage:
            why[place] = f"this scanner does not stand there, it stands at `{job.vantage.name}`"
    return why | dict.fromkeys(job.left_out, "the run was told to look from elsewhere only")


def _notes(job: Job, reach: Reach, work: Work) -> Iterator[str]:
    for name in reach.guard.stopped():
        yield (
            f"credential `{name}` was refused too often and was stopped for the rest of the run: "
            "hosts that use it were not read"
        )
    if job.scope.seconds_left(work.clock()) <= 0:
        yield "the authorised hours ended before the run did: hosts that were left by then are blind spots"
