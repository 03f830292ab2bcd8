"""What the hosts were judged by, and every departure from the profile."""

from __future__ import annotations

import json

from posture.model.check import Json, Tailoring
from reports.survey import Survey
from reports.view import BaselineView, Pair, TailoringView


def build_baseline(survey: Survey) -> BaselineView:
    """Return the baseline with its tailoring and its register of removed checks."""
    baseline = survey.assessment.baseline
    return BaselineView(
        title=baseline.profile.title,
        profile=f"{baseline.profile.id} {baseline.profile.version}",
        digest=baseline.digest,
        checks=len(baseline.checks),
        changes=tuple(_change(one) for one in baseline.tailoring),
        removed=tuple(Pair(check, reason) for check, reason in baseline.removed),
    )


def _change(one: Tailoring) -> TailoringView:
    return TailoringView(
        check=one.check,
        key=one.key,
        old=_value(one.old),
        new=_value(one.new),
        reason=one.reason or "no reason recorded",
    )


def _value(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
