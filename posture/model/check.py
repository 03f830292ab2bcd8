"""What good looks like: checks, their assertions, and the profiles that select them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A value as it stands in a fact document or a check file."""


class Severity(IntEnum):
    """How bad a failure is on its own; orders work inside equal dates, never sets a legal date."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The lower-case word used in files and reports."""
        return self.name.lower()


class OnAbsent(StrEnum):
    """What "we looked completely and it is not there" means to one assertion."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    NOT_APPLICABLE = "not_applicable"


class Effect(StrEnum):
    """What a check does to the attacker."""

    PREVENTS = "prevents"
    SLOWS = "slows"
    LIMITS_BLAST = "limits_blast"
    DETECTS = "detects"


class Risk(StrEnum):
    """What applying a fix may cost."""

    NONE = "none"
    RESTART = "restart"
    SESSION_DROP = "session_drop"
    LOCKOUT = "lockout"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class ParamRef:
    """A value that the profile supplies: ``{param: name}`` in YAML."""

    name: str


@dataclass(frozen=True, slots=True)
class FactRef:
    """A value read from another fact of the same host, such as the inventory's ``declared``: ``{fact: path}``."""

    path: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """One operator over one fact path."""

    id: str
    fact: str
    op: str
    value: Json | ParamRef | FactRef = None
    on_absent: OnAbsent = OnAbsent.FAIL
    on_empty: OnAbsent | None = None
    """Required with a quantifier: what an empty, complete list means."""
    where: Condition | None = None
    """The condition on one element, for quantifiers."""
    scheme: str = ""
    """Version scheme of ``version_lt`` and ``version_ge``."""
    message: str = ""
    """``{actual}`` and ``{expected}`` are filled in."""


@dataclass(frozen=True, slots=True)
class All:
    """True when every member is."""

    members: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when at least one member is."""

    members: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when its member is false."""

    member: Condition


@dataclass(frozen=True, slots=True)
class When:
    """``member`` counts only while the parameter holds; otherwise the branch is left out."""

    param: str
    equals: Json
    member: Condition


Condition = Assertion | All | AnyOf | Not | When


@dataclass(frozen=True, slots=True)
class Requirement:
    """A fact a check needs, with the command and the privilege that bring it."""

    fact: str
    command_id: str
    privilege: Literal["none", "sudo"] = "none"


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a check, with its default; profiles set others."""

    name: str
    type: Literal["int", "str", "bool", "list"]
    default: Json
    note: str = ""


@dataclass(frozen=True, slots=True)
class Threat:
    """Why AI makes this matter, and where the check stops helping."""

    categories: tuple[str, ...]
    """One to three AIT ids, the primary first."""
    effect: Effect
    note: str
    """What the check does not help against."""
    attack_version: str = ""
    attack: tuple[str, ...] = ()
    atlas_version: str = ""
    atlas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StigRule:
    """A DISA rule and how our check relates to it."""

    benchmark: str
    version: str
    vuln_id: str
    rule_id: str
    stig_id: str
    severity: str
    relation: Literal["equivalent", "stricter", "partial", "looser"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A published requirement; ``draft`` ones are never called required."""

    text: str
    as_of: str = ""
    draft: bool = False


@dataclass(frozen=True, slots=True)
class References:
    """Where the requirement comes from."""

    nist_800_53r5: tuple[str, ...] = ()
    stig: tuple[StigRule, ...] = ()
    cis: tuple[Reference, ...] = ()
    cisa: tuple[Reference, ...] = ()
    other: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Remediation:
    """How to mend it, what that may cost, how to undo it, and how to see that it worked."""

    text: str
    risk: Risk
    minutes: int
    precondition: str = ""
    shell: str = ""
    ansible: tuple[Mapping[str, Json], ...] = ()
    rollback: str = ""
    verify: str = ""
    """A command that shows the new state."""


@dataclass(frozen=True, slots=True)
class Example:
    """A worked case that is run on every load of the lint: facts in, status out."""

    name: str
    facts: Mapping[str, Json]
    expect: str
    holes: tuple[tuple[str, str], ...] = ()
    """``(path with topic, reason)`` that could not be seen."""


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement as data."""

    id: str
    revision: int
    title: str
    """States the finding, at most 80 characters."""
    rationale: str
    threat: Threat
    severity: Severity
    severity_reason: str
    deadline_class: str
    deadline_days: int
    confidence: int
    """Quality of detection, 0 to 100."""
    scope: Literal["host", "device", "endpoint", "fleet"]
    applicability: Condition | None
    requires: tuple[Requirement, ...]
    params: tuple[Param, ...]
    condition: Condition
    subject: str
    """A fact path whose value tells one failure of this check on a host from another; empty for one per host."""
    remediation: Remediation
    references: References
    examples: tuple[Example, ...]
    tags: tuple[str, ...] = ()
    evidence_keep: tuple[str, ...] = ()
    digest: str = ""
    """Hex sha256 of everything that can change a verdict: condition, applicability, params as tailored."""
    source: str = ""
    """``file:line`` it was read from."""


@dataclass(frozen=True, slots=True)
class Tailoring:
    """One departure from the profile, printed in every report."""

    check: str
    key: str
    old: Json
    new: Json
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """An authority and clock set over the same checks."""

    id: str
    title: str
    version: str
    max_age_days: int
    """Evidence older than this makes its results ``not_checked: stale``."""
    clocks: tuple[tuple[str, Literal["binding", "informative"]], ...] = ()
    fail_threshold: Severity = Severity.LOW
    """The lowest severity that makes a scan exit with 1."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A profile with its checks, tailored: what one assessment is judged by."""

    profile: Profile
    checks: tuple[Check, ...]
    tailoring: tuple[Tailoring, ...] = ()
    digest: str = ""
    removed: tuple[tuple[str, str], ...] = field(default=())
    """Ids that once existed, with the reason they left."""
