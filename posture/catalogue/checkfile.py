"""Check files: their strict shape, and the checks they become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from posture.catalogue.conditions import ConditionEntry, Reader
from posture.catalogue.digest import check_digest
from posture.errors import BaselineError
from posture.evaluate.paths import parse_path
from posture.model.check import (
    Check,
    Effect,
    Example,
    Param,
    Reference,
    References,
    Remediation,
    Requirement,
    Risk,
    Severity,
    StigRule,
    Threat,
)
from posture.model.observation import Blind
from posture.yamlfile import Located, convert, read

DEADLINE_CLASSES = ("hardening", "bod_23_01", "bod_23_02", "bod_26_02", "bod_26_04")
SeverityWord = Literal["info", "low", "medium", "high", "critical"]
EffectWord = Literal["prevents", "slows", "limits_blast", "detects"]
RiskWord = Literal["none", "restart", "session_drop", "lockout", "outage"]
StatusWord = Literal["pass", "fail", "not_applicable", "not_checked"]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class TechniquesEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Techniques of one version of a catalogue."""

    version: Text
    techniques: list[Text] = []


class ThreatEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Why AI makes this matter."""

    categories: Annotated[list[Text], msgspec.Meta(min_length=1, max_length=3)]
    effect: EffectWord
    note: Text
    attack: TechniquesEntry | None = None
    atlas: TechniquesEntry | None = None


class DeadlineEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which kind of deadline, and how many calendar days the check itself gives."""

    class_: Literal["hardening", "bod_23_01", "bod_23_02", "bod_26_02", "bod_26_04"] = msgspec.field(name="class")
    days: Annotated[int, msgspec.Meta(ge=1, le=730)]


class RequirementEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A fact with the command and privilege that bring it."""

    fact: Text
    command_id: Text
    privilege: Literal["none", "sudo"] = "none"


class ParamEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A value that profiles may change."""

    type: Literal["int", "str", "bool", "list"]
    default: Any
    note: str = ""


class EvidenceEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Facts to keep beside the result."""

    keep: list[Text] = []


class RemediationEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How to mend it."""

    text: Text
    risk: RiskWord
    minutes: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    precondition: str = ""
    shell: str = ""
    ansible: list[dict[str, Any]] = []
    rollback: str = ""
    verify: Text


class StigEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A DISA rule."""

    benchmark: Text
    version: Text
    vuln_id: Annotated[str, msgspec.Meta(pattern=r"^V-\d+$")]
    rule_id: Text
    stig_id: Text
    severity: Literal["low", "medium", "high"]
    relation: Literal["equivalent", "stricter", "partial", "looser"]


class ReferenceEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A published requirement with its date."""

    text: Text
    as_of: str = ""
    draft: bool = False


class ReferencesEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where the requirement comes from."""

    nist_800_53r5: list[Text] = []
    stig: list[StigEntry] = []
    cis: list[str | ReferenceEntry] = []
    cisa: list[str | ReferenceEntry] = []
    other: list[str | ReferenceEntry] = []


class ExampleEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Facts in, status out."""

    name: Text
    facts: dict[str, Any]
    expect: StatusWord
    holes: dict[str, str] = {}


class CheckEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One check as it is written."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3,4}-[0-9]{2,3}$")]
    revision: Annotated[int, msgspec.Meta(ge=1)]
    title: Annotated[str, msgspec.Meta(min_length=5, max_length=80)]
    rationale: Annotated[str, msgspec.Meta(min_length=20)]
    ai_threat: ThreatEntry
    severity: SeverityWord
    severity_reason: Text
    deadline: DeadlineEntry
    confidence: Annotated[int, msgspec.Meta(ge=0, le=100)]
    scope: Literal["host", "device", "endpoint", "fleet"] = "host"
    applicability: ConditionEntry | None = None
    requires: list[RequirementEntry] = []
    params: dict[str, ParamEntry] = {}
    assert_: ConditionEntry = msgspec.field(name="assert")
    subject: str = ""
    evidence: EvidenceEntry = EvidenceEntry()
    remediation: RemediationEntry
    references: ReferencesEntry
    examples: list[ExampleEntry]
    tags: list[str] = []


class CheckFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The checks of one family."""

    schema: Literal["posture.check/1"]
    checks: list[CheckEntry]


def read_checks(path: Path, *, name: str = "") -> tuple[Check, ...]:
    """Return the checks of one file in id order; ``name`` is how the file is called in ``Check.source``.

    Raises:
        BaselineError: with file, line, key and a suggestion.
    """
    located = read(path, raises=BaselineError)
    file = convert(located, CheckFile)
    checks = [_check(entry, located.at("checks", n), name or path.name) for n, entry in enumerate(file.checks)]
    return tuple(sorted(checks, key=lambda check: check.id))


def param_fault(kind: str, value: Any) -> str:
    """Return what is wrong with a parameter's value; empty when it is of its type."""
    types = {"int": int, "str": str, "bool": bool, "list": list}
    right = isinstance(value, types[kind]) and not (kind == "int" and isinstance(value, bool))
    return "" if right else f"must be of type {kind}"


