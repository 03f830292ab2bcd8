"""``posture schedule``: the commands, and the scheduler as a process that is killed in mid-scan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from posture.cli.prepare import now
from posture.model.assessment import RunState
from posture.model.schedule import Kind, Occurrence, Outcome, Schedule
from posture.store import Store

Posture = Callable[..., Any]
PROGRAM = str(Path(sys.executable).parent / "posture")
INVENTORY = """\
schema: posture.inventory/1
zones: [{name: lab, trust: internal}]
hosts: [{id: printer, addresses: [127.0.0.9], zone: lab, device_class: fragile, access: {transport: none}}]
"""
SCOPE = """\
schema: posture.scope/1
authorisation: TEST-8
owner: t
window: {opens: '2020-01-01T00:00:00Z', closes: '2090-01-01T00:00:00Z'}
cidrs: [127.0.0.9/32]
"""


@pytest.fixture
def agency(here: Path) -> Path:
    (here / "inventory.yaml").write_text(INVENTORY)
    (here / "scope.yaml").write_text(SCOPE)
    return here


def test_a_schedule_is_added_listed_paused_resumed_and_removed(agency: Path, posture: Posture) -> None:
    added = posture(
        "schedule", "add", "edge", "--kind", "exposure", "--cron", "30 4 * * mon", "--time-zone", "America/New_York",
        "--jitter", "20m", "-i", "inventory.yaml",
    )  # fmt: skip
    assert added.code == 0
    assert "edge: 30 4 * * mon America/New_York, up to 20 minutes later; first on " in added.out
    assert "no scheduler is running" in added.err
    (row,) = posture("schedule", "list").rows
    assert row[:2] == ["edge", "exposure"]
    assert row[3].endswith(("EST", "EDT"))
    assert row[4:] == ["as planned", "never"]
    kept = posture("schedule", "list", "--json").json
    assert kept["scheduler_alive"] is False
    assert kept["schedules"][0]["schedule"]["scope"] == str(agency / "scope.yaml")
    assert posture("schedule", "pause", "edge").code == 0
    assert posture("schedule", "list").rows[0][3:5] == ["", "paused"]
    posture("schedule", "resume", "edge")
    assert posture("schedule", "list").rows[0][4] == "as planned"
    posture("schedule", "remove", "edge")
    assert posture("schedule", "list").rows == []
    assert posture("schedule", "pause", "edge").code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "exposure", "--every", "7d"), "say what to scan"),
        (("--kind", "exposure", "--every", "7d", "-i", "nowhere.yaml"), "no scope file"),
        (("--kind", "feeds", "--every", "7d", "--self"), "feeds touches no host"),
        (("--kind", "prune", "--every", "4w", "--self"), "prune touches no host"),
        (("--kind", "discovery", "--every", "7d", "--self"), "discovers nothing"),
        (("--kind", "feeds"), "say when"),
        (("--kind", "feeds", "--every", "1"), "no span of time"),
        (("--kind", "feeds", "--cron", "0 4 * * *", "--time-zone", "Mars"), "no time zone"),
    ],
    ids=lambda words: words if isinstance(words, str) else "",
)
def test_what_could_never_run_is_refused_at_once(
    here: Path, posture: Posture, words: tuple[str, ...], said: str
) -> None:
    refused = posture("schedule", "add", "x", *words)
    assert refused.code == 2
    assert said in refused.err
    assert "hint:" in refused.err


def test_a_name_cannot_leave_the_folder_of_the_logs(here: Path, posture: Posture) -> None:
    assert posture("schedule", "add", "../x", "--kind", "feeds", "--every", "1d").code == 2


def test_what_is_wanted_now_runs_here_and_its_failure_is_told(here: Path, posture: Posture) -> None:
    (here / "posture.yaml").write_text(
        "schema: posture.config/1\nfeeds: {use: [kev], urls: {kev: 'https://127.0.0.1:9/'}}\n"
    )
    posture("schedule", "add", "feeds", "--kind", "feeds", "--every", "1d")
    waiting = posture("schedule", "run-now", "feeds")
    assert (waiting.code, "waits for `posture serve`" in waiting.out) == (0, True)
    said = posture("schedule", "run-now", "feeds", "--here")
    assert said.code == 2
    assert "feeds: failed: exit code 2" in said.err
    (row,) = posture("schedule", "history").rows
    assert row[1].endswith("(asked)")
    assert row[2] == "failed"


def test_the_policy_on_raw_answers_is_carried_out_by_itself(here: Path, posture: Posture) -> None:
    posture("schedule", "add", "old", "--kind", "prune", "--cron", "0 5 1 * *")
    assert posture("schedule", "run-now", "old", "--here").code == 0
    with Store.open(here / "out" / "posture.db") as store:
        assert "evidence_pruned" in {one.event for one in store.events()}


def until(true: Callable[[], bool], what: str) -> None:
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def test_a_scheduler_killed_in_mid_scan_begins_again_and_there_is_one_run_for_each_time(agency: Path) -> None:
    """``kill -9`` of the scheduler and of the scan, as when a machine is cut off; the next scheduler goes on."""
    path = agency / "out" / "posture.db"
    schedule = Schedule(
        "edge", Kind.EXPOSURE, now() - timedelta(minutes=61), "s", every_s=3600,
        inventory=str(agency / "inventory.yaml"), scope=str(agency / "scope.yaml"),
    )  # fmt: skip
    serve = (PROGRAM, "serve", "--no-dashboard")
    with Store.open(path) as store:
        store.schedules.add(schedule, by="t", at=now())

        def only() -> Occurrence | None:
            found = store.schedules.occurrences()
            assert len(found) <= 1
            return found[0] if found else None

        first = subprocess.Popen(serve, cwd=agency, stderr=subprocess.DEVNULL)
        try:
            until(lambda: (one := only()) is not None and bool(one.run), "no run was begun")
        finally:
            first.kill()
            first.wait()
        cut = only()
        assert cut is not None
        assert cut.outcome is Outcome.RUNNING
        with suppress(ProcessLookupError):
            os.kill(cut.pid, signal.SIGKILL)
        until(lambda: store.load_run(cut.run).run.state is not RunState.RUNNING, "the scan outlived its end")
        assert store.load_run(cut.run).run.state is RunState.INCOMPLETE

        second = subprocess.Popen(serve, cwd=agency, stderr=subprocess.DEVNULL)
        try:
            until(lambda: (one := only()) is not None and one.outcome is Outcome.DONE, "it was not taken up again")
            second.send_signal(signal.SIGTERM)
            assert second.wait(timeout=60) == 0
        finally:
            second.kill()
            second.wait()
        done = only()
        assert done is not None
        assert (done.run, done.attempts) == (cut.run, 2)
        assert [one.run.id for one in store.runs()] == [cut.run]
        assert store.load_run(cut.run).run.state is RunState.COMPLETE


def test_units_are_written_and_nothing_is_installed(here: Path, posture: Posture) -> None:
    said = posture("systemd", "--directory", "units", "--serve-option=--port=9443", "--config", "/etc/my posture.yaml")
    assert said.code == 0
    assert sorted(said.out.split()) == sorted(str(one.relative_to(here)) for one in (here / "units").iterdir())
    service = (here / "units" / "posture.service").read_text()
    assert 'serve --port=9443 --config "/etc/my posture.yaml" --out /var/lib/posture/out\n' in service
    assert "User=posture\n" in service
