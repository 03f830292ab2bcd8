"""What stands where in an evidence bundle, and the shapes of its small files."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import msgspec

from collectors.base import Answer, Command, Session, Transcript
from posture.judged import CIRCUMSTANCES, SCOPES
from posture.model.observation import Blind, Hole, Origin
from posture.vulnerabilities.register import PART as VULNERABILITIES

FORMAT, BEFORE_PINS = "posture.bundle/2", "posture.bundle/1"
"""What is written, and what is read beside it: bundles whose inventory is not the one that the audit log pins."""
MANIFEST, VERDICTS, AUDIT, VERIFY = "manifest.json", "verdicts.jsonl", "audit.jsonl", "VERIFY.md"
RUN, INVENTORY, BASELINE = "judged-by/run.json", "judged-by/inventory/header.json", "judged-by/baseline.json"
INVENTORY_BEFORE_PINS = "judged-by/inventory.json"
SUMS, SSH_SIGNATURE, ECDSA_SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig", "SHA256SUMS.ecdsa"
ATTESTATION, TIMESTAMP, COUNTERSIGNATURE = "attestation.dsse.json", "SHA256SUMS.tsr", "SHA256SUMS.countersig"
RECEIPTS, ATTESTATIONS = "receipts.jsonl", "attestations.jsonl"
FIRST_SIGHTS = "first-sights.json"
"""When each open finding was first seen, by its id: dates start there, and the history behind it is in no bundle."""
CIRCUMSTANCES_FILE, REGISTER = "judged-by/circumstances.json", "judged-by/vulnerabilities.json"
PARTS = {CIRCUMSTANCES: CIRCUMSTANCES_FILE, SCOPES: "judged-by/scopes.json", VULNERABILITIES: REGISTER}
"""Documents kept with a run, by the name that the audit log pins them under, and the member each of them is."""
UNLISTED = frozenset({SUMS, SSH_SIGNATURE, ECDSA_SIGNATURE, ATTESTATION, TIMESTAMP, COUNTERSIGNATURE})
"""What SHA256SUMS does not name: itself, and what was made over it."""
NAMESPACE = "posture-evidence"
"""Of the SSH signature: a signature made for anything else does not count."""
COUNTERSIGN_NAMESPACE = "posture-countersignature"
"""Of the second one: a copy of the first does not pass for it."""
ASKED = {"countersignature": COUNTERSIGNATURE, "timestamp": TIMESTAMP}
"""What a configuration may ask of a bundle, and the member that answers it."""

_DIRECTORY_CHARS = 48  # a ustar name holds 100 characters


class HostLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of verdicts.jsonl."""

    host: str
    results: list[tuple[str, int, str, str, list[str]]]
    """Check, revision, status, reason, subjects."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """manifest.json: what the bundle is about; signed like everything else, through SHA256SUMS."""

    format: str
    run: str
    operator: str
    scanner: str
    authorisation: str
    tool_version: str
    profile: str
    baseline_digest: str
    inventory_digest: str
    origin: str
    """live, replayed, imported or attested: a replay never passes for live."""
    started_at: datetime
    finished_at: datetime | None
    as_of: datetime
    fingerprint: str
    coverage: dict[str, int]
    hosts_read: int
    """Hosts with at least one answer."""
    sessions: int
    audit_rows: int
    audit_head: str
    signatures: dict[str, str]
    """What was signed with which public key, by its fingerprint; empty when signing was turned off."""
    timestamp: bool
    previous: str
    """Sha256 of the SHA256SUMS of the bundle before this one; empty when none was named."""
    marking: str
    asks: list[str] = []
    """What the configuration asked for beside the signature; it may be added later, and is missed until it is."""


class SessionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """session.json: one visit to a host."""

    host: str
    account: str
    vantage: str
    origin: Origin
    started_at: datetime
    host_key: str
    """Fingerprint of the SSH host key the session was held with; empty where there was none."""
    transport: str
    answers: int
    failure: tuple[str, Blind, str] | None


class Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer: what was asked, as whom, and what is known of the bytes beside it."""

    host: str
    command_id: str
    argv: tuple[str, ...]
    sudo: bool
    ran_as_root: bool
    account: str
    vantage: str
    origin: Origin
    host_key: str
    session_started_at: datetime
    duration_ms: int
    exit_code: int | None
    timeout_s: int
    max_bytes: int
    ok_exit: tuple[int, ...]
    truncated: bool
    timed_out: bool
    redactions: int
    """How many values were taken out before the bytes were kept; no digest of what was taken out exists."""
    sha256: str
    """Of the output, after redaction."""
    stderr_sha256: str


def directory_of(host: str) -> str:
    """Return the directory name of a host: no two hosts share one, not even where names do not tell case apart."""
    return file_name_of(host) if host == host.lower() else _told_apart(host)


def piece_file(digest: str) -> str:
    """Return the member that holds a piece of the inventory."""
    return f"judged-by/inventory/{digest}.json"


def file_name_of(text: str) -> str:
    """Return a text as a file name: itself where it is plain, else cut and told apart by a digest."""
    return text if text and text == _plain(text) else _told_apart(text)


def _told_apart(text: str) -> str:
    return f"{_plain(text) or '_'}~{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:_DIRECTORY_CHARS]


def meta_of(session: Session, answer: Answer) -> Meta:
    """Return what is said of an answer."""
    command = answer.command
    return Meta(
        host=session.host,
        command_id=command.id,
        argv=command.argv,
        sudo=command.sudo,
        ran_as_root=answer.ran_as_root,
        account=session.account,
        vantage=session.vantage,
        origin=session.origin,
        host_key=session.host_key,
        session_started_at=session.started_at,
        duration_ms=answer.duration_ms,
        exit_code=answer.exit_code,
        timeout_s=command.timeout_s,
        max_bytes=command.max_bytes,
        ok_exit=command.ok_exit,
        truncated=answer.truncated,
        timed_out=answer.timed_out,
        redactions=answer.redactions,
        sha256=hashlib.sha256(answer.stdout).hexdigest(),
        stderr_sha256=hashlib.sha256(answer.stderr).hexdigest(),
    )


def answer_of(meta: Meta, stdout: bytes, stderr: bytes) -> Answer:
    """Return the answer that ``meta_of`` was given."""
    return Answer(
        command=Command(meta.command_id, meta.argv, meta.sudo, meta.timeout_s, meta.max_bytes, meta.ok_exit),
        stdout=stdout,
        stderr=stderr,
        exit_code=meta.exit_code,
        duration_ms=meta.duration_ms,
        truncated=meta.truncated,
        timed_out=meta.timed_out,
        redactions=meta.redactions,
        ran_as_root=meta.ran_as_root,
    )


def session_file(transcript: Transcript) -> SessionFile:
    """Return what is said of a session."""
    session, failure = transcript.session, transcript.failure
    return SessionFile(
        host=session.host,
        account=session.account,
        vantage=session.vantage,
        origin=session.origin,
        started_at=session.started_at,
        host_key=session.host_key,
        transport=session.transport,
        answers=len(transcript.answers),
        failure=(failure.path, failure.reason, failure.detail) if failure else None,
    )


def transcript_of(saved: SessionFile, answers: dict[str, Answer]) -> Transcript:
    """Return the session that ``session_file`` was given."""
    return Transcript(
        session=Session(
            host=saved.host,
            account=saved.account,
            vantage=saved.vantage,
            origin=saved.origin,
            started_at=saved.started_at,
            host_key=saved.host_key,
            transport=saved.transport,
        ),
        answers=answers,
        failure=Hole(*saved.failure) if saved.failure else None,
    )
