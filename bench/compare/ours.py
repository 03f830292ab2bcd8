"""Our own answers: one scan of the lab by the program itself, and each assertion's outcome from its store."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.compare.lab import Lab
from posture.assess import stored_assessment
from posture.model.assessment import RunState
from posture.store import Store
from tests.lab.network import LabError


def run(lab: Lab, raw: Path) -> None:
    """Scan the lab (logging in only: the others do not look from the network) and keep each host's answers."""
    argv = [
        *(str(Path(sys.executable).with_name("posture")), "scan", "--no-network", "--exit-zero"),
        *("-i", str(lab.work / "inventory.yaml"), "-c", str(lab.work / "posture.yaml")),
        *("--out", str(lab.work / "out")),
    ]
    done = lab.in_scanner(argv)
    with Store.open(lab.work / "posture.db") as store:
        assessment = stored_assessment(store, "latest")
        if assessment.run.state is not RunState.COMPLETE:
            raise LabError(f"our own scan: {done.stderr[-300:]}")
        for host in assessment.read_hosts():
            if host.host.id not in lab.hosts:  # the fleet as a whole has results too
                continue
            checks = {
                result.check: {
                    "status": result.verdict.status.label,
                    "reason": result.verdict.reason,
                    "assertions": {
                        row.id: {
                            "outcome": row.outcome.value,
                            "fact": row.fact,
                            "expected": f"{row.op} {row.expected}".strip(),
                            "actual": row.actual,
                        }
                        for row in result.verdict.assertions
                    },
                }
                for result in host.results
            }
            (raw / host.host.id / "ours.json").write_text(json.dumps(checks, indent=1, sort_keys=True))


def read(raw: Path) -> dict[str, Any]:
    """Return the answers by check id."""
    answers: dict[str, Any] = json.loads((raw / "ours.json").read_text())
    return answers
