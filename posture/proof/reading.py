"""A bundle as it is read: members on demand, raw answers as sessions again, verdicts as they were written."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from collectors.base import Answer, Transcript
from posture.assess import Dated
from posture.errors import StoreError, UsageError
from posture.evaluate.lifecycle import finding_id
from posture.judged import Circumstances, Judged
from posture.known import Recalled
from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.finding import Result
from posture.model.host import FLEET, Inventory
from posture.proof.layout import (
    BASELINE,
    BEFORE_PINS,
    CIRCUMSTANCES_FILE,
    FIRST_SIGHTS,
    INVENTORY,
    INVENTORY_BEFORE_PINS,
    REGISTER,
    RUN,
    SUMS,
    VERDICTS,
    HostLine,
    Manifest,
    Meta,
    SessionFile,
    answer_of,
    directory_of,
    piece_file,
    transcript_of,
)
from posture.proof.tarfile_strict import Member, content_of, read_members
from posture.store.codec import decode
from posture.store.inventories import read_header, read_piece
from posture.store.pins import pin_of_transcript
from posture.vulnerabilities.register import Reader, Register

T = TypeVar("T")


class Bundle:
    """The members of a bundle, read on demand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.members: dict[str, Member] = {member.name: member for member in read_members(path)}
        if SUMS not in self.members:
            raise UsageError(f"{path} has no {SUMS}", hint="name a bundle of `posture bundle`; decrypt it first")

    def content(self, name: str) -> bytes:
        """Return the bytes of a member."""
        if name not in self.members:
            raise UsageError(f"{name} is missing", hint="")
        return content_of(self.path, self.members[name])

    def json(self, name: str, kind: type[T]) -> T:
        """Return a member decoded as a type."""
        try:
            return msgspec.json.decode(self.content(name), type=kind)
        except msgspec.MsgspecError as reason:
            raise UsageError(f"{name}: {reason}", hint="") from None


