"""An auditor's sample: verdicts of a bundle, drawn by a seed, collected again live and compared.

The draw needs no program of ours: of all verdicts it takes the N with the smallest sha256 over seed, root, host and
check, one below the other, where root is the sha256 of the bundle's SHA256SUMS. Whoever made the bundle cannot know the
seed beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from posture.errors import UsageError
from posture.evaluate.judge import topics_of
from posture.evaluate.scanning import TOPIC as SCANNING
from posture.model.assessment import HostAssessment
from posture.model.check import Baseline, Check
from posture.model.finding import Result, Status
from posture.model.host import FLEET
from posture.observe import NETWORK_TRANSPORTS
from posture.proof.layout import MANIFEST, SUMS, Manifest
from posture.proof.reading import Bundle, Evidence, written_verdicts
from posture.proof.signing import Signer
from posture.vulnerabilities.topic import of_vulnerabilities
from reports.files import new_file

FORMAT = "posture.sample/1"
MAX_DRAWN = 10_000  # of these a fleet is scanned, not sampled
_LOOKED = frozenset(
    {*NETWORK_TRANSPORTS, "pages", "smb_offer", "ssh_offer", "tls", "trust", "flows", "management", "views", "ai"}
)
"""Topics that are read from the network, or from such a topic."""


class Compared(StrEnum):
    """What a verdict of the bundle looks like beside the one of today."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNSEEN = "not seen today"


@dataclass(frozen=True, slots=True)
class Said:
    """One verdict with the answers it rests on."""

    status: str
    reason: str
    subjects: tuple[str, ...]
    evidence: tuple[tuple[str, str], ...]
    """``(command id, sha256)``."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One verdict of the sample, then and now."""

    host: str
    check: str
    then: Said
    now: Said
    compared: Compared
    why: str


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """What the auditor signs."""

    run: str
    root: str
    """Sha256 of the bundle's SHA256SUMS."""
    seed: str
    population: int
    """Verdicts that could be drawn: those of hosts that a scan decides by itself."""
    left_out: int
    """Verdicts over the whole fleet, of known vulnerabilities, of our own scanning, what people attested, and, where
    the auditor does not look from the network, what only shows there."""
    bundle_as_of: datetime
    collected_at: datetime
    operator: str
    scanner: str
    tool_version: str
    authorisation: str
    auditor_key: Mapping[str, str]
    bundle_keys: Mapping[str, str]
    drawn: tuple[Drawn, ...]
    format: str = FORMAT
    origin: str = "live"


