"""A real process is killed at every step of letting evidence go; nothing is lost, and what is left is named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from store_samples import NOW, scan

from posture.store import Store, letting
from posture.store.upkeep import check

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
DAY = timedelta(days=1)

PRUNER = """
import os, shutil, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
import test_store_letting_killed as test

template, left = Path(sys.argv[1]), 0

def step(name):
    global left
    left -= 1
    if not left:
        print(name, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

def heard(name, args):
    if name in ("os.rename", "os.remove") and "archive" in str(args[0]):
        step(name)

def written(conn):
    if not conn.exec_driver_sql("PRAGMA query_only").scalar():
        step("commit")

for number in range(1, 100):
    place = template.with_name(f"killed-{number}")
    shutil.copytree(template, place)
    child = os.fork()
    if not child:
        left = number
        sys.addaudithook(heard)
        event.listen(Engine, "commit", written)
        test.prune(place, test.NOW)
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended != -signal.SIGKILL:
        sys.exit(ended)
"""
LEFT = (
    r"\S+/evidence-\S+ is in no row of the audit chain: nothing rests on it, it may be removed",
    r"\S+/\.evidence-\S+ was never finished: nothing rests on it, it may be removed",
    r"\S+/evidence-\S+ was deleted by row \d+ of the audit chain and is still there: the next prune removes it",
)
"""All that the check may say after a kill."""


def prune(place: Path, now: datetime) -> letting.Letting:
    with Store.open(place / "posture.db") as store:
        cut = letting.Cut(now - 180 * DAY, now - 365 * DAY, "6 and 12")
        return letting.let_go(store, cut, place / "archive", now, by="alex")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of which a prune archives one month, deletes another, and deletes the archive of a third."""
    place = tmp_path_factory.mktemp("killed") / "template"
    with Store.open(place / "posture.db") as store:
        scan(store, 1, at=NOW - 500 * DAY, flavour=" in the archive")
    prune(place, NOW - 300 * DAY)
    with Store.open(place / "posture.db") as store:
        scan(store, 2, at=NOW - 400 * DAY, flavour=" too old")
        scan(store, 3, at=NOW - 200 * DAY, flavour=" old")
        scan(store, 4, at=NOW - 3 * DAY, flavour=" fresh")
    return place


def faults(place: Path) -> list[str]:
    with Store.open(place / "posture.db") as store:
        return [fault for part in check(store, place / "archive") for fault in part.faults]


def test_a_prune_killed_at_any_step_loses_nothing_and_the_next_one_ends_it(template: Path) -> None:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
    said = subprocess.run(
        [sys.executable, "-c", PRUNER, str(template)], check=True, capture_output=True, text=True, env=environment
    )
    steps = said.stdout.split()
    assert steps == ["os.rename", "commit", "commit", "commit", "commit", "os.remove"]
    with Store.open(template / "posture.db") as store:
        old = store.runs()[1].run.id
        before = list(store.read_transcripts(old, whole=True))
    named: set[str] = set()
    for number, step in enumerate(steps, 1):
        place = template.with_name(f"killed-{number}")
        for fault in faults(place):
            named |= {form for form in LEFT if re.fullmatch(form, fault)} or {f"{number} {step}: {fault}"}
        prune(place, NOW + timedelta(seconds=1))
        for fault in faults(place):  # what an archive that was not finished left is for a person to remove
            assert re.fullmatch(f"{LEFT[0]}|{LEFT[1]}", fault), (number, step, fault)
            Path(fault.split()[0]).unlink()
        assert faults(place) == []
        with Store.open(place / "posture.db") as store:
            assert letting.retrieve(store, old, place / "archive", NOW, by="alex").missing == 0
            assert list(store.read_transcripts(old, whole=True)) == before
        shutil.rmtree(place)
    assert named == set(LEFT)


def test_an_archive_is_on_the_disk_before_its_answers_leave_the_store(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "here"
    shutil.copytree(template, place)
    real, kept = os.fsync, []

    def fsync(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink() == place / "archive":
            with Store.open(place / "posture.db") as store:
                kept.append(dict(store.read_blobs()))
        real(handle)

    with Store.open(place / "posture.db") as store:
        before = dict(store.read_blobs())
    monkeypatch.setattr(os, "fsync", fsync)
    prune(place, NOW)
    assert kept[0] == before


def test_an_archive_goes_when_the_database_that_says_so_is_on_the_disk(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power fails when the archive goes: all that is left is what was synced, the main file without its log."""
    place, cut_off = tmp_path / "here", tmp_path / "cut-off"
    shutil.copytree(template, place)
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "archive":
            shutil.copytree(place, cut_off, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
            real(cut_off / "archive" / path.name)
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    assert len(prune(place, NOW).archives) == 1
    monkeypatch.undo()
    assert faults(cut_off) == []
