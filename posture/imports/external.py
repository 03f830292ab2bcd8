"""What somebody outside saw open: Cyber Hygiene reports, commercial scans, any CSV; kept with its day by the database.

An inside scanner cannot see the internet's side. What such a list names is believed to be open; what it leaves out says
nothing: nobody knows what they looked at.
"""

from __future__ import annotations

import csv
import hashlib
import io
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

import msgspec

from posture.errors import StoreError, UsageError
from posture.vulnerabilities.exposed import ExternalSight

PLACE = "external.json"
FILE_BYTES = 200_000_000
ROWS_MAX = 1_000_000
AGE_MAX_DAYS = 90  # a port that nobody outside saw for a quarter is no evidence any more; a newer report replaces it


class Imported(msgspec.Struct, frozen=True, order=True):
    """One file that was imported."""

    source: str
    file: str
    sha256: str
    imported_at: datetime
    sights: list[ExternalSight]
    left_out: int = 0
    """Rows without an address, port or date that could be read."""


def read_sights(text: str, where: str, source: str, seen_on: date | None = None) -> tuple[list[ExternalSight], int]:
    """Return what a CSV says was open, each once, and how many rows could not be read.

    ``seen_on`` is the day for rows, or a whole file, that give none.

    Raises:
        UsageError: no column of addresses or ports, no day at all, or more rows than anybody has.
    """
    sample = text[:4096]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=sample.count))
    columns = _columns(next(rows, []))
    for wanted in ("address", "port"):
        if wanted not in columns:
            raise UsageError(f"{where}: no column of {wanted}", hint=f"one of: {', '.join(_NAMES[wanted])}")
    if "day" not in columns and seen_on is None:
        raise UsageError(f"{where}: nothing says when this was seen", hint="give the report's day with --seen-on")
    found: dict[ExternalSight, None] = {}
    left_out = 0
    try:
        for number, row in enumerate(rows):
            if number >= ROWS_MAX:
                raise UsageError(f"{where}: more than {ROWS_MAX} rows", hint="cut it down to the agency's own")
            said = {key: row[at].strip() for key, at in columns.items() if at < len(row)}
            sight = _sight(said, source, seen_on)
            if sight is not None:
                found[sight] = None
            elif any(said.values()) and not _closed(said):
                left_out += 1
    except csv.Error as error:
        raise UsageError(f"{where}: not CSV: {error}", hint="export it again, as UTF-8") from None
    return sorted(found), left_out


def keep(folder: Path, imported: Imported) -> None:
    """Keep a file's sights in place of an earlier import of the same bytes."""
    whole = [one for one in kept(folder) if one.sha256 != imported.sha256] + [imported]
    part = folder / f"{PLACE}.part"
    part.touch(mode=0o600)
    part.write_bytes(msgspec.json.encode(sorted(whole)))
    part.replace(folder / PLACE)


def kept(folder: Path) -> list[Imported]:
    """Return every import there is.

    Raises:
        StoreError: the file does not load.
    """
    path = folder / PLACE
    if not path.is_file():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Imported])
    except msgspec.DecodeError as error:
        raise StoreError(f"{path} does not load: {error}", hint="move it away, and import the reports again") from None


def sights(imports: Iterable[Imported], today: date) -> tuple[ExternalSight, ...]:
    """Return the sights that still count: those of the last ``AGE_MAX_DAYS``, each once, sorted."""
    fresh = {one for whole in imports for one in whole.sights if 0 <= (today - one.seen_on).days <= AGE_MAX_DAYS}
    return tuple(sorted(fresh))


def digest(content: bytes) -> str:
    """Return what tells one file from another."""
    return hashlib.sha256(content).hexdigest()


_NAMES: Mapping[str, tuple[str, ...]] = {
    "address": ("ip", "ipaddress", "address", "ipv4", "host", "hostip", "targetip", "assetip"),
    "port": ("port", "portnumber", "serviceport", "destinationport"),
    "proto": ("protocol", "proto", "transport", "portprotocol"),
    "day": ("lastseen", "lastdetected", "date", "time", "timestamp", "detected", "seen", "latest", "scandate"),
    "state": ("state", "status", "portstate"),
}


def _columns(header: list[str]) -> dict[str, int]:
    clean = ["".join(char for char in cell.lower() if char.isalnum()) for cell in header]
    return {
        key: clean.index(name)
        for key, names in _NAMES.items()
        for name in [next((one for one in names if one in clean), "")]
        if name
    }


def _sight(said: Mapping[str, str], source: str, seen_on: date | None) -> ExternalSight | None:
    numbers = list(_ports(said.get("port", "")))
    proto = (said.get("proto") or (numbers[0][1] if numbers else "") or "tcp").lower()
    if _closed(said) or proto not in ("tcp", "udp") or not numbers:
        return None
    day = _day(said.get("day", "")) or seen_on
    try:
        address = str(ipaddress.ip_address(said.get("address", "")))
    except ValueError:
        return None
    return ExternalSight(address, numbers[0][0], proto, source, day) if day is not None else None


def _closed(said: Mapping[str, str]) -> bool:
    """Return whether a row says that the port was not open, which proves nothing about today."""
    return said.get("state", "").lower() not in ("", "open")


def _ports(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and protocol of `443`, `443/tcp` or `tcp/443`."""
    found = re.fullmatch(r"(?:([a-zA-Z]{3})/)?([0-9]{1,5})(?:/([a-zA-Z]{3}))?", text)
    if found and 1 <= int(found[2]) <= 65535:
        yield int(found[2]), found[1] or found[3] or ""


def _day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y"):
        try:
            return datetime.strptime(text[:10].strip(), form).date()  # noqa: DTZ007 - a day without an hour
        except ValueError:
            continue
    return None
