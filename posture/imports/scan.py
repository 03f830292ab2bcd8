"""What another scanner found, host by host: the nouns of an import, and how they are kept beside the store."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from posture.errors import FeedError

PLACE = "imports"
"""The folder beside the database."""

_MOST_FINDINGS = 1_000_000  # of one host; a neglected Windows server has 5,000
_MOST_NAME = 255  # a DNS name


class ImportedFinding(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One CVE that a scanner reports on a host."""

    cve: str
    about: str
    """The scanner's own name for it: ``plugin 12345``; empty without one."""
    first_seen: datetime
    last_seen: datetime
    fixed: bool = False
    """The scanner says it is gone."""
    mended: bool = False
    """The scanner knows of a patch."""


class ImportedHost(msgspec.Struct, frozen=True):
    """One host as a scanner saw it."""

    source: str
    """Who scanned: ``Nessus``, or what the file names."""
    asset: str
    """What the file calls it."""
    names: list[str]
    """Lower case: host names by any service that knows one."""
    addresses: list[str]
    platform: str
    scanned_at: datetime
    credentialed: bool
    findings: list[ImportedFinding]


class ImportedScan(msgspec.Struct, frozen=True):
    """What stands on top of a kept import."""

    format: int
    kind: str
    file: str
    sha256: str
    imported_at: datetime


class Summary(msgspec.Struct, frozen=True):
    """What an import came to."""

    file: str
    hosts: int
    findings: int
    """CVEs on hosts, those said to be gone included."""
    cves: int
    fixed: int
    earliest: datetime | None
    """The first sight of all."""
    latest: datetime | None
    again: bool = False
    """The same bytes were imported before; nothing changed."""


_FORMAT = 1
_SUFFIX = ".scan.gz"
_HINT = "import the file again"


def keep(kind: str, path: Path, hosts: Iterable[ImportedHost], place: Path, now: datetime) -> Summary:
    """Return what it came to, kept in a file of its own that appears whole or not at all.

    Raises:
        FeedError: the file cannot be read; nothing is kept.
    """
    place.mkdir(parents=True, exist_ok=True)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    where = place / f"{digest[:32]}{_SUFFIX}"
    draft = where.with_name(f"{where.name}.new.{os.getpid()}")
    count, total, fixed = 0, 0, 0
    cves: set[str] = set()
    moments: list[datetime] = []
    again = where.exists()
    try:
        with gzip.open(draft, "wb", compresslevel=4) as out:
            out.write(msgspec.json.encode(ImportedScan(_FORMAT, kind, path.name, digest, now)) + b"\n")
            for host in hosts:
                out.write(msgspec.json.encode(host) + b"\n")
                count, total = count + 1, total + len(host.findings)
                fixed += sum(one.fixed for one in host.findings)
                cves.update(one.cve for one in host.findings)
                seen = [moment for one in host.findings for moment in (one.first_seen, one.last_seen)]
                moments = [min(seen + moments[:1]), max(seen + moments[1:])] if seen else moments
        if not count:
            raise FeedError(f"{path.name}: there is no host in it", hint="is this the file you mean?")
        draft.replace(where)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    first, last = moments or (None, None)
    return Summary(path.name, count, total, len(cves), fixed, first, last, again)


def kept(place: Path) -> Iterator[tuple[ImportedScan, Iterator[ImportedHost]]]:
    """Yield every kept import with its hosts, in the order of their files; each must be read before the next.

    Raises:
        FeedError: one of them is damaged.
    """
    for path in sorted(place.glob(f"*{_SUFFIX}")) if place.is_dir() else ():
        try:
            with gzip.open(path, "rb") as file:
                head = msgspec.json.decode(file.readline(), type=ImportedScan)
                if head.format != _FORMAT:
                    raise FeedError(f"{path}: kept by another version of this program", hint=_HINT)
                yield head, (msgspec.json.decode(line, type=ImportedHost) for line in file)
        except (OSError, EOFError, msgspec.DecodeError) as error:
            raise FeedError(f"{path}: damaged ({error})", hint=_HINT) from error


def name(text: str) -> str:
    """Return a host name or the like as it is compared and shown: lower case, printable, not endless."""
    return re.sub(r"[^\w.:@-]", "_", text.strip().lower())[:_MOST_NAME]


def few(count: int, where: str) -> None:
    """Return when a host has no more findings than any honest one.

    Raises:
        FeedError: it has.
    """
    if count > _MOST_FINDINGS:
        raise FeedError(f"{where}: more than {_MOST_FINDINGS} findings on one host", hint="this is no such file")