class Evidence:
    """The raw answers as sessions again, each held against what its description says."""

    def __init__(self, bundle: Bundle, manifest: Manifest) -> None:
        self._bundle = bundle
        self.run = _stored(bundle, RUN, Run)
        self.inventory = _inventory(bundle, manifest)
        self.baseline = _stored(bundle, BASELINE, Baseline)
        rules = bundle.json(CIRCUMSTANCES_FILE, Circumstances)
        register = bundle.json(REGISTER, Register) if REGISTER in bundle.members else Register()
        # Known vulnerabilities come as they were matched: the feeds, named by digest, are not in the bundle.
        known = Reader(register, rules.rules(self.baseline, register.feeds))
        self.known = Recalled(known, self.run)
        judged = Judged(self.run, self.inventory, self.baseline, rules, read_hosts=lambda: iter(()))
        self._waived, self._attested = judged.book(), judged.attested()
        self._of_fleet = frozenset(check.id for check in self.baseline.checks if check.scope == FLEET)
        self.due = rules.due(self.baseline, known)
        if _of_manifest(manifest) != _of_run(self.run, self.baseline):
            raise UsageError("the manifest speaks of another run, moment, origin or baseline", hint="")
        self.knows_first_sights = FIRST_SIGHTS in bundle.members
        self._first_seen = bundle.json(FIRST_SIGHTS, dict[str, datetime]) if self.knows_first_sights else {}
        self._of = _members_by_host(bundle, self.inventory)
        self.answers, self.pin = 0, ""
        self._read_all(manifest)

    def _read_all(self, manifest: Manifest) -> None:
        sessions, pin = 0, hashlib.sha256()
        for host in self.inventory.hosts:
            for transcript in self.transcripts(host.id):
                sessions += 1
                self.answers += len(transcript.answers)
                pin.update(pin_of_transcript(transcript))
        self.pin = pin.hexdigest()
        if sessions != manifest.sessions:
            raise UsageError(f"{sessions} sessions, the manifest says {manifest.sessions}", hint="")

    def first_seen(self, finding: str, otherwise: datetime) -> datetime:
        """Return when a finding was first seen, by the history of the store at the time."""
        return self._first_seen.get(finding, otherwise)

    def dated(self, failing: Iterable[Result]) -> Iterator[Dated]:
        """Yield the findings of failing results with the dates that follow from their first sights."""
        checks = {check.id: check for check in self.baseline.checks}
        for result in failing:
            for subject in result.verdict.subjects or ("",):
                id_ = finding_id(result.check, result.host, subject)
                seen = self.first_seen(id_, self.run.as_of)
                yield id_, seen, self.due(checks[result.check], result.host, subject, seen) or ()

    def covered(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield results with the waivers that cover them and what people attest."""
        return (self._attested.cover(self._waived.cover(result)) for result in results)

    def reported(self, host: str, results: Iterable[Result]) -> Iterator[Result]:
        """Yield what reports hold of a host: of ``fleet`` only the checks that are asked of it."""
        return (one for one in results if host != FLEET or one.check in self._of_fleet)

    def transcripts(self, host: str) -> list[Transcript]:
        """Return the sessions of a host.

        Raises:
            UsageError: an answer is not what its description says.
        """
        names = self._of.get(directory_of(host), [])
        found = []
        for name in names:
            if not name.endswith(".session.json"):
                continue
            saved = self._bundle.json(name, SessionFile)
            stem = name.removesuffix(".session.json")
            metas = [one for one in names if one.startswith(f"{stem}-") and one.endswith(".meta.json")]
            if saved.host != host or saved.answers != len(metas):
                raise UsageError(
                    f"{name}: {len(metas)} answers of {host}, it says {saved.answers} of {saved.host}", hint=""
                )
            answers = [self._answer(one, saved) for one in metas]
            found.append(transcript_of(saved, {answer.command.id: answer for answer in answers}))
        return found

    def _answer(self, name: str, saved: SessionFile) -> Answer:
        stem = name.removesuffix(".meta.json")
        meta = self._bundle.json(name, Meta)
        stdout = self._bundle.content(f"{stem}.out")
        stderr = self._bundle.content(f"{stem}.err") if f"{stem}.err" in self._bundle.members else b""
        if (hashlib.sha256(stdout).hexdigest(), hashlib.sha256(stderr).hexdigest()) != (
            meta.sha256,
            meta.stderr_sha256,
        ):
            raise UsageError(f"{stem}.out is not the answer that {name} describes", hint="")
        here = (saved.host, saved.account, saved.vantage, saved.origin, saved.host_key, saved.started_at)
        if here != (meta.host, meta.account, meta.vantage, meta.origin, meta.host_key, meta.session_started_at):
            raise UsageError(f"{name} speaks of another session than the one it lies in", hint="")
        return answer_of(meta, stdout, stderr)


def written_verdicts(bundle: Bundle) -> dict[str, dict[str, tuple[int, str, str, list[str]]]]:
    lines = bundle.content(VERDICTS).splitlines()
    try:
        found = [msgspec.json.decode(line, type=HostLine) for line in lines]
    except msgspec.MsgspecError as reason:
        raise UsageError(f"{VERDICTS}: {reason}", hint="") from None
    return {
        line.host: {check: (rev, status, why, subjects) for check, rev, status, why, subjects in line.results}
        for line in found
    }


def _inventory(bundle: Bundle, manifest: Manifest) -> Inventory:
    if manifest.format == BEFORE_PINS:
        return _stored(bundle, INVENTORY_BEFORE_PINS, Inventory)
    try:
        header = read_header(bundle.content(INVENTORY))
        pieces = {digest: bundle.content(piece_file(digest)) for digest in header.pieces}
        changed = [one for one, content in pieces.items() if hashlib.sha256(content).hexdigest() != one]
        if changed:
            raise UsageError(f"{piece_file(changed[0])} is not the piece it is named after", hint="")
        return header.with_hosts(tuple(host for piece in pieces.values() for host in read_piece(piece)))
    except StoreError as reason:
        raise UsageError(f"{INVENTORY}: {reason}", hint="") from None


def _members_by_host(bundle: Bundle, inventory: Inventory) -> dict[str, list[str]]:
    """Return the names of raw answers and what is said of them, by the directory of their host."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in bundle.members:
        if name.startswith("raw/"):
            found[name.split("/", 2)[1]].append(name)
    strange = found.keys() - {directory_of(host.id) for host in inventory.hosts}
    if strange:
        raise UsageError(f"raw/{min(strange)}: no host of the inventory", hint="")
    # Shorter first: the tenth session follows the ninth.
    return {directory: sorted(names, key=lambda name: (len(name), name)) for directory, names in found.items()}


def _of_manifest(said: Manifest) -> tuple[object, ...]:
    looked = (said.operator, said.scanner, said.authorisation, said.tool_version, said.profile)
    return (said.run, said.origin, said.baseline_digest, said.started_at, said.finished_at, said.as_of, *looked)


def _of_run(run: Run, baseline: Baseline) -> tuple[object, ...]:
    looked = (run.operator, run.scanner, run.authorisation, run.tool_version, run.profile)
    return (run.id, run.origin.value, baseline.digest, run.started_at, run.finished_at, run.as_of, *looked)


def _stored(bundle: Bundle, name: str, kind: type[T]) -> T:
    try:
        return decode(kind, bundle.content(name))
    except StoreError as reason:
        raise UsageError(f"{name}: {reason}", hint="") from None
