"""Whether the audit chain accounts for everything that was let go: each blob without bytes, and each archive."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import case, func, select

from posture.errors import StoreError
from posture.store import chain
from posture.store.archive import file_sha256
from posture.store.archive_files import contents_of, files_of, unfinished
from posture.store.blobs import slices
from posture.store.schema import BLOB
from posture.store.store import Store

_NAMED = 10  # blobs that are named one by one; whoever mends the store needs no longer list
_USELESS = "nothing rests on it, it may be removed"


def gone_faults(store: Store, archives: Path | None) -> tuple[tuple[str, ...], int]:
    """Return which blobs are gone without a row of the audit chain that let them go, and how many are gone.

    Those that moved to an archive which is still there must be in it.
    """
    filled = func.sum(case((func.length(BLOB.c.content) > 0, 1), else_=0))
    query = select(BLOB.c.let_go, func.count().label("blobs"), filled.label("filled"))
    with store.database.read() as conn:
        rows = conn.execute(query.where(BLOB.c.let_go.is_not(None)).group_by(BLOB.c.let_go).order_by(BLOB.c.let_go))
        found = rows.all()
        told = chain.let_go_by(conn, [row.let_go for row in found])
    faults: list[str] = []
    for row in found:
        if row.let_go not in told:
            strays = sorted(_gone_by(store, row.let_go))[:_NAMED]
            faults += [f"blob {one} is gone, and {chain.lets_nothing_go(row.let_go)}" for one in strays]
            continue
        event, said = told[row.let_go]
        by = f"by row {row.let_go} of the audit chain"
        if row.blobs > said.blobs:
            faults.append(f"{row.blobs} blobs are gone {by}, which let {said.blobs} go")
        if row.filled:
            faults.append(f"{row.filled} blobs are gone {by}, and have bytes")
        if archives is not None and event.event == chain.ARCHIVED:
            strays = sorted(_not_in(archives / said.file, _gone_by(store, row.let_go)))[:_NAMED]
            faults += [f"blob {one} is gone {by}, and is not in {said.file}" for one in strays]
    return tuple(faults), sum(row.blobs for row in found)


def archive_faults(store: Store, archives: Path) -> tuple[tuple[str, ...], int]:
    """Return what is wrong with the archives, held against the audit chain, and how many there should be."""
    should: dict[str, str] = {}
    deleted: dict[str, int] = {}
    for one in store.events(of_hosts=False):
        if one.event == chain.ARCHIVED:
            detail = chain.detail_of(one)
            should[detail["file"]] = detail["sha256"]
        elif one.event == chain.DELETED and (name := chain.detail_of(one).get("file", "")):
            should.pop(name, None)
            deleted[name] = one.seq
    faults = []
    for name, sha256 in sorted(should.items()):
        if not (archives / name).is_file():
            faults.append(f"{archives / name} is not there")
        elif file_sha256(archives / name) != sha256:
            faults.append(f"{archives / name} is not what the audit chain says of it")
    for path in files_of(archives):
        if path.name in deleted:
            row = f"row {deleted[path.name]} of the audit chain"
            faults.append(f"{path} was deleted by {row} and is still there: the next prune removes it")
        elif path.name not in should:
            faults.append(f"{path} is in no row of the audit chain: {_stray(store, path)}")
    faults += [f"{path} was never finished: {_USELESS}" for path in unfinished(archives)]
    return tuple(faults), len(should)


def _stray(store: Store, path: Path) -> str:
    """Return in words whether an archive that was written and then let nothing go is the last place of anything.

    A blob that the store knows has its bytes there, or a row of the chain that says where they are.
    """
    held = known = 0
    try:
        with store.database.read() as conn:
            for some in slices(digest for digest, _ in contents_of(path)):
                known += conn.execute(select(func.count()).where(BLOB.c.digest.in_(some))).scalar_one()
                held += len(some)
    except StoreError as reason:
        return str(reason)
    if known < held:
        return f"{held - known} of the {held} answers in it are unknown to the store, keep it"
    return _USELESS


def _gone_by(store: Store, row: int) -> set[str]:
    with store.database.read() as conn:
        return {bytes(one).hex() for one in conn.execute(select(BLOB.c.digest).where(BLOB.c.let_go == row)).scalars()}


def _not_in(path: Path, digests: set[str]) -> set[str]:
    """Return which of the blobs an archive does not hold; none when it is not there or damaged, which is told apart."""
    try:
        return digests.difference(digest.hex() for digest, _ in contents_of(path))
    except StoreError:
        return set()
