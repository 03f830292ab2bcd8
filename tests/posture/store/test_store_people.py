"""Accounts where two dashboards share a database: whatever administrators do at once, one of them is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
import real_postgres

from posture.model.account import Account, Role
from posture.store import Store

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
ROUNDS = 8


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where two processes find one database."""
    if request.param == "sqlite":
        return str(tmp_path / "posture.db")
    server: real_postgres.Server = request.getfixturevalue("server")
    return server.new_database(server.template)


def test_of_administrators_who_take_each_other_out_at_once_one_stays(place: str) -> None:
    """On a server each has a transaction of its own: only the lock on the administrators' rows keeps one."""
    with Store.open(place) as here, Store.open(place) as there, ThreadPoolExecutor(2) as threads:
        both = Barrier(2)

        def out(store: Store, name: str) -> bool:
            both.wait()
            return store.people.disable(name, by="the other", at=NOW)

        for number in range(ROUNDS):
            names = f"{number}.ann", f"{number}.bob"
            for name in names:
                here.people.add(Account(name, Role.ADMIN, (), "", NOW), by="test", at=NOW)
            for one in here.people.accounts():
                if one.name not in names and not one.disabled:
                    assert here.people.disable(one.name, by="test", at=NOW)  # who was left of the round before
            done = list(threads.map(out, (here, there), names))
            assert sorted(done) == [False, True]
            (left,) = (one for one in there.people.accounts() if not one.disabled)
            assert left.name == names[done.index(False)]
        assert here.verify_chain().seq == there.verify_chain().seq
