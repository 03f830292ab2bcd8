"""Checks a bundle: what the public commands check, then every verdict, judged again from the raw answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from posture.assess import Fingerprint
from posture.judging import judge_evidence
from posture.model.finding import Result, Status
from posture.model.host import FLEET
from posture.proof import signing
from posture.proof.answers import Answered, Line, held, none, tried
from posture.proof.audited import Pinned, as_pinned, audit_log, goes_on, results_as_pinned
from posture.proof.layout import (
    ASKED,
    ATTESTATION,
    BEFORE_PINS,
    COUNTERSIGN_NAMESPACE,
    COUNTERSIGNATURE,
    ECDSA_SIGNATURE,
    FORMAT,
    MANIFEST,
    SSH_SIGNATURE,
    SUMS,
    TIMESTAMP,
    UNLISTED,
    Manifest,
)
from posture.proof.reading import Bundle, Evidence, written_verdicts
from posture.proof.reported import reported
from posture.proof.stamping import stamp_of, why_not


@dataclass(frozen=True, slots=True)
class Keys:
    """What reached the auditor outside the bundle; without a key its question stays open."""

    allowed_signers: Path | None = None
    signer: str = ""
    public_key: Path | None = None
    authority: Path | None = None
    countersigner: str = ""
    """Who else must have signed; naming one asks for it."""
    asks: frozenset[str] = frozenset()
    """What the auditor's own configuration asks of every bundle; see ``layout.ASKED``."""
    earlier: Path | None = None
    """A bundle of an earlier run, as it was handed over then."""


def verify_bundle(path: Path, keys: Keys, *, now: datetime | None = None) -> Iterator[Line]:
    """Yield every question with its answer; a broken bundle fails, it raises only when it cannot be read at all.

    ``now`` is when certificates are asked to be valid; this moment when left out.

    Raises:
        UsageError: it is no bundle, or a key file is none.
    """
    bundle = Bundle(path)
    yield from files_hold(bundle)
    yield from _signatures(bundle, keys, now or datetime.now(UTC))
    manifest, line = tried("the manifest can be read", lambda: bundle.json(MANIFEST, Manifest))
    yield line
    if manifest is None:
        return
    if manifest.format not in (FORMAT, BEFORE_PINS):
        yield Line("the manifest can be read", Answered.FAILS, f"format {manifest.format}, expected {FORMAT}")
        return
    yield from _signing_as_said(bundle, manifest)
    # Both are added later and stand in no list of the bundle: who brings a key for one must miss it when it is gone.
    named = {"countersignature": keys.countersigner, "timestamp": keys.authority}
    asks = keys.asks | frozenset(manifest.asks) | {name for name, given in named.items() if given}
    yield from _asked(bundle, asks)
    line, pinned = audit_log(bundle, manifest)
    yield line
    if keys.earlier is not None:
        yield goes_on(bundle, keys.earlier)
    evidence, line = tried("each raw answer is what its description says", lambda: Evidence(bundle, manifest))
    yield line
    if evidence is not None:
        yield from as_pinned(bundle, evidence, pinned, manifest)
        yield from _verdicts(bundle, evidence, manifest, pinned)


def files_hold(bundle: Bundle) -> Iterator[Line]:
    """Yield whether each file is what SHA256SUMS says, none is missing, and none is there beside them."""
    listed: dict[str, str] = {}
    for text in bundle.content(SUMS).decode("utf-8", "replace").splitlines():
        digest, _, name = text.partition("  ")
        listed[name] = digest
    there = {name: member.sha256 for name, member in bundle.members.items() if name not in UNLISTED}
    changed = sorted(name for name in listed.keys() & there.keys() if listed[name] != there[name])
    yield none("every file is what it was (sha256sum)", changed, "changed")
    yield none("no file is missing", sorted(listed.keys() - there.keys()), "missing")
    yield none("no file is there that is not listed", sorted(there.keys() - listed.keys()), "not listed")


