"""What an assessment comes to, as the exit code of a program."""

from __future__ import annotations

from posture.exit_codes import ExitCode
from posture.model.assessment import Assessment, RunState


def exit_code(assessment: Assessment) -> ExitCode:
    """Return what the scan comes to: nothing assessed, findings, blind spots.

    A waived failure is printed and counted everywhere, and does not set the code; BOD 26-04 knows no waiver, so a known
    vulnerability sets it all the same.
    """
    if not _anything_assessed(assessment):
        return ExitCode.NOTHING_ASSESSED
    coverage = assessment.coverage
    severity = {check.id: check.severity for check in assessment.baseline.checks}
    unwaivable = {check.id for check in assessment.baseline.checks if check.deadline_class == "bod_26_04"}
    threshold = assessment.baseline.profile.fail_threshold
    findings = any(
        finding.open and (not finding.waiver or finding.check in unwaivable) and severity[finding.check] >= threshold
        for finding in assessment.findings
        if finding.check in severity
    )
    blind = coverage.decided < coverage.possible or assessment.run.state is not RunState.COMPLETE
    if findings:
        return ExitCode.FINDINGS_AND_BLIND_SPOTS if blind else ExitCode.FINDINGS
    return ExitCode.BLIND_SPOTS if blind else ExitCode.CLEAN


def _anything_assessed(assessment: Assessment) -> bool:
    """Return whether any verdict rests on what a host or the network said, not on the inventory alone."""
    results = (result for host in assessment.read_hosts() for result in host.results)
    return any(result.verdict.status.decided and result.evidence for result in results)
