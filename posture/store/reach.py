"""What a retention policy reaches today: which raw answers nothing rests on any more. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, func, select

from posture.errors import StoreError
from posture.model.assessment import RunState
from posture.store.archive_files import STEM, contents_of, files_of
from posture.store.blobs import Blobs, Digest, slices
from posture.store.codec import micros, moment
from posture.store.inventories import read_header
from posture.store.schema import BLOB, CHANGE, FINDING, HOST_SCAN, PART, RUN, SESSION, VERDICT
from posture.store.store import Store

_FOR_EVER = 1 << 62
_Packs = Mapping[int, tuple[int, ...]]
"""Packs of answers by number: the blobs they name, command, output and error output in turn."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a policy comes to today."""

    archive_before: datetime
    delete_before: datetime
    policy: str
    """In words, for the audit log."""
    held: frozenset[str] = frozenset()
    """Runs of which nothing is let go."""
    proofs: Callable[[], Iterable[str]] = tuple
    """Works out the hex digests that findings and receipts rest on; asked under the guard, so that none is missed."""


@dataclass(frozen=True, slots=True)
class Amount:
    """So many answers, and what they take in the store or archive."""

    blobs: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Letting:
    """What goes, or has gone."""

    runs: int
    """Runs that lose something now."""
    archive: Amount
    delete: Amount
    """From the store and from archives."""
    archives: tuple[str, ...]
    """Files that are deleted whole."""
    proofs: int
    """Old answers that stay since findings, receipts or held runs rest on them."""
    oldest_kept: datetime | None
    """The oldest visit of which every answer stays in the store."""


@dataclass(frozen=True, slots=True)
class Blob:
    no: int
    digest: Digest
    stored_bytes: int
    newest: int
    """When the newest visit that gave it began."""


@dataclass(frozen=True, slots=True)
class Old:
    """What the policy reaches, by what becomes of it."""

    archive: Mapping[str, tuple[Blob, ...]]
    """By month of the newest visit that gave them."""
    delete: tuple[Blob, ...]
    files: Mapping[str, tuple[int, ...]]
    """Archives that go whole, with the blobs that are then nowhere."""
    summary: Letting
    seen: int
    """The last row of the audit chain about a run: the policy was worked out for the store as it was then."""


def reach(store: Store, cut: Cut, archives: Path) -> Old:
    """Return what the policy reaches.

    Raises:
        StoreError: a run is running, was begun or went on meanwhile, or one that is to be held is not here.
    """
    blobs = Blobs()
    with store.database.read() as conn:
        seen = quiet(conn)
    proofs = frozenset(map(bytes.fromhex, cut.proofs()))
    with store.database.read() as conn:
        still_quiet(conn, seen)
        rows = conn.execute(select(RUN.c.no, RUN.c.id)).all()
        held = {row.no for row in rows if row.id in cut.held}
        if missing := cut.held - {row.id for row in rows}:
            hint = "a typing error here would let its evidence go: `posture runs` lists the ids"
            raise StoreError(f"run {min(missing)} is to be held and is not in the store", hint=hint)
        newest, oldest_free = _newest(conn, held), micros(cut.archive_before)
        old = dict(blobs.refs(conn, (pack for pack, at in newest.items() if at < oldest_free)))
        reached = _reached(newest, old)
        free = _free(conn, reached, _named_elsewhere(conn, blobs, old, newest.keys() - old.keys()), proofs)
        present = {one.no: one for one in _here(conn, reached)}
        here = {no: one for no, one in present.items() if no in free}
        delete_before = micros(cut.delete_before)
        delete = tuple(one for one in here.values() if one.newest < delete_before)
        months: dict[str, list[Blob]] = defaultdict(list)
        for one in here.values():
            if one.newest >= delete_before:
                months[f"{moment(one.newest).astimezone(UTC):%Y-%m}"].append(one)
        files = dict(_spent(conn, archives, cut.delete_before, free))
        touched, whole = _touched(conn, old, here.keys())
        told = func.length(SESSION.c.durations) > 0  # a visit that brought no answer has none to keep
        ages = conn.execute(select(SESSION.c.started_at, SESSION.c.answers, SESSION.c.run_no).where(told)).all()
    archived = [one for month in months.values() for one in month]
    summary = Letting(
        runs=len({row.run_no for row in ages if row.answers in touched}),
        archive=amount_of(archived),
        delete=replace(
            amount_of(delete),
            blobs=len(delete) + sum(map(len, files.values())),
            size_bytes=amount_of(delete).size_bytes + sum((archives / name).stat().st_size for name in files),
        ),
        archives=tuple(sorted(files)),
        proofs=len(present) - len(here),
        oldest_kept=min((moment(row.started_at) for row in ages if row.answers not in whole), default=None),
    )
    return Old({month: tuple(these) for month, these in months.items()}, delete, files, summary, seen)


def amount_of(these: Iterable[Blob]) -> Amount:
    sizes = [one.stored_bytes for one in these]
    return Amount(len(sizes), sum(sizes))


