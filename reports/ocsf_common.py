"""What every OCSF event of ours has: who made it, the host as a resource, times as OCSF counts them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from posture.model.assessment import Assessment, HostAssessment

VERSION = "1.8.0"


def metadata(assessment: Assessment) -> dict[str, Any]:
    """Return who made the event."""
    return {
        "version": VERSION,
        "product": {
            "name": "posture-scanner",
            "vendor_name": "posture-scanner",
            "version": assessment.run.tool_version,
        },
        "uid": assessment.run.id,
    }


def resource(entry: HostAssessment) -> dict[str, Any]:
    """Return a host as a resource."""
    host = entry.host
    resource: dict[str, Any] = {"uid": host.id, "name": host.name or host.id, "type": "host"}
    if host.owner:
        resource["owner"] = {"name": host.owner}
    if host.zone:
        resource["labels"] = [f"zone:{host.zone}"]
    return resource


def millis(moment: datetime) -> int:
    """Return milliseconds since 1970, as OCSF counts."""
    return int(moment.timestamp() * 1000)
