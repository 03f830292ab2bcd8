"""POA&M workbooks in the layouts that eMASS imports: Navy, Marine Corps and Army, made from their column lists.

Sheet ``POA&M``: row 1 the marking, rows 2 to 6 the system, row 7 the headings from column B, data from row 8. What the
risk columns propose comes from NIST SP 800-30 r1, tables G-5 and I-2; the ISSM decides. eMASS itself was not at hand:
tests hold the file against the import rules that are printed in its template.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from posture.model.assessment import Assessment
from reports.cases import one_line
from reports.files import new_file
from reports.inert import clip
from reports.weaknesses import Standing, Weakness, decision, weaknesses
from reports.words import counted
from reports.xlsx import Cell, Sheet, write_workbook

_UP_TO_MITIGATIONS = (
    "POA&M Item ID", "Control Vulnerability Description", "Controls / APs", "Security Checks", "POA&M Status",
    "POA&M Scheduled Completion Date", "POA&M Requested Risk Accepted Expiration Date", "POA&M Completion Date",
    "Milestone ID", "Milestone Description", "Milestone Status", "Milestone Status Comments",
    "Milestone Scheduled Completion Date", "Milestone Completion Date", "Identification Source",
    "Identification Source Details", "Office/Org", "Resources Required", "Comments", "Raw Severity",
    "Devices Affected",
)  # fmt: skip
_RISK = (
    "Predisposing Conditions", "Severity", "Relevance of Threat", "Threat Description", "Likelihood", "Impact",
    "Impact Description", "Residual Risk Level", "Recommendations",
)  # fmt: skip
_ARMY_RESOURCES = (
    "Identified in CFO Audit or other review",
    "Personnel Resources: Cost Code", "Personnel Resources: Funded Base Hours",
    "Personnel Resources: Unfunded Base Hours", "Personnel Resources: Non-Funding Obstacle",
    "Personnel Resources: Non-Funding Obstacle Other Reason",
    "Non-Personnel Resources: Cost Code", "Non-Personnel Resources: Funded Amount",
    "Non-Personnel Resources: Unfunded Amount", "Non-Personnel Resources: Non-Funding Obstacle",
    "Non-Personnel Resources: Non-Funding Obstacle Other Reason",
)  # fmt: skip
LAYOUTS: dict[str, tuple[str, ...]] = {
    "navy": (
        *_UP_TO_MITIGATIONS,
        "Mitigations (in-house and in conjunction with the Navy CSSP)",
        *_RISK,
        "Resulting Residual Risk after Proposed Mitigations",
    ),
    "usmc": (*_UP_TO_MITIGATIONS, "Mitigations", *_RISK),
    "army": (
        *_UP_TO_MITIGATIONS,
        "Mitigations",
        *(name for name in _RISK if name not in ("Predisposing Conditions", "Threat Description")),
        *_ARMY_RESOURCES,
    ),
}

_LEVELS = ("Very Low", "Low", "Moderate", "High", "Very High")
_RELEVANCE = "High"  # the least that eMASS takes for an adversary, and every check names one
_STATUS = {Standing.ONGOING: "Ongoing", Standing.ACCEPTED: "Risk Accepted", Standing.COMPLETED: "Completed"}
_TEXT_CHARS = 1_900  # eMASS takes 2,000 in description and comments; `clip` adds what it left out
_RESOURCE_CHARS = 200  # of 250
_OFFICE_CHARS = 60  # of 100
# NIST SP 800-30 r1, table G-5: likelihood that it is initiated (row) and that it does harm (column), from Very Low up.
_G5 = (
    (0, 0, 1, 1, 1),
    (0, 1, 1, 2, 2),
    (1, 1, 2, 2, 3),
    (1, 2, 2, 3, 4),
    (1, 2, 3, 4, 4),
)
# Table I-2: likelihood (row) and impact (column).
_I2 = (
    (0, 0, 0, 1, 1),
    (0, 1, 1, 1, 2),
    (0, 1, 2, 2, 3),
    (0, 1, 2, 3, 4),
    (0, 1, 2, 3, 4),
)


def write_emass(layout: str, assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the workbook in one of ``LAYOUTS``.

    Raises:
        UsageError: the file cannot be written.
    """
    columns = LAYOUTS[layout]
    found = weaknesses(assessment)
    rows: list[tuple[Cell, ...]] = [
        *_head(assessment, found, marking),
        (None, *columns),
        *((None, *(row.get(column) for column in columns)) for one in found for row in _rows(assessment, one)),
    ]
    with new_file(path) as file:
        write_workbook(file, [Sheet("POA&M", rows, bold=frozenset({1, 7}), day_format="mm/dd/yyyy")])


def _head(assessment: Assessment, found: tuple[Weakness, ...], marking: str) -> Iterator[tuple[Cell, ...]]:
    run = assessment.run
    systems = sorted({name for one in found for name in one.systems})
    system = systems[0] if len(systems) == 1 else "; ".join(systems) or "not declared in the inventory"
    yield (marking or "MARKING NOT CONFIGURED",)
    yield _pairs(("Date Exported:", run.as_of.date()), ("System Type:", ""))
    yield _pairs(("Exported By:", run.operator), ("OMB Project ID:", ""))
    yield _pairs(("DoD Component:", ""), ("POC Name:", ""))
    yield _pairs(("System / Project Name:", system), ("POC Phone:", ""))
    yield _pairs(("DoD IT Registration No:", ""), ("POC E-Mail:", ""))


