"""Waivers: decisions to live with a failure until a date. They never change a status; a waived failure stays one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from posture.catalogue.checkfile import Text
from posture.errors import BaselineError
from posture.evaluate.judge import asserted_digest
from posture.model.assessment import WaiverUse
from posture.model.finding import Approval, Finding, Result, Status, Waiver, WaiverState
from posture.model.host import Host
from posture.yamlfile import Located, convert, read


class ScopeEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which hosts; with both keys, hosts that match a pattern *and* live in one of the zones."""

    hosts: list[Text] = []
    zones: list[Text] = []


class ApprovalEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Who accepted the risk."""

    name: Text
    role: Text
    date: date


class WaiverEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One decision."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$")]
    check: Text
    scope: ScopeEntry
    expected_status: Literal["fail", "not_checked", "error"]
    evidence_sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")] | None = None
    reason: Annotated[str, msgspec.Meta(min_length=10)]
    compensating: list[Text] = []
    owner: Text
    approved_by: Annotated[list[ApprovalEntry], msgspec.Meta(min_length=1)]
    expires: date
    poam: str = ""


class WaiverFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All decisions of an agency."""

    schema: Literal["posture.waiver/1"]
    waivers: list[WaiverEntry]


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """Return the waivers of a file in id order.

    Raises:
        BaselineError: with file, line and key; a scope is empty, or covers everything with one approver.
    """
    located = read(path, raises=BaselineError)
    file = convert(located, WaiverFile)
    seen: set[str] = set()
    out = []
    for index, entry in enumerate(file.waivers):
        at = located.at("waivers", index)
        if entry.id in seen:
            raise at.error(f"waiver id {entry.id} is used twice", "id", hint="every decision has an id of its own")
        seen.add(entry.id)
        out.append(_waiver(entry, at))
    return tuple(sorted(out, key=lambda waiver: waiver.id))


class WaiverBook:
    """The waivers of one run: covers results as they stream by, and says at the end what each waiver did."""

    def __init__(
        self, waivers: Iterable[Waiver], *, checks: Collection[str], hosts: Iterable[Host], today: date
    ) -> None:
        self._waivers = tuple(waivers)
        self._today = today
        self._checks = frozenset(checks)
        self._zones = {host.id: host.zone for host in hosts}
        self._met: dict[str, set[str]] = {waiver.id: set() for waiver in self._waivers}
        self._of_check: dict[str, list[Waiver]] = {}
        for waiver in self._waivers:
            self._of_check.setdefault(waiver.check, []).append(waiver)

    def cover(self, result: Result) -> Result:
        """Return the result with the id of the waiver that covers it, if any; its status stays what it is."""
        covering = ""
        for waiver in self._of_check.get(result.check, ()):
            if not self._covers_host(waiver, result.host):
                continue
            outcome = self._outcome(waiver, result)
            self._met[waiver.id].add(outcome)
            if outcome == "covered" and not covering:
                covering = waiver.id
        return result if result.waiver == covering else replace(result, waiver=covering)

    def uses(self, findings: Iterable[Finding]) -> tuple[WaiverUse, ...]:
        """Return what each waiver does today, in id order; to be asked after every result was covered."""
        covered: dict[str, list[str]] = {}
        for finding in findings:
            if finding.open and finding.waiver:
                covered.setdefault(finding.waiver, []).append(finding.id)
        return tuple(
            WaiverUse(waiver, self._state(waiver), tuple(sorted(covered.get(waiver.id, []))))
            for waiver in sorted(self._waivers, key=lambda waiver: waiver.id)
        )

    def _covers_host(self, waiver: Waiver, host: str) -> bool:
        if waiver.hosts and not any(fnmatchcase(host, pattern) for pattern in waiver.hosts):
            return False
        return not waiver.zones or self._zones.get(host) in waiver.zones

    def _outcome(self, waiver: Waiver, result: Result) -> str:
        verdict = result.verdict
        if verdict.status is not waiver.expected_status:
            return "unneeded" if verdict.status in (Status.PASS, Status.NOT_APPLICABLE) else "otherwise"
        if waiver.evidence_sha256 and asserted_digest(verdict) != waiver.evidence_sha256:
            return "lapsed"
        return "expired" if self._today > waiver.expires else "covered"

    def _state(self, waiver: Waiver) -> WaiverState:
        met = self._met[waiver.id]
        if waiver.check not in self._checks or not any(self._covers_host(waiver, host) for host in self._zones):
            return WaiverState.ORPHAN
        if self._today > waiver.expires:
            return WaiverState.EXPIRED
        if "covered" in met:
            return WaiverState.ACTIVE
        if "lapsed" in met:
            return WaiverState.LAPSED
        # a result nobody could decide does not make a waiver needless
        return WaiverState.UNNEEDED if met == {"unneeded"} else WaiverState.ACTIVE


def _waiver(entry: WaiverEntry, at: Located) -> Waiver:
    if not entry.scope.hosts and not entry.scope.zones:
        raise at.error("an empty scope", "scope", hint="name hosts (patterns) or zones")
    everything = any(set(pattern) <= {"*", "?"} for pattern in entry.scope.hosts) and not entry.scope.zones
    approvers = {approval.name.casefold() for approval in entry.approved_by}
    if everything and len(approvers) < 2:
        raise at.error("a waiver for every host needs two approvers", "approved_by", hint="or name fewer hosts")
    if any(char in zone for zone in entry.scope.zones for char in "*?["):
        raise at.error("zones are named, not matched", "scope", "zones")
    return Waiver(
        id=entry.id,
        check=entry.check,
        hosts=tuple(entry.scope.hosts),
        zones=tuple(entry.scope.zones),
        expected_status=Status[entry.expected_status.upper()],
        reason=entry.reason.strip(),
        owner=entry.owner,
        approved_by=tuple(Approval(a.name, a.role, a.date) for a in entry.approved_by),
        expires=entry.expires,
        evidence_sha256=entry.evidence_sha256 or "",
        compensating=tuple(entry.compensating),
        poam=entry.poam,
    )
