"""One file that holds everything of a run, to be carried to another network; everything in it is named by digest.

A manifest, then for each host the blobs it is the first to name, then its record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection

from posture.errors import StoreError
from posture.model.assessment import Run, RunState
from posture.store import runs
from posture.store.archive import write_archive
from posture.store.blobs import Digest
from posture.store.collected import (
    About,
    AnswerFacts,
    Said,
    answer_facts,
)
from posture.store.names import Interned
from posture.store.reading import Reading, Record
from posture.store.results import states_of, waivers_of

VERSION = 1

Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_000_000)]  # the year 9999 ends a datetime
Millis = Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first member."""

    format: str
    version: int
    run: Run
    inventory: Hex
    baseline: Hex
    parts: dict[str, Hex]
    notes: list[str]
    fingerprint: str
    root: Hex


class SentSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    started_at: Moment
    about: About
    refs: list[Hex]
    facts: list[AnswerFacts]
    durations: list[Millis]


class SentFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    said: Said
    refs: list[Hex]
    moments: list[Moment]


class SentResults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    refs: list[Hex]
    states: bytes
    waivers: list[tuple[int, str]]


class SentHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    sessions: list[SentSession]
    facts: SentFacts | None
    results: SentResults | None


def export_run(conn: Connection, interned: Interned, reading: Reading, row: Any, path: Path) -> str:
    """Return the sha256 of the file that holds everything of a run; the same run gives the same bytes.

    Raises:
        StoreError: the run is still running, or the file cannot be written.
    """
    if row.state == RunState.RUNNING:
        raise StoreError(f"run {row.id} is still running", hint="export it when it has ended")
    try:
        return write_archive(path, _members(conn, interned, reading, row))
    except OSError as reason:
        raise StoreError(f"{path} cannot be written: {reason.strerror}", hint="choose a writable place") from None


def _members(conn: Connection, interned: Interned, reading: Reading, row: Any) -> Iterator[tuple[str, bytes]]:
    run = reading.open_in(conn, row)
    stored = runs.stored(row)
    parts = interned.blobs.digests(conn, (named := runs.parts(conn, row.no)).values())
    ends = interned.blobs.digests(conn, [row.inventory, row.baseline])
    manifest = Manifest(
        "posture-run",
        VERSION,
        stored.run,
        ends[row.inventory].hex(),
        ends[row.baseline].hex(),
        {name: parts[number].hex() for name, number in named.items()},
        list(stored.notes),
        stored.fingerprint,
        reading.root(run),
    )
    yield "manifest.json", _json(manifest)
    carried = _Carried(conn, interned)
    yield from carried.blobs([*ends.values(), *parts.values(), *map(bytes.fromhex, run.header.pieces)])
    count = -1
    for count, record in enumerate(reading.records(run)):
        yield from carried.blobs(_refs(record))
        yield f"hosts/{count:08d}.json", _json(_sent_host(record))
    yield "end.json", _json({"hosts": count + 1})


class _Carried:
    """Which blobs are in the file already, one bit each."""

    def __init__(self, conn: Connection, interned: Interned) -> None:
        self._conn, self._blobs = conn, interned.blobs
        self._seen = bytearray()

    def blobs(self, digests: Sequence[Digest]) -> Iterator[tuple[str, bytes]]:
        numbers = self._blobs.numbers(self._conn, digests)
        fresh = sorted(digest for digest, number in numbers.items() if not self._mark(number))
        for digest in fresh:
            yield f"blobs/{digest.hex()}", self._blobs.get(self._conn, [digest])[digest]

    def _mark(self, number: int) -> bool:
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._seen):
            self._seen.extend(bytes(place + 1 - len(self._seen)))
        was = bool(self._seen[place] & bit)
        self._seen[place] |= bit
        return was


def _refs(record: Record) -> list[Digest]:
    refs = [ref for visited in record.visits for ref in visited.answers.refs]
    refs += record.heard.refs if record.heard else ()
    refs += record.results.refs if record.results else ()
    return refs


def _sent_host(record: Record) -> SentHost:
    heard, results = record.heard, record.results
    return SentHost(
        record.host,
        [
            SentSession(one.started_at, one.about, _hex(one.answers.refs), answer_facts(one), list(one.durations))
            for one in record.visits
        ],
        SentFacts(heard.said, _hex(heard.refs), list(heard.moments)) if heard else None,
        SentResults(_hex(results.refs), states_of(results), sorted(waivers_of(results).items())) if results else None,
    )


def _hex(refs: Sequence[Digest]) -> list[str]:
    return [ref.hex() for ref in refs]


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")
