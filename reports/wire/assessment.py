"""The whole file."""

from __future__ import annotations

from datetime import date
from typing import Literal

from reports.wire.attack import AttackPaths
from reports.wire.baseline import Baseline
from reports.wire.hosts import Host, Result, UnassessedHost, Zone
from reports.wire.proof import Attestation, Receipt, Unsettled, Waiver
from reports.wire.run import Coverage, Run
from reports.wire.words import Wire
from reports.wire.work import Campaign, Clock, Finding, Fix, GroupScore, Score


class Assessment(Wire, frozen=True):
    """The whole file; keys stand in alphabetical order, so a reader can take the hosts as a stream."""

    attack_paths: AttackPaths | None
    """``null`` for a run that was judged without their rules."""
    attestations: list[Attestation]
    baseline: Baseline
    campaign: Campaign
    clocks: list[Clock]
    coverage: Coverage
    findings: list[Finding]
    fingerprint: str
    group_scores: list[GroupScore]
    fleet: list[Result]
    """What the checks of the whole fleet say. It is no host: findings name it ``fleet``, no count of hosts has it."""
    hosts: list[Host]
    marking: str
    """The agency's classification or handling banner; empty when none is configured."""
    notes: list[str]
    plan: list[Fix]
    plan_as_of: date
    receipts: list[Receipt]
    """Of every fix that stands, by this run and by earlier ones."""
    run: Run
    schema: Literal["posture.assessment/1"]
    scores: list[Score]
    taxonomy: dict[str, str]
    text: Literal["inert/1"]
    """Strings have control and invisible characters written out as ⟨U+202E⟩ and come from machines we do not trust."""
    unassessed_hosts: list[UnassessedHost]
    """What `posture discover` found and no inventory knew when this run began."""
    unsettled: list[Unsettled]
    """Good on one side only: changed and not in force, or in force and not kept."""
    waivers: list[Waiver]
    zones: list[Zone]