@dataclass(frozen=True, slots=True)
class Draw:
    """Which verdicts of a bundle were drawn."""

    manifest: Manifest
    evidence: Evidence
    root: str
    seed: str
    pairs: tuple[tuple[str, str], ...]
    """Host and check, in the order of the draw."""
    written: Mapping[tuple[str, str], Said]
    population: int
    left_out: int

    @property
    def baseline(self) -> Baseline:
        """What the bundle was judged by."""
        return self.evidence.baseline

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts to be read again."""
        return tuple(sorted({host for host, _ in self.pairs}))

    @property
    def looks(self) -> bool:
        """Whether a verdict of it rests on what the network shows."""
        checks = {check.id: check for check in self.baseline.checks}
        return any(_LOOKED.intersection(topics_of(checks[check])) for _, check in self.pairs)


def draw(path: Path, number: int, seed: str, signer: Signer, *, network: bool = True) -> Draw:
    """Return the sample of a bundle; without ``network`` only of verdicts that a login decides.

    Raises:
        UsageError: it is no bundle, the auditor signs with the bundle's own key, or nothing can be drawn.
    """
    bundle = Bundle(path)
    manifest = bundle.json(MANIFEST, Manifest)
    if signer.ssh_fingerprint == manifest.signatures.get("ssh"):
        raise UsageError("this is the key that signed the bundle", hint="an auditor signs with a key of their own")
    evidence, root = Evidence(bundle, manifest), bundle.members[SUMS].sha256
    written = dict(_drawable(bundle, evidence, network=network))
    every = sum(len(lines) for lines in written_verdicts(bundle).values())
    if not 1 <= number <= MAX_DRAWN or not written:
        raise UsageError(
            f"{number} of {len(written):,} verdicts cannot be drawn", hint=f"--sample takes 1 to {MAX_DRAWN:,}"
        )
    order = sorted(written, key=lambda pair: hashlib.sha256("\n".join((seed, root, *pair)).encode()).digest())
    pairs = tuple(order[:number])
    answers = {host: _answers(evidence, host) for host in {host for host, _ in pairs}}
    checks = {check.id: check for check in evidence.baseline.checks}
    with_evidence = {pair: _with_evidence(written[pair], checks[pair[1]], answers[pair[0]]) for pair in pairs}
    return Draw(manifest, evidence, root, seed, pairs, with_evidence, len(written), every - len(written))


def compare(drawn: Draw, hosts: Iterable[HostAssessment]) -> tuple[Drawn, ...]:
    """Return every drawn verdict beside the one of today, in the order of the draw; a host left out is unseen."""
    today: dict[tuple[str, str], Said] = {}
    for entry in hosts:
        records = {one.command_id: one.sha256 for one in entry.evidence}
        for result in entry.results:
            if (pair := (entry.host.id, result.check)) in drawn.written:
                today[pair] = _said(result, records)
    nothing = Said(Status.NOT_CHECKED.label, "the host is not in the inventory", (), ())
    return tuple(_compared(pair, drawn.written[pair], today.get(pair, nothing)) for pair in drawn.pairs)


def write_sample(record: SampleRecord, path: Path, signer: Signer) -> tuple[Path, ...]:
    """Write the record, and beside it the auditor's signatures; return the files.

    Raises:
        UsageError: a file cannot be written, or the key does not sign.
    """
    content = msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=1) + b"\n"
    made = [(path, content), (path.with_name(f"{path.name}.sig"), signer.sign_ssh(content))]
    if (ecdsa := signer.sign_ecdsa(content)) is not None:
        made.append((path.with_name(f"{path.name}.ecdsa"), ecdsa))
    for name, content_of_it in made:
        with new_file(name) as file:
            file.write(content_of_it)
    return tuple(name for name, _ in made)


def _drawable(bundle: Bundle, evidence: Evidence, *, network: bool) -> Iterator[tuple[tuple[str, str], Said]]:
    asked = {
        check.id
        for check in evidence.baseline.checks
        if _collected_again(check) and (network or not _LOOKED.intersection(topics_of(check)))
    }
    for host, lines in written_verdicts(bundle).items():
        for check, (_, status, reason, subjects) in lines.items():
            if host != FLEET and check in asked and status != Status.MANUAL.label:
                yield (host, check), Said(status, reason, tuple(subjects), ())


def _collected_again(check: Check) -> bool:
    return check.scope != FLEET and not of_vulnerabilities(check) and SCANNING not in topics_of(check)


def _answers(evidence: Evidence, host: str) -> dict[str, str]:
    return {
        id_: hashlib.sha256(answer.stdout).hexdigest()
        for one in evidence.transcripts(host)
        for id_, answer in one.answers.items()
    }


def _with_evidence(said: Said, check: Check, answers: Mapping[str, str]) -> Said:
    topics = topics_of(check)
    named = sorted((id_, digest) for id_, digest in answers.items() if id_.split(".", 1)[0] in topics)
    return Said(said.status, said.reason, said.subjects, tuple(named))


def _said(result: Result, records: Mapping[str, str]) -> Said:
    verdict = result.verdict
    named = tuple(sorted((id_, records[id_]) for id_ in result.evidence if id_ in records))
    return Said(verdict.status.label, verdict.reason, verdict.subjects, named)


def _compared(pair: tuple[str, str], then: Said, now: Said) -> Drawn:
    same = (then.status, then.subjects) == (now.status, now.subjects)
    decided = {status.label for status in Status if status.decided}
    if same and now.status in decided:
        return Drawn(*pair, then, now, Compared.AGREES, "the same verdict")
    if now.status not in decided:
        why = f"the host did not tell today: {now.reason or now.status}"
        return Drawn(*pair, then, now, Compared.UNSEEN, why)
    return Drawn(*pair, then, now, Compared.DIFFERS, _why(then, now))


def _why(then: Said, now: Said) -> str:
    before, after = dict(then.evidence), dict(now.evidence)
    changed = sorted(id_ for id_ in before.keys() & after.keys() if before[id_] != after[id_])
    verdicts = f"{then.status} then, {now.status} today" if then.status != now.status else "other subjects than then"
    if changed:
        return f"{verdicts}: the host answers otherwise to {', '.join(changed[:5])}"
    if before.keys() & after.keys():
        return f"{verdicts}, and every answer is the same: the verdict of the bundle does not follow from its evidence"
    return f"{verdicts}, and no answer stands in both"
