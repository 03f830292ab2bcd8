"""Backups that are read back, restoring that changes nothing when the backup is bad, and a check that finds damage."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
import real_postgres
from store_samples import NOW, baseline, inventory, run, scan

from posture.errors import StoreError
from posture.store import Store
from posture.store.upkeep import backup, check, restore, vacuum


def test_a_backup_is_the_whole_store_for_its_owner_only(store: Store, path: Path, tmp_path: Path) -> None:
    scan(store)
    made = backup(store, tmp_path / "copy.db")
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    head = store.chain_head()
    assert made.chain == f"{head.seq} {head.digest}"
    with Store.open(made.path, create=False) as copy:
        assert [one.run.id for one in copy.runs()] == [one.run.id for one in store.runs()]
        assert all(not one.faults for one in check(copy))
        assert dict(copy.read_blobs()) == dict(store.read_blobs())


def test_a_backup_is_made_while_a_scan_writes(store: Store, path: Path, tmp_path: Path) -> None:
    store.begin_run(run(1), inventory(2), baseline(2))
    with Store.open(path) as another, another.database.write() as conn:
        conn.exec_driver_sql("UPDATE run SET scanner = 'not committed'")
        made = backup(store, tmp_path / "copy.db")
    with sqlite3.connect(made.path) as raw:
        assert raw.execute("SELECT count(*) FROM run WHERE scanner = 'not committed'").fetchone() == (0,)


def test_a_backup_overwrites_nothing(store: Store, path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StoreError, match="exists"):
        backup(store, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_what_is_restored_is_what_was_backed_up_and_the_old_one_is_kept(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        scan(store)
        made = backup(store, tmp_path / "copy.db")
        store.begin_run(run(2), inventory(2), baseline(2))
        store.interrupt_run(run(2).id, NOW)
    restored, old = restore(made.path, path, NOW)
    assert (restored.sha256, restored.chain) == (made.sha256, made.chain)
    assert old is not None
    with Store.open(path) as store, Store.open(old) as before:
        assert len(store.runs()) == 1
        assert len(before.runs()) == 2
        store.verify_chain()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_store_is_restored_where_there_is_none(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        scan(store)
        made = backup(store, tmp_path / "copy.db")
    restored, old = restore(made.path, tmp_path / "new" / "posture.db", NOW)
    assert old is None
    with Store.open(restored.path, create=False) as store:
        assert len(store.runs()) == 1


@pytest.mark.parametrize("damage", ["cut", "garbage", "foreign", "newer", "chain"])
def test_a_bad_backup_changes_nothing(path: Path, tmp_path: Path, damage: str) -> None:
    with Store.open(path) as store:
        scan(store)
        bad = backup(store, tmp_path / "copy.db").path
    if damage == "cut":
        bad.write_bytes(bad.read_bytes()[:-8192])
    elif damage == "garbage":
        bad.write_bytes(b"no database at all" * 1000)
    else:
        change = {
            "foreign": "DROP TABLE alembic_version",
            "newer": "UPDATE alembic_version SET version_num = '9999'",
            "chain": "UPDATE change SET prev = zeroblob(32) WHERE seq = 2",
        }[damage]
        with sqlite3.connect(bad) as raw:
            raw.execute(change)
    before = path.read_bytes()
    with pytest.raises(StoreError):
        restore(bad, path, NOW)
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir() if one.suffix != ".db-shm") == ["posture.db"]


def test_nothing_is_restored_under_a_running_scan(store: Store, path: Path, tmp_path: Path) -> None:
    scan(store)
    made = backup(store, tmp_path / "copy.db")
    store.begin_run(run(2), inventory(2), baseline(2))
    with pytest.raises(StoreError, match="is being written"):
        restore(made.path, path, NOW)


def test_nothing_is_restored_under_a_living_scheduler(store: Store, path: Path, tmp_path: Path) -> None:
    made = backup(store, tmp_path / "copy.db")
    store.schedules.beat(NOW)
    with pytest.raises(StoreError, match="keeps the schedules"):
        restore(made.path, path, NOW)


def test_a_damaged_store_can_be_restored(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        scan(store)
        made = backup(store, tmp_path / "copy.db")
    path.write_bytes(b"\xff" * 100_000)
    restore(made.path, path, NOW)
    with Store.open(path) as store:
        assert all(not one.faults for one in check(store))


def test_vacuum_gives_space_back(store: Store, path: Path) -> None:
    scan(store)
    with store.database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(4000000) AS content")
        conn.exec_driver_sql("DROP TABLE big")
    store.database.checkpoint()
    before, after = vacuum(store)
    assert before - after > 3_000_000
    store.verify_chain()


def test_a_check_reads_everything_on_both_databases(store: Store) -> None:
    scan(store)
    found = {one.about: (one.faults, one.counted) for one in check(store)}
    assert all(not faults for faults, _ in found.values())
    assert found["complete runs"] == ((), 1)
    assert found["evidence"][1] == sum(1 for _ in store.read_blobs()) > 0
    assert found["audit chain"][1] == store.chain_head().seq


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        ("UPDATE change SET content = zeroblob(20) WHERE seq = 2", "audit chain"),
        ("UPDATE blob SET content = (SELECT content FROM blob WHERE no = 1) WHERE no = 2", "evidence"),
        ("DELETE FROM host_scan WHERE host_no = 1", "complete runs"),
    ],
    ids=["chain", "blob", "run"],
)
def test_a_check_says_which_part_is_damaged(store: Store, statement: str, about: str) -> None:
    scan(store)
    with store.database.write() as conn:
        if conn.dialect.name == "postgresql":
            statement = statement.replace("zeroblob(20)", "'\\x00'::bytea")
        conn.exec_driver_sql(statement)
    assert about in {one.about for one in check(store) if one.faults}


def test_a_server_is_backed_up_with_its_own_tools(server: real_postgres.Server, tmp_path: Path) -> None:
    url = server.new_database(server.template)
    with Store.open(url) as store:
        with pytest.raises(StoreError, match="server") as refused:
            backup(store, tmp_path / "copy.db")
        assert "pg_dump" in refused.value.hint
        with pytest.raises(StoreError, match="server"):
            vacuum(store)
    with pytest.raises(StoreError, match="server") as refused:
        restore(tmp_path / "x", url, NOW)
    assert "pg_restore" in refused.value.hint
    server.drop(url)
