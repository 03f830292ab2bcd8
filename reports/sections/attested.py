"""Attestations: what people answer for where no program could look, and what that does in this run."""

from __future__ import annotations

from posture.model.attestation import AttestationState, AttestationUse
from posture.model.host import FLEET
from reports.due import relative
from reports.survey import Survey
from reports.view import AttestationView, AttestedView, Share, Tag
from reports.words import ATTESTATION

_SHOWN = 500


def build_attested(survey: Survey) -> AttestedView:
    """Return every attestation, also those that do nothing any more."""
    found = survey.assessment.attestations
    active = sum(use.state is AttestationState.ACTIVE for use in found)
    rows = tuple(_row(survey, use) for use in found[:_SHOWN])
    return AttestedView(Share(active, len(found)), rows, max(0, len(found) - _SHOWN))


def _row(survey: Survey, use: AttestationUse) -> AttestationView:
    said = use.attestation
    return AttestationView(
        check=said.check,
        host="the whole fleet" if said.host == FLEET else said.host,
        # Never a good colour: what it speaks of stays unknown to us.
        state=Tag(use.state.value, "unknown" if use.state is AttestationState.ACTIVE else "medium"),
        meaning=ATTESTATION[use.state],
        author=said.author,
        made_at=said.made_at,
        reason=said.reason,
        expires=said.expires,
        relative=relative(said.expires, survey.assessment.today).replace("overdue", "ago"),
        file=said.file,
        file_sha256=said.file_sha256,
    )
