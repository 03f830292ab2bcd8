"""Raw answers that a policy lets go: out of the store into archives, later for good. Digests stay, the chain says why.

asked = survey(store, cut, archives)        # what would go; nothing is changed
done = let_go(store, cut, archives, now)    # the same, done
retrieve(store, "RUN", archives, now)       # answers of a run back from the archives
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import bindparam, select, update

from posture.errors import StoreError
from posture.store import chain, runs
from posture.store.archive import write_archive
from posture.store.archive_files import STEM, contents_of, files_of
from posture.store.blobs import Blobs, Digest, slices
from posture.store.disk import sync
from posture.store.reach import Amount, Blob, Cut, Letting, amount_of, gone_of, reach, still_quiet
from posture.store.schema import BLOB, SESSION
from posture.store.store import Store

__all__ = ["PRUNED", "RETRIEVED", "Amount", "Cut", "Letting", "Retrieved", "files_of", "let_go", "retrieve", "survey"]

_AT_ONCE = 16  # answers in memory while an archive is written: collectors cap one at 4 MB
PRUNED, RETRIEVED = "evidence_pruned", "evidence_retrieved"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What came back from the archives."""

    run: str
    back: Amount
    missing: int
    """Answers of the run that are in no archive any more."""


def survey(store: Store, cut: Cut, archives: Path) -> Letting:
    """Return what would go."""
    return reach(store, cut, archives).summary


def let_go(store: Store, cut: Cut, archives: Path, now: datetime, *, by: str) -> Letting:
    """Return what went; each archive and each deletion is a row of the audit chain, and so is the whole.

    Killed at any step it loses nothing: an archive is on the disk before the store lets its answers go, and what says
    that an archive is deleted is on the disk before it goes.

    Raises:
        StoreError: a run is running, was begun or went on meanwhile, or an archive cannot be written or removed.
    """
    old, blobs = reach(store, cut, archives), Blobs()
    for month, these in sorted(old.archive.items()):
        name = f"{STEM}{month}-{now:%Y%m%dT%H%M%SZ}.tar.zst"
        sha256 = _write(store, blobs, archives / name, these)
        said = {"file": name, "sha256": sha256}
        _mark(
            store,
            blobs,
            old.seen,
            chain.Entry(now, chain.ARCHIVED, "", None, detail=_said(cut, these) | said),
            these,
        )
    if old.delete:
        entry = chain.Entry(now, chain.DELETED, "", None, detail=_said(cut, old.delete))
        _mark(store, blobs, old.seen, entry, old.delete)
    for name, numbers in sorted(old.files.items()):
        gone = tuple(Blob(no, b"", 0, 0) for no in numbers)
        detail = {"policy": cut.policy, "blobs": len(gone), "bytes": (archives / name).stat().st_size, "file": name}
        _mark(store, blobs, old.seen, chain.Entry(now, chain.DELETED, "", None, detail=detail), gone)
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
    store.database.checkpoint()  # an archive goes when the row that says so would outlive a power cut, not before
    _remove(archives, old.files)
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
        gone = gone_of(conn, wanted)
    found: dict[Digest, bytes] = {}
    size = 0
    for path in files_of(archives):
        if not gone.keys() - found.keys():
            break
        for digest, content in contents_of(path):
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


def _write(store: Store, blobs: Blobs, path: Path, these: tuple[Blob, ...]) -> str:
    def members() -> Iterator[tuple[str, bytes]]:
        with store.database.read() as conn:
            for some in slices(sorted(one.digest for one in these), _AT_ONCE):
                contents = blobs.get(conn, some)
                yield from ((f"blobs/{digest.hex()}", contents[digest]) for digest in some)

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync(path.parent.parent)
        return write_archive(path, members())
    except OSError as reason:
        raise StoreError(f"{path} cannot be written: {reason.strerror}", hint="nothing was let go") from None


def _remove(archives: Path, names: Iterable[str]) -> None:
    for name in sorted(names):
        try:
            (archives / name).unlink(missing_ok=True)
            sync(archives)
        except OSError as reason:
            why = f"{archives / name} cannot be removed: {reason.strerror}"
            raise StoreError(why, hint="the audit log has it as deleted: remove it") from None


def _mark(store: Store, blobs: Blobs, seen: int, entry: chain.Entry, these: tuple[Blob, ...]) -> None:
    """Let blobs go and say so, both or neither; refuse when a run was begun or went on since that row of the chain."""
    with store.database.write(alone=True) as conn:
        still_quiet(conn, seen)
        chain.append(conn, blobs, [entry])
        row = chain.head(conn).seq
        if these:
            here = update(BLOB).where(BLOB.c.no == bindparam("number"))
            conn.execute(here.values(content=b"", let_go=row), [{"number": one.no} for one in these])


def _said(cut: Cut, these: tuple[Blob, ...]) -> dict[str, object]:
    return {"policy": cut.policy, "blobs": len(these), "bytes": amount_of(these).size_bytes}
