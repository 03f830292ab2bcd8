"""What the tests of the engine share: one check around a condition, and documents around facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from posture.catalogue.digest import check_digest
from posture.evaluate.documents import make_document
from posture.evaluate.judge import judge
from posture.model.check import (
    Check,
    Condition,
    Effect,
    Param,
    References,
    Remediation,
    Risk,
    Severity,
    Threat,
)
from posture.model.finding import Verdict
from posture.model.observation import Blind, FactDocument, Hole, Observation, Origin, Unseen

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def make_check(condition: Condition, **changes: Any) -> Check:
    check = Check(
        id="TST-01",
        revision=1,
        title="A test fails",
        rationale="Because it is a test.",
        threat=Threat(("AIT-04",), Effect.PREVENTS, "nothing"),
        severity=Severity.HIGH,
        severity_reason="it is a test",
        deadline_class="hardening",
        deadline_days=30,
        confidence=90,
        scope="host",
        applicability=None,
        requires=(),
        params=(),
        condition=condition,
        subject="",
        remediation=Remediation("mend it", Risk.NONE, 10),
        references=References(),
        examples=(),
    )
    check = replace(check, **changes)
    return replace(check, digest=check_digest(check))


def doc(topic: str, facts: Any, *holes: tuple[str, Blind], host: str = "h1", taken_at: datetime = NOW) -> FactDocument:
    lost = tuple(Hole(path, reason) for path, reason in holes)
    return make_document(
        host=host, topic=topic, facts=facts, holes=lost, taken_at=taken_at, origin=Origin.LIVE, evidence=(f"{topic}.x",)
    )


def unseen(topic: str, reason: Blind = Blind.COMMAND_REFUSED) -> Unseen:
    return Unseen("h1", topic, reason)


def verdict(condition: Condition, *documents: Observation, **changes: Any) -> Verdict:
    return judge(make_check(condition, **changes), {d.topic: d for d in documents}, as_of=NOW)


def param(name: str, value: Any) -> Param:
    kinds = {bool: "bool", int: "int", str: "str", list: "list"}
    return Param(name, kinds[type(value)], value)  # type: ignore[arg-type]
