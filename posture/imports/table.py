"""What any scanner found, as a table: one row per asset and CVE."""

from __future__ import annotations

import codecs
import csv
import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from posture.errors import FeedError
from posture.feeds.container import Document, Limits, documents
from posture.feeds.entries import is_cve
from posture.imports.scan import ImportedFinding, ImportedHost, few, name

COLUMNS = ("asset", "cve", "first_seen", "last_seen", "source", "fixed")
"""Of the header, in any order and letter case; asset, cve and last_seen must be there."""

_LIMITS = Limits(file_bytes=2_000_000_000, total_bytes=4_000_000_000, documents=1_000)
_LINE_CHARS = 10_000
_NO = ("", "no", "false", "0", "open")
_HINT = f"a header of {', '.join(COLUMNS)}; dates as 2026-11-27 or 2026-11-27T10:00:00Z"


def read(path: Path, now: datetime) -> Iterator[ImportedHost]:
    """Yield every asset of a table with its CVEs; a date without a time is that day's first moment, UTC.

    Raises:
        FeedError: a column is missing, or a row says something that cannot be.
    """
    hosts: dict[tuple[str, str], dict[str, ImportedFinding]] = {}
    for document in documents(path, _LIMITS):
        for line, row in _rows(document):
            where = f"{document.name}:{line}"
            asset, source = name(row["asset"]), row["source"].strip()[:60] or "CSV"
            if not asset or not is_cve(row["cve"].strip()):
                raise FeedError(f"{where}: `{row['asset'][:40]}`, `{row['cve'][:40]}`: no asset and CVE", hint=_HINT)
            found = _finding(row, where, now)
            kept = hosts.setdefault((source, asset), {})
            kept[found.cve] = _both(kept.get(found.cve), found)
            few(len(kept), where)
    for (source, asset), findings in sorted(hosts.items()):
        address = _address(asset)
        yield ImportedHost(
            source=source,
            asset=asset,
            names=[] if address else [asset],
            addresses=[address] if address else [],
            platform="",
            scanned_at=max(one.last_seen for one in findings.values()),
            credentialed=False,
            findings=sorted(findings.values()),
        )


def _rows(document: Document) -> Iterator[tuple[int, dict[str, str]]]:
    lines = _lines(document)
    reader = csv.reader(lines)
    try:
        header = ["_".join(column.lower().replace("-", " ").replace("_", " ").split()) for column in next(reader, [])]
        missing = [column for column in ("asset", "cve", "last_seen") if column not in header]
        if missing:
            raise FeedError(f"{document.name}:1: no column `{missing[0]}`", hint=_HINT)
        for fields in reader:
            if fields:
                row = dict(zip(header, fields, strict=False))
                yield reader.line_num, {column: row.get(column, "") for column in COLUMNS}
    except csv.Error as error:
        raise FeedError(f"{document.name}:{reader.line_num}: {error}", hint=_HINT) from error


def _lines(document: Document) -> Iterator[str]:
    rest, decoder = "", codecs.getincrementaldecoder("utf-8-sig")("replace")
    for chunk in document.chunks():
        *whole, rest = (rest + decoder.decode(chunk)).split("\n")
        if max(map(len, (*whole, rest))) > _LINE_CHARS:
            raise FeedError(f"{document.name}: a line of more than {_LINE_CHARS} characters", hint=_HINT)
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest


def _finding(row: dict[str, str], where: str, now: datetime) -> ImportedFinding:
    last = _moment(row["last_seen"], where)
    first = _moment(row["first_seen"], where) if row["first_seen"].strip() else last
    if first > last or last.date() > now.date():
        raise FeedError(
            f"{where}: first seen {first.date()}, last seen {last.date()}: not in that order, or to come", hint=_HINT
        )
    fixed = row["fixed"].strip().lower() not in _NO
    return ImportedFinding(row["cve"].strip().upper(), "", first, last, fixed)


def _both(one: ImportedFinding | None, other: ImportedFinding) -> ImportedFinding:
    """Return two rows on one CVE as one: seen from the first to the last, gone if the later row says so."""
    if one is None:
        return other
    later = max(one, other, key=lambda row: row.last_seen)
    first = min(one.first_seen, other.first_seen)
    return ImportedFinding(one.cve, "", first, later.last_seen, later.fixed)


def _moment(text: str, where: str) -> datetime:
    try:
        read = datetime.fromisoformat(text.strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise FeedError(f"{where}: `{text[:40]}` is no date", hint=_HINT) from None


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
