"""What a scheduled scan brought is told whoever is killed: written down first, begun after, and taken up again."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from test_schedule_keeper import BEGUN, HOUR, Clock, Errand, Hand, claimed_elsewhere, feeds, fleet

from posture.model.schedule import Kind, Occurrence, Outcome
from posture.notify import outbox
from posture.notify.outbox import Line, Step
from posture.schedule.telling import Teller
from posture.store import Store
from tests.posture.store.store_samples import baseline, inventory, run


class Ended(Errand):
    """A scan that was over before it could be stopped."""

    def send_signal(self, _number: int) -> None:
        pass


@dataclass
class Begun:
    """Every process that was to tell, each ended only when the test says so."""

    errands: list[Errand] = field(default_factory=list)

    def __call__(self) -> subprocess.Popen[bytes]:
        self.errands.append(Errand(None))
        return self.errands[-1]  # type: ignore[return-value]


@dataclass
class Scene:
    """A scheduler beside its outbox; ``another`` stands for it after a restart."""

    folder: Path
    store: Store
    clock: Clock = field(default_factory=Clock)
    begun: Begun = field(default_factory=Begun)
    said: list[str] = field(default_factory=list)

    def hand(self) -> Hand:
        teller = Teller(self.folder, self.folder / "log", self.begun, self.said.append)
        return Hand(self.store, self.clock, self.folder, beats_as="-", teller=teller)

    @property
    def to_tell(self) -> list[str]:
        return list(outbox.read(self.folder).to_tell)

    def told(self, at: datetime) -> None:
        """Do what `posture notify --waiting --send` does first."""
        runs = (Line(at=at, step=Step.TOLD, run=run) for run in self.to_tell)
        outbox.note(self.folder, *runs, Line(at=at, step=Step.ROUND))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Store.open(tmp_path / "posture.db") as store:
        yield Scene(tmp_path, store)


def test_only_scans_with_logins_are_told_and_only_when_somebody_is_to_be_told(scene: Scene) -> None:
    hand = scene.hand()
    for one in (fleet(scene.folder), fleet(scene.folder, "edge", kind=Kind.EXPOSURE), feeds()):
        hand._owe(one, f"run-of-{one.name}", BEGUN)
    hand._owe(fleet(scene.folder), "", BEGUN)
    assert scene.to_tell == ["run-of-fleet"] and scene.begun.errands == []
    hand.look()
    hand.look()
    assert len(scene.begun.errands) == 1, "one process, whatever it finds"
    nobody = Hand(scene.store, scene.clock, scene.folder)
    nobody._owe(fleet(scene.folder), "another", BEGUN)
    assert scene.to_tell == ["run-of-fleet"]


def test_a_scheduler_that_is_told_to_end_waits_for_no_receiver(scene: Scene) -> None:
    hand = scene.hand()
    hand._owe(fleet(scene.folder), "run-1", BEGUN)
    hand.look()
    stop = threading.Event()
    stop.set()
    hand.run_due(stop)
    assert [one.returncode for one in scene.begun.errands] == [-15] and scene.to_tell == ["run-1"]


def test_a_run_is_written_down_before_it_is_called_done(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    due = BEGUN + HOUR
    scene.store.schedules.add(fleet(scene.folder), by="t", at=BEGUN)
    scene.store.schedules.claim(Occurrence("fleet", due, True, Outcome.RUNNING, authorisation="AUTH-1"), due)
    scene.store.begin_run(run(1), inventory(1), baseline(1))
    scene.store.finish_run(run(1).id, due)
    seen: list[list[str]] = []
    settle = scene.store.schedules.settle

    def watched(*settled: object) -> None:
        seen.append(scene.to_tell)
        settle(*settled)  # type: ignore[arg-type]

    monkeypatch.setattr(scene.store.schedules, "settle", watched)
    hand = scene.hand()
    hand._children["fleet", due] = Ended(0)  # type: ignore[assignment]
    hand.end()
    assert seen == [[run(1).id]]
    assert scene.begun.errands == [], "who ends writes down, and begins nothing"
    scene.hand().look()
    assert len(scene.begun.errands) == 1, "the next scheduler tells it"


def test_a_scan_that_ended_while_nobody_watched_is_told(scene: Scene) -> None:
    scene.store.schedules.add(fleet(scene.folder), by="t", at=BEGUN)
    claimed_elsewhere(scene.folder, "whole")
    scene.hand().look()
    assert scene.to_tell == [scene.store.load_run().run.id] and len(scene.begun.errands) == 1


def test_a_killed_round_is_taken_up_again_and_what_waits_is_tried_every_hour(scene: Scene) -> None:
    hand = scene.hand()
    hand._owe(fleet(scene.folder), "run-1", BEGUN)

    def rounds_at(minutes: float) -> int:
        scene.clock.moment = BEGUN + timedelta(minutes=minutes)
        hand.look()
        return len(scene.begun.errands)

    assert rounds_at(0) == 1
    scene.begun.errands[-1].returncode = -9  # before it wrote anything
    assert rounds_at(0.1) == 2
    scene.told(scene.clock.moment)
    scene.begun.errands[-1].returncode = 0
    assert rounds_at(120) == 2, "nothing is left"
    hand._owe(fleet(scene.folder), "run-2", scene.clock.moment)
    assert rounds_at(120) == 3
    outbox.note(scene.folder, Line(at=scene.clock.moment, step=Step.ROUND))  # it cannot read the run
    scene.begun.errands[-1].returncode = 1
    assert [rounds_at(minutes) for minutes in (121, 150, 179)] == [3, 3, 3]
    assert "`posture doctor` shows what waits" in scene.said[-1]
    assert rounds_at(186) == 4


def test_a_timer_goes_by_what_is_written_down(scene: Scene) -> None:
    outbox.note(scene.folder, Line(at=BEGUN, step=Step.TO_TELL, run="run-1"), Line(at=BEGUN, step=Step.ROUND))
    for minutes in (1, 2, 59):
        scene.clock.moment = BEGUN + timedelta(minutes=minutes)
        scene.hand().look()
    assert scene.begun.errands == []
    scene.clock.moment = BEGUN + HOUR
    scene.hand().look()
    assert len(scene.begun.errands) == 1


def test_notices_that_cannot_be_begun_or_written_down_end_no_scheduler(scene: Scene) -> None:
    def gone() -> subprocess.Popen[bytes]:
        raise OSError(12, "Cannot allocate memory")

    hand = scene.hand()
    assert hand.teller is not None
    hand.teller.begin = gone
    hand._owe(fleet(scene.folder), "run-1", BEGUN)
    hand.look()
    assert scene.said == [
        "scheduler: notices were not begun: Cannot allocate memory; `posture notify --waiting --send`"
    ]
    (scene.folder / outbox.NAME).unlink()
    (scene.folder / outbox.NAME).mkdir()
    hand._owe(fleet(scene.folder), "run-2", BEGUN)
    assert "run run-2 is not told by itself" in scene.said[-1] and "`posture notify run-2 --send`" in scene.said[-1]
