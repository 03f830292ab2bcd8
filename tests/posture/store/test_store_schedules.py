"""Schedules in the store: one claim for each time, on both databases, from as many processes as like."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from store_samples import baseline, inventory, run

from posture.errors import StoreError
from posture.model.schedule import Kind, Occurrence, Outcome, Schedule
from posture.store import Store
from posture.store.owner import Alive

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NIGHT = Schedule("night", Kind.CREDENTIALED, NOW, "seed", every_s=3600)
DUE = NOW + timedelta(hours=1)


def wanted(**changes: object) -> Occurrence:
    return replace(Occurrence("night", DUE, True, Outcome.RUNNING, authorisation="AUTH-1"), **changes)  # type: ignore[arg-type]


def claim_elsewhere(path: Path, name: str, answers: Any, all_have_asked: Any) -> None:
    with Store.open(path) as store:
        answers.put(store.schedules.claim(wanted(schedule=name), NOW))
        all_have_asked.wait(120)  # lives until then, so that its claim does


def test_a_schedule_is_kept_as_it_was_given(store: Store) -> None:
    store.schedules.add(NIGHT, by="ops", at=NOW)
    assert store.schedules.all() == (NIGHT,)
    assert store.schedules.get("night") == NIGHT


def test_a_name_is_taken_until_its_schedule_is_removed(store: Store) -> None:
    store.schedules.add(NIGHT, by="ops", at=NOW)
    with pytest.raises(StoreError, match="already"):
        store.schedules.add(NIGHT, by="ops", at=NOW)
    store.schedules.change(replace(NIGHT, removed=True), by="ops", did="removed", at=NOW)
    assert store.schedules.all() == ()
    store.schedules.add(NIGHT, by="ops", at=NOW)
    assert store.schedules.all() == (NIGHT,)


def test_the_audit_chain_says_who_did_what(store: Store) -> None:
    store.schedules.add(NIGHT, by="ops", at=NOW)
    store.schedules.change(replace(NIGHT, paused=True), by="chief", did="paused", at=NOW)
    store.schedules.ask("night", by="soc", at=NOW)
    store.schedules.settle(wanted(outcome=Outcome.SKIPPED, why="blackout"), NOW)
    said = [(one.event, one.detail) for one in store.events()]
    assert [event for event, _ in said] == ["schedule_added", "schedule_paused", "schedule_asked", "occurrence_ended"]
    assert '"by":"chief"' in said[1][1]
    assert "blackout" in said[3][1]
    store.verify_chain()


def test_a_time_is_claimed_once(store: Store) -> None:
    assert store.schedules.claim(wanted(), NOW) == ""
    store.schedules.settle(replace(wanted(), outcome=Outcome.DONE, attempts=1), NOW)
    assert store.schedules.claim(wanted(), NOW) == "it is done already"


def test_two_processes_cannot_both_have_it(tmp_path: Path) -> None:
    path = tmp_path / "posture.db"
    with Store.open(path) as store:
        store.schedules.add(NIGHT, by="ops", at=NOW)
    spawn = multiprocessing.get_context("spawn")
    answers, all_have_asked = spawn.Queue(), spawn.Event()
    names = ("night", "night", "other", "other")
    processes = [
        spawn.Process(target=claim_elsewhere, args=(path, name, answers, all_have_asked), daemon=True) for name in names
    ]
    for one in processes:
        one.start()
    said = [answers.get(timeout=120) for _ in names]
    all_have_asked.set()
    for one in processes:
        one.join(60)
    assert sorted(bool(answer) for answer in said) == [False, True, True, True]  # the four share one authorisation


def test_two_under_one_authorisation_wait_for_each_other(store: Store) -> None:
    assert store.schedules.claim(wanted(), NOW) == ""
    other = wanted(schedule="edge")
    assert store.schedules.in_the_way(other) == "`night` runs under the same scope"
    assert store.schedules.claim(other, NOW) == "`night` runs under the same scope"
    assert store.schedules.claim(wanted(schedule="far", authorisation="AUTH-2"), NOW) == ""
    assert store.schedules.claim(wanted(schedule="feeds", authorisation=""), NOW) == ""


def test_a_scan_begun_by_hand_is_waited_for(store: Store) -> None:
    begun = replace(run(1), authorisation="AUTH-1")
    store.begin_run(begun, inventory(2), baseline(2))
    assert f"run {run(1).id} is scanning the same scope" in store.schedules.claim(wanted(), NOW)
    store.interrupt_run(run(1).id, NOW)
    assert store.schedules.claim(wanted(), NOW) == ""


def test_the_run_stands_in_the_occurrence_from_its_first_transaction_on(store: Store) -> None:
    store.schedules.claim(wanted(authorisation=""), NOW)
    store.begin_run(run(1), inventory(2), baseline(2))
    found = store.schedules.find("night", DUE)
    assert found is not None
    assert found.run == run(1).id


def test_a_dead_claim_shows_as_dead_and_can_be_taken_up_three_times_in_all(path: Path) -> None:
    """A process of its own claims, and ends without a word."""
    Store.open(path).close()
    claims = (
        "import sys; from test_store_schedules import *; store = Store.open(sys.argv[1]); "
        "print(store.schedules.claim(wanted(), NOW))"
    )
    for attempt in (1, 2, 3, 4):
        argv = (sys.executable, "-c", claims, str(path))
        said = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=Path(__file__).parent).stdout
        assert said == ("\n" if attempt < 4 else "it is interrupted already\n")
        with Store.open(path) as store:
            ((found, lives),) = store.schedules.open()
            assert (lives, found.attempts) == (Alive.NO, min(attempt, 3))
            store.schedules.settle(replace(found, outcome=Outcome.INTERRUPTED), NOW)


def test_who_knows_less_does_not_overwrite_who_knows_more(store: Store) -> None:
    store.schedules.claim(wanted(), NOW)
    ((first, _),) = store.schedules.open()
    store.schedules.settle(replace(first, outcome=Outcome.INTERRUPTED), NOW)
    store.schedules.claim(wanted(), NOW)
    store.schedules.settle(replace(first, outcome=Outcome.FAILED), NOW)  # by a scheduler that saw the first attempt
    found = store.schedules.find("night", DUE)
    assert found is not None
    assert (found.outcome, found.attempts) == (Outcome.RUNNING, 2)


def test_asking_twice_is_asking_once(store: Store) -> None:
    store.schedules.add(NIGHT, by="ops", at=NOW)
    first = store.schedules.ask("night", by="soc", at=NOW)
    assert store.schedules.ask("night", by="soc", at=NOW + timedelta(minutes=1)) == first
    assert not first.planned
    with pytest.raises(StoreError, match="no schedule"):
        store.schedules.ask("day", by="soc", at=NOW)


def test_a_scheduler_gives_signs_of_life(store: Store) -> None:
    assert store.schedules.beats() == ()
    store.schedules.beat(NOW)
    store.schedules.beat(DUE)
    (beat,) = store.schedules.beats()
    assert (beat.at, beat.alive) == (DUE, Alive.YES)
