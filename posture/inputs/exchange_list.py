"""Lists of vulnerabilities that an operator got from a clearinghouse or a partner, kept beside the database.

Read are this program's own exchange record and list, CSAF 2.0, and any JSON or text that names CVE ids one on a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from posture.errors import FeedError, StoreError, UsageError
from posture.model.named import Named

NAME = "exchange-list.json"
MAX_BYTES = 50_000_000  # a CSAF document of a distribution's whole month had 30 MB
MAX_ENTRIES = 100_000
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")
_CHECK = re.compile(r"[A-Z][A-Z0-9]{1,7}-[0-9]{2,3}")
_TEXT_CHARS = 300
_HINT = "posture.exchange/1, posture.exchange-list/1, CSAF 2.0, or text with one CVE id on a line"


def read_list(path: Path, source: str, at: datetime) -> tuple[Named, ...]:
    """Return what a file names, each id once, sorted.

    Raises:
        FeedError: it is too large, names nothing, or more than anybody can mean.
        UsageError: it cannot be read, or nobody is named as its source.
    """
    if not source.strip():
        raise UsageError("a list needs its source", hint="--source says who gave it")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FeedError(f"{path}: more than {MAX_BYTES} bytes", hint="cut it down to what is urgent")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="name a file") from None
    found: dict[str, Named] = {}
    tlp, entries = _entries(content, path)
    for id_, note in entries:
        found.setdefault(id_, Named(id_, source.strip()[:_TEXT_CHARS], tlp, note[:_TEXT_CHARS], at))
        if len(found) > MAX_ENTRIES:
            raise FeedError(f"{path}: more than {MAX_ENTRIES} entries", hint="what is all urgent is not ranked by it")
    if not found:
        raise FeedError(f"{path} names no CVE and no check", hint=_HINT)
    return tuple(found[id_] for id_ in sorted(found))


def keep_list(folder: Path, named: tuple[Named, ...]) -> tuple[Named, ...]:
    """Return everything kept now: the entries of this source are replaced, those of others stay."""
    sources = {one.source for one in named}
    whole = tuple(sorted([one for one in kept_list(folder) if one.source not in sources] + list(named)))
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{NAME}.part"
    part.touch(mode=0o600)
    part.write_bytes(msgspec.json.encode(whole))
    part.replace(folder / NAME)
    return whole


def kept_list(folder: Path) -> tuple[Named, ...]:
    """Return every entry there is, sorted.

    Raises:
        StoreError: the file does not load.
    """
    path = folder / NAME
    if not path.is_file():
        return ()
    try:
        return tuple(sorted(msgspec.json.decode(path.read_bytes(), type=list[Named])))
    except msgspec.DecodeError as error:
        raise StoreError(f"{path} does not load: {error}", hint="move it away, and import the lists again") from None


def _entries(content: bytes, path: Path) -> tuple[str, Iterator[tuple[str, str]]]:
    """Return the marking of a document, and id and note of each entry."""
    if not content.lstrip().startswith(b"{"):
        text = content.decode("utf-8", "replace")
        lines = (line.strip().partition(",") for line in text.splitlines())
        return "", (
            (first, rest.strip()) for first, _, rest in lines if _CVE.fullmatch(first) or _CHECK.fullmatch(first)
        )
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FeedError(f"{path} is no JSON: {error}", hint=_HINT) from None
    tlp = document.get("tlp")
    return tlp[:40] if isinstance(tlp, str) else "", _of_json(document)


def _is_id(text: str) -> bool:
    return bool(_CVE.fullmatch(text) or _CHECK.fullmatch(text))


_ROWS = (("entries", ("id", "cve")), ("vulnerabilities", ("cve", "id", "cveID")), ("weaknesses", ("check",)))
"""Lists of a document, and the keys that name a row: ours, CSAF's, CISA's catalogue."""


def _of_json(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, names in _ROWS:
        rows = document.get(key)
        for row in rows if isinstance(rows, list) else []:
            if not isinstance(row, dict):
                continue
            said = next((row[name] for name in names if isinstance(row.get(name), str)), "")
            note = row.get("note")
            if _is_id(said):
                yield said, note if isinstance(note, str) else ""
