"""What proves a fix, what people state and what nobody assessed, as they stand in assessment.json."""

from __future__ import annotations

from posture.model.attestation import AttestationUse
from posture.model.discovered import Found
from posture.model.finding import Status
from posture.model.receipt import Receipt, Sight, Unsettled
from reports import wire


def status_word(status: Status) -> wire.StatusWord:
    """Return the word of a status."""
    words: dict[Status, wire.StatusWord] = {
        Status.PASS: "pass",
        Status.FAIL: "fail",
        Status.NOT_APPLICABLE: "not_applicable",
        Status.NOT_CHECKED: "not_checked",
        Status.ERROR: "error",
        Status.MANUAL: "manual",
    }
    return words[status]


def attestation_of(use: AttestationUse) -> wire.Attestation:
    """Return what a person states, with what it does in this run."""
    said = use.attestation
    return wire.Attestation(
        id=said.id,
        state=use.state.value,
        check=said.check,
        host=said.host,
        author=said.author,
        reason=said.reason,
        made_at=said.made_at,
        expires=said.expires,
        file=said.file,
        file_sha256=said.file_sha256,
    )


def receipt_of(made: Receipt) -> wire.Receipt:
    """Return the receipt of a fix."""
    return wire.Receipt(
        finding=made.finding,
        check=made.check,
        host=made.host,
        subject=made.subject,
        revision=made.revision,
        check_digest=made.check_digest,
        same_check=made.same_check,
        failed=_sight(made.failed),
        passes=_sight(made.passes),
        days_open=made.days_open,
        days_passing=made.days_passing,
        last_passing=made.last_passing or made.passes.at,
        times_reopened=made.times_opened - 1,
        ticket=made.ticket,
        holds=made.holds,
        why=made.why,
    )


def unsettled_of(one: Unsettled) -> wire.Unsettled:
    """Return what is good in one of two states only."""
    return wire.Unsettled(host=one.host, check=one.check, status=status_word(one.status), in_force=one.force.value)


def unassessed_of(one: Found) -> wire.UnassessedHost:
    """Return what answers and stands in no inventory."""
    return wire.UnassessedHost(
        address=one.address,
        zone=one.zone,
        ports=list(one.ports),
        vendor=one.vendor,
        first_seen=one.first_seen,
        last_seen=one.last_seen,
    )


def _sight(seen: Sight) -> wire.Sight:
    return wire.Sight(
        run=seen.run,
        at=seen.at,
        status=status_word(seen.status),
        said=seen.said,
        evidence=dict(seen.evidence),
        origin=seen.origin.value,
        in_force=seen.force.value,
    )
