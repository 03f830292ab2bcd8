"""Backups, restoring them, making the file small again, and whether everything in a store is what it says it is."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from posture.errors import StoreError
from posture.model.assessment import RunState
from posture.store.accounted import archive_faults, gone_faults
from posture.store.database import Database
from posture.store.disk import sync
from posture.store.owner import Alive
from posture.store.store import Store

_ENDS = ("", "-wal", "-shm")
_CHUNK = 1 << 20
_RECENT = timedelta(minutes=3)  # a scheduler gives a sign of life every minute


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was read back."""

    path: Path
    size_bytes: int
    sha256: str
    chain: str
    """Sequence and digest of the audit chain's end; written down elsewhere, it shows whether a restore lost rows."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One part of a store that was looked at."""

    about: str
    faults: tuple[str, ...]
    counted: int


def backup(store: Store, to: Path) -> Backup:
    """Return a copy of a store in one file, made while scans go on, read back and compared.

    Raises:
        StoreError: the store is on a server, the file exists, or the copy is not what it should be.
    """
    path = _file_of(store.database, "pg_dump --format=custom --file=FILE, with the database's URL")
    try:
        os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))  # never readable by others
    except FileExistsError:
        raise StoreError(f"{to} exists", hint="a backup overwrites nothing: give another name") from None
    except OSError as error:
        raise StoreError(f"{to} cannot be made: {error.strerror}", hint="choose a writable place") from None
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as raw:
            raw.execute("VACUUM INTO ?", (str(to),))  # one state of the database, whoever writes meanwhile
        sync(to)
        sync(to.parent)
        return _read_back(to)
    except sqlite3.Error as error:
        to.unlink(missing_ok=True)
        raise StoreError(
            f"{path} cannot be copied: {error}", hint="`posture store check` says what is damaged"
        ) from None
    except StoreError:
        to.unlink(missing_ok=True)
        raise


def restore(backup_path: Path, where: Path | str, now: datetime) -> tuple[Backup, Path | None]:
    """Return what was restored, and where the store that was there before now lies; ``None`` when there was none.

    The backup is copied and checked beside the place first, so a bad one changes nothing.

    Raises:
        StoreError: the backup is damaged, the store is on a server, or a scan is writing to it.
    """
    if not isinstance(where, Path):
        raise StoreError("the store is on a database server", hint="pg_restore --clean --dbname=URL FILE")
    if not backup_path.is_file():
        raise StoreError(f"{backup_path} is not there", hint="`posture store backup FILE` makes one")
    _refuse_when_used(where, now)
    fresh = where.with_name(f"{where.name}.restoring")
    fresh.unlink(missing_ok=True)
    where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as into, backup_path.open("rb") as source:
            shutil.copyfileobj(source, into, _CHUNK)
        made = _read_back(fresh)
        with Store.open(fresh, create=False) as copy:  # refuses what is not ours, or newer than this program
            copy.verify_chain()
        sync(fresh)
        old = _set_aside(where, now)
        fresh.replace(where)
    finally:
        for end in _ENDS:
            fresh.with_name(fresh.name + end).unlink(missing_ok=True)
    sync(where.parent)
    return Backup(where, made.size_bytes, made.sha256, made.chain), old


def vacuum(store: Store) -> tuple[int, int]:
    """Return the size in bytes before and after giving unused pages back; the server's own affair on PostgreSQL.

    Raises:
        StoreError: the store is on a server, or somebody is writing.
    """
    path = _file_of(store.database, "VACUUM (ANALYZE), as the database's owner; autovacuum does it by itself")
    before = path.stat().st_size
    if shutil.disk_usage(path.parent).free < before:
        raise StoreError("there is less room than the store takes", hint="vacuum writes it anew beside itself")
    store.database.checkpoint()
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as raw:
            raw.execute("VACUUM")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}", hint="try again when no scan is writing") from None
    store.database.checkpoint()
    return before, path.stat().st_size


def check(store: Store, archives: Path | None = None) -> Iterator[Checked]:
    """Yield each part of a store with what is wrong in it.

    The file, the audit chain, every run's root, every blob, what was let go, the archives.
    The files of a database server are the server's to check.
    """
    if store.database.path is not None:
        yield Checked("database file", store.database.faults(), 1)
    yield _guarded("audit chain", lambda: store.verify_chain().seq)
    ended = [one.run for one in store.runs() if one.run.state is RunState.COMPLETE]
    faults = []
    for run in ended:
        try:
            store.verify_run(run.id)
        except StoreError as error:
            faults.append(str(error))
    yield Checked("complete runs", tuple(faults), len(ended))
    yield _guarded("evidence", lambda: sum(1 for _ in store.read_blobs()))
    yield Checked("evidence let go", *gone_faults(store, archives))
    if archives is not None:
        yield Checked("archives", *archive_faults(store, archives))


def _guarded(about: str, count: Callable[[], int]) -> Checked:
    try:
        return Checked(about, (), count())
    except StoreError as error:
        return Checked(about, (str(error),), 0)


def _read_back(path: Path) -> Backup:
    """Return what a copy holds, after reading it whole; the copy itself is not upgraded or otherwise changed."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as raw:
            said = [row[0] for row in raw.execute("PRAGMA integrity_check")]
            end = raw.execute("SELECT seq, digest FROM change ORDER BY seq DESC LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} is no sound store: {error}", hint="take another backup") from None
    if said != ["ok"]:
        raise StoreError(f"{path} is damaged: {said[0]}", hint="take another backup")
    return Backup(path, path.stat().st_size, digest.hexdigest(), f"{end[0]} {end[1].hex()}" if end else "0")


def _refuse_when_used(where: Path, now: datetime) -> None:
    """Who has the file open would go on with the one that is set aside; a damaged store cannot say who does."""
    running, kept = [], []
    if where.exists():
        with suppress(StoreError), Store.open(where, create=False) as store:
            running = [one.run.id for one in store.runs() if one.run.state is RunState.RUNNING]
            kept = [one for one in store.schedules.beats() if one.alive is Alive.YES and abs(now - one.at) < _RECENT]
    if running:
        raise StoreError(f"run {running[0]} is being written to {where}", hint="`posture stop`, then restore")
    if kept:
        hint = "end `posture serve`, then restore"
        raise StoreError(f"process {kept[0].pid} keeps the schedules of {where}", hint=hint)


def _set_aside(where: Path, now: datetime) -> Path | None:
    if not where.exists():
        return None
    old = where.with_name(f"{where.name}.before-{now:%Y%m%dT%H%M%SZ}")
    for end in _ENDS:
        source = where.with_name(where.name + end)
        if source.exists():
            source.replace(old.with_name(old.name + end))
    return old


def _file_of(database: Database, hint: str) -> Path:
    if database.path is None:
        raise StoreError("the store is on a database server", hint=hint)
    return database.path
