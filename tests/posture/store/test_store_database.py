from __future__ import annotations

import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import real_postgres
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable
from store_samples import baseline, host_id, inventory, results, run, scan, transcript

from posture.errors import StoreError
from posture.store import Store
from posture.store.schema import METADATA, REVISION


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read_the_store(path: Path):
    with Store.open(path) as store:
        scan(store)
        assert mode(path.parent) == 0o700
        assert {one.name: mode(one) for one in path.parent.iterdir()} == {
            f"posture.db{end}": 0o600 for end in ("", "-wal", "-shm")
        }


def test_every_directory_that_is_made_is_private(tmp_path: Path):
    Store.open(tmp_path / "a" / "b" / "posture.db").close()
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700


def test_a_store_that_others_could_read_is_closed_to_them(path: Path):
    Store.open(path).close()
    path.chmod(0o644)
    Store.open(path).close()
    assert mode(path) == 0o600


def test_the_log_is_written_ahead_and_writers_wait(path: Path):
    with Store.open(path) as store, store.database.write() as conn:
        pragmas = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 30_000}


def test_readers_cannot_write(store: Store):
    with pytest.raises((StoreError, DBAPIError)), store.database.read() as conn:
        conn.exec_driver_sql("DELETE FROM run")


def test_a_missing_store_is_not_made_for_a_reader(path: Path):
    with pytest.raises(StoreError, match="does not exist") as refused:
        Store.open(path, create=False)
    assert "run a scan first" in refused.value.hint
    assert not path.parent.exists()


def test_the_migrations_make_the_schema_of_the_code(path: Path):
    with Store.open(path) as store, store.database.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn), METADATA) == []
        assert store.database.revision() == REVISION


def test_the_schema_holds_nothing_that_only_sqlite_has():
    for table in METADATA.sorted_tables:
        assert "WITHOUT ROWID" not in str(CreateTable(table).compile(dialect=postgresql.dialect()))
    kinds = {
        str(column.type.compile(postgresql.dialect())) for table in METADATA.sorted_tables for column in table.columns
    }
    assert kinds == {"BIGINT", "BYTEA", "INTEGER", "SMALLINT", "TEXT"}


def test_opening_does_not_wait_for_a_writer(path: Path):
    with Store.open(path) as store, store.database.write() as conn:
        conn.exec_driver_sql("DELETE FROM run")
        Store.open(path).close()


def test_the_schema_goes_down_and_up_again(store: Store):
    database = store.database
    newest = database.revision()
    database.migrate("base")
    assert database.revision() == ""
    with database.read() as conn:
        assert inspect(conn).get_table_names() == ["alembic_version"]
    database.migrate("head")
    assert database.revision() == newest
    assert store.load_run(scan(store)).hosts == 3


def test_two_who_write_to_one_server_keep_one_audit_chain(server: real_postgres.Server):
    url = server.new_database(server.template)
    with Store.open(url) as one, Store.open(url) as other:
        with ThreadPoolExecutor(2) as pool:
            written = {pool.submit(scan, *who) for who in ((one, 1), (other, 2))}
        assert {future.result() for future in written} == {stored.run.id for stored in one.runs()}
        one.verify_chain()
    server.drop(url)


def test_a_store_of_a_newer_program_is_refused_and_left_alone(path: Path):
    Store.open(path).close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    with pytest.raises(StoreError, match="schema 9999") as refused:
        Store.open(path)
    assert "newer posture-scanner" in refused.value.hint
    assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_a_database_of_another_program_is_refused(tmp_path: Path):
    path = tmp_path / "other.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE customers (id)")
    raw.commit()
    with pytest.raises(StoreError, match="another program"):
        Store.open(path)


@pytest.mark.parametrize(
    "content", [b"not a database" * 1000, b"SQLite format 3\0" + b"\xff" * 8000], ids=["text", "damaged"]
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "posture.db"
    path.write_bytes(content)
    with pytest.raises(StoreError) as refused:
        Store.open(path)
    assert refused.value.hint
    assert path.read_bytes() == content


def test_a_place_that_is_no_file_is_refused(tmp_path: Path):
    with pytest.raises(StoreError, match="not a file"):
        Store.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be created"):
        Store.open(tmp_path / "file" / "posture.db")


def test_a_url_without_a_driver_is_refused_with_what_to_install():
    with pytest.raises(StoreError) as refused:
        Store.open("nosuch+driver://host/db")
    assert "posture-scanner[postgres]" in refused.value.hint


def test_a_failed_write_leaves_nothing_and_the_store_goes_on(store: Store):
    store.begin_run(run(), inventory(), baseline())
    good = transcript(host_id(0))

    def broken():
        yield good
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.save_host(run().id, host_id(0), transcripts=broken())
    assert list(store.read_transcripts(run().id)) == []
    store.save_host(run().id, host_id(0), transcripts=[good])
    store.save_host(run().id, host_id(1), transcripts=[transcript(host_id(1))])
    assert list(store.read_transcripts(run().id)) == [good, transcript(host_id(1))]
    assert dict(store.read_blobs())  # every digest verified


def test_a_failed_batch_of_results_leaves_nothing_and_the_next_is_whole(store: Store):
    store.begin_run(run(), inventory(), baseline())

    def broken():
        yield from results(host_id(0))
        yield from results("elsewhere")

    with pytest.raises(StoreError):
        store.save_results(run().id, broken())
    store.save_results(run().id, results(host_id(1)))
    read = {one.host.id: [said.verdict.status.label for said in one.results] for one in store.read_hosts(run().id)}
    assert read == {host_id(0): ["not_checked"] * 4, host_id(1): ["pass"] * 4, host_id(2): ["not_checked"] * 4}


def test_a_reader_sees_one_state_while_another_writes(store: Store, path: Path):
    store.begin_run(run(), inventory(40), baseline())
    with Store.open(path) as reader, reader.database.read() as conn:
        count = "SELECT count(*) FROM session"
        assert conn.exec_driver_sql(count).scalar() == 0
        store.save_host(run().id, host_id(0), transcripts=[transcript(host_id(0))])
        assert conn.exec_driver_sql(count).scalar() == 0
    assert len(list(store.read_transcripts(run().id))) == 1


def test_threads_write_and_read_at_once(store: Store):
    store.begin_run(run(), inventory(40), baseline())
    failed: list[BaseException] = []

    def work(numbers: range) -> None:
        try:
            for number in numbers:
                store.save_host(run().id, host_id(number), transcripts=[transcript(host_id(number))])
                list(store.read_transcripts(run().id, host_id(number)))
        except (StoreError, AssertionError, KeyError, LookupError, RuntimeError) as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(range(start, 40, 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert list(store.read_transcripts(run().id)) == [transcript(host_id(number)) for number in range(40)]


def test_a_writer_that_never_lets_go_is_reported_as_such(store: Store, path: Path):
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    raw = store.database._writer.raw_connection()
    raw.cursor().execute("PRAGMA busy_timeout=10")  # a test need not wait 30 s
    raw.close()
    with pytest.raises(StoreError, match="locked") as refused:
        store.begin_run(run(), inventory(), baseline())
    assert "another posture process" in refused.value.hint
    blocker.execute("ROLLBACK")
    store.begin_run(run(), inventory(), baseline())


def test_the_store_takes_a_sqlite_url(tmp_path: Path):
    with Store.open(f"sqlite:///{tmp_path}/posture.db") as store:
        assert store.database.path == tmp_path / "posture.db"
        scan(store)
    assert mode(tmp_path / "posture.db") == 0o600
