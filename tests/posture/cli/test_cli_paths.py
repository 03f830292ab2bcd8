"""``posture paths``, ``path`` and ``dispute`` over the made-up agency of the demo."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from posture.assess import stored_assessment
from posture.attack import graph_of
from posture.evaluated import evaluate
from posture.graph.codec import decode, encode
from posture.store import Store

Call = Callable[..., Any]
LATER = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, scanned once."""
    from posture.demo import run_demo
    from posture.inputs.config import default

    out = tmp_path_factory.mktemp("agency")
    with Store.open(default(out).database) as store:
        run_demo(store, default(out), datetime(2026, 12, 1, tzinfo=UTC))
    return out


def first_path(posture: Call, agency: Path) -> str:
    [row, *_] = [row for row in posture("paths", "--out", agency).rows if row[1] in ("possible", "confirmed")]
    return str(row[0])


def test_paths_says_which_are_only_possible_and_what_was_not_found_never_unreachable(
    posture: Call, agency: Path
) -> None:
    said = posture("paths", "--out", agency)
    assert said.code == 0
    assert "possible" in said.out and "coverage" in said.out
    assert "no path found in the evidence collected" in said.out
    assert "unreachable:" not in said.out.replace("exposure.services: unreachable", "")
    assert "no collector asks an instance metadata service" in said.out


def test_paths_as_json_holds_the_same_paths(posture: Call, agency: Path) -> None:
    found = posture("paths", "--json", "--out", agency).json
    ids = {path["id"] for one in found["attack"]["analysis"]["outlooks"] for path in one["paths"]}
    assert first_path(posture, agency) in ids
    assert found["coverage"]["checks"]


def test_path_tells_each_step_its_evidence_and_what_ends_it(posture: Call, agency: Path) -> None:
    said = posture("path", first_path(posture, agency)[:6], "--evidence", "--out", agency)
    assert said.code == 0
    assert "  1. " in said.out and "any one of these ends it" in said.out
    assert "document" in said.out and "ATT&CK T" in said.out
    found = posture("path", first_path(posture, agency), "--json", "--out", agency).json
    assert [step["edge"] for step in found["path"]["steps"]] == [edge["id"] for edge in found["edges"]]


def test_a_path_there_is_none_of_is_refused_with_a_hint(posture: Call, agency: Path) -> None:
    said = posture("path", "zz", "--out", agency)
    assert said.code == 2
    assert "no path `zz`" in said.err and "hint" in said.err


def test_a_dispute_is_kept_and_the_next_run_marks_the_step_and_still_counts_it(posture: Call, agency: Path) -> None:
    path = posture("path", first_path(posture, agency), "--json", "--out", agency).json
    edge = path["edges"][-1]["id"]
    said = posture("dispute", edge, "--owner", "ops", "--reason", "not here", "--expires", LATER, "--out", agency)
    assert said.code == 0
    assert json.loads((agency / "disputes.jsonl").read_text().splitlines()[-1])["edge"] == edge
    from posture.demo import run_demo
    from posture.inputs.config import default

    with Store.open(default(agency).database) as store:
        run = run_demo(store, default(agency), datetime(2026, 12, 2, tzinfo=UTC))
    again = posture("path", path["path"]["id"], "--run", run, "--out", agency)
    assert "disputed by ops" in again.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("deadbeefdeadbeef", "--owner", "ops", "--reason", "x", "--expires", LATER), "no edge"),
        (("deadbeefdeadbeef", "--owner", "ops", "--reason", " ", "--expires", LATER), "owner and a reason"),
        (("deadbeefdeadbeef", "--owner", "ops", "--reason", "x", "--expires", "2020-01-01"), "is past"),
        (("deadbeefdeadbeef", "--owner", "ops", "--reason", "x" * 600, "--expires", LATER), "at most"),
    ],
    ids=["no edge", "no reason", "past", "too long"],
)
def test_a_dispute_that_cannot_be_kept_is_refused(
    posture: Call, agency: Path, words: tuple[str, ...], why: str
) -> None:
    said = posture("dispute", *words, "--out", agency)
    assert said.code == 2
    assert why in said.err


def test_a_run_is_kept_as_the_same_bytes_again_and_again_judged_it_says_the_same(agency: Path) -> None:
    with Store.open(agency / "posture.db") as store:
        run = store.runs()[-1].run.id
        graph = graph_of(store, run)
        assert graph is not None
        assert decode(encode(graph)) == graph
        assert store.part(run, "attack-graph") == encode(graph)
        assert evaluate(store, run).attack == stored_assessment(store, run).attack
