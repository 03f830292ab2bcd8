"""STIG Viewer 3 checklists (.cklb), one for each host whose platform has a DISA benchmark that our checks speak of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posture.model.assessment import Assessment, HostAssessment
from reports.files import new_directory, new_file
from reports.inert import clip
from reports.jsontext import write_document
from reports.keys import key_uuid
from reports.stig import DETAIL_CHARS, Checklist, RuleReview, checklists, file_stem


def write_cklb(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write one file for each host into the directory.

    Raises:
        UsageError: the directory or a file cannot be written.
    """
    new_directory(path)
    for entry, found in checklists(assessment):
        with new_file(path / f"{file_stem(entry)}.cklb") as file:
            write_document(file, _document(entry, found, marking))


def _document(entry: HostAssessment, found: tuple[Checklist, ...], marking: str) -> dict[str, Any]:
    host = entry.host
    return {
        "title": f"{host.id} {found[0].benchmark}",
        "id": key_uuid("cklb", host.id),
        "cklb_version": "1.0",
        "active": False,
        "mode": 1,
        "has_path": True,
        "target_data": {
            "target_type": "Computing",
            "host_name": host.id,
            "ip_address": host.addresses[0] if host.addresses else "",
            "mac_address": "",
            "fqdn": host.name,
            "comments": f"zone {host.zone}",
            "role": "None",
            "is_web_database": False,
            "technology_area": "UNIX OS",
            "web_db_site": "",
            "web_db_instance": "",
            "classification": marking or None,
        },
        "stigs": [_stig(one) for one in found],
    }


def _stig(one: Checklist) -> dict[str, Any]:
    return {
        "stig_name": one.benchmark,
        "display_name": one.benchmark,
        "stig_id": one.benchmark,
        "release_info": one.release,
        "version": one.number,
        "uuid": one.uuid,
        "reference_identifier": None,
        "size": len(one.rules),
        "rules": [_rule(one, rule) for rule in one.rules],
    }


def _rule(checklist: Checklist, one: RuleReview) -> dict[str, Any]:
    rule = one.rule
    return {
        "uuid": key_uuid("cklb-rule", checklist.host.host.id, rule.rule_id),
        "stig_uuid": checklist.uuid,
        "target_key": None,
        "stig_ref": None,
        "group_id": rule.vuln_id,
        "group_id_src": rule.vuln_id,
        "rule_id": one.bare_rule_id,
        "rule_id_src": rule.rule_id,
        "weight": "10.0",
        "classification": "Unclassified",
        "severity": rule.severity,
        "rule_version": rule.stig_id,
        "group_title": rule.stig_id,
        "rule_title": one.title,
        "fix_text": one.fix,
        "false_positives": "",
        "false_negatives": "",
        "discussion": one.discussion,
        "check_content": "See DISA's benchmark; what posture-scanner asked stands in the finding details.",
        "documentable": "false",
        "mitigations": "",
        "potential_impacts": "",
        "third_party_tools": "",
        "mitigation_control": "",
        "responsibility": "",
        "security_override_guidance": "",
        "ia_controls": "",
        "check_content_ref": {"name": "M", "href": ""},
        "legacy_ids": [],
        "ccis": [],
        "group_tree": [{"id": rule.vuln_id, "title": rule.stig_id, "description": ""}],
        "createdAt": "",
        "updatedAt": "",
        "STIGUuid": checklist.uuid,
        "status": one.review.value,
        "overrides": {},
        # The strokes are ours: JSON would have line breaks written out like those of a host.
        "finding_details": clip(" / ".join(line.strip(" ") for line in one.details), DETAIL_CHARS),
        "comments": f"Our title and texts; DISA's rule is {rule.rule_id}.",
    }
