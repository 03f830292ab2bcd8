"""A small made-up agency for the tests of the store."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from collectors.base import Answer, Command, Session, Transcript, document
from posture.model.assessment import Run, RunState
from posture.model.check import (
    All,
    AnyOf,
    Assertion,
    Baseline,
    Check,
    Effect,
    Example,
    Not,
    OnAbsent,
    Param,
    ParamRef,
    Profile,
    Reference,
    References,
    Remediation,
    Requirement,
    Risk,
    Severity,
    StigRule,
    Tailoring,
    Threat,
    When,
)
from posture.model.clock import DueDate
from posture.model.finding import AssertionResult, Finding, Outcome, Result, Status, Verdict
from posture.model.host import Access, AssetTags, Host, Inventory, Mission, Trust, Vantage, Zone
from posture.model.observation import Blind, Hole, Observation, Origin, Unseen
from posture.store import Store

NOW = datetime(2026, 11, 22, 6, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
COMMANDS = ("os.release", "sshd.effective", "kernel.sysctl")


def host_id(number: int) -> str:
    return f"h{number:05d}"


def inventory(hosts: int = 3, *, zone: str = "office") -> Inventory:
    zones = (Zone(zone, Trust.INTERNAL, ("10.0.0.0/8",)), Zone("dmz", Trust.UNTRUSTED))
    return Inventory(tuple(host(number, zone) for number in range(hosts)), zones, (Vantage("hq", zone),), "agency")


def host(number: int, zone: str = "office") -> Host:
    return Host(
        host_id(number),
        (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",),
        zone,
        mission=Mission.VITAL,
        tags=AssetTags(organisation="agency", environment="prod"),
        access=Access(user="scan", credential="fleet-key", jump=("h00000",) if number else ()),
        declared=(("services", ["web"]),),
    )


def check(id_: str, revision: int = 1) -> Check:
    leaf = Assertion("a1", "sshd.effective.permitrootlogin", "eq", "no", OnAbsent.FAIL)
    element = Assertion("w", "name", "in", ["a", "b"], OnAbsent.PASS)
    quantified = Assertion("a2", "sshd.matches", "none", ParamRef("limit"), where=element, on_empty=OnAbsent.PASS)
    return Check(
        id=id_,
        revision=revision,
        title=f"{id_} is open",
        rationale="because",
        threat=Threat(("AIT-1",), Effect.PREVENTS, "not against insiders"),
        severity=Severity.HIGH,
        severity_reason="one step to root",
        deadline_class="config",
        deadline_days=15,
        confidence=95,
        scope="host",
        applicability=Not(Assertion("n", "os.id", "eq", "windows")),
        requires=(Requirement("sshd.effective", "sshd.effective", "sudo"),),
        params=(Param("limit", "int", 4),),
        condition=All((leaf, AnyOf((quantified, When("limit", 4, leaf))))),
        subject="",
        remediation=Remediation("edit sshd_config", Risk.LOCKOUT, 5, ansible=({"name": "x", "tags": [1, None]},)),
        references=References(
            nist_800_53r5=("AC-17",),
            stig=(StigRule("RHEL 9", "1", "V-1", "r", "s", "medium", "equivalent"),),
            other=(Reference("RFC 4253", draft=False),),
        ),
        examples=(Example("good", {"sshd": {"effective": {"permitrootlogin": "no"}}}, "pass"),),
        digest=hashlib.sha256(id_.encode()).hexdigest(),
    )


def baseline(checks: int = 4) -> Baseline:
    profile = Profile("fceb", "Civilian agencies", "1", 14, clocks=(("campaign", "binding"),))
    tailored = (Tailoring("SSH-01", "limit", 4, 3, "approved"),)
    return Baseline(
        profile, tuple(check(f"SSH-{n:02d}") for n in range(1, checks + 1)), tailored, "b" * 64, (("X-1", "old"),)
    )


def run(number: int = 1, *, at: datetime = NOW, origin: Origin = Origin.LIVE) -> Run:
    return Run(
        id=f"{at:%Y%m%dT%H%M%SZ}{number:06x}",
        started_at=at,
        finished_at=None,
        state=RunState.RUNNING,
        operator="alex",
        scanner="scanner-1",
        tool_version="0.1",
        authorisation="AUTH-7",
        profile="fceb",
        baseline_digest="b" * 64,
        inventory_digest="c" * 64,
        as_of=at,
        origin=origin,
    )


def transcript(host: str, *, at: datetime = NOW, vantage: str = "hq", flavour: str = "") -> Transcript:
    session = Session(host, "scan", vantage, Origin.LIVE, at, f"SHA256:{host}", "ssh")
    return Transcript(session, {id_: answer(id_, host, flavour) for id_ in COMMANDS})


def answer(id_: str, host: str, flavour: str = "") -> Answer:
    command = Command(id_, ("/usr/bin/cat", f"/etc/{id_}"), sudo=id_ == "sshd.effective")
    mine = id_ == "os.release"
    return Answer(
        command,
        f"{id_} of {host if mine else 'all'}{flavour}\n".encode(),
        b"" if mine else b"a warning\n",
        0,
        17,
        redactions=2 if mine else 0,
        truncated=id_ == "kernel.sysctl",
        ran_as_root=command.sudo,
    )


def silence(host: str, reason: Blind = Blind.UNREACHABLE, *, at: datetime = NOW) -> Transcript:
    return Transcript(Session(host, "scan", "hq", Origin.LIVE, at, "", "ssh"), {}, Hole("", reason, "no route to host"))


def observations(host: str, *, at: datetime = NOW, origin: Origin = Origin.LIVE) -> tuple[Observation, ...]:
    return (
        document(host=host, topic="os", facts={"id": "debian", "name": host}, evidence=("os.release",), taken_at=at, origin=origin),
        document(
            host=host,
            topic="sshd",
            facts={"effective": {"permitrootlogin": "no"}},
            evidence=("sshd.effective",),
            taken_at=at,
            origin=origin,
            holes=(Hole("matches", Blind.TRUNCATED, "cut"),),
        ),
        Unseen(host, "sudo", Blind.COMMAND_REFUSED, "sudo: a password is required"),
    )  # fmt: skip


def verdict(status: Status, actual: str = "yes") -> Verdict:
    asserted = AssertionResult("a1", "sshd.permitrootlogin", "eq", "no", actual, Outcome.FALSE, "root may log in")
    reason = Blind.TRUNCATED.value if status is Status.NOT_CHECKED else ""
    return Verdict(status, reason, (asserted,), ("sshd",))


def results(host: str, statuses: dict[int, Status] | None = None, *, checks: int = 4) -> list[Result]:
    statuses = statuses or {}
    return [
        Result(host, f"SSH-{n:02d}", 1, verdict(statuses.get(n, Status.PASS)), ("sshd.effective",), "W-1" if n == 2 else "")
        for n in range(1, checks + 1)
    ]  # fmt: skip


def finding(host: str, check: str = "SSH-01", *, at: datetime = NOW, subject: str = "") -> Finding:
    id_ = hashlib.sha256(f"{check} {host} {subject}".encode()).hexdigest()[:16]
    return Finding(id_, check, host, subject, at, at, due=(due(at.date() + timedelta(days=30)),))


def due(day: date) -> DueDate:
    return DueDate(
        day,
        "campaign",
        "1",
        "30 days",
        (("start", "2026-11-22"),),
        date(2026, 11, 22),
        True,
        False,
        "the agency's campaign",
    )


def scan(
    store: Store, number: int = 1, *, hosts: int = 3, at: datetime = NOW, zone: str = "office", flavour: str = ""
) -> str:  # fmt: skip
    """A whole run in the store: the last host is unreachable, the first fails SSH-01."""
    this, inv = run(number, at=at), inventory(hosts, zone=zone)
    store.begin_run(this, inv, baseline())
    for one in inv.hosts[:-1]:
        spoken = transcript(one.id, at=at, flavour=flavour)
        store.save_host(
            this.id, one.id, transcripts=[spoken], observations=observations(one.id, at=at), platform="Debian 12"
        )
    store.save_host(this.id, inv.hosts[-1].id, transcripts=[silence(inv.hosts[-1].id, at=at)])
    for one in inv.hosts[:-1]:
        store.save_results(this.id, results(one.id, {1: Status.FAIL} if one.id == host_id(0) else {}))
    store.save_findings(this.id, [finding(host_id(0), at=at)], at)
    store.save_part(this.id, "scope", b"authorisation: AUTH-7\n")
    store.finish_run(this.id, at + timedelta(minutes=5), notes=["slowed down"], fingerprint="f" * 64)
    return this.id


def replayed(transcripts: list[Transcript]) -> list[Transcript]:
    return [replace(one, session=replace(one.session, origin=Origin.REPLAYED)) for one in transcripts]
