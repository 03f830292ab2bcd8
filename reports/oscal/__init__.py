"""OSCAL 1.2: assessment results and POA&M, with the small assessment plan and SSP stub that they refer to."""

from __future__ import annotations

from pathlib import Path

from posture.model.assessment import Assessment
from reports.files import new_directory, new_file
from reports.jsontext import write_document
from reports.oscal.plan import assessment_plan, system_security_plan
from reports.oscal.poam import plan_of_action
from reports.oscal.results import assessment_results

FILES = {
    "assessment-results.json": assessment_results,
    "poam.json": plan_of_action,
    "assessment-plan.json": assessment_plan,
    "ssp.json": system_security_plan,
}


def write_oscal(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the four documents into the directory; they refer to each other by file name.

    Raises:
        UsageError: the directory or a file cannot be written.
    """
    new_directory(path)
    for name, document in FILES.items():
        with new_file(path / name) as file:
            write_document(file, document(assessment, marking))
