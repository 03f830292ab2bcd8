"""Plan of action and milestones: one item for each weakness, the same ones as in the workbooks."""

from __future__ import annotations

from posture.model.assessment import Assessment
from reports.cases import cases
from reports.jsontext import Stream
from reports.keys import key_uuid
from reports.oscal.common import SSP, Json, assets, inventory, metadata, origins, props, prose, run_key
from reports.oscal.findings import finding_json, observation, risk, waivers_in_force
from reports.weaknesses import Standing, Weakness, decision, weaknesses


def plan_of_action(assessment: Assessment, marking: str = "") -> Json:
    """Return the document; its long lists are streams."""
    found = weaknesses(assessment)
    kept = frozenset(finding.id for one in found for finding in one.findings)
    return {
        "plan-of-action-and-milestones": {
            "uuid": run_key(assessment, "poam"),
            "metadata": metadata(assessment, f"Plan of action and milestones, run {assessment.run.id}", marking),
            "import-ssp": {"href": SSP},
            "local-definitions": {
                "inventory-items": Stream(inventory(assessment)),
                "assessment-assets": assets(assessment),
            },
            **(_lists(assessment, kept) if kept else {}),
            "poam-items": [_item(assessment, one) for one in found] or [_nothing(assessment)],
        }
    }


def _lists(assessment: Assessment, kept: frozenset[str]) -> Json:
    waivers = waivers_in_force(assessment)
    return {
        "observations": Stream(observation(assessment, one) for one in cases(assessment) if one.finding.id in kept),
        "risks": Stream(risk(assessment, one, waivers) for one in cases(assessment) if one.finding.id in kept),
        "findings": Stream(finding_json(assessment, one) for one in cases(assessment) if one.finding.id in kept),
    }


def _item(assessment: Assessment, one: Weakness) -> Json:
    due = one.due
    return {
        "uuid": one.uuid,
        "title": prose(one.title),
        "description": prose(one.check.rationale if one.check else one.title),
        **props(
            (
                ("poam-number", one.number),
                ("standing", one.standing.value),
                ("severity", one.severity.label),
                ("controls", "; ".join(one.controls)),
                ("first-detected", one.detected.isoformat()),
                ("due", due.due.isoformat() if due else ""),
                ("due-clock", f"{due.clock} version {due.clock_version}" if due else ""),
                ("completed", one.closed.isoformat() if one.closed else ""),
                ("owners", "; ".join(one.owners)),
                ("effort", one.effort),
                ("decision", decision(one)),
            )
        ),
        "origins": origins(assessment),
        "related-findings": [{"finding-uuid": key_uuid("finding", finding.id)} for finding in one.findings],
        "related-observations": [{"observation-uuid": key_uuid("observation", finding.id)} for finding in one.findings],
        "related-risks": [{"risk-uuid": key_uuid("risk", finding.id)} for finding in one.findings],
    }


def _nothing(assessment: Assessment) -> Json:
    # OSCAL takes no empty list of items. That nothing was found is said beside how much was seen.
    coverage = assessment.coverage
    return {
        "uuid": run_key(assessment, "poam-nothing"),
        "title": "No weakness was found in what was seen",
        "description": prose(f"{coverage.decided} of {coverage.possible} results are decided; the rest is unknown."),
        **props((("standing", Standing.COMPLETED.value if coverage.decided == coverage.possible > 0 else "unknown"),)),
    }
