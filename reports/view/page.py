"""The context of the whole page, its sections in page order."""

from __future__ import annotations

from dataclasses import dataclass

from reports.view.due import BurnView, DueView
from reports.view.findings import ChecksView, FleetView, HostsView
from reports.view.known import KnownView
from reports.view.paths import PathsView
from reports.view.plan import PlanView
from reports.view.proof import AttestedView, BaselineView, EvidenceView, MethodView, WaiverView
from reports.view.scores import ScoresView
from reports.view.top import CoverageView, HeaderView, HeadlineView


@dataclass(frozen=True, slots=True)
class ReportView:
    """The whole page."""

    marking: str
    header: HeaderView
    headline: HeadlineView
    coverage: CoverageView
    due: DueView
    burns: tuple[BurnView, ...]
    known: KnownView
    plan: PlanView
    paths: PathsView
    scores: ScoresView
    checks: ChecksView
    hosts: HostsView
    fleet: FleetView
    waivers: tuple[WaiverView, ...]
    attested: AttestedView
    baseline: BaselineView
    evidence: EvidenceView
    method: MethodView