def _pairs(left: tuple[str, Cell], right: tuple[str, Cell]) -> tuple[Cell, ...]:
    # labels in B and K, values in D and M, as the template has them
    return (None, left[0], None, left[1], None, None, None, None, None, None, right[0], None, right[1])


def _rows(assessment: Assessment, one: Weakness) -> Iterator[dict[str, Cell]]:
    """Yield the row of an item with its first milestone, and one more row for each further milestone."""
    first, *more = _milestones(one, _scheduled(assessment, one)) or [{}]
    yield {**_item(assessment, one), **_risk(one), **first}
    yield from more


def _item(assessment: Assessment, one: Weakness) -> dict[str, Cell]:
    due = one.due
    ongoing, accepted = one.standing is Standing.ONGOING, one.standing is Standing.ACCEPTED
    scheduled = _scheduled(assessment, one) if not accepted else None
    waiver = one.waiver
    comments = [decision(one), f"Due by {due.clock} version {due.clock_version}: {due.reason}" if due else "No clock."]
    return {
        "Control Vulnerability Description": _text(f"{one.title}. {_rationale(one)}"),
        "Controls / APs": "; ".join(one.controls),
        "Security Checks": "; ".join(_security_checks(one)),
        "POA&M Status": _STATUS[one.standing],
        "POA&M Scheduled Completion Date": scheduled,
        "POA&M Requested Risk Accepted Expiration Date": waiver.expires if waiver and accepted else None,
        "POA&M Completion Date": one.closed,
        "Identification Source": "Other: automated configuration assessment (posture-scanner)",
        "Identification Source Details": (
            f"posture-scanner {assessment.run.tool_version}, run {assessment.run.id}, profile "
            f"{assessment.baseline.profile.id}, authorisation {assessment.run.authorisation}; {one.number}"
        ),
        "Office/Org": clip("; ".join(one.owners) or "Owner not declared in the inventory", _OFFICE_CHARS),
        "Resources Required": clip(one.effort, _RESOURCE_CHARS),
        "Comments": _text(" ".join(part for part in (*comments, _partial(assessment, one) if ongoing else "") if part)),
        "Raw Severity": _LEVELS[one.severity],
        "Devices Affected": "; ".join(one.host_ids),
    }


def _scheduled(assessment: Assessment, one: Weakness) -> date:
    """Return the date it is due; today where no clock runs, so that nobody reads a date nobody set as an excuse."""
    return one.due.due if one.due else assessment.today


def _partial(assessment: Assessment, one: Weakness) -> str:
    unseen = sum(finding.last_seen < assessment.run.as_of for finding in one.findings)
    return f"{counted(unseen, 'finding')} could not be seen again in this run and stay open." if unseen else ""


def _rationale(one: Weakness) -> str:
    return one_line(one.check.rationale) if one.check else ""


def _security_checks(one: Weakness) -> tuple[str, ...]:
    rules = one.check.references.stig if one.check else ()
    # A rule that our check covers in part only would promise more than was tested.
    return (one.check_id, *(rule.rule_id for rule in rules if rule.relation in ("equivalent", "stricter")))


def _milestones(one: Weakness, scheduled: date) -> list[dict[str, Cell]]:
    if one.standing is Standing.ACCEPTED:
        return []  # eMASS refuses a milestone on an accepted risk
    where = "; ".join(one.host_ids)
    done = one.standing is Standing.COMPLETED
    fix = one_line(one.check.remediation.text) if one.check else "Decide whether the finding still stands."
    return [
        {
            "Milestone Description": _text(f"{fix} Hosts: {where}"),
            "Milestone Status": "Complete" if done else "Pending",
            "Milestone Scheduled Completion Date": scheduled,
            "Milestone Completion Date": one.closed,
        }
    ]


def _risk(one: Weakness) -> dict[str, Cell]:
    severity = int(one.severity)
    likelihood = _G5[_LEVELS.index(_RELEVANCE)][severity]
    residual = _LEVELS[_I2[likelihood][severity]]
    measures = "; ".join(one.waiver.compensating) if one.waiver else ""
    text = f"In place: {measures}" if measures else "None recorded."
    fix = one_line(one.check.remediation.text) if one.check else "Judge the hosts by the present baseline."
    return {
        "Mitigations (in-house and in conjunction with the Navy CSSP)": _text(text),
        "Mitigations": _text(text),
        "Severity": _LEVELS[severity],
        "Relevance of Threat": _RELEVANCE,
        "Threat Description": _text(f"Adversarial: {', '.join(_categories(one)) or 'AI-enabled attack'}."),
        "Likelihood": _LEVELS[likelihood],
        "Impact": _LEVELS[severity],
        "Impact Description": _text(
            "Proposed from the severity of the check, by NIST SP 800-30 r1 tables G-5 and I-2; the ISSM decides."
        ),
        "Residual Risk Level": residual,
        "Recommendations": _text(fix),
        "Resulting Residual Risk after Proposed Mitigations": _LEVELS[0]
        if one.standing is Standing.COMPLETED
        else residual,
    }


def _categories(one: Weakness) -> tuple[str, ...]:
    return one.check.threat.categories if one.check else ()


def _text(text: str) -> str:
    return clip(text, _TEXT_CHARS)
