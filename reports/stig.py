"""Which DISA rules a host's results say something of, and what: the one list behind CKL and CKLB.

Ours are other checks than DISA's. Only a check that asks the same or more lets a rule count as not a finding; one that
asks the same or less lets it count as open; everything else is left for a reviewer, with what we saw.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from posture.model.assessment import Assessment, HostAssessment
from posture.model.check import Check, StigRule
from posture.model.finding import Result, Status
from posture.model.host import FLEET
from reports.keys import key_uuid

DETAIL_CHARS = 10_000  # STIG Manager and eMASS take more; a reviewer reads less
_PLATFORMS = (  # benchmark prefix, and what the host calls itself
    (re.compile(r"^RHEL_(\d+)_STIG$"), r"^Red Hat Enterprise Linux {0}(\.\d+)?\b"),
    (re.compile(r"^CAN_Ubuntu_(\d+)-(\d+)(?:_LTS)?_STIG$"), r"^Ubuntu {0}\.{1}\b"),
)


class Review(StrEnum):
    """What a checklist may say of a rule."""

    OPEN = "open"
    NOT_A_FINDING = "not_a_finding"
    NOT_APPLICABLE = "not_applicable"
    NOT_REVIEWED = "not_reviewed"


@dataclass(frozen=True, slots=True)
class RuleReview:
    """One DISA rule on one host."""

    rule: StigRule
    title: str
    fix: str
    discussion: str
    review: Review
    details: tuple[str, ...]
    """What we saw, line by line, as it came: each writer makes every line inert."""

    @property
    def bare_rule_id(self) -> str:
        """The rule id without DISA's ``_rule``."""
        return self.rule.rule_id.removesuffix("_rule")


@dataclass(frozen=True, slots=True)
class Checklist:
    """The rules of one benchmark on one host."""

    host: HostAssessment
    benchmark: str
    version: str
    rules: tuple[RuleReview, ...]

    @property
    def uuid(self) -> str:
        """The same in every export."""
        return key_uuid("checklist", self.host.host.id, self.benchmark)

    @property
    def release(self) -> str:
        """``Release: 9`` of version ``V2R9``, and a word after it, without which STIG Manager reads no release."""
        return f"Release: {self.version.partition('R')[2] or '?'} (benchmark date not recorded)"

    @property
    def number(self) -> str:
        """``2`` of version ``V2R9``."""
        return self.version.partition("R")[0].removeprefix("V") or "?"


def checklists(assessment: Assessment) -> Iterator[tuple[HostAssessment, tuple[Checklist, ...]]]:
    """Yield every host with the checklists of its own platform; most often none or one."""
    checks = {check.id: check for check in assessment.baseline.checks}
    for entry in assessment.read_hosts():
        if entry.host.id != FLEET:
            found = tuple(_of_host(assessment, entry, checks))
            if found:
                yield entry, found


def file_stem(entry: HostAssessment) -> str:
    """Return a host's file name without its ending; no host id leads out of the directory."""
    stem = quote(entry.host.id, safe="")
    return stem.replace(".", "%2E", 1) if stem.startswith(".") else stem


def concerns(benchmark: str, platform: str) -> bool:
    """Return whether a benchmark is written for what a host says it is; an unseen platform matches none."""
    for pattern, words in _PLATFORMS:
        if found := pattern.match(benchmark):
            return re.match(words.format(*found.groups()), platform) is not None
    return False


def review_of(relation: str, status: Status) -> Review:
    """Return what one check's status says of a DISA rule it relates to."""
    if status is Status.PASS and relation in ("equivalent", "stricter"):
        return Review.NOT_A_FINDING
    if status is Status.FAIL and relation in ("equivalent", "looser"):
        return Review.OPEN
    if status is Status.NOT_APPLICABLE and relation == "equivalent":
        return Review.NOT_APPLICABLE
    return Review.NOT_REVIEWED


def _of_host(assessment: Assessment, entry: HostAssessment, checks: dict[str, Check]) -> Iterator[Checklist]:
    by_benchmark: dict[str, dict[str, list[tuple[StigRule, Check, Result]]]] = defaultdict(lambda: defaultdict(list))
    for result in entry.results:
        check = checks[result.check]
        for rule in check.references.stig:
            if concerns(rule.benchmark, entry.platform):
                by_benchmark[rule.benchmark][rule.vuln_id].append((rule, check, result))
    for benchmark, rules in sorted(by_benchmark.items()):
        reviews = tuple(_review(assessment, entry, said) for _, said in sorted(rules.items()))
        yield Checklist(entry, benchmark, max(one.rule.version for one in reviews), reviews)


def _review(assessment: Assessment, entry: HostAssessment, said: list[tuple[StigRule, Check, Result]]) -> RuleReview:
    rule, check, _ = said[0]
    lines = [line for _, one, result in said for line in _details(entry, rule, one, result)]
    head = f"posture-scanner {assessment.run.tool_version}, run {assessment.run.id}, {assessment.run.as_of:%Y-%m-%d}."
    return RuleReview(
        rule=rule,
        title=check.title,
        fix=" ".join(check.remediation.text.split()),
        discussion=" ".join(check.rationale.split()),
        review=_together([(one, result.verdict.status) for one, _, result in said]),
        details=(head, *lines),
    )


def _together(said: list[tuple[StigRule, Status]]) -> Review:
    """Return the worst of several checks on one rule; a failure or an unknown of any keeps it from being good."""
    reviews = {review_of(rule.relation, status) for rule, status in said}
    if Review.OPEN in reviews:
        return Review.OPEN
    in_doubt = any(status is Status.FAIL or not status.decided for _, status in said)
    if in_doubt:
        return Review.NOT_REVIEWED
    for review in (Review.NOT_A_FINDING, Review.NOT_APPLICABLE):
        if review in reviews:
            return review
    return Review.NOT_REVIEWED


def _details(entry: HostAssessment, rule: StigRule, check: Check, result: Result) -> Iterator[str]:
    relation = next(one.relation for one in check.references.stig if one.vuln_id == rule.vuln_id)
    status = result.verdict.status
    yield f"{check.id} revision {result.revision} ({relation} to this rule): {status.label}"
    if result.verdict.reason:
        yield f"  reason: {result.verdict.reason}"
    for line in result.verdict.assertions:
        yield f"  {line.fact} {line.op} {line.expected}: {line.actual} ({line.outcome.value})"
    for record in entry.evidence:
        if record.command_id in result.evidence:
            yield f"  evidence {record.sha256} of `{record.asked}` at {record.taken_at:%Y-%m-%dT%H:%M:%SZ}"
    if result.waiver:
        yield f"  waiver {result.waiver}: the status stays what it is"
