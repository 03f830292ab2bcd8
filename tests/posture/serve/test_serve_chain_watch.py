"""The audit chain is verified as it grows, and whole when asked: then an old row that was changed shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posture.errors import StoreError
from posture.serve.chain_watch import ChainWatch
from posture.store import Store

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "posture.db") as opened:
        for _ in range(5):
            grow(opened)
        yield opened


def grow(store: Store) -> None:
    store.people.refuse("jane", by="test", why="no reason", at=NOW)


def spoil(store: Store, change: str) -> None:
    assert store.database.path is not None
    with sqlite3.connect(store.database.path) as raw:
        raw.execute(change)


def test_the_page_says_how_many_rows_were_read_now_and_when_the_others_were(store: Store) -> None:
    moment = NOW
    watch = ChainWatch(store, lambda: moment)
    assert watch.look().verdict.startswith("All 5 rows were read on 2026-11-28 at 03:00:00 UTC and hold")
    grow(store)
    moment += timedelta(minutes=5)
    found = watch.look()
    assert found.holds
    assert found.verdict.startswith("1 new row was read on 2026-11-28 at 03:05:00 UTC")
    others = "The 5 before were not read again: rows 1 to 5 were last read on 2026-11-28 at 03:00:00 UTC. "
    assert others in found.verdict
    moment += timedelta(minutes=5)
    found = watch.look()
    assert found.verdict.startswith("No row was new on 2026-11-28 at 03:10:00 UTC")
    assert "rows 1 to 5 were last read on 2026-11-28 at 03:00:00 UTC, the 1 after those when they were" in found.verdict
    assert watch.look(whole=True).verdict.startswith("All 6 rows were read on 2026-11-28 at 03:10:00 UTC and hold")


def test_a_changed_old_row_shows_when_the_whole_is_verified_and_from_then_on(store: Store) -> None:
    watch = ChainWatch(store)
    assert watch.look().holds
    spoil(store, "UPDATE change SET prev = zeroblob(32) WHERE seq = 2")
    assert watch.look().holds  # it is not read again
    assert "row 2 of the audit chain does not match" in watch.look(whole=True).verdict
    assert not watch.look().holds  # and is never called good again by what came since


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE change SET prev = zeroblob(32) WHERE seq = 6",
        "UPDATE change SET digest = zeroblob(32) WHERE seq = 5",
        "DELETE FROM change WHERE seq >= 5",
        "DELETE FROM change WHERE seq = 6",
    ],
    ids=["new row", "last verified row", "end cut off", "gap"],
)
def test_what_came_since_must_continue_what_was_verified(store: Store, change: str) -> None:
    watch = ChainWatch(store)
    assert watch.look().holds
    grow(store)
    grow(store)
    spoil(store, change)
    assert not watch.look().holds


def test_a_chain_that_was_cut_is_not_called_whole_at_the_next_look(store: Store) -> None:
    watch = ChainWatch(store)
    assert watch.look().holds
    spoil(store, "DELETE FROM change WHERE seq >= 4")
    for whole in (False, False, True):
        assert not watch.look(whole=whole).holds
    assert not watch.look().holds
    grow(store)
    assert not watch.look().holds


def test_a_head_that_never_was_verifies_nothing(store: Store) -> None:
    head = store.verify_chain()
    grow(store)
    assert store.verify_chain(since=head).seq == 6
    with pytest.raises(StoreError, match="is not the one that was verified"):
        store.verify_chain(since=type(head)(head.seq, "00" * 32))


def test_pages_of_rows_go_from_the_newest_on(store: Store) -> None:
    assert [one.seq for one in store.newest_events(0, 2)] == [5, 4]
    assert [one.seq for one in store.newest_events(4, 9)] == [3, 2, 1]
    assert store.newest_events(0, 9) == list(store.events())[::-1]
