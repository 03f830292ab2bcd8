"""Writes an evidence bundle: everything of a run that an auditor needs, in one tar whose digests are signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from posture.assess import stored_assessment
from posture.errors import UsageError
from posture.model.assessment import Assessment
from posture.model.finding import Status
from posture.proof.layout import (
    ATTESTATION,
    ATTESTATIONS,
    AUDIT,
    BASELINE,
    ECDSA_SIGNATURE,
    FIRST_SIGHTS,
    FORMAT,
    INVENTORY,
    MANIFEST,
    PARTS,
    RECEIPTS,
    RUN,
    SSH_SIGNATURE,
    SUMS,
    TIMESTAMP,
    UNLISTED,
    VERDICTS,
    VERIFY,
    HostLine,
    Manifest,
    directory_of,
    meta_of,
    piece_file,
    session_file,
)
from posture.proof.pages import verify_page
from posture.proof.signing import Signer, encrypt
from posture.proof.stamping import stamped_by
from posture.proof.tarfile_strict import TarWriter, read_members
from posture.receipts import receipts
from posture.store import Store
from posture.store.codec import encode
from reports.files import new_file
from reports.formats import Format, write_all


@dataclass(frozen=True, slots=True)
class Sealing:
    """How a bundle is signed, stamped and locked; without a signer it says in every place that it is not signed."""

    signer: Signer | None = None
    stamp: Path | None = None
    """A program that turns an RFC 3161 query into the authority's reply."""
    recipients: tuple[Path, ...] = ()
    """Certificates to encrypt to."""
    previous: str = ""
    asks: tuple[str, ...] = ()
    """What must be added to it: ``countersignature``, ``timestamp``."""


def write_bundle(
    store: Store, ref: str, path: Path, formats: tuple[Format, ...], *, sealing: Sealing, marking: str = ""
) -> str:
    """Return the sha256 of the bundle's SHA256SUMS; the file is for its owner only.

    Raises:
        UsageError: a file cannot be written, or a program refuses to sign.
    """
    assessment = stored_assessment(store, ref)
    with TemporaryDirectory(prefix="posture-bundle-", dir=path.parent) as place:
        made = Path(place)
        write_all(assessment, made / "reports", marking=marking, formats=formats)
        plain = made / "bundle.tar" if sealing.recipients else path
        with new_file(plain) as file:
            writer = TarWriter(file)
            _fill(writer, store, assessment, made, sealing, marking)
            sums = _sums(writer.digests)
            _seal(writer, assessment, sums, sealing)
            writer.close()
        root = writer.digests[SUMS]
        if sealing.recipients:
            encrypt(plain, made / "bundle.cms", sealing.recipients)
            (made / "bundle.cms").chmod(0o600)
            (made / "bundle.cms").replace(path)
    return root


def _fill(writer: TarWriter, store: Store, assessment: Assessment, made: Path, sealing: Sealing, marking: str) -> None:
    run = assessment.run
    rows = list(store.chain_rows())
    proofs = (msgspec.json.encode(one, order="sorted") + b"\n" for one in receipts(store, run.id))
    writer.add(RECEIPTS, b"".join(proofs))
    stated = (msgspec.json.encode(use, order="sorted") + b"\n" for use in assessment.attestations)
    writer.add(ATTESTATIONS, b"".join(stated))
    writer.add(VERIFY, verify_page(run.id, sealing.signer, asks=asks_of(sealing)).encode())
    writer.add(RUN, encode(run))
    _add_judged_by(writer, store, run.id)
    sights = {finding.id: finding.first_seen for finding in assessment.findings if finding.open}
    writer.add(FIRST_SIGHTS, _json(sights))
    lines = made / VERDICTS
    with lines.open("wb") as file:
        for line in _verdicts(assessment):
            file.write(msgspec.json.encode(line) + b"\n")
    writer.add_file(VERDICTS, lines)
    writer.add(AUDIT, b"".join(msgspec.json.encode(row, order="sorted") + b"\n" for row in rows))
    sessions, hosts = 0, set()
    for host in store.inventory(run.id).hosts:
        for number, transcript in enumerate(store.read_transcripts(run.id, host.id, whole=True)):
            sessions += 1
            if transcript.answers:
                hosts.add(host.id)
            base = f"raw/{directory_of(host.id)}/{number}"
            writer.add(f"{base}.session.json", _json(session_file(transcript)))
            for at, (_, answer) in enumerate(sorted(transcript.answers.items())):
                stem = f"{base}-{at:03d}-{answer.command.id.split('.', 1)[0][:24]}"
                writer.add(f"{stem}.out", answer.stdout)
                if answer.stderr:
                    writer.add(f"{stem}.err", answer.stderr)
                writer.add(f"{stem}.meta.json", _json(meta_of(transcript.session, answer)))
    for file_path in sorted((made / "reports").rglob("*")):
        if file_path.is_file():
            writer.add_file(file_path.relative_to(made).as_posix(), file_path)
    head = (len(rows), rows[-1]["digest"]) if rows else (0, "")
    writer.add(MANIFEST, _json(_manifest(assessment, sealing, marking, sessions, len(hosts), head)))


