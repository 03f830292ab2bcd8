"""A run read from a file of another network, as if an enemy had written it: all of it counts, or nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, update

from posture.errors import StoreError
from posture.model.assessment import RunState
from posture.model.check import Baseline
from posture.model.host import Inventory
from posture.model.observation import Origin
from posture.store import chain, runs
from posture.store.archive import file_sha256, read_archive
from posture.store.blobs import Digest, Pack
from posture.store.codec import decode
from posture.store.collected import (
    About,
    Heard,
    Visited,
    answer_facts,
    put_heard,
    put_visit,
    read_command,
)
from posture.store.exchange import VERSION, Manifest, SentFacts, SentHost, SentResults
from posture.store.inventories import (
    prefixed,
    put_inventory,
    read_header,
    read_piece,
)
from posture.store.reading import Record
from posture.store.results import Denominator, Results, denominator_of, read_verdict
from posture.store.schema import RUN
from posture.store.values import FLEET, Provenance

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENCLAVE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HINT = "have it exported again, and carry it without changes"


def import_run(conn: Connection, results: Results, path: Path, *, enclave: str, at: datetime) -> str:
    """Return the id of the run a file holds, after everything in it was checked.

    Raises:
        StoreError: it is damaged, forged in a way that can be seen, or in the store already.
    """
    if enclave and not _ENCLAVE.fullmatch(enclave):
        raise StoreError(f"`{enclave}` is no enclave name", hint="small letters, digits and hyphens, at most 32")
    importer = _Importer(conn, results, path, enclave, at)
    for name, content in read_archive(path):
        importer.take(name, content)
    return importer.finish()


class _Importer:
    """Takes the members of a file one by one; the transaction around it makes all of it count or nothing."""

    def __init__(self, conn: Connection, results: Results, path: Path, enclave: str, at: datetime) -> None:
        self._conn, self._results, self._interned = conn, results, results.interned
        self._path, self._enclave, self._at = path, enclave, at
        self._manifest: Manifest | None = None
        self._run_no: int | None = None
        self._denominator: Denominator = ()
        self._hosts: frozenset[str] = frozenset()
        self._last = ""
        self._count = 0
        self._root = hashlib.sha256()
        self._ended = False
        self._valid: set[tuple[str, Digest]] = set()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def take(self, name: str, content: bytes) -> None:
        """Check one member and store it."""
        if self._ended or (name == "manifest.json") != (self._manifest is None):
            raise self._refused("its members stand in another order than ours")
        if name == "manifest.json":
            self._manifest = self._read_manifest(content)
        elif name.startswith("blobs/"):
            self._take_blob(name.removeprefix("blobs/"), content)
        elif name == "end.json":
            self._flush()
            self._ended = _load(dict[str, int], content, self._path) == {"hosts": self._count}
        elif name == f"hosts/{self._count:08d}.json":
            self._flush()
            self._take_host(_load(SentHost, content, self._path))
            self._count += 1
        else:
            raise self._refused(f"{name} is not the member that follows")

    def finish(self) -> str:
        """Return the id of the run when nothing is missing."""
        if self._manifest is None or not self._ended:
            raise self._refused("it ends too early")
        if self._run_no is None:
            self._begin(self._manifest)
        if self._root.hexdigest() != self._manifest.root:
            raise self._refused("its hosts do not match its root digest")
        run = self._manifest.run
        detail = {"file": file_sha256(self._path), "enclave": self._enclave, "root_there": self._manifest.root}
        entry = chain.Entry(self._at, "run_imported", run.id, self._run_no, detail=detail)
        chain.append(self._conn, self._interned.blobs, [entry])
        return run.id

    def _read_manifest(self, content: bytes) -> Manifest:
        manifest: Manifest = _load(Manifest, content, self._path)
        if manifest.format != "posture-run" or manifest.version != VERSION:
            raise self._refused(f"its format is {manifest.format[:40]!r} {manifest.version}, not {VERSION}")
        run = manifest.run
        moments = [run.started_at, run.as_of, *([run.finished_at] if run.finished_at else [])]
        if not _RUN_ID.fullmatch(run.id) or run.state is RunState.RUNNING or any(one.tzinfo is None for one in moments):
            raise self._refused("its run has no proper id, state or times")
        return manifest

    def _take_blob(self, name: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != name:
            raise self._refused(f"blob {name} does not match its digest")
        self._waiting.append(content)
        self._waiting_bytes += len(content)
        if self._waiting_bytes > 8 << 20:
            self._flush()

    def _flush(self) -> None:
        self._interned.blobs.put(self._conn, self._waiting)
        self._waiting, self._waiting_bytes = [], 0

    def _begin(self, manifest: Manifest) -> None:
        """Begin once the inventory and the baseline are there, which is before the first host."""
        self._flush()
        baseline = decode(Baseline, self._content(manifest.baseline))
        self._denominator = denominator_of(baseline)
        header = read_header(self._content(manifest.inventory))
        inventory = header.with_hosts(
            tuple(host for piece in header.pieces for host in read_piece(self._content(piece)))
        )
        self._hosts = frozenset(host.id for host in inventory.hosts)
        shown = _in_enclave(inventory, self._enclave) if self._enclave else inventory
        digest = "" if self._enclave else manifest.run.inventory_digest  # its hosts have other names here
        run = replace(manifest.run, origin=Origin.IMPORTED, inventory_digest=digest)
        provenance = Provenance(manifest.run.origin, manifest.run.scanner, self._enclave, file_sha256(self._path))
        frozen = runs.Frozen(
            put_inventory(self._conn, self._interned.blobs, shown),
            bytes.fromhex(manifest.baseline),
            len(shown.hosts),
            len(self._denominator),
        )
        self._run_no = runs.begin(self._conn, self._interned, run, frozen, provenance)
        values = {"notes": msgspec.json.encode(manifest.notes).decode(), "fingerprint": manifest.fingerprint}
        self._conn.execute(update(RUN).where(RUN.c.no == self._run_no).values(values))
        for name, digest in sorted(manifest.parts.items()):
            runs.put_part(self._conn, self._interned, self._run_no, name, self._content(digest))

    def _take_host(self, sent: SentHost) -> None:
        if self._run_no is None and self._manifest is not None:
            self._begin(self._manifest)
        if self._run_no is None or not self._follows(sent.host):
            raise self._refused(f"host {sent.host[:80]!r} is not in its inventory, or out of order")
        self._last = sent.host
        record = self._record(sent)
        self._root.update(record.pinned())
        host = sent.host if sent.host == FLEET or not self._enclave else f"{self._enclave}/{sent.host}"
        host_no = runs.host_rows(self._conn, self._interned, self._run_no, [host])[host]
        for visited in record.visits:
            here = replace(visited, host=host, about=_about_here(visited.about, self._enclave))
            put_visit(self._conn, self._interned, self._run_no, host_no, here)
        if record.heard:
            documents = tuple((topic, at, Origin.IMPORTED, ids) for topic, at, _, ids in record.heard.said.documents)
            said = msgspec.structs.replace(record.heard.said, documents=documents)
            put_heard(self._conn, self._interned, self._run_no, host_no, replace(record.heard, said=said))
        if record.results:
            self._results.put_packs(self._conn, self._run_no, self._denominator, {host_no: record.results})

    def _follows(self, host: str) -> bool:
        if host == FLEET:
            return self._last != FLEET
        return host in self._hosts and self._last != FLEET and self._last < host

    def _record(self, sent: SentHost) -> Record:
        """Return the record after every reference in it was looked up and read once."""
        visited = []
        for one in sent.sessions:
            refs = tuple(map(bytes.fromhex, one.refs))
            pack = Pack(refs, msgspec.json.encode(one.facts))
            visited.append(Visited(sent.host, one.started_at, one.about, pack, tuple(one.durations)))
            answer_facts(visited[-1])
            if len(refs) % 3:
                raise self._refused(f"a session of {sent.host} does not add up")
            self._check("command", refs[::3])
            self._check("bytes", (*refs[1::3], *refs[2::3]))
        heard = self._heard(sent.facts) if sent.facts else None
        results = self._packed(sent.results) if sent.results else None
        return Record(sent.host, tuple(visited), heard, results)

    def _heard(self, sent: SentFacts) -> Heard:
        documents = sent.said.documents
        if len(documents) != len(sent.refs) or any(not 0 <= one[1] < len(sent.moments) for one in documents):
            raise self._refused("its fact documents do not add up")
        refs = tuple(map(bytes.fromhex, sent.refs))
        self._check("document", refs)
        return Heard(sent.said, refs, tuple(sent.moments))

    def _packed(self, sent: SentResults) -> Pack:
        refs = tuple(map(bytes.fromhex, sent.refs))
        checks = len(self._denominator)
        fits = len(refs) == len(sent.states) == checks and all(0 <= index < checks for index, _ in sent.waivers)
        if not fits:
            raise self._refused("its results do not fit its baseline")
        self._check("verdict", refs)
        for ref, state in zip(refs, sent.states, strict=True):
            if (f"state {state}", ref) not in self._valid:
                raise self._refused("a state is not what its verdict says")
        return Pack(refs, sent.states + (msgspec.json.encode(sent.waivers) if sent.waivers else b""))

    def _check(self, kind: str, refs: Sequence[Digest]) -> None:
        fresh = {ref for ref in refs if (kind, ref) not in self._valid}
        if kind == "bytes":
            missing = fresh - self._interned.blobs.numbers(self._conn, fresh).keys()
            if missing:
                raise self._refused(f"blob {min(missing).hex()} is missing")
        else:
            for ref, content in self._interned.blobs.get(self._conn, fresh).items():
                self._read(kind, ref, content)
        if len(self._valid) > 1_000_000:  # about 150 MB; what is dropped is read again
            self._valid.clear()
            self._check(kind, refs)
        self._valid.update((kind, ref) for ref in fresh)

    def _read(self, kind: str, ref: Digest, content: bytes) -> None:
        match kind:
            case "command":
                read_command(content)
            case "verdict":
                _, verdict, _ = read_verdict(content)
                self._valid.add((f"state {int(verdict.status)}", ref))
            case _:
                body = _load(dict[str, Any], content, self._path)
                if body.keys() != {"facts", "holes"}:
                    raise self._refused(f"document {ref.hex()} is none")

    def _content(self, digest: str) -> bytes:
        raw = bytes.fromhex(digest)
        return self._interned.blobs.get(self._conn, [raw])[raw]

    def _refused(self, why: str) -> StoreError:
        return StoreError(f"{self._path} is refused: {why}", hint=_HINT)


def _about_here(about: About, enclave: str) -> About:
    vantage = f"{enclave}/{about.vantage}" if enclave else about.vantage
    return msgspec.structs.replace(
        about, origin=Origin.IMPORTED, original_origin=about.original_origin or about.origin, vantage=vantage
    )


def _in_enclave(inventory: Inventory, enclave: str) -> Inventory:
    def inside(name: str) -> str:
        return f"{enclave}/{name}" if name else ""

    return Inventory(
        tuple(prefixed(host, enclave) for host in inventory.hosts),
        tuple(replace(zone, name=f"{enclave}/{zone.name}") for zone in inventory.zones),
        tuple(
            replace(one, name=inside(one.name), zone=f"{enclave}/{one.zone}", host=inside(one.host))
            for one in inventory.vantages
        ),
        inventory.name,
        None
        if inventory.flows is None
        else tuple(replace(one, source=inside(one.source), target=inside(one.target)) for one in inventory.flows),
        tuple(replace(one, host=inside(one.host)) for one in inventory.published),
        None
        if inventory.ai_register is None
        else tuple(replace(one, host=inside(one.host)) for one in inventory.ai_register),
        inventory.trust_anchors,
    )


def _load(kind: Any, content: bytes, path: Path) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError) as reason:
        raise StoreError(f"{path} is refused: {reason}", hint=_HINT) from None
