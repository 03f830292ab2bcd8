"""``posture plan`` and ``whatif`` over the made-up agency of the demo, and the files they write."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import icalendar
import pytest

from posture.store import Store

Call = Callable[..., Any]
PROGRAM = (sys.executable, "-c", "from posture.cli import main; main()")


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, scanned once."""
    from posture.demo import run_demo
    from posture.inputs.config import default

    out = tmp_path_factory.mktemp("agency")
    with Store.open(default(out).database) as store:
        run_demo(store, default(out), datetime(2026, 12, 1, tzinfo=UTC))
    return out


@pytest.fixture(scope="module")
def written(agency: Path) -> dict[str, bytes]:
    """The files of a first plan."""
    return plan_files(agency, seed="1")


def plan_files(out: Path, *options: str, seed: str) -> dict[str, bytes]:
    """Return what a process whose sets and dictionaries are in this order writes."""
    subprocess.run(
        [*PROGRAM, "plan", *options, "--out", out],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    return {name: (out / name).read_bytes() for name in ("plan.json", "plan.csv", "plan.ics")}


@pytest.fixture(scope="module")
def plan(written: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written["plan.json"])
    return found


def test_each_appointment_has_its_rank_reason_hours_and_proof(plan: dict[str, Any]) -> None:
    made = plan["appointments"]
    assert [one["rank"] for one in made] == list(range(1, len(made) + 1))
    assert all(one["sentence"].endswith(".") and one["work"]["hours"] > 0 and one["work"]["proof"] for one in made)
    assert all(one["ends"] <= plan["until"] for one in made)


def test_the_ways_are_closed_before_dated_work_that_can_wait(plan: dict[str, Any]) -> None:
    assert plan["risk_now"] > plan["risk_then"]
    by_risk = [one for one in plan["appointments"] if one["place"] == "risk"]
    assert by_risk and all(one["ways_cut"] > 0 and one["risk_after"] <= one["risk_before"] for one in by_risk)


def test_what_is_no_finding_is_planned_only_where_a_way_goes_through_it(plan: dict[str, Any]) -> None:
    settings = [one for one in plan["appointments"] if one["work"]["optional"]]
    assert all(one["place"] in ("risk", "finish line") for one in settings)


def test_a_kept_reader_understands_the_calendar(plan: dict[str, Any], agency: Path) -> None:
    content = (agency / "plan.ics").read_bytes()
    events = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert [str(one["UID"]) for one in events] == [
        f"{one['work']['id']}@posture-scanner" for one in plan["appointments"]
    ]
    first, told = plan["appointments"][0], events[0]
    assert str(told.decoded("DTSTART")) == first["starts"]
    assert first["work"]["title"] in str(told["SUMMARY"]) and first["sentence"] in str(told["DESCRIPTION"])
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert all(one.decoded("DTEND") > one.decoded("DTSTART") for one in events)


def test_the_rows_are_the_appointments(plan: dict[str, Any], agency: Path) -> None:
    with (agency / "plan.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["fix"] for row in rows] == [one["work"]["id"] for one in plan["appointments"]]


def test_planning_again_moves_nothing_and_gives_the_same_bytes(
    written: dict[str, bytes], agency: Path, tmp_path: Path
) -> None:
    for name in agency.glob("posture.db*"):
        (tmp_path / name.name).write_bytes(name.read_bytes())
    assert plan_files(tmp_path, "--fresh", seed="99") == written


def test_what_if_says_what_ends_and_stores_nothing(posture: Call, plan: dict[str, Any], agency: Path) -> None:
    id_ = next(one["work"]["id"] for one in plan["appointments"] if one["place"] == "risk")
    found = posture("whatif", "--fix", id_, "--json", "--out", agency).json
    assert found["made"] == [id_] and found["risk_removed"][0][1]["probability"] >= 0
    assert len(found["before"]["outlooks"]) >= len(found["after"]["outlooks"])
    again = posture("whatif", "--fix", id_, "--json", "--out", agency).json
    assert again == found
    assert "uncalibrated" in posture("whatif", "--fix", id_, "--out", agency).out


def test_an_unknown_fix_and_hours_that_are_none_are_refused_with_a_hint(posture: Call, agency: Path) -> None:
    assert posture("whatif", "--fix", "nothing", "--out", agency).code == 2
    assert posture("plan", "--owner", "web=many", "--out", agency).code == 2


def test_a_file_that_is_no_plan_is_refused(posture: Call, agency: Path) -> None:
    (agency / "plan.json").write_text("{}")
    said = posture("plan", "--out", agency)
    assert said.code == 2 and "--fresh" in said.err
    assert posture("plan", "--fresh", "--out", agency).code == 0


def test_without_the_extra_the_plan_says_what_its_order_rests_on(
    posture: Call, agency: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posture.planning.extra_installed", lambda: False)
    said = posture("plan", "--fresh", "--out", agency)
    assert said.code == 0 and "no attack graph was at hand" in said.out
