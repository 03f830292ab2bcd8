"""What every OSCAL document of ours has: metadata, properties in our namespace, the hosts as inventory items."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from posture.model.assessment import Assessment, HostAssessment
from posture.model.host import FLEET
from posture.model.observation import Evidence
from reports.keys import key_uuid
from reports.words import STATUS

Json = dict[str, Any]

VERSION = "1.2.3"
NAMESPACE = "https://example.invalid/posture-scanner/ns/oscal"
"""Of all properties that are ours: OSCAL has no words for them."""
RESULTS, PLAN, SSP, POAM = "assessment-results.json", "assessment-plan.json", "ssp.json", "poam.json"

_MARKDOWN = re.compile(r"([\\`*_{}\[\]^~$#|])")
_CONTROL = re.compile(r"([A-Z]{2})-(\d+)(?:\((\d+)\))?")


def prose(text: str) -> str:
    """Return text for a field that OSCAL renders as Markdown: on one line, without markup of any kind."""
    safe = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", safe).strip() or "none"


def prop(name: str, value: str) -> Json:
    """Return a property of ours; a value is one line once it is written, and never empty."""
    return {"name": name, "ns": NAMESPACE, "value": value.strip(" ") or "none"}


def props(pairs: Iterable[tuple[str, str]]) -> Json:
    """Return the ``props`` member with every pair that has a value; nothing when none has."""
    found = [prop(name, value) for name, value in pairs if value.strip()]
    return {"props": found} if found else {}


def moment(at: datetime) -> str:
    """Return a moment as OSCAL writes it, in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def run_key(assessment: Assessment, kind: str) -> str:
    """Return the UUID of a document: another one for every run and every way it was judged."""
    return key_uuid(kind, assessment.run.id, assessment.fingerprint)


def metadata(assessment: Assessment, title: str, marking: str) -> Json:
    """Return the metadata of a document."""
    run = assessment.run
    marks = [{"name": "marking", "value": marking.strip(" ")}] if marking.strip() else []
    return {
        "title": prose(title),
        "last-modified": moment(run.finished_at or run.as_of),
        "version": run.id,
        "oscal-version": VERSION,
        "props": [*marks, prop("authorisation", run.authorisation), prop("profile", assessment.baseline.profile.id)],
        "roles": [{"id": "assessor", "title": "Assessor"}],
        "parties": [
            {"uuid": operator_uuid(assessment), "type": "person", "name": run.operator.strip(" ") or "unknown"}
        ],
        "responsible-parties": [{"role-id": "assessor", "party-uuids": [operator_uuid(assessment)]}],
    }


def operator_uuid(assessment: Assessment) -> str:
    """Return the UUID of who ran the scan."""
    return key_uuid("operator", assessment.run.operator)


def tool_uuid(assessment: Assessment) -> str:
    """Return the UUID of this program in its version."""
    return key_uuid("tool", assessment.run.tool_version)


def platform_uuid(assessment: Assessment) -> str:
    """Return the UUID of the machine that scanned."""
    return key_uuid("scanner", assessment.run.scanner)


def host_uuid(host: str) -> str:
    """Return the UUID of a host; the fleet as a whole has one too."""
    return key_uuid("host", host)


def origins(assessment: Assessment) -> list[Json]:
    """Return who says so: the tool."""
    return [{"actors": [{"type": "tool", "actor-uuid": tool_uuid(assessment)}]}]


def tool(assessment: Assessment) -> Json:
    """Return this program as a component."""
    run = assessment.run
    return {
        "uuid": tool_uuid(assessment),
        "type": "software",
        "title": "posture-scanner",
        "description": "Network-hardening posture scanner; it only reads, and only what was authorised.",
        "props": [
            {"name": "version", "value": run.tool_version or "unknown"},
            prop("baseline-digest", run.baseline_digest),
            prop("evidence-origin", run.origin.value),
        ],
        "status": {"state": "operational"},
    }


