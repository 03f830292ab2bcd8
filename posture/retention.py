"""The retention policy over a store: which raw answers it lets go, and which it never does: proofs of findings.

asked = survey(store, config, now)
done = prune(store, config, now, by=operator())
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from collectors.registry import COLLECTORS
from posture.evaluate.fleet import SOURCE_TOPICS
from posture.inputs.config import Config, RetentionEntry
from posture.judged import RECEIPTS
from posture.model.assessment import HostAssessment
from posture.model.finding import Closing, Finding
from posture.model.host import FLEET
from posture.model.receipt import Receipt
from posture.observe import NETWORK_COLLECTORS
from posture.store import Store, letting
from posture.vulnerabilities.topic import TOPIC as VULNERABILITIES

ARCHIVES = "archive"
"""The directory of archives, beside the store."""
_PACKAGES = "packages"
_READS = {one.topic: one.reads or one.topic for one in (*COLLECTORS, *NETWORK_COLLECTORS)}


def survey(store: Store, config: Config, now: datetime) -> letting.Letting:
    """Return what the policy would let go now; nothing is changed."""
    return letting.survey(store, _cut(store, config.retention, now), archives_of(config))


def prune(store: Store, config: Config, now: datetime, *, by: str) -> letting.Letting:
    """Return what the policy let go: older answers are in archives now, the oldest are gone.

    Raises:
        StoreError: a run is running, was begun or went on meanwhile, or an archive cannot be written.
    """
    return letting.let_go(store, _cut(store, config.retention, now), archives_of(config), now, by=by)


def archives_of(config: Config) -> Path:
    """Return the directory of archives."""
    return config.folder / ARCHIVES


def months_before(now: datetime, months: int) -> datetime:
    """Return the same day so many months earlier, or the last day of that month."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return now.replace(year=year, month=month + 1, day=min(now.day, last))


def overdue(store: Store, policy: RetentionEntry, now: datetime) -> str:
    """Return why the policy should have been carried out by now; empty when it has been, or nothing is that old."""
    before = months_before(now, policy.searchable_months)
    old = [one.run for one in store.runs() if one.run.started_at < before]
    if not old:
        return ""
    done = max((one.at for one in store.events(of_hosts=False) if one.event == letting.PRUNED), default=None)
    if done is not None and done > months_before(now, 1):
        return ""
    last = "was never carried out" if done is None else f"was last carried out on {done:%Y-%m-%d}"
    return f"{len(old)} runs are older than {policy.searchable_months} months, and the policy {last}"


def _cut(store: Store, policy: RetentionEntry, now: datetime) -> letting.Cut:
    archive_before = months_before(now, policy.searchable_months)
    return letting.Cut(
        archive_before=archive_before,
        delete_before=months_before(now, policy.retrievable_months),
        policy=policy.words,
        held=frozenset(policy.hold),
        proofs=lambda: _proofs(store),
    )


def _proofs(store: Store) -> Iterator[str]:
    """Yield the digest of every answer that a verdict behind a finding or a receipt rests on."""
    at: dict[datetime, list[Finding]] = defaultdict(list)
    for finding in store.findings():
        for moment in _moments(finding):
            at[moment].append(finding)
    for one in store.runs():
        run = one.run
        if RECEIPTS in store.parts(run.id):
            kept = msgspec.json.decode(store.part(run.id, RECEIPTS), type=list[Receipt])
            yield from (
                digest for receipt in kept for sight in (receipt.failed, receipt.passes) for _, digest in sight.evidence
            )
        if here := at.get(run.as_of):
            yield from _behind(here, store.read_hosts(run.id))


def _moments(finding: Finding) -> set[datetime]:
    """Return when verdicts were made that must stay provable: first and last sight, and the one that saw it mended."""
    if finding.open:
        return {finding.first_seen, finding.last_seen}
    if finding.closing in (Closing.FIXED, Closing.CHECK_CHANGED) and finding.closed_at is not None:
        return {finding.first_seen, finding.last_seen, finding.closed_at}
    return set()


def _behind(found: Iterable[Finding], hosts: Iterable[HostAssessment]) -> Iterator[str]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for finding in found:
        wanted[finding.host].add(finding.check)
    sources = {_READS[topic] for topic in SOURCE_TOPICS} if FLEET in wanted else set()
    for entry in hosts:
        if not wanted[entry.host.id] and not sources:
            continue
        asked, topics = set(), set(sources)
        for result in entry.results:
            if result.check in wanted[entry.host.id]:
                asked |= set(result.evidence)
                topics |= {_PACKAGES} if VULNERABILITIES in result.verdict.topics else set()
        for one in entry.evidence:
            if one.command_id in asked or one.command_id.split(".", 1)[0] in topics:
                yield from (one.sha256, one.stderr_sha256)
