"""A lab host as the collectors see it: the same script as over SSH, fed to a shell that is root on the host."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from collectors.base import Answer, Command, Session, Transcript, document, observe
from collectors.registry import COLLECTORS
from collectors.transports.batch import Budget, run_batch
from collectors.transports.process import ProcessStream
from collectors.transports.script import SHELL, SessionLimits
from posture.engine.visit import visit
from posture.evaluate.judge import judge, topics_of
from posture.model import host as hosts
from posture.model.check import Check
from posture.model.finding import Status
from posture.model.observation import Observation, Origin
from tests.lab.host import Build, Host


def verdicts(host: Host, checks: Iterable[Check], topics: Collection[str] | None = None) -> dict[str, Status]:
    """Return what each check says of the host now; of the topics only those given are asked for."""
    seen = facts(host, topics)
    now = datetime.now(UTC)
    return {
        check.id: judge(check, seen, as_of=now).status
        for check in checks
        if check.scope != "fleet" and set(topics_of(check)) <= set(seen)
    }


def facts(host: Host, topics: Collection[str] | None = None) -> dict[str, Observation]:
    """Return the host's documents by topic, read now by the collectors themselves."""
    transcript = transcript_of(host, topics)
    assert transcript.failure is None, transcript.failure
    chosen = [collector for collector in COLLECTORS if topics is None or collector.topic in topics]
    found = {collector.topic: observe(collector, transcript) for collector in chosen}
    return {**found, "declared": _declared(host.build)}


def transcript_of(host: Host, topics: Collection[str] | None = None) -> Transcript:
    """Return what the host answers now to the collectors of these topics, or of all."""
    chosen = [collector for collector in COLLECTORS if topics is None or collector.topic in topics]
    known = hosts.Host(host.build.id, host.build.addresses, host.build.zone)
    return visit(known, lambda _: _Inside(host), chosen, "scanner")


class _Inside:
    """A transport that needs no login: an SSH server that is being changed must not decide what we see of it."""

    def __init__(self, host: Host) -> None:
        self.session = Session(host.build.id, "root", "scanner", Origin.LIVE, datetime.now(UTC), transport="lab")
        self._argv = host.argv(SHELL)
        self._budget = Budget.start(SessionLimits())

    def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        return run_batch(lambda _: ProcessStream(self._argv, env={"PATH": os.defpath}), commands, self._budget)

    def close(self) -> None:
        pass


def declared(host: str, accounts: Iterable[str], tcp_ports: Iterable[int], services: object = ()) -> Observation:
    """Return what the inventory says of a server."""
    said = {
        "accounts": sorted(accounts),
        "services": services,
        "tcp_ports": sorted(tcp_ports),
        "udp_ports": [],
        "roles": ["server"],
    }
    return document(
        host=host, topic="declared", facts=said, evidence=(), taken_at=datetime.now(UTC), origin=Origin.ATTESTED
    )


def _declared(build: Build) -> Observation:
    return declared(build.id, build.accounts_declared, build.open_tcp, build.services_declared)
