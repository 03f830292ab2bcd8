"""The assessment plan and the stub of a system security plan: no more than what the other documents refer to."""

from __future__ import annotations

from posture.model.assessment import Assessment
from reports.keys import key_uuid
from reports.oscal.common import (
    SSP,
    Json,
    assets,
    controls,
    metadata,
    moment,
    prop,
    prose,
    reviewed,
    run_key,
)

_NIST = "urn:posture-scanner:import-profile:nist-800-53r5"


def assessment_plan(assessment: Assessment, marking: str = "") -> Json:
    """Return what was planned: these checks, on these hosts, under this authorisation."""
    run = assessment.run
    return {
        "assessment-plan": {
            "uuid": run_key(assessment, "assessment-plan"),
            "metadata": metadata(assessment, f"Assessment plan of run {run.id}", marking),
            "import-ssp": {"href": SSP},
            "reviewed-controls": reviewed(assessment),
            "assessment-subjects": [{"type": "inventory-item", "include-all": {}}],
            "assessment-assets": assets(assessment),
            "tasks": [
                {
                    "uuid": run_key(assessment, "task"),
                    "type": "action",
                    "title": prose(f"Run {run.id}"),
                    "description": prose(
                        f"Under authorisation {run.authorisation}. Hosts are read, never changed; "
                        "every probe is logged."
                    ),
                    "timing": {"on-date": {"date": moment(run.started_at)}},
                }
            ],
        }
    }


def system_security_plan(assessment: Assessment, marking: str = "") -> Json:
    """Return a stub: the real plan is the system owner's, and whoever has it names it here instead."""
    run = assessment.run
    component = key_uuid("system", run.inventory_digest)
    return {
        "system-security-plan": {
            "uuid": run_key(assessment, "ssp"),
            "metadata": metadata(assessment, "System security plan (stub made by the scanner)", marking),
            "import-profile": {"href": f"#{key_uuid('resource', _NIST)}"},
            "system-characteristics": _characteristics(run.inventory_digest, component),
            "system-implementation": _implementation(component),
            "control-implementation": {
                "description": "Stub: how controls are implemented stands in the system's own plan.",
                "implemented-requirements": [
                    _requirement(control, component, run.inventory_digest) for control in controls(assessment)
                ],
            },
            "back-matter": {
                "resources": [
                    {
                        "uuid": key_uuid("resource", _NIST),
                        "title": "NIST SP 800-53 Revision 5",
                        "description": "The agency's own profile belongs here; this names the catalog only.",
                        "rlinks": [{"href": "https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final"}],
                    }
                ]
            },
        }
    }


def _characteristics(inventory_digest: str, component: str) -> Json:
    return {
        "system-ids": [{"identifier-type": "http://ietf.org/rfc/rfc4122", "id": component}],
        "system-name": f"Inventory {inventory_digest[:16]}".strip(" "),
        "description": "Stub: stands for the system's own plan, so that references of this export resolve.",
        "system-information": {
            "information-types": [
                {"title": "Not stated", "description": "Stated in the system's own plan, not by the scanner."}
            ]
        },
        "status": {"state": "operational"},
        "authorization-boundary": {"description": "The hosts of the inventory that was assessed."},
    }


def _implementation(component: str) -> Json:
    return {
        "users": [
            {
                "uuid": key_uuid("user", "assessor"),
                "title": "Assessor",
                "props": [prop("kind", "scan account")],
                "role-ids": ["assessor"],
            }
        ],
        "components": [
            {
                "uuid": component,
                "type": "this-system",
                "title": "This system",
                "description": "The hosts of the inventory that was assessed.",
                "status": {"state": "operational"},
            }
        ],
    }


def _requirement(control: str, component: str, inventory_digest: str) -> Json:
    return {
        "uuid": key_uuid("requirement", control),
        "control-id": control,
        "by-components": [
            {
                "component-uuid": component,
                "uuid": key_uuid("by-component", inventory_digest, control),
                "description": "Not stated here: it stands in the system's own plan.",
            }
        ],
    }