def _add_judged_by(writer: TarWriter, store: Store, run_id: str) -> None:
    """Add what the run was judged by: the very bytes whose digests stand in the audit log."""
    over, kept = store.judged_over(run_id), store.parts(run_id)
    writer.add(INVENTORY, over.header)
    for digest, piece in sorted(over.pieces.items()):
        writer.add(piece_file(digest), piece)
    writer.add(BASELINE, over.baseline)
    for part, name in PARTS.items():
        if part in kept:
            writer.add(name, store.part(run_id, part))


def asks_of(sealing: Sealing) -> frozenset[str]:
    """Return what has to be there before the bundle is whole: what was asked for, and a stamp that is made with it."""
    return frozenset(sealing.asks) | ({"timestamp"} if sealing.stamp is not None else frozenset())


def _verdicts(assessment: Assessment) -> Iterator[HostLine]:
    for entry in assessment.read_hosts():
        yield HostLine(
            entry.host.id,
            [
                (one.check, one.revision, one.verdict.status.label, one.verdict.reason, list(one.verdict.subjects))
                for one in entry.results
            ],
        )


def _manifest(
    assessment: Assessment, sealing: Sealing, marking: str, sessions: int, hosts: int, head: tuple[int, str]
) -> Manifest:
    run, coverage = assessment.run, assessment.coverage
    return Manifest(
        format=FORMAT,
        run=run.id,
        operator=run.operator,
        scanner=run.scanner,
        authorisation=run.authorisation,
        tool_version=run.tool_version,
        profile=run.profile,
        baseline_digest=run.baseline_digest,
        inventory_digest=run.inventory_digest,
        origin=run.origin.value,
        started_at=run.started_at,
        finished_at=run.finished_at,
        as_of=run.as_of,
        fingerprint=assessment.fingerprint,
        coverage={"hosts": coverage.hosts, "possible": coverage.possible, "decided": coverage.decided},
        hosts_read=hosts,
        sessions=sessions,
        audit_rows=head[0],
        audit_head=head[1],
        signatures=sealing.signer.fingerprints if sealing.signer else {},
        timestamp=sealing.stamp is not None,
        previous=sealing.previous,
        marking=marking,
        asks=list(sealing.asks),
    )


def _sums(digests: dict[str, str]) -> bytes:
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()) if name not in UNLISTED).encode()


def _seal(writer: TarWriter, assessment: Assessment, sums: bytes, sealing: Sealing) -> None:
    writer.add(SUMS, sums)
    signer = sealing.signer
    if signer is not None:
        writer.add(SSH_SIGNATURE, signer.sign_ssh(sums))
        for name, content in (
            (ECDSA_SIGNATURE, signer.sign_ecdsa(sums)),
            (ATTESTATION, signer.envelope(_statement(assessment, writer.digests[SUMS]))),
        ):
            if content is not None:
                writer.add(name, content)
    if sealing.stamp is not None:
        writer.add(TIMESTAMP, stamped_by(sealing.stamp, sums))


def _statement(assessment: Assessment, sums: str) -> dict[str, Any]:
    """Return an in-toto statement over SHA256SUMS: which checks hold, which fail, and which are not known."""
    said: dict[str, set[Status]] = {}
    for entry in assessment.read_hosts():
        for result in entry.results:
            said.setdefault(result.check, set()).add(result.verdict.status)
    failed = sorted(check for check, found in said.items() if Status.FAIL in found)
    unknown = sorted(check for check, found in said.items() if not all(status.decided for status in found))
    passed = sorted(said.keys() - set(failed) - set(unknown) - {c for c, f in said.items() if Status.PASS not in f})
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": SUMS, "digest": {"sha256": sums}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": "FAILED" if failed else "WARNED" if unknown or not passed else "PASSED",
            "configuration": [
                {
                    "name": f"posture profile {assessment.baseline.profile.id}",
                    "digest": {"sha256": assessment.baseline.digest},
                }
            ],
            "passedTests": passed,
            "warnedTests": sorted(set(unknown) - set(failed)),
            "failedTests": failed,
        },
    }


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def previous_root(path: Path | None) -> str:
    """Return the sha256 of the SHA256SUMS of an earlier bundle; empty when none is named.

    Raises:
        UsageError: it is no bundle.
    """
    if path is None:
        return ""
    found = next((member.sha256 for member in read_members(path) if member.name == SUMS), "")
    if not found:
        raise UsageError(f"{path} has no {SUMS}", hint="name the bundle before this one")
    return found
