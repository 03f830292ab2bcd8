"""Raw answers that a policy lets go: out of the store into archives, later for good. Digests stay, the chain says why.

asked = survey(store, cut, archives)        # what would go; nothing is changed
done = let_go(store, cut, archives, now)    # the same, done
retrieve(store, "RUN", archives, now)       # answers of a run back from the archives
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, update

from posture.errors import StoreError
from posture.model.assessment import RunState
from posture.store import chain, runs
from posture.store.archive import file_sha256, read_archive, write_archive
from posture.store.blobs import Blobs, Digest, slices
from posture.store.codec import micros, moment
from posture.store.inventories import read_header
from posture.store.schema import BLOB, FINDING, HOST_SCAN, PART, RUN, SESSION, VERDICT
from posture.store.store import Store

PRUNED, RETRIEVED = "evidence_pruned", "evidence_retrieved"
_STEM = "evidence-"
_FOR_EVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Cut:
    """What a policy comes to today."""

    archive_before: datetime
    delete_before: datetime
    policy: str
    """In words, for the audit log."""
    held: frozenset[str] = frozenset()
    """Runs of which nothing is let go."""
    proofs: frozenset[str] = frozenset()
    """Hex digests that findings and receipts rest on."""


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
class Retrieved:
    """What came back from the archives."""

    run: str
    back: Amount
    missing: int
    """Answers of the run that are in no archive any more."""


@dataclass(frozen=True, slots=True)
class _Blob:
    no: int
    digest: Digest
    stored_bytes: int
    newest: int
    """When the newest visit that gave it began."""


@dataclass(frozen=True, slots=True)
class _Old:
    """What the policy reaches, by what becomes of it."""

    archive: Mapping[str, tuple[_Blob, ...]]
    """By month of the newest visit that gave them."""
    delete: tuple[_Blob, ...]
    files: Mapping[str, tuple[int, ...]]
    """Archives that go whole, with the blobs that are then nowhere."""
    summary: Letting
    last_run: int


def survey(store: Store, cut: Cut, archives: Path) -> Letting:
    """Return what would go."""
    return _survey(store, cut, archives).summary


def let_go(store: Store, cut: Cut, archives: Path, now: datetime, *, by: str) -> Letting:
    """Return what went; each archive and each deletion is a row of the audit chain, and so is the whole.

    Raises:
        StoreError: a run is running or was begun meanwhile, or an archive cannot be written.
    """
    old, blobs = _survey(store, cut, archives), Blobs()
    for month, these in sorted(old.archive.items()):
        name = f"{_STEM}{month}-{now:%Y%m%dT%H%M%SZ}.tar.zst"
        sha256 = _write(store, blobs, archives / name, these)
        said = {"file": name, "sha256": sha256}
        _mark(
            store,
            blobs,
            old.last_run,
            chain.Entry(now, chain.ARCHIVED, "", None, detail=_said(cut, these) | said),
            these,
        )
    if old.delete:
        entry = chain.Entry(now, chain.DELETED, "", None, detail=_said(cut, old.delete))
        _mark(store, blobs, old.last_run, entry, old.delete)
    for name, numbers in sorted(old.files.items()):
        gone = tuple(_Blob(no, b"", 0, 0) for no in numbers)
        detail = {"policy": cut.policy, "blobs": len(gone), "bytes": (archives / name).stat().st_size, "file": name}
        _mark(store, blobs, old.last_run, chain.Entry(now, chain.DELETED, "", None, detail=detail), gone)
        (archives / name).unlink()
    told = old.summary
    whole = {
        "policy": cut.policy,
        "by": by,
        "archived": told.archive.blobs,
        "deleted": told.delete.blobs,
        "runs": told.runs,
        "kept_as_proof": told.proofs,
    }
    with store.database.write() as conn:
        chain.append(conn, blobs, [chain.Entry(now, PRUNED, "", None, detail=whole)])
    store.database.checkpoint()
    return told


def retrieve(store: Store, ref: str, archives: Path, now: datetime, *, by: str) -> Retrieved:
    """Return what came back of a run's answers; each is held against its digest.

    Raises:
        StoreError: there is no such run, or an archive is damaged.
    """
    blobs = Blobs()
    with store.database.read() as conn:
        row = runs.find(conn, ref)
        packs = conn.execute(select(SESSION.c.answers).where(SESSION.c.run_no == row.no)).scalars()
        wanted = {no for _, refs in blobs.refs(conn, set(packs)) for no in refs}
        gone = _gone(conn, wanted)
    found: dict[Digest, bytes] = {}
    size = 0
    for path in files_of(archives):
        if not gone.keys() - found.keys():
            break
        for digest, content in _contents(path):
            if digest in gone and digest not in found:
                found[digest] = blobs.squeeze(content)
                size += len(content)
    with store.database.write() as conn:
        back = [{"number": gone[digest], "bytes": content} for digest, content in sorted(found.items())]
        if back:
            here = update(BLOB).where(BLOB.c.no == bindparam("number"))
            conn.execute(here.values(content=bindparam("bytes"), let_go=None), back)
        detail = {"by": by, "blobs": len(found), "bytes": size, "missing": len(gone) - len(found)}
        chain.append(conn, blobs, [chain.Entry(now, RETRIEVED, row.id, row.no, detail=detail)])
    return Retrieved(row.id, Amount(len(found), size), len(gone) - len(found))


def files_of(archives: Path) -> list[Path]:
    """Return the archives, the newest month first."""
    return sorted(archives.glob(f"{_STEM}*.tar.zst"), reverse=True) if archives.is_dir() else []


def archive_faults(store: Store, archives: Path) -> tuple[tuple[str, ...], int]:
    """Return what is wrong with the archives, held against the audit chain, and how many there should be."""
    should: dict[str, str] = {}
    for one in store.events():
        if one.event in (chain.ARCHIVED, chain.DELETED):
            detail = chain.detail_of(one)
            if one.event == chain.ARCHIVED:
                should[detail["file"]] = detail["sha256"]
            else:
                should.pop(detail.get("file", ""), None)
    faults = []
    for name, sha256 in sorted(should.items()):
        if not (archives / name).is_file():
            faults.append(f"{archives / name} is not there")
        elif file_sha256(archives / name) != sha256:
            faults.append(f"{archives / name} is not what the audit chain says of it")
    faults += [f"{path} is in no row of the audit chain" for path in files_of(archives) if path.name not in should]
    return tuple(faults), len(should)


def _survey(store: Store, cut: Cut, archives: Path) -> _Old:
    blobs = Blobs()
    with store.database.read() as conn:
        last = _quiet(conn)
        rows = conn.execute(select(RUN.c.no, RUN.c.id)).all()
        held = {row.no for row in rows if row.id in cut.held}
        if missing := cut.held - {row.id for row in rows}:
            hint = "a typing error here would let its evidence go: `posture runs` lists the ids"
            raise StoreError(f"run {min(missing)} is to be held and is not in the store", hint=hint)
        newest, oldest_free = _newest(conn, held), micros(cut.archive_before)
        border = {pack for pack, at in newest.items() if at < oldest_free}
        reached = _reached(conn, blobs, newest, border)
        free = _free(conn, blobs, reached, newest.keys() - border, cut)
        here = {one.no: one for one in _here(conn, free)}
        delete_before = micros(cut.delete_before)
        delete = tuple(one for one in here.values() if one.newest < delete_before)
        months: dict[str, list[_Blob]] = defaultdict(list)
        for one in here.values():
            if one.newest >= delete_before:
                months[f"{moment(one.newest).astimezone(UTC):%Y-%m}"].append(one)
        files = dict(_spent(conn, archives, cut.delete_before, free))
        touched, whole = _touched(conn, blobs, border, here.keys())
        still = len(_gone_or_not(conn, reached.keys() - free.keys()))
        told = func.length(SESSION.c.durations) > 0  # a visit that brought no answer has none to keep
        ages = conn.execute(select(SESSION.c.started_at, SESSION.c.answers, SESSION.c.run_no).where(told)).all()
    archived = [one for month in months.values() for one in month]
    summary = Letting(
        runs=len({row.run_no for row in ages if row.answers in touched}),
        archive=_amount(archived),
        delete=replace(
            _amount(delete),
            blobs=len(delete) + sum(map(len, files.values())),
            size_bytes=_amount(delete).size_bytes + sum((archives / name).stat().st_size for name in files),
        ),
        archives=tuple(sorted(files)),
        proofs=still,
        oldest_kept=min((moment(row.started_at) for row in ages if row.answers not in whole), default=None),
    )
    return _Old({month: tuple(these) for month, these in months.items()}, delete, files, summary, last)


def _quiet(conn: Connection) -> int:
    """Return the number of the newest run.

    Raises:
        StoreError: one is running; it counts on what is there.
    """
    running = conn.execute(select(RUN.c.id).where(RUN.c.state == RunState.RUNNING)).first()
    if running is not None:
        raise StoreError(f"run {running.id} is running", hint="let evidence go when it has ended")
    return conn.execute(select(func.max(RUN.c.no))).scalar() or 0


def _newest(conn: Connection, held: set[int]) -> dict[int, int]:
    """Return by pack of answers when the newest visit that gave them began; those of held runs never grow old."""
    newest: dict[int, int] = {}
    for run_no, at, pack in conn.execute(select(SESSION.c.run_no, SESSION.c.started_at, SESSION.c.answers)):
        newest[pack] = max(newest.get(pack, 0), _FOR_EVER if run_no in held else at)
    return newest


def _reached(conn: Connection, blobs: Blobs, newest: Mapping[int, int], old: set[int]) -> dict[int, int]:
    """Return the outputs that old packs name, each with its newest visit; commands are no output."""
    found: dict[int, int] = {}
    for pack, refs in blobs.refs(conn, old):
        for place, ref in enumerate(refs):
            if place % 3:
                found[ref] = max(found.get(ref, 0), newest[pack])
    return found


def _free(conn: Connection, blobs: Blobs, reached: Mapping[int, int], young: Iterable[int], cut: Cut) -> dict[int, int]:
    """Return which of them nothing else names: no newer answer, document, verdict, part or finding, and no proof."""
    free = dict(reached)
    for ref in _named_elsewhere(conn, blobs, young):
        free.pop(ref, None)
    for some in slices(bytes.fromhex(one) for one in cut.proofs):
        for no in conn.execute(select(BLOB.c.no).where(BLOB.c.digest.in_(some))).scalars():
            free.pop(no, None)
    return free


def _named_elsewhere(conn: Connection, blobs: Blobs, young: Iterable[int]) -> Iterator[int]:
    facts = conn.execute(select(HOST_SCAN.c.facts).where(HOST_SCAN.c.facts.is_not(None)).distinct()).scalars().all()
    for packs in (young, facts):
        for _, refs in blobs.refs(conn, packs):
            yield from refs
    commands = conn.execute(select(SESSION.c.answers).distinct()).scalars().all()
    for _, refs in blobs.refs(conn, commands):
        yield from refs[::3]  # a host may well have answered with the very bytes of a command
    for column in (SESSION.c.about, PART.c.content, RUN.c.inventory, RUN.c.baseline, FINDING.c.due, VERDICT.c.content):
        yield from conn.execute(select(column).where(column.is_not(None)).distinct()).scalars()
    for header in conn.execute(select(RUN.c.inventory).distinct()).scalars().all():
        pieces = map(bytes.fromhex, read_header(blobs.get_number(conn, header)).pieces)
        yield from blobs.numbers(conn, pieces).values()


def _here(conn: Connection, free: Mapping[int, int]) -> Iterator[_Blob]:
    """Yield those whose bytes are in the store; an empty answer takes no room and stays."""
    size = func.length(BLOB.c.content).label("stored")
    for some in slices(sorted(free)):
        chosen = select(BLOB.c.no, BLOB.c.digest, size).where(
            BLOB.c.no.in_(some), BLOB.c.let_go.is_(None), BLOB.c.size > 0
        )
        for row in conn.execute(chosen):
            yield _Blob(row.no, bytes(row.digest), row.stored, free[row.no])


def _gone_or_not(conn: Connection, numbers: Iterable[int]) -> set[int]:
    """Return which of the blobs are in the store and hold something."""
    found: set[int] = set()
    for some in slices(numbers):
        chosen = select(BLOB.c.no).where(BLOB.c.no.in_(some), BLOB.c.let_go.is_(None), BLOB.c.size > 0)
        found.update(conn.execute(chosen).scalars())
    return found


def _gone(conn: Connection, numbers: Iterable[int]) -> dict[Digest, int]:
    """Return which of the blobs were let go."""
    found: dict[Digest, int] = {}
    for some in slices(numbers):
        chosen = select(BLOB.c.digest, BLOB.c.no).where(BLOB.c.no.in_(some), BLOB.c.let_go.is_not(None))
        found.update((bytes(digest), no) for digest, no in conn.execute(chosen))
    return found


def _spent(
    conn: Connection, archives: Path, before: datetime, free: Mapping[int, int]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield archives of months that have passed, unless something in them is needed, with what they alone hold."""
    for path in files_of(archives):
        if path.name[len(_STEM) : len(_STEM) + 7] >= f"{before:%Y-%m}":
            continue
        numbers: dict[int, bool] = {}
        for some in slices(digest for digest, _ in _contents(path)):
            chosen = select(BLOB.c.no).where(BLOB.c.digest.in_(some), BLOB.c.let_go.is_not(None))
            for no in conn.execute(chosen).scalars():
                numbers[no] = free.get(no, _FOR_EVER) < micros(before)
        if all(numbers.values()):
            yield path.name, tuple(sorted(numbers))


