"""A real store for each test: SQLite in a file of its own, and a database of its own on a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import real_postgres

from posture.store import Store


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on both databases, unless it takes the file itself."""
    if "store" in metafunc.fixturenames:
        backends = ["sqlite"] if "path" in metafunc.fixturenames else ["sqlite", "postgresql"]
        metafunc.parametrize("store", backends, indirect=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "posture.db"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store at the newest schema; copying it takes a tenth of the migrations' time."""
    path = tmp_path_factory.mktemp("empty") / "posture.db"
    Store.open(path).close()
    return path


@pytest.fixture(scope="session")
def server() -> Iterator[real_postgres.Server]:
    if real_postgres.programs() is None and not os.environ.get("POSTURE_LAB_REQUIRED"):
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    with real_postgres.running() as running:
        url = running.new_database("")
        Store.open(url).close()
        running.template = url
        yield running


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("path")
        path.parent.mkdir(mode=0o700)
        shutil.copy(request.getfixturevalue("empty"), path)
        with Store.open(path) as opened:
            yield opened
        return
    server: real_postgres.Server = request.getfixturevalue("server")
    url = server.new_database(server.template)
    try:
        with Store.open(url) as opened:
            yield opened
    finally:
        server.drop(url)
