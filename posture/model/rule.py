"""The rule catalogue of attack paths: what each kind of edge needs, how likely it is, and what ends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from posture.model.path import Tier


class Maturity(StrEnum):
    """How far a rule is to be trusted."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"


@dataclass(frozen=True, slots=True)
class TierValue:
    """What a tier means as a number; a judgement, never a measurement of this estate."""

    tier: Tier
    p: float
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class ConfidenceValue:
    """How sure a kind of evidence makes an edge."""

    id: str
    value: float
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class Staleness:
    """What evidence is worth that is older than so many days."""

    days: int
    factor: float


@dataclass(frozen=True, slots=True)
class AttackRule:
    """One kind of edge of the attack graph, as data."""

    id: str
    revision: int
    number: int
    """Row in the catalogue of rules we set out to cover; 0 for one of our own beside it."""
    title: str
    premises: tuple[str, ...]
    """What the attacker holds before, in words."""
    conclusion: str
    """What the attacker holds after, in words."""
    facts: tuple[str, ...]
    """Fact paths it reads; one that is unseen on a host makes the rule not evaluated there."""
    checks: tuple[str, ...]
    """Checks whose findings are conditions of its edges."""
    attack: tuple[str, ...]
    """ATT&CK technique ids, of ``RuleBook.attack_version``."""
    tiers: tuple[Tier, ...]
    """The usual one first, then those it may have by its evidence."""
    tier_source: str
    confidence: tuple[str, ...]
    """Ids of the confidence values its edges use."""
    minutes_human: float
    minutes_machine: float
    minutes_source: str
    remedy: str
    """What ends its edges, in words, where no check says it."""
    maturity: Maturity
    why_not: str = ""
    """Why it is evaluated nowhere: what nobody collects; empty for a rule that is."""

    @property
    def evaluated(self) -> bool:
        """Whether any host is asked."""
        return not self.why_not


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules with the numbers they use."""

    rules: tuple[AttackRule, ...] = ()
    """Sorted by id."""
    tiers: tuple[TierValue, ...] = ()
    confidence: tuple[ConfidenceValue, ...] = ()
    attack_version: str = ""
    staleness: tuple[Staleness, ...] = ()
    """Youngest first."""
    escapes: tuple[str, ...] = ()
    """Programs that give a shell whatever their arguments, by base name."""
    escapes_free: tuple[str, ...] = ()
    """Programs that give a shell when their arguments are free."""
    programs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Process name to the source packages it may come from."""
    local_packages: tuple[str, ...] = ()
    """Source packages a flaw in which anybody on the host can use: the kernel, sudo, polkit, …"""

    def rule(self, id_: str) -> AttackRule:
        """Return a rule by id.

        Raises:
            KeyError: there is none.
        """
        for rule in self.rules:
            if rule.id == id_:
                return rule
        raise KeyError(id_)