def _signatures(bundle: Bundle, keys: Keys, now: datetime) -> Iterator[Line]:
    sums = bundle.content(SUMS)
    what = "SHA256SUMS is signed by an allowed signer (ssh-keygen)"
    if SSH_SIGNATURE not in bundle.members:
        yield Line(what, Answered.FAILS, "the bundle is not signed")
    elif keys.allowed_signers is None:
        yield Line(what, Answered.OPEN, "no allowed signers given")
    else:
        by_signer = signing.ssh_signature_holds(sums, bundle.content(SSH_SIGNATURE), keys.allowed_signers, keys.signer)
        yield held(what, by_signer, "another key, another signer, or other bytes")
    if ECDSA_SIGNATURE in bundle.members or keys.public_key is not None:
        yield from _ecdsa(bundle, keys, sums)
    if COUNTERSIGNATURE in bundle.members:
        yield _countersigned(bundle, keys, sums)
    if TIMESTAMP in bundle.members:
        yield from _stamped(sums, bundle.content(TIMESTAMP), keys.authority, now)


def _ecdsa(bundle: Bundle, keys: Keys, sums: bytes) -> Iterator[Line]:
    what, attested = (
        "SHA256SUMS is signed with the ECDSA key (openssl)",
        "the attestation is about these digests (DSSE)",
    )
    if keys.public_key is None:
        yield Line(what, Answered.OPEN, "no public key given")
        yield Line(attested, Answered.OPEN, "no public key given")
        return
    if ECDSA_SIGNATURE not in bundle.members:
        yield Line(what, Answered.FAILS, "a public key is given, and the bundle has no signature by one")
        yield Line(attested, Answered.FAILS, "nothing signed it")
        return
    key = signing.read_public_key(keys.public_key)
    yield held(what, signing.ecdsa_holds(sums, bundle.content(ECDSA_SIGNATURE), key), "another key, or other bytes")
    if ATTESTATION not in bundle.members:
        yield Line(attested, Answered.FAILS, "missing")
        return
    statement = signing.opened(bundle.content(ATTESTATION), key)
    about = [{"name": SUMS, "digest": {"sha256": hashlib.sha256(sums).hexdigest()}}]
    yield held(attested, statement is not None and statement.get("subject") == about, "another key, or another subject")


def _countersigned(bundle: Bundle, keys: Keys, sums: bytes) -> Line:
    what = "another person countersigned SHA256SUMS (ssh-keygen)"
    second = bundle.content(COUNTERSIGNATURE)
    key = signing.ssh_key_of(sums, second, COUNTERSIGN_NAMESPACE)
    if not key:
        return Line(what, Answered.FAILS, "other bytes, or made for another purpose")
    first = bundle.content(SSH_SIGNATURE) if SSH_SIGNATURE in bundle.members else b""
    if key == signing.ssh_key_of(sums, first):
        return Line(what, Answered.FAILS, "the key that signed it first is no second person's")
    if keys.allowed_signers is None or not keys.countersigner:
        return Line(what, Answered.OPEN, f"by {key}: no countersigner named")
    if keys.countersigner == keys.signer:
        return Line(what, Answered.FAILS, f"{keys.signer} is named as the first signer too")
    by_second = signing.ssh_signature_holds(
        sums, second, keys.allowed_signers, keys.countersigner, COUNTERSIGN_NAMESPACE
    )
    return held(what, by_second, "another key, or another signer", f"by {key}")


def _stamped(sums: bytes, reply: bytes, authority: Path | None, now: datetime) -> Iterator[Line]:
    what = "the timestamp is the authority's (openssl ts)"
    stamp = stamp_of(reply)
    if stamp is None:
        yield Line(what, Answered.FAILS, "it is no timestamp, or damaged")
        return
    if authority is None:
        yield Line(what, Answered.OPEN, f"no certificate of the authority given; by its own word {stamp.words}")
        return
    # As of the moment it was made: a stamp does not go bad with the certificate that made it.
    why = why_not(sums, reply, authority, stamp.made_at)
    yield held(what, not why, f"{why}; by its own word {stamp.words}", stamp.words)
    if why:
        return
    life = f"{stamp.valid_from:%Y-%m-%d} to {stamp.valid_until:%Y-%m-%d}"
    yield Line("the authority's certificate was valid when it stamped", Answered.HOLDS, life)
    today = "the authority's certificate is trusted today"
    since = f"expired {stamp.valid_until:%Y-%m-%d}" if now > stamp.valid_until else why_not(sums, reply, authority, now)
    if since:
        # Whoever got hold of the key afterwards could have dated a stamp back: only the authority can say.
        yield Line(today, Answered.OPEN, f"{since}; ask the authority whether its key was kept")
    else:
        yield Line(today, Answered.HOLDS, f"until {stamp.valid_until:%Y-%m-%d}")


