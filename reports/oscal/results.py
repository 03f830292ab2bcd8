"""Assessment results: every finding with its observation and risk, and what each check says of all other hosts."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator

from posture.model.assessment import Assessment
from posture.model.check import Check
from posture.model.finding import Status
from reports.cases import cases
from reports.jsontext import Stream
from reports.keys import key_uuid
from reports.oscal.common import (
    PLAN,
    Json,
    assets,
    inventory,
    metadata,
    moment,
    origins,
    props,
    prose,
    reviewed,
    run_key,
    status_words,
    subject,
)
from reports.oscal.findings import finding_json, observation, risk, target, waivers_in_force
from reports.survey import blind_reason
from reports.words import counted


def assessment_results(assessment: Assessment, marking: str = "") -> Json:
    """Return the document; its long lists are streams."""
    run, coverage = assessment.run, assessment.coverage
    rest = _Rest(assessment)
    return {
        "assessment-results": {
            "uuid": run_key(assessment, "assessment-results"),
            "metadata": metadata(assessment, f"Posture assessment {run.id}", marking),
            "import-ap": {"href": PLAN},
            "results": [
                {
                    "uuid": run_key(assessment, "result"),
                    "title": prose(f"Run {run.id}"),
                    "description": prose(
                        f"{coverage.decided} of {coverage.possible} results are decided. What is not decided is never "
                        "satisfied."
                    ),
                    "start": moment(run.started_at),
                    **({"end": moment(run.finished_at)} if run.finished_at else {}),
                    **props(
                        (
                            ("run-state", run.state.value),
                            ("coverage-decided", str(coverage.decided)),
                            ("coverage-possible", str(coverage.possible)),
                            ("fingerprint", assessment.fingerprint),
                        )
                    ),
                    "local-definitions": {
                        "inventory-items": Stream(inventory(assessment)),
                        "assessment-assets": assets(assessment),
                    },
                    "reviewed-controls": reviewed(assessment),
                    "observations": Stream(_observations(assessment, rest)),
                    **_risks(assessment),
                    "findings": Stream(_findings(assessment, rest)),
                    "remarks": status_words(),
                }
            ],
        }
    }


def _risks(assessment: Assessment) -> Json:
    if not assessment.findings:
        return {}  # OSCAL takes no empty list
    waivers = waivers_in_force(assessment)
    return {"risks": Stream(risk(assessment, case, waivers) for case in cases(assessment))}


def _observations(assessment: Assessment, rest: _Rest) -> Iterator[Json]:
    for case in cases(assessment):
        yield observation(assessment, case)
    yield from rest.observations()


def _findings(assessment: Assessment, rest: _Rest) -> Iterator[Json]:
    for case in cases(assessment):
        yield finding_json(assessment, case)
    yield from rest.findings()


class _Rest:
    """What the checks say where they do not fail: one observation for each check, status and reason, over its hosts."""

    def __init__(self, assessment: Assessment) -> None:
        self._assessment = assessment
        self._hosts: list[str] = []
        self._groups: dict[tuple[str, Status, str], array[int]] = defaultdict(lambda: array("I"))
        failing: set[str] = set()
        for number, entry in enumerate(assessment.read_hosts()):
            self._hosts.append(entry.host.id)
            for result in entry.results:
                status = result.verdict.status
                if status is Status.FAIL:
                    failing.add(result.check)
                    continue
                reason = "" if status.decided else blind_reason(result)
                self._groups[result.check, status, reason].append(number)
        self._failing = failing | {finding.check for finding in assessment.findings if finding.open}
        self._checks = {check.id: check for check in assessment.baseline.checks}

    def observations(self) -> Iterator[Json]:
        """Yield one observation for each group."""
        for (check, status, reason), hosts in sorted(self._groups.items()):
            what = f"{status.label}{f', {reason}' if reason else ''} on {counted(len(hosts), 'host')}"
            yield {
                "uuid": _uuid(check, status, reason),
                "title": prose(f"{check}: {what}"),
                "description": prose(f"{self._checks[check].title}: {what}."),
                **props((("check", check), ("result-now", status.label), ("reason", reason))),
                "methods": ["INTERVIEW" if status is Status.MANUAL else "TEST"],
                "types": ["control-objective"],
                "origins": origins(self._assessment),
                "subjects": [subject(self._hosts[number]) for number in hosts],
                "collected": moment(self._assessment.run.as_of),
            }

    def findings(self) -> Iterator[Json]:
        """Yield one finding for each check that fails nowhere, satisfied only when nothing of it is unknown."""
        by_check: dict[str, list[tuple[Status, str]]] = defaultdict(list)
        for check, status, reason in self._groups:
            by_check[check].append((status, reason))
        for check, groups in sorted(by_check.items()):
            said = {status for status, _ in groups}
            if said == {Status.NOT_APPLICABLE} or (check in self._failing and all(one.decided for one in said)):
                continue  # concerns no host, or its failures are findings of their own
            yield self._finding(self._checks[check], sorted(groups))

    def _finding(self, check: Check, groups: list[tuple[Status, str]]) -> Json:
        unknown = sorted({reason for status, reason in groups if not status.decided})
        good = not unknown and check.id not in self._failing
        words = "passes wherever it applies" if good else f"is not decided everywhere: {', '.join(unknown)}"
        return {
            "uuid": key_uuid("check-finding", self._assessment.run.id, check.id),
            "title": prose(f"{check.id} {'holds' if good else 'is not known everywhere'}"),
            "description": prose(f"{check.id} ({check.title}) {words}."),
            **props((("check", check.id), ("unknown", ", ".join(unknown)))),
            "origins": origins(self._assessment),
            "target": target(check, "satisfied", "pass") if good else target(check, "not-satisfied", "other"),
            "related-observations": [
                {"observation-uuid": _uuid(check.id, status, reason)} for status, reason in groups
            ],
        }


def _uuid(check: str, status: Status, reason: str) -> str:
    return key_uuid("check-observation", check, status.label, reason)
