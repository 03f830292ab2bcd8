"""One database: its file modes, its pragmas, its migrations, one writer and many readers.

Durability: WAL with ``synchronous=NORMAL``. A killed process loses nothing that was committed; a power cut may lose the
last commits but never leaves half of one. Blobs lie in the same transaction as the rows that name them, so neither can
exist without the other. The end of a run checkpoints the WAL, which syncs everything before it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from posture.errors import StoreError
from posture.store.disk import sync
from posture.store.schema import REVISION

BUSY_TIMEOUT_MS = 30_000  # a writer holds the lock for one host, or one batch of results: well under a second
_WRITING = 0x706F7374757265  # "posture": the advisory lock that every writer of a server's database shares


class Database:
    """An open database at the newest schema."""

    def __init__(self, writer: Engine, reader: Engine, path: Path | None) -> None:
        self.path = path
        """The file; ``None`` for a database server."""
        self.on_rollback: list[Callable[[], None]] = []
        self._writer = writer
        self._reader = reader
        self._lock = threading.RLock()
        self._open_write: Connection | None = None

    @classmethod
    def open(cls, where: str | Path, *, create: bool = True) -> Database:
        """Return the database at a path or URL, created or upgraded.

        Raises:
            StoreError: it is missing and may not be created, is not ours, is damaged, or newer than this program.
        """
        path = _path_of(where)
        if path is not None:
            _prepare(path, create=create)
        writer, reader = _engines(where, path)
        self = cls(writer, reader, path)
        try:
            with _ours(path or where):
                self._upgrade()
        except StoreError:
            self.close()
            raise
        return self

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Connection]:
        """Give the one writing connection inside a transaction; a nested call joins the outer one.

        ``alone``: no other process writes meanwhile, on a server neither. SQLite has one writer at all times.
        """
        with self._lock, _ours(self.path or "the database"):
            if self._open_write is not None:
                yield self._open_write
                return
            try:
                with self._writer.begin() as conn:
                    if self.path is None:
                        kind = "" if alone else "_shared"
                        conn.execute(text(f"SELECT pg_advisory_xact_lock{kind}(:key)"), {"key": _WRITING})
                    self._open_write = conn
                    yield conn
            except BaseException:
                for forget in self.on_rollback:
                    forget()
                raise
            finally:
                self._open_write = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database and cannot change it."""
        with _ours(self.path or "the database"), self._reader.begin() as conn:
            yield conn

    def checkpoint(self) -> None:
        """Bring the write-ahead log home and sync it, so that what was written outlives a power cut."""
        if self.path is None:
            return
        with self._lock, _ours(self.path):
            with suppress(FileNotFoundError):
                sync(self.path.with_name(f"{self.path.name}-wal"))  # a reader may keep the log from coming home
            raw = self._writer.raw_connection()  # a checkpoint cannot run inside the transaction SQLAlchemy begins
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    def faults(self, *, quick: bool = False) -> tuple[str, ...]:
        """Return what SQLite finds wrong with its own file; a server's database is the server's to check.

        ``quick`` leaves out comparing indexes with their tables, and what rows of other tables name.
        """
        if self.path is None:
            return ()
        with self.read() as conn:
            said = conn.exec_driver_sql(f"PRAGMA {'quick_check' if quick else 'integrity_check'}").scalars().all()
            broken = [] if quick else conn.exec_driver_sql("PRAGMA foreign_key_check").all()
        found = [str(line) for line in said if line != "ok"]
        return (*found, *(f"a row of `{row[0]}` names a row that is not there" for row in broken[:10]))

    def revision(self) -> str:
        """Return the schema revision the database is at; empty when it has none."""
        with self.read() as conn:
            return _revision(conn)

    def migrate(self, revision: str) -> None:
        """Bring the schema to a revision, up or down (``base`` removes every table)."""
        from posture.store import migrating  # noqa: PLC0415 - Alembic takes longer to load than most commands to run

        with self.write() as conn:
            migrating.bring(conn, revision)

    def close(self) -> None:
        """Give every connection back."""
        self._writer.dispose()
        self._reader.dispose()

    def _upgrade(self) -> None:
        with self._reader.connect() as conn:  # not the writer: opening must not wait for a scan that is writing
            current = _revision(conn)
            foreign = not current and _has_tables(conn)
        if current == REVISION:
            return
        from posture.store import migrating  # noqa: PLC0415 - see `migrate`

        if foreign:
            raise StoreError(f"{self.path} is a database of another program", hint="name another file with --store")
        if current and not migrating.knows(current):
            raise StoreError(
                f"{self.path or 'the database'} has schema {current}, which this program does not know",
                hint="it was written by a newer posture-scanner: use that version, or another store",
            )
        self.migrate("head")


