"""Attack paths of the made-up agency: one confirmed, one only possible, one from an assumed breach, one not found."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from posture.model.attack import AttackReport, RuleGap, UnknownWay
from posture.model.outlook import Attacker, ChangeWorth, Cut, Estimate, Outlook, PathAnalysis, Witness
from posture.model.path import (
    AttackOrigin,
    AttackPath,
    Basis,
    Condition,
    Edge,
    EvidenceRef,
    Node,
    NodeKind,
    Objective,
    Step,
    Tier,
)

_SEEN = datetime(2026, 11, 22, 9, 10, tzinfo=UTC)
_NODES = (
    Node("account:app-01/deploy", NodeKind.ACCOUNT, "deploy on app-01", "app-01"),
    Node("account:web-01/www", NodeKind.ACCOUNT, "www on web-01", "web-01"),
    Node("breach:office", NodeKind.VANTAGE, "an attacker inside office", zone="office"),
    Node("endpoint:app-01/tcp/22", NodeKind.ENDPOINT, "tcp/22 of app-01", "app-01", "core"),
    Node("endpoint:web-01/tcp/80", NodeKind.ENDPOINT, "tcp/80 of web-01", "web-01", "dmz"),
    Node("key:SHA256:abc", NodeKind.KEY, "key SHA256:abc…"),
    Node("objective:app-01", NodeKind.OBJECTIVE, "what app-01 holds", "app-01"),
    Node("objective:db-01", NodeKind.OBJECTIVE, "what db-01 holds", "db-01"),
    Node("objective:files", NodeKind.OBJECTIVE, "what files holds", "files"),
    Node("reach:core/tcp/22/1", NodeKind.REACH, "tcp/22 in core", zone="core"),
    Node("root:app-01", NodeKind.ROOT, "root on app-01", "app-01"),
    Node("vantage:dmz", NodeKind.VANTAGE, "an attacker in dmz", zone="dmz"),
    Node("zone:dmz", NodeKind.ZONE, "zone dmz", zone="dmz"),
    Node("zone:office", NodeKind.ZONE, "zone office", zone="office"),
)
_CONDITIONS = (
    Condition("app-01|SUD-01|", "app-01", "sudo asks deploy for nothing on app-01", "SUD-01", "", ""),
    Condition("app-01|authorized-key|SHA256:abc|deploy", "app-01", "key SHA256:abc… may log in as deploy", remedy="take the line out"),
    Condition("network|dmz>core|tcp/22", "", "packets pass from zone dmz to tcp/22 in zone core", remedy="refuse tcp/22 from dmz"),
    Condition("web-01|private-key|id", "web-01", "\x1b]0;owned\x07<script>alert(1)</script> is a private key", remedy="remove it"),
)  # fmt: skip


def _edge(name: str, rule: str, premises: str, conclusion: str, why: str, *held: int, sure: float = 1.0) -> Edge:
    evidence = (EvidenceRef("web-01", "ssh_keys", "private", hashlib.sha256(name.encode()).hexdigest(), _SEEN),)
    return Edge(
        id=name * 8,
        rule=rule,
        revision=1,
        premises=tuple(sorted(premises.split())),
        conclusion=conclusion,
        conditions=tuple(sorted(_CONDITIONS[at].id for at in held)),
        tier=Tier.BY_DESIGN,
        p=0.95,
        confidence=sure,
        cause=name,
        minutes_human=10,
        minutes_machine=0.5,
        basis=Basis.OBSERVED if sure >= 0.9 else Basis.ASSUMED,
        why=why,
        attack=("T1021.004",),
        evidence=evidence,
        disputed_by="ops until 2026-12-31: the rule is for another host" if name == "e5" else "",
    )


_EDGES = (
    _edge("e1", "origin", "vantage:dmz", "zone:dmz", "zone dmz is untrusted: attackers are there"),
    _edge("e2", "plain-key", "zone:dmz", "key:SHA256:abc", "the key lies on web-01 without a passphrase", 3),
    _edge("e3", "reach", "zone:dmz", "reach:core/tcp/22/1", "from zone dmz, tcp/22 in zone core was found open", 2),
    _edge("e4", "ssh-key", "key:SHA256:abc reach:core/tcp/22/1", "account:app-01/deploy", "the key logs in as deploy", 1),
    _edge("e5", "sudo-nopasswd", "account:app-01/deploy", "root:app-01", "deploy becomes root by sudo", 0),
    _edge("e6", "objective", "root:app-01", "objective:app-01", "app-01 is declared a crown jewel"),
    _edge("e7", "reach", "zone:office", "reach:core/tcp/22/1", "from zone office, tcp/22 was not measured", sure=0.5),
    _edge("e8", "open-data", "reach:core/tcp/22/1", "objective:db-01", "a data service answers strangers", sure=0.3),
    _edge("e9", "origin", "breach:office", "zone:office", "a breach in zone office is assumed"),
)  # fmt: skip


def _path(id_: str, origin: str, objective: str, names: str, *, assumed: bool = False) -> AttackPath:
    used = [next(one for one in _EDGES if one.id == name * 8) for name in names.split()]
    steps = tuple(Step(at, one.id, (at - 1,) if at > 1 else (), one.why) for at, one in enumerate(used, start=1))
    return AttackPath(
        id=id_,
        origin=origin,
        objective=objective,
        steps=steps,
        probability=0.77,
        confidence=min(one.confidence for one in used),
        minutes_human=60,
        minutes_machine=3,
        breaks=tuple(sorted({held for one in used for held in one.conditions})),
        assumed=assumed,
    )


_WAY = _path("77aa0000bbbb1111", "vantage:dmz", "objective:app-01", "e1 e2 e3 e4 e5 e6")
_ASSUMED = _path("99cc0000dddd2222", "breach:office", "objective:db-01", "e9 e7 e8", assumed=True)
ATTACK = AttackReport(
    nodes=412,
    edges=1033,
    origins=(AttackOrigin("breach:office", 0.05, "assumed", assumed=True), AttackOrigin("vantage:dmz", 1.0, "untrusted")),
    objectives=(
        Objective("objective:app-01", 4.0, "declared crown jewel", certified=True),
        Objective("objective:db-01", 3.0, "declared vital", certified=True),
        Objective("objective:files", 1.0, "keys on files open 4 other hosts: is it a crown jewel?", certified=False),
    ),
    analysis=PathAnalysis(
        outlooks=(
            Outlook(
                objective="objective:app-01",
                weight=4.0,
                certified=True,
                paths=(_WAY,),
                chances=((Attacker.AI_DRIVEN, Estimate(0.76, 0.004)), (Attacker.OPPORTUNISTIC, Estimate(0.31, 0.005))),
                confirmed_chance=Estimate(0.76, 0.004),
                fastest_minutes_human=50.0,
                fastest_minutes_machine=2.5,
                landmarks=("app-01|SUD-01|",),
            ),
        ),
        not_found=("objective:db-01", "objective:files"),
        risk=((Attacker.AI_DRIVEN, Estimate(0.38, 0.003)), (Attacker.OPPORTUNISTIC, Estimate(0.15, 0.003))),
        worths=(ChangeWorth("app-01|SUD-01|", 1.0, 1.0, 0.5, 1, 0.36),),
        cut=Cut(("app-01|SUD-01|",), 1.0, True, 1.0, 1, (Witness("app-01|SUD-01|", _WAY),), ("objective:files",)),
        worlds=10_240,
        seed=1,
        notes=("probabilities come from uncalibrated tiers: they compare ways and changes, they promise nothing",),
    ),
    assumed=(_ASSUMED,),
    gaps=(
        RuleGap("instance-metadata", "The instance metadata service gives credentials", 0, "no collector asks it"),
        RuleGap("sudo-nopasswd", "sudo gives root without asking", 2, "mail: sudo: command_refused"),
    ),
    named_nodes=_NODES,
    named_edges=_EDGES,
    named_conditions=_CONDITIONS,
    disputed=tuple(one for one in _EDGES if one.disputed_by),
    rules=38,
    rules_evaluated=32,
    unknown_ways=(
        UnknownWay("ssh-ca", "sshd trusts certificates of CA SHA256:p1 (/etc/ssh/ca.pub): who else holds a key of it or a certificate was not seen", ("db-01", "web-01")),
    ),
)  # fmt: skip
