"""What people attest, held against what was judged: a statement never turns into a pass and never hides a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from posture.model.attestation import REASON, Attestation, AttestationState, AttestationUse
from posture.model.finding import AssertionResult, Outcome, Result, Status


class AttestationBook:
    """The attestations of one run: marks results as they stream by, and says at the end what each of them did."""

    def __init__(self, attestations: Iterable[Attestation], today: date) -> None:
        self._by_place = {(one.check, one.host): one for one in attestations}
        self._today = today
        self._states = dict.fromkeys(self._by_place, AttestationState.ORPHAN)

    def cover(self, result: Result) -> Result:
        """Return the result, ``manual`` instead of ``not_checked`` where somebody answers for it today.

        Either way it is not decided: what was stated stays in the denominator of coverage.
        """
        place = (result.check, result.host)
        found = self._by_place.get(place)
        if found is None:
            return result
        self._states[place] = self._state(found, result)
        if self._states[place] is not AttestationState.ACTIVE:
            return result
        lines = (_said(found), *result.verdict.assertions)
        return replace(result, verdict=replace(result.verdict, status=Status.MANUAL, reason=REASON, assertions=lines))

    def uses(self) -> tuple[AttestationUse, ...]:
        """Return what each attestation does, sorted by check and host; to be asked after every result was covered."""
        return tuple(AttestationUse(one, self._states[place]) for place, one in sorted(self._by_place.items()))

    def _state(self, one: Attestation, result: Result) -> AttestationState:
        if result.verdict.status not in (Status.NOT_CHECKED, Status.MANUAL):
            return AttestationState.UNNEEDED
        return AttestationState.ACTIVE if self._today <= one.expires else AttestationState.EXPIRED


def _said(one: Attestation) -> AssertionResult:
    """Return the statement as a line beside the assertions; it makes none of them true."""
    document = f"; document {one.file}, sha256 {one.file_sha256}" if one.file else ""
    message = (
        f"attested by {one.author} on {one.made_at:%Y-%m-%d}, until {one.expires}, not measured: {one.reason}{document}"
    )
    return AssertionResult(f"attestation-{one.id}", REASON, "states", "", one.reason, Outcome.UNKNOWN, message)
