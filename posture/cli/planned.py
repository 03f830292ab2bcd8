"""What a scan would send, before it sends anything: the logins and every nmap run, from where and by whose word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from collectors.ai.scan import ai_manifest
from collectors.network.exposure_plan import PlannedProbe, probe_manifest
from collectors.network.far_nmap import QUESTIONS
from posture.cli import terminal
from posture.errors import ScopeError
from posture.gather import Job
from posture.model.host import Host, TransportKind, Vantage


@dataclass(frozen=True, slots=True)
class PlannedLogin:
    """One login of a scan."""

    host: str
    address: str
    """Empty when the scope admits none."""
    port: int
    user: str
    transport: str
    via: tuple[str, ...]
    """Jump hosts, nearest first."""
    purpose: str
    """``read``, or ``look`` for a vantage."""
    authorisation: str
    refused: str = ""
    """Why it would not be made."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Everything a job would send."""

    logins: tuple[PlannedLogin, ...]
    probes: tuple[PlannedProbe, ...]
    vantage_questions: tuple[tuple[str, ...], ...]
    """What a vantage host is asked before its nmap runs; empty without one."""


def planned(job: Job) -> Planned:
    """Return what the job would send; names are resolved, nothing else leaves this machine."""
    return Planned(
        logins=tuple(_logins(job)),
        probes=tuple(_probes(job)) if job.network else (),
        vantage_questions=tuple(one.argv for one in QUESTIONS) if job.network and job.far else (),
    )


def show(plan: Planned) -> None:
    """Print it as two tables."""
    logins = [
        (one.purpose, one.host, f"{one.address or one.refused}", str(one.port), one.user, " ".join(one.via))
        for one in plan.logins
    ]
    columns = ("purpose", "host", "address", "port", "user", "through")
    terminal.table(f"{len(logins)} logins", columns, logins, empty="no login")
    terminal.say()
    probes = [(one.vantage, " ".join(one.argv), ", ".join(one.targets)) for one in plan.probes]
    terminal.table(f"{len(probes)} network probes", ("from", "probe", "targets"), probes, empty="no network probe")


def _logins(job: Job) -> Iterator[PlannedLogin]:
    for host in job.inventory.hosts if job.login else ():
        if host.access.transport is not TransportKind.NONE:
            yield _login(host, job, "read", job.scope.authorisation)
    known = {host.id: host for host in (*job.jump_hosts, *job.inventory.hosts)}
    for vantage in job.far if job.network else ():
        yield _login(known[vantage.host], job, "look", _word(vantage, job))


def _login(host: Host, job: Job, purpose: str, authorisation: str) -> PlannedLogin:
    access = host.access
    address = refused = ""
    try:
        address = job.scope.resolve(access.address or host.addresses[0])[0]
    except ScopeError as error:
        refused = str(error)
    return PlannedLogin(
        host.id, address, access.port, access.user, access.transport.value, access.jump, purpose, authorisation, refused
    )


def _probes(job: Job) -> Iterator[PlannedProbe]:
    if job.look_here:
        yield from probe_manifest(job.scope, job.inventory.hosts, job.vantage)
        yield from ai_manifest(job.scope, job.inventory.hosts, job.vantage)
    for vantage in job.far:
        hosts = [host for host in job.inventory.hosts if host.id != vantage.host]
        note = f"by the nmap of {vantage.host}, under {_word(vantage, job)}; -sS and UDP only where its account is root"
        for probe in probe_manifest(job.scope, hosts, vantage, raw=True):
            yield replace(probe, note=f"{note}; {probe.note}" if probe.note else note)


def _word(vantage: Vantage, job: Job) -> str:
    return next(grant.authorisation for grant in job.scope.vantages if grant.host == vantage.host)
