"""One run of the demo agency, and three days of it, for all tests of the dashboard and all who run them at once."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from agency_in_three_days import scan_three_times
from served import make_demo

from posture.store import Store


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made_once(tmp_path_factory, "demo", make_demo)


@pytest.fixture(scope="session")
def three_days_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made_once(tmp_path_factory, "three-days", _scanned_three_times)


def _scanned_three_times(place: Path) -> Path:
    with Store.open(place / "posture.db") as store:
        scan_three_times(store, place)
        store.database.checkpoint()
    return place / "posture.db"


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Path]) -> Path:
    """Return what one of the processes makes and the others find made."""
    base = factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"once-{name}"
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "made").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            (place / "made").write_text(str(make(place)))
        return Path((place / "made").read_text())
