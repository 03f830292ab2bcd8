"""Takes a feed in: read whole, compared with the one that is there, and put in its place only then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from posture.errors import FeedError
from posture.feeds.container import Document, documents
from posture.feeds.registry import Feed
from posture.feeds.shelf import FORMAT, SUFFIX, About, Draft, Written, about
from posture.model.vulnerability import FeedStamp

SHRINK_PERCENT = 10
"""A feed may lose so many of its entries at once; a cut file loses more."""

_AHEAD = timedelta(days=1)  # clocks differ; a feed dated next year would make every honest one look older


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes came from."""

    url: str
    """``file:`` for what was carried in."""
    etag: str = ""
    modified_at: datetime | None = None
    """By the server's or the file system's word; the age of a feed that says none itself."""

    @property
    def carried_in(self) -> bool:
        """True for a file: when it was fetched, nobody can say but the feed."""
        return self.url.startswith("file:")


@dataclass(frozen=True, slots=True)
class Leave:
    """What the operator allows on purpose."""

    older: bool = False
    smaller: bool = False
    shrink_percent: int = SHRINK_PERCENT


NOTHING_SPECIAL = Leave()


def take(
    feed: Feed, path: Path, source: Source, place: Path, now: datetime, leave: Leave = NOTHING_SPECIAL
) -> FeedStamp:
    """Return the stamp of the feed that is in its place now.

    Raises:
        FeedError: it is damaged, hostile, smaller or older than the one that is there; that one stays.
    """
    place.mkdir(parents=True, exist_ok=True)
    shelf = place / f"{feed.id}{SUFFIX}"
    before = _before(shelf)
    draft = Draft(shelf)
    try:
        written = draft.write(feed.read(_counted(path, feed)))
        as_of = written.as_of or source.modified_at
        _believable(feed, written, as_of, now)
        if before is not None:
            _no_step_back(feed, before, written, as_of, leave)
        # A file carried in today is as old as it says itself, or it would pass for fresh.
        fetched_at = min(as_of or now, now) if source.carried_in else now
        stamp = FeedStamp(feed.id, source.url, fetched_at, _sha256(path), written.version, written.entries, source.etag)
        draft.keep(About(FORMAT, stamp, as_of, now, written.ecosystems, written.newest_cve))
    except FeedError as error:
        stays = f"; the one taken on {before.taken_at:%Y-%m-%d %H:%M} UTC stays" if before else ""
        raise FeedError(f"{feed.id}: {error}{stays}", hint=error.hint) from error
    finally:
        draft.drop()
    return stamp


def _before(shelf: Path) -> About | None:
    try:
        return about(shelf) if shelf.exists() else None
    except FeedError:
        return None  # a damaged one protects nothing


def _counted(path: Path, feed: Feed) -> Iterator[Document]:
    yield from documents(path, feed.limits)


def _believable(feed: Feed, written: Written, as_of: datetime | None, now: datetime) -> None:
    if not written.entries:
        raise FeedError("there is not one entry in it", hint=f"is this file the feed `{feed.id}`?")
    if as_of is not None and as_of > now + _AHEAD:
        raise FeedError(f"it is dated {as_of:%Y-%m-%d}, after today", hint="check this machine's clock, then the feed")


def _no_step_back(feed: Feed, before: About, written: Written, as_of: datetime | None, leave: Leave) -> None:
    older = as_of is not None and before.as_of is not None and as_of < before.as_of
    if written.as_of is None:  # the date of a file is that of its last copying
        older = older or _number(written.newest_cve) < _number(before.newest_cve)
    if older and not leave.older:
        said = f"{written.version} is older than {before.stamp.version}, which is there"
        raise FeedError(said, hint="--allow-older takes it, if that is what you mean")
    floor = before.stamp.entries * (100 - leave.shrink_percent) / 100
    if written.entries < floor and not leave.smaller:
        raise FeedError(
            f"{written.entries} entries, and {before.stamp.entries} before: it shrank by more than "
            f"{leave.shrink_percent} %",
            hint="--allow-smaller takes it, if the publisher says why",
        )


def _number(cve: str) -> tuple[int, ...]:
    return tuple(int(part) for part in cve.split("-")[1:])


def _sha256(path: Path) -> str:
    """Return the digest of a file, or of the names and digests of a folder's files."""
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*.json")) if one.is_file() and not one.is_symlink()]
        said = "".join(f"{_sha256(one)}  {one.relative_to(path)}\n" for one in files)
        return hashlib.sha256(said.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
