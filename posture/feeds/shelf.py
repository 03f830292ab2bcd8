"""One feed on disk: an SQLite file, written beside its place and moved there whole, read by package and by CVE."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from types import GenericAlias
from typing import Any, get_type_hints

import msgspec

from posture.errors import FeedError
from posture.feeds.entries import Edition, Entry
from posture.model.vulnerability import Advisory, CveRecord, FeedStamp, FixState, SupportCycle

FORMAT = 1
"""Of the file; another one is written again from the feed, never guessed at."""
SUFFIX = ".feed"

_BATCH = 200_000  # entries in memory before they go to disk: about 60 MB
_HINT = "`posture feeds update` or `posture feeds import` writes it again"

_SCHEMA = """
CREATE TABLE about (body BLOB NOT NULL);
CREATE TABLE advisories (ecosystem TEXT NOT NULL, package TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE cves (cve TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE support (product TEXT NOT NULL, body BLOB NOT NULL);
"""


class About(msgspec.Struct, frozen=True):
    """What a shelf holds."""

    format: int
    stamp: FeedStamp
    as_of: datetime | None
    """By the feed's own word, else by the server's or the file's."""
    taken_at: datetime
    ecosystems: list[str]
    """Those it has at least one statement on."""
    newest_cve: str = ""
    """The highest CVE number in it."""


class Written(msgspec.Struct, frozen=True):
    """What came out of writing entries down."""

    entries: int
    as_of: datetime | None
    version: str
    ecosystems: list[str]
    newest_cve: str


class Draft:
    """A shelf that is being written; nobody reads it before ``keep``."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._path = place.with_name(f"{place.name}.new.{os.getpid()}")
        self._path.unlink(missing_ok=True)
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; " + _SCHEMA)

    def write(self, entries: Iterable[Entry]) -> Written:
        """Return what it comes to; entries are written down in batches."""
        tray = _Tray(self._db)
        self._db.execute("BEGIN")
        for entry in entries:
            tray.put(entry)
        tray.empty()
        self._db.execute("COMMIT")
        self._db.execute("CREATE INDEX by_package ON advisories (ecosystem, package)")
        self._db.execute("CREATE INDEX by_product ON support (product)")
        return tray.written()

    def keep(self, about: About) -> None:
        """Move it to its place, synced to disk: from here on it is the feed."""
        self._db.execute("INSERT INTO about VALUES (?)", (msgspec.json.encode(about),))
        self._db.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
        self._path.replace(self._place)

    def drop(self) -> None:
        """Remove it; what is in its place stays."""
        with suppress(sqlite3.Error):
            self._db.close()
        self._path.unlink(missing_ok=True)


class _Tray:
    """Gathers entries and counts them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._advisories: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        self._records: list[tuple[str, bytes]] = []
        self._held = 0
        self._count = 0
        self._newest: Edition | None = None
        self._named = ""
        self._ecosystems: set[str] = set()
        self._newest_cve: tuple[int, int] = (0, 0)

    def put(self, entry: Entry) -> None:
        match entry:
            case Advisory():
                row = (entry.cve, entry.state.value, entry.introduced, entry.fixed, entry.last_affected, entry.note)
                self._advisories.setdefault((entry.ecosystem, entry.package), []).append(row)
                self._ecosystems.add(entry.ecosystem)
                self._counted(entry.cve)
            case CveRecord():
                self._records.append((entry.cve, msgspec.json.encode(_FIELDS(entry))))
                self._counted(entry.cve)
            case SupportCycle():
                self._db.execute("INSERT INTO support VALUES (?, ?)", (entry.product, msgspec.json.encode(entry)))
                self._counted("")
            case Edition():
                self._edition(entry)

    def _counted(self, cve: str) -> None:
        self._count += 1
        self._held += 1
        _, year, number = cve.split("-", 2) if cve.startswith("CVE-") else ("", "0", "0")
        if year.isdecimal() and number.isdecimal():
            self._newest_cve = max(self._newest_cve, (int(year), int(number)))
        if self._held >= _BATCH:
            self.empty()

    def _edition(self, edition: Edition) -> None:
        self._named = edition.version or self._named
        if edition.as_of and (self._newest is None or self._newest.as_of is None or edition.as_of > self._newest.as_of):
            self._newest = edition

    def empty(self) -> None:
        """Write down what it holds."""
        rows = (
            (ecosystem, package, msgspec.json.encode(body)) for (ecosystem, package), body in self._advisories.items()
        )
        self._db.executemany("INSERT INTO advisories VALUES (?, ?, ?)", rows)
        # Of two records of one CVE in one feed the later one stands; NVD and Vulnrichment repeat themselves.
        self._db.executemany("INSERT OR REPLACE INTO cves VALUES (?, ?)", self._records)
        self._advisories.clear()
        self._records.clear()
        self._held = 0

    def written(self) -> Written:
        as_of = self._newest.as_of if self._newest else None
        year, number = self._newest_cve
        newest = f"CVE-{year}-{number:04}" if year else ""
        version = self._named or (as_of.strftime("%Y-%m-%dT%H:%M:%SZ") if as_of else newest)
        return Written(self._count, as_of, version, sorted(self._ecosystems), newest)


_NAMES = tuple(field.name for field in fields(CveRecord) if field.name != "cve")
_FIELDS = attrgetter(*_NAMES)


_TYPES: Any = GenericAlias(tuple, tuple(get_type_hints(CveRecord)[name] for name in _NAMES))
"""A ``CveRecord`` but for its id, in the order of its fields."""


class Shelf:
    """A feed that is in its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
            body = self._db.execute("SELECT body FROM about").fetchone()[0]
            self.about = _as_confirmed(path, msgspec.json.decode(body, type=About))
        except (sqlite3.Error, msgspec.DecodeError, TypeError) as error:
            raise FeedError(f"{path}: no readable feed ({error})", hint=_HINT) from error
        if self.about.format != FORMAT:
            raise FeedError(f"{path}: written by another version of this program", hint=_HINT)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def advisories(self, ecosystem: str, package: str) -> Iterator[Advisory]:
        """Yield its statements on a package, in the order they came."""
        asked = "SELECT body FROM advisories WHERE ecosystem = ? AND package = ?"
        with _readable(self._path):
            for (body,) in self._db.execute(asked, (ecosystem, package)):
                for cve, state, introduced, fixed, last, note in msgspec.json.decode(body):
                    yield Advisory(cve, ecosystem, package, FixState(state), introduced, fixed, last, note)

    def record(self, cve: str) -> CveRecord | None:
        """Return what it knows of a CVE."""
        with _readable(self._path):
            row = self._db.execute("SELECT body FROM cves WHERE cve = ?", (cve,)).fetchone()
            return CveRecord(cve, *msgspec.json.decode(row[0], type=_TYPES)) if row else None

    def support(self, product: str) -> Iterator[SupportCycle]:
        """Yield the release lines of a product."""
        with _readable(self._path):
            for (body,) in self._db.execute("SELECT body FROM support WHERE product = ?", (product,)):
                yield msgspec.json.decode(body, type=SupportCycle)


def confirm(path: Path, now: datetime) -> None:
    """Write down that the publisher still gives out these bytes; the shelf itself stays as it is."""
    aside = path.with_suffix(_CONFIRMED)
    new = aside.with_name(f"{aside.name}.new.{os.getpid()}")
    new.write_bytes(msgspec.json.encode(_Confirmed(about(path).stamp.sha256, now)))
    new.replace(aside)


class _Confirmed(msgspec.Struct, frozen=True):
    sha256: str
    at: datetime


_CONFIRMED = ".confirmed"


def _as_confirmed(path: Path, found: About) -> About:
    try:
        said = msgspec.json.decode(path.with_suffix(_CONFIRMED).read_bytes(), type=_Confirmed)
    except (OSError, msgspec.DecodeError):
        return found
    if said.sha256 != found.stamp.sha256 or said.at < found.stamp.fetched_at:
        return found
    return msgspec.structs.replace(found, stamp=replace(found.stamp, fetched_at=said.at))


def about(path: Path) -> About:
    """Return what a shelf holds.

    Raises:
        FeedError: it cannot be read.
    """
    shelf = Shelf(path)
    with closing(shelf):
        return shelf.about


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, msgspec.DecodeError, ValueError) as error:
        raise FeedError(f"{path}: damaged ({error})", hint=_HINT) from error