def _path_of(where: str | Path) -> Path | None:
    if isinstance(where, Path) or "://" not in where:
        return Path(where)
    try:
        url = make_url(where)
    except ArgumentError:
        raise StoreError(f"`{where}` is no database URL", hint="give a path, or postgresql+psycopg://…") from None
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _prepare(path: Path, *, create: bool) -> None:
    """Make the file before SQLite does, so that it is never readable by others, not even for a moment."""
    if not path.exists():
        if not create:
            raise StoreError(f"{path} does not exist", hint="run a scan first, or name the store with --store")
        try:
            _make_private_directory(path.parent)
            with suppress(FileExistsError):  # another process made it just now
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as reason:
            raise StoreError(f"{path} cannot be created: {reason.strerror}", hint="choose a writable place") from None
    elif not path.is_file():
        raise StoreError(f"{path} is not a file", hint="name a database file")
    elif path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
        path.chmod(0o600)


def _make_private_directory(path: Path) -> None:
    """``Path.mkdir(parents=True)`` gives its mode to the last directory only."""
    if path.is_dir():
        return
    _make_private_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def _engines(where: str | Path, path: Path | None) -> tuple[Engine, Engine]:
    if path is None:
        try:
            engine = create_engine(str(where), pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as reason:
            raise StoreError(
                f"no driver for this database: {reason}", hint="pip install 'posture-scanner[postgres]'"
            ) from None
        # Readers see one state for as long as they read, and can change nothing, as with SQLite.
        return engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    url = f"sqlite:///{path}"
    writer = create_engine(url, pool_size=1, max_overflow=0)
    reader = create_engine(url, pool_size=4, max_overflow=16)
    _tune(writer, begin="BEGIN IMMEDIATE", query_only=False)
    _tune(reader, begin="BEGIN", query_only=True)
    return writer, reader


def _tune(engine: Engine, *, begin: str, query_only: bool) -> None:
    """Set up connections; ``BEGIN IMMEDIATE`` for writers, since a read that turns into a write may be refused at once.

    Source: https://www.sqlite.org/lang_transaction.html, "read transactions versus write transactions".
    """

    @event.listens_for(engine, "connect")
    def connected(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # the driver must not begin by itself
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            raw.execute(f"PRAGMA {pragma}")
        if not query_only:
            raw.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def begun(conn: Connection) -> None:
        conn.exec_driver_sql(begin)


def _revision(conn: Connection) -> str:
    """Return what the table of Alembic says; empty where there is none."""
    if not inspect(conn).has_table("alembic_version"):
        return ""
    return conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or ""


def _has_tables(conn: Connection) -> bool:
    if conn.dialect.name != "sqlite":
        return False  # a server's database may well hold other schemas
    names = text("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name <> 'alembic_version'")
    return bool(conn.execute(names).scalar_one())


@contextmanager
def _ours(where: object) -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except DatabaseError as reason:
        raise StoreError(f"{where}: {reason.orig}", hint=_hint(str(reason.orig))) from reason
    except SQLAlchemyError as reason:
        raise StoreError(f"{where}: {type(reason).__name__}: {reason}", hint="see the log") from reason


def _hint(message: str) -> str:
    if "locked" in message:
        return "another posture process is writing; try again when it has ended"
    if "not a database" in message or "malformed" in message:
        return "the file is damaged or not ours: restore it from a backup, or name another store"
    if "full" in message:
        return "free some disk space; what was committed is kept, resume the run afterwards"
    if "readonly" in message:
        return "the store must be writable by this account"
    return "check that the store can be reached and is ours"