def _check(entry: CheckEntry, at: Located, name: str) -> Check:
    if entry.title.lower().startswith("ensure"):
        raise at.error("a title states the finding", "title", hint="`SSH accepts passwords`, not `Ensure …`")
    params = {key: Param(key, p.type, p.default, p.note) for key, p in sorted(entry.params.items())}
    for key, param in params.items():
        if param_fault(param.type, param.default):
            raise at.error(f"the default {param_fault(param.type, param.default)}", "params", key, "default")
    reader = Reader(at, params)
    applicability = None
    if entry.applicability is not None:
        applicability = reader.condition(entry.applicability, ("applicability",), named=False)
    condition = reader.condition(entry.assert_, ("assert",), named=True)
    unused = sorted(set(params) - reader.used_params)
    if unused:
        raise at.error("no assertion uses this parameter", "params", unused[0], hint="`value: {param: …}` or `when`")
    _check_subject(entry, at)
    check = Check(
        id=entry.id,
        revision=entry.revision,
        title=entry.title,
        rationale=_flowed(entry.rationale),
        threat=_threat(entry.ai_threat),
        severity=Severity[entry.severity.upper()],
        severity_reason=_flowed(entry.severity_reason),
        deadline_class=entry.deadline.class_,
        deadline_days=entry.deadline.days,
        confidence=entry.confidence,
        scope=entry.scope,
        applicability=applicability,
        requires=tuple(Requirement(r.fact, r.command_id, r.privilege) for r in entry.requires),
        params=tuple(params.values()),
        condition=condition,
        subject=entry.subject,
        remediation=_remediation(entry.remediation),
        references=_references(entry.references),
        examples=tuple(_example(e, at, n) for n, e in enumerate(entry.examples)),
        tags=tuple(sorted(entry.tags)),
        evidence_keep=tuple(entry.evidence.keep),
        source=f"{name}:{at.line()}",
    )
    return replace(check, digest=check_digest(check))


def _check_subject(entry: CheckEntry, at: Located) -> None:
    if not entry.subject:
        return
    try:
        parse_path(entry.subject)
    except BaselineError as error:
        raise at.error(str(error), "subject", hint=error.hint) from None


def _threat(entry: ThreatEntry) -> Threat:
    attack, atlas = entry.attack, entry.atlas
    return Threat(
        categories=tuple(entry.categories),
        effect=Effect(entry.effect),
        note=_flowed(entry.note),
        attack_version=attack.version if attack else "",
        attack=tuple(attack.techniques) if attack else (),
        atlas_version=atlas.version if atlas else "",
        atlas=tuple(atlas.techniques) if atlas else (),
    )


def _remediation(entry: RemediationEntry) -> Remediation:
    return Remediation(
        text=_flowed(entry.text),
        risk=Risk(entry.risk),
        minutes=entry.minutes,
        precondition=_flowed(entry.precondition),
        shell=entry.shell,
        ansible=tuple(entry.ansible),
        rollback=entry.rollback,
        verify=entry.verify,
    )


def _references(entry: ReferencesEntry) -> References:
    return References(
        nist_800_53r5=tuple(entry.nist_800_53r5),
        stig=tuple(
            StigRule(s.benchmark, s.version, s.vuln_id, s.rule_id, s.stig_id, s.severity, s.relation)
            for s in entry.stig
        ),
        cis=tuple(map(_reference, entry.cis)),
        cisa=tuple(map(_reference, entry.cisa)),
        other=tuple(map(_reference, entry.other)),
    )


def _reference(entry: str | ReferenceEntry) -> Reference:
    return Reference(entry) if isinstance(entry, str) else Reference(entry.text, entry.as_of, entry.draft)


def _example(entry: ExampleEntry, at: Located, index: int) -> Example:
    for path, reason in entry.holes.items():
        if reason not in list(Blind):
            words = ", ".join(sorted(Blind))
            raise at.error(
                f"`{reason}` is not a reason for a hole", "examples", index, "holes", path, hint=f"one of: {words}"
            )
        try:
            parse_path(path) if "." in path or "[" in path else None
        except BaselineError as error:
            raise at.error(str(error), "examples", index, "holes", path, hint=error.hint) from None
    return Example(entry.name, entry.facts, entry.expect, tuple(sorted(entry.holes.items())))


def _flowed(text: str) -> str:
    """Return the text without the line ends a YAML block leaves at its end."""
    return text.strip()