def _touched(conn: Connection, blobs: Blobs, old: set[int], going: Iterable[int]) -> tuple[set[int], set[int]]:
    """Return the packs that lose something now, and all that have then lost something."""
    now, packs = set(going), dict(blobs.refs(conn, old))
    gone = set(_gone(conn, {ref for refs in packs.values() for ref in refs}).values())
    touched = {pack for pack, refs in packs.items() if not now.isdisjoint(refs)}
    return touched, touched | {pack for pack, refs in packs.items() if not gone.isdisjoint(refs)}


def _write(store: Store, blobs: Blobs, path: Path, these: tuple[_Blob, ...]) -> str:
    def members() -> Iterator[tuple[str, bytes]]:
        with store.database.read() as conn:
            for one in sorted(these, key=lambda blob: blob.digest):
                yield f"blobs/{one.digest.hex()}", blobs.get(conn, [one.digest])[one.digest]

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return write_archive(path, members())
    except OSError as reason:
        raise StoreError(f"{path} cannot be written: {reason.strerror}", hint="nothing was let go") from None


def _mark(store: Store, blobs: Blobs, last_run: int, entry: chain.Entry, these: tuple[_Blob, ...]) -> None:
    """Let blobs go and say so, both or neither; refuse when a run was begun since this was worked out."""
    with store.database.write(alone=True) as conn:
        if _quiet(conn) != last_run:
            raise StoreError("a run was begun meanwhile", hint="let evidence go when it has ended")
        chain.append(conn, blobs, [entry])
        row = chain.head(conn).seq
        if these:
            here = update(BLOB).where(BLOB.c.no == bindparam("number"))
            conn.execute(here.values(content=b"", let_go=row), [{"number": one.no} for one in these])


def _contents(path: Path) -> Iterator[tuple[Digest, bytes]]:
    """Yield what an archive holds, each held against its name.

    Raises:
        StoreError: something in it is not what its name says.
    """
    for name, content in read_archive(path):
        digest = hashlib.sha256(content).digest()
        if name != f"blobs/{digest.hex()}":
            raise StoreError(f"{path}: {name} is not what its digest says", hint="restore the archive from a backup")
        yield digest, content


def _amount(these: Iterable[_Blob]) -> Amount:
    sizes = [one.stored_bytes for one in these]
    return Amount(len(sizes), sum(sizes))


def _said(cut: Cut, these: tuple[_Blob, ...]) -> dict[str, object]:
    return {"policy": cut.policy, "blobs": len(these), "bytes": _amount(these).size_bytes}
