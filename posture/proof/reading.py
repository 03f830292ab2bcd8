"""A bundle as it is read: members on demand, raw answers as sessions again, verdicts as they were written."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

import msgspec

from collectors.base import Answer, Transcript
from posture.errors import StoreError, UsageError
from posture.evaluate.attested import AttestationBook
from posture.judged import Circumstances
from posture.known import Recalled
from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.host import Inventory
from posture.proof.layout import (
    BASELINE,
    CIRCUMSTANCES_FILE,
    INVENTORY,
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
    transcript_of,
)
from posture.proof.tarfile_strict import Member, content_of, read_members
from posture.store.codec import decode
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
        self.inventory = _stored(bundle, INVENTORY, Inventory)
        self.baseline = _stored(bundle, BASELINE, Baseline)
        rules = bundle.json(CIRCUMSTANCES_FILE, Circumstances)
        register = bundle.json(REGISTER, Register)
        self.attested = AttestationBook(rules.attestations, self.run.as_of.date())
        # Known vulnerabilities come as they were matched: the feeds, named by digest, are not in the bundle.
        known = Reader(register, rules.rules(self.baseline, register.feeds))
        self.known = Recalled(known, self.run)
        self.due = rules.due(self.baseline, known)
        about = (manifest.run, manifest.as_of, manifest.origin, manifest.baseline_digest)
        if about != (self.run.id, self.run.as_of, self.run.origin.value, self.baseline.digest):
            raise UsageError("the manifest speaks of another run, moment, origin or baseline", hint="")
        self._of: dict[str, list[str]] = defaultdict(list)
        for name in sorted(bundle.members):
            if name.startswith("raw/"):
                self._of[name.split("/", 2)[1]].append(name)
        strange = self._of.keys() - {directory_of(host.id) for host in self.inventory.hosts}
        if strange:
            raise UsageError(f"raw/{min(strange)}: no host of the inventory", hint="")
        sessions = 0
        for host in self.inventory.hosts:
            sessions += len(self.transcripts(host.id))
        if sessions != manifest.sessions:
            raise UsageError(f"{sessions} sessions, the manifest says {manifest.sessions}", hint="")

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


def _stored(bundle: Bundle, name: str, kind: type[T]) -> T:
    try:
        return decode(kind, bundle.content(name))
    except StoreError as reason:
        raise UsageError(f"{name}: {reason}", hint="") from None