def _asked(bundle: Bundle, asks: frozenset[str]) -> Iterator[Line]:
    for one in sorted(asks & ASKED.keys()):
        there = ASKED[one] in bundle.members
        yield held(f"the {one} that is asked for is there", there, f"MISSING: no {ASKED[one]} was added")
    if strange := sorted(asks - ASKED.keys()):
        yield none("nothing unknown is asked for", strange, "unknown to this version")


def _signing_as_said(bundle: Bundle, manifest: Manifest) -> Iterator[Line]:
    made = {"ssh": SSH_SIGNATURE, "ecdsa-p256": ECDSA_SIGNATURE, "dsse": ATTESTATION}
    said = {made.get(name, name) for name in manifest.signatures} | ({TIMESTAMP} if manifest.timestamp else set())
    gone = sorted(said - bundle.members.keys())
    yield none("every signature the manifest speaks of is there", gone, "missing")
    if SSH_SIGNATURE in bundle.members:
        named = manifest.signatures.get("ssh", "no key")
        key = signing.ssh_key_of(bundle.content(SUMS), bundle.content(SSH_SIGNATURE)) or "no key that holds"
        yield held(
            "the key that signed is the one the manifest names", key == named, f"by {key}, it names {named}", key
        )


def _verdicts(bundle: Bundle, evidence: Evidence, manifest: Manifest, pinned: Pinned) -> Iterator[Line]:
    what = "every verdict comes out the same from the raw evidence"
    written, line = tried("the verdicts can be read", lambda: written_verdicts(bundle))
    if written is None:
        yield line
        return
    differing: list[str] = []
    judged: dict[str, dict[str, str]] = {}
    failing: list[Result] = []
    fingerprint = Fingerprint()
    for host, measured in judge_evidence(
        evidence.run, evidence.inventory, evidence.baseline, evidence.known, evidence.transcripts
    ):
        results = tuple(evidence.covered(measured))
        fingerprint.add(evidence.reported(host, results))
        judged[host] = {one.check: one.verdict.status.label for one in results}
        failing += [one for one in results if one.verdict.status is Status.FAIL]
        differing += _differences(host, results, written.pop(host, {}))
    differing += [f"{host}: not in the evidence" for host in sorted(written)]
    total = sum(map(len, judged.values()))
    yield none(what, differing, "differ", f"{total:,} verdicts judged again")
    yield _counted(evidence, judged, manifest)
    yield results_as_pinned(pinned, evidence, fingerprint.over(evidence.dated(failing)))
    yield from reported(bundle, evidence, judged, failing)


def _counted(evidence: Evidence, judged: Mapping[str, Mapping[str, str]], manifest: Manifest) -> Line:
    good = {status.label for status in Status if status.decided}
    hosts = [statuses for host, statuses in judged.items() if host != FLEET]
    decided = sum(status in good for statuses in hosts for status in statuses.values())
    found = {"hosts": len(hosts), "possible": len(hosts) * len(evidence.baseline.checks), "decided": decided}
    words = ", ".join(f"{count:,} {name}" for name, count in found.items())
    return held("the manifest counts what was judged", manifest.coverage == found, f"it does not say {words}", words)


def _differences(
    host: str, results: tuple[Result, ...], written: dict[str, tuple[int, str, str, list[str]]]
) -> Iterator[str]:
    for one in results:
        verdict = one.verdict
        now = (one.revision, verdict.status.label, verdict.reason, list(verdict.subjects))
        then = written.pop(one.check, None)
        if then != now:
            yield f"{one.check} on {host}: written {then[1] if then else 'nothing'}, the evidence says {now[1]}"
    yield from (f"{check} on {host}: written, and no check of the baseline" for check in sorted(written))