def assets(assessment: Assessment) -> Json:
    """Return what was assessed with."""
    return {
        "components": [tool(assessment)],
        "assessment-platforms": [
            {
                "uuid": platform_uuid(assessment),
                "title": prose(f"Scanner {assessment.run.scanner}"),
                "uses-components": [{"component-uuid": tool_uuid(assessment)}],
            }
        ],
    }


def inventory(assessment: Assessment) -> Iterator[Json]:
    """Yield every host as an inventory item, and the fleet where checks were asked of it, or findings name it."""
    ids: set[str] = set()
    for entry in assessment.read_hosts():
        ids.add(entry.host.id)
        yield _item(entry)
    named = {finding.host for finding in assessment.findings}
    for gone in sorted(named - ids):
        yield {
            "uuid": host_uuid(gone),
            "description": prose(f"{gone}: not in this run"),
            "props": [prop("host-id", gone)],
        }


def _item(entry: HostAssessment) -> Json:
    host = entry.host
    if host.id == FLEET:
        return {
            "uuid": host_uuid(FLEET),
            "description": "What only shows over all hosts together; it is no host.",
            "props": [prop("host-id", FLEET)],
        }
    addresses = [
        {"name": "ipv6-address" if ":" in address else "ipv4-address", "value": address} for address in host.addresses
    ]
    pairs = (
        ("host-id", host.id),
        ("host-name", host.name),
        ("zone", host.zone),
        ("owner", host.owner),
        ("system", host.system),
        ("platform", entry.platform),
        ("session", entry.session),
    )
    return {
        "uuid": host_uuid(host.id),
        "description": prose(f"{host.id} in zone {host.zone}"),
        "props": [*addresses, *(prop(name, value) for name, value in pairs if value.strip())],
    }


def subject(host: str) -> Json:
    """Return a reference to a host."""
    return {"subject-uuid": host_uuid(host), "type": "inventory-item", "title": prose(host)}


def evidence(records: Iterable[Evidence]) -> list[Json]:
    """Return the answers behind an observation, by digest, with what was asked, as whom, and from where."""
    return [
        {
            "description": prose(f"Output of {record.asked}"),
            **props(
                (
                    ("command-id", record.command_id),
                    ("asked", record.asked),
                    ("sha256", record.sha256),
                    ("account", record.account),
                    ("vantage", record.vantage),
                    ("origin", record.origin.value),
                    ("taken-at", moment(record.taken_at)),
                    ("exit-code", "" if record.exit_code is None else str(record.exit_code)),
                    ("redactions", str(record.redactions)),
                    ("truncated", "yes" if record.truncated else "no"),
                )
            ),
        }
        for record in records
    ]


def control_id(control: str) -> str:
    """Return a control as OSCAL's catalog names it: ``AC-6(2)`` is ``ac-6.2``; empty when it is none."""
    found = _CONTROL.match(control)
    if not found:
        return ""
    family, number, enhancement = found.groups()
    return f"{family.lower()}-{number}{f'.{enhancement}' if enhancement else ''}"


def controls(assessment: Assessment) -> list[str]:
    """Return every control the baseline speaks of, sorted; CM-6 stands for checks that name none."""
    named = {control_id(one) for check in assessment.baseline.checks for one in check.references.nist_800_53r5}
    return sorted((named - {""}) | {"cm-6"})


def reviewed(assessment: Assessment) -> Json:
    """Return the selection of controls that was looked at."""
    return {
        "description": "Controls that the checks of this profile touch; the choice is the project's, unless a DISA "
        "rule names it. A check is never the whole of a control.",
        "control-selections": [{"include-controls": [{"control-id": control} for control in controls(assessment)]}],
    }


def status_words() -> str:
    """Return what the words for results mean, for a remark."""
    return prose(" ".join(f"{status.label}: {words}" for status, words in STATUS.items()))