def quiet(conn: Connection) -> int:
    """Return the last row of the audit chain about a run; who signs in meanwhile changes no evidence.

    Raises:
        StoreError: a run is running; it counts on what is there.
    """
    running = conn.execute(select(RUN.c.id).where(RUN.c.state == RunState.RUNNING)).first()
    if running is not None:
        raise StoreError(f"run {running.id} is running", hint="let evidence go when it has ended")
    rows = select(CHANGE.c.seq).where(CHANGE.c.run_no.is_not(None)).order_by(CHANGE.c.seq.desc())
    return conn.execute(rows.limit(1)).scalar() or 0


def still_quiet(conn: Connection, seen: int) -> None:
    """Return when no run was begun, went on, was imported or got answers back since that row.

    Raises:
        StoreError: one did, or is running.
    """
    if quiet(conn) != seen:
        hint = "what was let go before is in the audit log; run it again when no scan is due"
        raise StoreError("a run was begun or went on meanwhile", hint=hint)


def gone_of(conn: Connection, numbers: Iterable[int]) -> dict[Digest, int]:
    """Return which of the blobs were let go."""
    found: dict[Digest, int] = {}
    for some in slices(numbers):
        chosen = select(BLOB.c.digest, BLOB.c.no).where(BLOB.c.no.in_(some), BLOB.c.let_go.is_not(None))
        found.update((bytes(digest), no) for digest, no in conn.execute(chosen))
    return found


def _newest(conn: Connection, held: set[int]) -> dict[int, int]:
    """Return by pack of answers when the newest visit that gave them began; those of held runs never grow old."""
    newest: dict[int, int] = {}
    for run_no, at, pack in conn.execute(select(SESSION.c.run_no, SESSION.c.started_at, SESSION.c.answers)):
        newest[pack] = max(newest.get(pack, 0), _FOR_EVER if run_no in held else at)
    return newest


def _reached(newest: Mapping[int, int], old: _Packs) -> dict[int, int]:
    """Return the outputs that old packs name, each with its newest visit; commands are no output."""
    found: dict[int, int] = {}
    for pack, refs in old.items():
        for place, ref in enumerate(refs):
            if place % 3:
                found[ref] = max(found.get(ref, 0), newest[pack])
    return found


def _free(
    conn: Connection, reached: Mapping[int, int], named: Iterable[int], proofs: Iterable[Digest]
) -> dict[int, int]:
    """Return which of them nothing else names, and no proof."""
    free = dict(reached)
    for ref in named:
        free.pop(ref, None)
    for some in slices(proofs):
        for no in conn.execute(select(BLOB.c.no).where(BLOB.c.digest.in_(some))).scalars():
            free.pop(no, None)
    return free


def _named_elsewhere(conn: Connection, blobs: Blobs, old: _Packs, young: Iterable[int]) -> Iterator[int]:
    """Yield what newer answers, documents, verdicts, parts and findings name, and every command."""
    facts = conn.execute(select(HOST_SCAN.c.facts).where(HOST_SCAN.c.facts.is_not(None)).distinct()).scalars().all()
    for packs in (young, facts):
        for _, refs in blobs.refs(conn, packs):
            yield from refs
    for refs in old.values():
        yield from refs[::3]  # a host may well have answered with the very bytes of a command
    for column in (SESSION.c.about, PART.c.content, RUN.c.inventory, RUN.c.baseline, FINDING.c.due, VERDICT.c.content):
        yield from conn.execute(select(column).where(column.is_not(None)).distinct()).scalars()
    for header in conn.execute(select(RUN.c.inventory).distinct()).scalars().all():
        pieces = map(bytes.fromhex, read_header(blobs.get_number(conn, header)).pieces)
        yield from blobs.numbers(conn, pieces).values()


def _here(conn: Connection, reached: Mapping[int, int]) -> Iterator[Blob]:
    """Yield those whose bytes are in the store; an empty answer takes no room and stays."""
    size = func.length(BLOB.c.content).label("stored")
    for some in slices(sorted(reached)):
        chosen = select(BLOB.c.no, BLOB.c.digest, size).where(
            BLOB.c.no.in_(some), BLOB.c.let_go.is_(None), BLOB.c.size > 0
        )
        for row in conn.execute(chosen):
            yield Blob(row.no, bytes(row.digest), row.stored, reached[row.no])


def _spent(
    conn: Connection, archives: Path, before: datetime, free: Mapping[int, int]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield archives of months that have passed, unless something in them is needed, with what they alone hold."""
    for path in files_of(archives):
        if path.name[len(STEM) : len(STEM) + 7] >= f"{before:%Y-%m}":
            continue
        numbers: dict[int, bool] = {}
        for some in slices(digest for digest, _ in contents_of(path)):
            chosen = select(BLOB.c.no).where(BLOB.c.digest.in_(some), BLOB.c.let_go.is_not(None))
            for no in conn.execute(chosen).scalars():
                numbers[no] = free.get(no, _FOR_EVER) < micros(before)
        if all(numbers.values()):
            yield path.name, tuple(sorted(numbers))


def _touched(conn: Connection, old: _Packs, going: Iterable[int]) -> tuple[set[int], set[int]]:
    """Return the packs that lose something now, and all that have then lost something."""
    now = set(going)
    gone = set(gone_of(conn, {ref for refs in old.values() for ref in refs}).values())
    touched = {pack for pack, refs in old.items() if not now.isdisjoint(refs)}
    return touched, touched | {pack for pack, refs in old.items() if not gone.isdisjoint(refs)}
