"""What was mended, with its proof, and which attack paths are no longer found; pure."""

from __future__ import annotations

from collections.abc import Iterator

from posture.model.attack import AttackReport
from posture.model.host import FLEET
from posture.model.receipt import Receipt, Sight
from reports.dashboard.views.fixed import FixedView, PathGone, ReceiptLine
from reports.sections.common import FLEET_WORDS, anchor, check_title, finding_anchor
from reports.survey import Survey
from reports.view import Link, Pair, Tag

_NO_RUN = "There is no earlier run to compare with."
_NO_GRAPH = "One of the two runs has no attack paths to compare."
_PROVEN = "It needed what was mended since, with a receipt"
_UNPROVEN = "Nothing that it needed has a receipt: it may only be out of sight."


def fixed_page(survey: Survey, before: str, then: AttackReport | None) -> FixedView:
    """Return the page's context; ``before`` is the run to compare with, ``then`` its attack paths."""
    receipts = sorted(survey.assessment.receipts, key=lambda one: (one.passes.at, one.host, one.check), reverse=True)
    now = survey.assessment.attack
    gone = tuple(_gone(survey, now, then)) if now and then else ()
    return FixedView(
        receipts=tuple(receipt_line(survey, one) for one in receipts),
        since=before,
        why_none=_NO_RUN if not before else "" if now and then else _NO_GRAPH,
        left=len(now.paths()) if now else 0,
        gone=gone,
        new=len(_ids(now) - _ids(then)) if now and then else 0,
    )


def receipt_line(survey: Survey, one: Receipt) -> ReceiptLine:
    """Return one receipt."""
    return ReceiptLine(
        finding=Link(check_title(survey, one.check), finding_anchor(one.finding)),
        id=one.finding,
        check=one.check,
        subject=one.subject,
        host=Link(FLEET_WORDS, FLEET) if one.host == FLEET else Link(one.host, anchor("h", one.host)),
        failed=_sight(one.failed),
        passes=_sight(one.passes),
        days_open=one.days_open,
        ticket=one.ticket,
        holds=Tag("holds" if one.holds else "does not hold", "good" if one.holds else "high"),
        why=one.why,
    )


def _sight(one: Sight) -> Pair:
    return Pair(f"{one.at:%Y-%m-%d %H:%M} UTC", f"{one.said}; {one.origin.value}, run {one.run}")


def _gone(survey: Survey, now: AttackReport, then: AttackReport) -> Iterator[PathGone]:
    proofs = {one.finding: one for one in survey.assessment.receipts if one.holds}
    conditions = {one.id: one for one in then.named_conditions}
    found = _ids(now)
    for path in then.paths():
        if path.id in found:
            continue
        needed = sorted({conditions[id_].finding for id_ in path.breaks if id_ in conditions} & proofs.keys())
        named = ", ".join(f"{proofs[one].check} on {proofs[one].host}" for one in needed)
        proof = Tag("proven", "good") if needed else Tag("not proven", "unknown")
        steps = tuple(step.sentence for step in path.steps)
        yield PathGone(path.id, steps, proof, f"{_PROVEN}: {named}." if needed else _UNPROVEN)


def _ids(found: AttackReport) -> frozenset[str]:
    return frozenset(path.id for path in found.paths())
