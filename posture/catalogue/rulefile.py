"""The rules of the attack graph as they are written: ``baselines/graph/`` read into a ``RuleBook``, and proven."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from posture.catalogue.checkfile import Text
from posture.catalogue.factschema import Schema, shape_at
from posture.errors import BaselineError
from posture.evaluate.paths import parse_path
from posture.model.path import Tier
from posture.model.rule import AttackRule, ConfidenceValue, Maturity, RuleBook, Staleness, TierValue
from posture.yamlfile import Located, convert, read, suggestion

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Minutes = Annotated[float, msgspec.Meta(ge=0)]
TierWord = Literal["S", "A", "B", "C", "D", "E", "R"]


class MinutesEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How long a step takes a person and a program, and who says so."""

    human: Minutes
    machine: Minutes
    source: Text


class RuleEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One rule as it is written."""

    id: Text
    revision: Annotated[int, msgspec.Meta(ge=1)]
    number: Annotated[int, msgspec.Meta(ge=0)]
    title: Text
    premises: Annotated[list[Text], msgspec.Meta(min_length=1)]
    conclusion: Text
    facts: list[Text]
    checks: list[Text]
    attack: list[Annotated[str, msgspec.Meta(pattern=r"^T\d{4}(\.\d{3})?$")]]
    tiers: Annotated[list[TierWord], msgspec.Meta(min_length=1)]
    tier_source: Text
    confidence: Annotated[list[Text], msgspec.Meta(min_length=1)]
    minutes: MinutesEntry
    remedy: Text
    maturity: Literal["stable", "experimental"]
    not_evaluated: str = ""


class RulesFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``rules.yaml``."""

    schema: Literal["posture.graph-rules/1"]
    as_of: date
    attack_version: Text
    rules: list[RuleEntry]


class TierEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One tier."""

    p: Share
    meaning: Text
    source: Text


class ConfidenceEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One kind of evidence."""

    value: Share
    meaning: Text
    source: Text


class StalenessEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What evidence of some age is worth."""

    days: Annotated[int, msgspec.Meta(ge=1)]
    factor: Share


class TiersFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``tiers.yaml``."""

    schema: Literal["posture.graph-tiers/1"]
    as_of: date
    calibrated: Literal[False]
    tiers: dict[TierWord, TierEntry]
    confidence: dict[str, ConfidenceEntry]
    staleness: list[StalenessEntry]


class ProgramsFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``programs.yaml``."""

    schema: Literal["posture.graph-programs/1"]
    as_of: date
    escapes: list[Text]
    escapes_free: list[Text]
    programs: dict[str, list[Text]]
    local_packages: list[Text]


def read_rulebook(directory: Path) -> RuleBook:
    """Return the rules of ``directory`` with their numbers; an empty book when there is no such directory.

    Raises:
        BaselineError: with file, line and key.
    """
    if not directory.exists():
        return RuleBook()
    tiers = convert(read(directory / "tiers.yaml", raises=BaselineError), TiersFile)
    located = read(directory / "rules.yaml", raises=BaselineError)
    file = convert(located, RulesFile)
    programs = convert(read(directory / "programs.yaml", raises=BaselineError), ProgramsFile)
    _refuse_twins(located, file)
    rules = [_rule(located, number, entry, tiers) for number, entry in enumerate(file.rules)]
    return RuleBook(
        rules=tuple(sorted(rules, key=lambda rule: rule.id)),
        tiers=tuple(TierValue(Tier(word), e.p, e.meaning, e.source) for word, e in sorted(tiers.tiers.items())),
        confidence=tuple(
            ConfidenceValue(id_, e.value, e.meaning, e.source) for id_, e in sorted(tiers.confidence.items())
        ),
        attack_version=file.attack_version,
        staleness=tuple(Staleness(e.days, e.factor) for e in sorted(tiers.staleness, key=lambda e: e.days)),
        escapes=tuple(sorted(programs.escapes)),
        escapes_free=tuple(sorted(programs.escapes_free)),
        programs=tuple((name, tuple(names)) for name, names in sorted(programs.programs.items())),
        local_packages=tuple(sorted(programs.local_packages)),
    )


def _refuse_twins(located: Located, file: RulesFile) -> None:
    seen: dict[str | int, str] = {}
    for place, entry in enumerate(file.rules):
        for word in (entry.id, entry.number):
            if word and word in seen:
                raise located.error(f"`{word}` is used by `{seen[word]}` too", "rules", place, hint="ids are unique")
            seen[word] = entry.id


def _rule(located: Located, place: int, entry: RuleEntry, tiers: TiersFile) -> AttackRule:
    for index, word in enumerate(entry.tiers):
        if word not in tiers.tiers:
            raise located.error(f"tiers.yaml has no tier `{word}`", "rules", place, "tiers", index)
    for index, name in enumerate(entry.confidence):
        if name not in tiers.confidence:
            hint = suggestion(name, tiers.confidence)
            raise located.error(
                f"tiers.yaml has no confidence `{name}`", "rules", place, "confidence", index, hint=hint
            )
    for index, fact in enumerate(entry.facts):
        try:
            parse_path(fact)
        except BaselineError as error:
            raise located.error(str(error), "rules", place, "facts", index, hint=error.hint) from None
    if not entry.not_evaluated and not entry.facts:
        raise located.error("a rule that is evaluated reads facts", "rules", place, "facts")
    return AttackRule(
        id=entry.id,
        revision=entry.revision,
        number=entry.number,
        title=entry.title,
        premises=tuple(entry.premises),
        conclusion=entry.conclusion,
        facts=tuple(entry.facts),
        checks=tuple(entry.checks),
        attack=tuple(entry.attack),
        tiers=tuple(Tier(word) for word in entry.tiers),
        tier_source=entry.tier_source,
        confidence=tuple(entry.confidence),
        minutes_human=entry.minutes.human,
        minutes_machine=entry.minutes.machine,
        minutes_source=entry.minutes.source,
        remedy=entry.remedy,
        maturity=Maturity(entry.maturity),
        why_not=entry.not_evaluated,
    )


@dataclass(frozen=True, slots=True, order=True)
class RuleProblem:
    """What is wrong with a rule."""

    rule: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"rule {self.rule} {self.place}: {self.message}"


def lint_rules(book: RuleBook, checks: Collection[str], topic_schemas: Mapping[str, Schema]) -> tuple[RuleProblem, ...]:
    """Return every problem of the rules, sorted: facts no collector has, checks there are none of."""
    return tuple(sorted({problem for rule in book.rules for problem in _problems(rule, checks, topic_schemas)}))


def _problems(rule: AttackRule, checks: Collection[str], schemas: Mapping[str, Schema]) -> Iterator[RuleProblem]:
    for fact in rule.facts:
        try:
            shape_at(parse_path(fact), {"declared": {}, **schemas})
        except BaselineError as error:
            yield RuleProblem(rule.id, f"facts {fact}", f"{error}; {error.hint}" if error.hint else str(error))
    for check in rule.checks:
        if check not in checks:
            yield RuleProblem(rule.id, f"checks {check}", f"no such check; {suggestion(check, checks)}")
