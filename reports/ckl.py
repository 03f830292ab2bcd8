"""STIG Viewer 2 checklists (.ckl), one for each host whose platform has a DISA benchmark that our checks speak of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from posture.model.assessment import Assessment, HostAssessment
from reports.files import new_directory, new_file
from reports.inert import clip, inert
from reports.stig import DETAIL_CHARS, Checklist, Review, RuleReview, checklists, file_stem

_STATUS = {
    Review.OPEN: "Open",
    Review.NOT_A_FINDING: "NotAFinding",
    Review.NOT_APPLICABLE: "Not_Applicable",
    Review.NOT_REVIEWED: "Not_Reviewed",
}


def write_ckl(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write one file for each host into the directory.

    Raises:
        UsageError: the directory or a file cannot be written.
    """
    new_directory(path)
    for entry, found in checklists(assessment):
        with new_file(path / f"{file_stem(entry)}.ckl") as file:
            for line in _lines(entry, found, marking):
                file.write(line.encode("utf-8") + b"\n")


def _lines(entry: HostAssessment, found: tuple[Checklist, ...], marking: str) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield "<CHECKLIST>"
    yield from _asset(entry, marking)
    yield "<STIGS>"
    for checklist in found:
        yield "<iSTIG>"
        yield from _info(checklist)
        for rule in checklist.rules:
            yield from _vuln(checklist, rule)
        yield "</iSTIG>"
    yield "</STIGS>"
    yield "</CHECKLIST>"


def _asset(entry: HostAssessment, marking: str) -> Iterator[str]:
    host = entry.host
    yield "<ASSET>"
    for name, value in (
        ("ROLE", "None"),
        ("ASSET_TYPE", "Computing"),
        ("MARKING", marking),
        ("HOST_NAME", host.id),
        ("HOST_IP", host.addresses[0] if host.addresses else ""),
        ("HOST_MAC", ""),
        ("HOST_FQDN", host.name),
        ("TARGET_COMMENT", f"zone {host.zone}"),
        ("TECH_AREA", "UNIX OS"),
        ("TARGET_KEY", ""),
        ("WEB_OR_DATABASE", "false"),
        ("WEB_DB_SITE", ""),
        ("WEB_DB_INSTANCE", ""),
    ):
        yield _element(name, value)
    yield "</ASSET>"


def _info(checklist: Checklist) -> Iterator[str]:
    yield "<STIG_INFO>"
    for name, value in (
        ("version", checklist.number),
        ("classification", "UNCLASSIFIED"),
        ("stigid", checklist.benchmark),
        ("description", "Holds only the rules that checks of posture-scanner speak of."),
        ("filename", ""),
        ("releaseinfo", checklist.release),
        ("title", checklist.benchmark),
        ("uuid", checklist.uuid),
        ("source", "posture-scanner"),
    ):
        yield f"<SI_DATA>{_element('SID_NAME', name)}{_element('SID_DATA', value)}</SI_DATA>"
    yield "</STIG_INFO>"


def _vuln(checklist: Checklist, one: RuleReview) -> Iterator[str]:
    rule = one.rule
    yield "<VULN>"
    for name, value in (
        ("Vuln_Num", rule.vuln_id),
        ("Severity", rule.severity),
        ("Group_Title", rule.stig_id),
        ("Rule_ID", rule.rule_id),
        ("Rule_Ver", rule.stig_id),
        ("Rule_Title", one.title),
        ("Vuln_Discuss", one.discussion),
        ("IA_Controls", ""),
        ("Check_Content", "See DISA's benchmark; what posture-scanner asked stands in the finding details."),
        ("Fix_Text", one.fix),
        ("False_Positives", ""),
        ("False_Negatives", ""),
        ("Documentable", "false"),
        ("Mitigations", ""),
        ("Potential_Impact", ""),
        ("Third_Party_Tools", ""),
        ("Mitigation_Control", ""),
        ("Responsibility", ""),
        ("Security_Override_Guidance", ""),
        ("Check_Content_Ref", ""),
        ("Weight", "10.0"),
        ("Class", "Unclass"),
        ("STIGRef", f"{checklist.benchmark} :: Version {checklist.number}, {checklist.release}"),
        ("TargetKey", ""),
        ("STIG_UUID", checklist.uuid),
    ):
        attribute = f"{_element('VULN_ATTRIBUTE', name)}{_element('ATTRIBUTE_DATA', value)}"
        yield f"<STIG_DATA>{attribute}</STIG_DATA>"
    yield _element("STATUS", _STATUS[one.review])
    details = clip("\n".join(map(inert, one.details)), DETAIL_CHARS)
    yield f"<FINDING_DETAILS>{escape(details)}</FINDING_DETAILS>"
    yield _element("COMMENTS", f"Our title and texts; DISA's rule is {rule.rule_id}.")
    yield "<SEVERITY_OVERRIDE></SEVERITY_OVERRIDE>"
    yield "<SEVERITY_JUSTIFICATION></SEVERITY_JUSTIFICATION>"
    yield "</VULN>"


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(inert(value))}</{name}>"
