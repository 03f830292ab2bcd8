"""Scores of run after run: kept when a run is judged, read as far as they may be compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from posture.assess import stored_assessment
from posture.demo import run_demo
from posture.histories import SCORES, score_trend
from posture.inputs import config
from posture.store import Store


def test_the_kept_bands_are_those_of_the_report_and_later_runs_do_not_count(tmp_path: Path) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        for _ in range(2):
            run_demo(store, config.default(tmp_path), datetime.now(UTC) - timedelta(days=1))
        newest, first = (one.run.id for one in store.runs())
        trend = score_trend(store, newest)
        assert [one.run for one in trend.points] == [first, newest]
        assessment = stored_assessment(store, newest)
        assert trend.points[-1].categories == assessment.scores
        assert trend.points[-1].systems == tuple(one for one in assessment.group_scores if one.kind == "system")
        assert [one.run for one in score_trend(store, first).points] == [first]
        assert SCORES in store.parts(first)
