"""A stored run as an ``Assessment``: what reports read, made anew from results each time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import msgspec

from posture.asked import unlooked_of
from posture.catalogue.proven import provenance_notes
from posture.clocks.burndown import burndown
from posture.clocks.due import expired_notes
from posture.evaluate.lifecycle import finding_id
from posture.histories import lives
from posture.judged import RECEIPTS, Circumstances, Judged, stored
from posture.model.assessment import Assessment, Coverage, HostAssessment, Run
from posture.model.burndown import Burndown
from posture.model.check import Baseline, Check
from posture.model.clock import Clock, DueDate
from posture.model.discovered import Found
from posture.model.finding import Closing, Finding, Result, Status, Verdict
from posture.model.host import FLEET
from posture.model.receipt import Receipt
from posture.plan.make import make_plan
from posture.plan.scores import Scorer, bound_classes
from posture.store import Store

Look = Callable[[HostAssessment, Sequence[Finding]], None]
"""Is shown a host as it is reported, with its open findings."""


def _look_away(_host: HostAssessment, _opened: Sequence[Finding]) -> None:
    """Nobody else wants to see the hosts."""


def scorer(baseline: Baseline, circumstances: Circumstances) -> Scorer:
    """Return what takes host after host and gives the bands of a run."""
    return Scorer(
        {check.id: check for check in baseline.checks},
        weights=circumstances.weights,
        taxonomy=circumstances.taxonomy,
        binding=bound_classes(circumstances.clocks, baseline.profile),
    )


def stored_assessment(store: Store, ref: str) -> Assessment:
    """Return a run's assessment as it was judged when it was made.

    Raises:
        StoreError: there is no such run.
    """
    return assess(store, stored(store, ref))


def fingerprint(store: Store, judged: Judged) -> str:
    """Return the digest over every result, and every finding with its dates."""
    walk = _Walk(store, judged)
    walk.walk()
    return walk.fingerprint()


def assess(store: Store, judged: Judged, look: Look = _look_away) -> Assessment:
    """Return the assessment of a judged run; the store adds when each finding was first seen.

    Equal evidence, baseline, circumstances and first sights give equal bytes; neither the clock nor the order counts.
    ``look`` is shown every host on the way, so that nobody has to read all of them again.
    """
    found = _Walk(store, judged, look)
    found.walk()
    checks = {check.id: check for check in judged.baseline.checks}
    hosts = {host.id: host for host in judged.inventory.hosts}
    current, unassessed = judged.circumstances, judged.unassessed()
    absent = unlooked_of(store, judged.run.id)
    findings = tuple(sorted(found.findings, key=lambda finding: finding.id))
    bands = found.bands.scores()
    return Assessment(
        run=judged.run,
        baseline=judged.baseline,
        zones=judged.inventory.zones,
        coverage=found.coverage,
        findings=(*findings, *(one for one in found.closed if one.closed_at == judged.run.as_of)),
        receipts=_kept_receipts(store, judged.run, found),
        unsettled=judged.unsettled(),
        unassessed=unassessed,
        read_trend=judged.trend,
        plan=make_plan(
            findings,
            hosts,
            checks,
            weights=current.weights,
            taxonomy=current.taxonomy,
            today=judged.run.as_of.date(),
            named=current.named,
        ),
        scores=bands.categories,
        group_scores=bands.groups,
        attack=judged.attack(),
        clocks=current.clocks,
        campaign=current.campaign,
        waivers=found.book.uses(findings),
        attestations=found.attested.uses(),
        read_hosts=lambda: (replace(host, results=found.covered(host.results)) for host in judged.read_hosts()),
        read_blob=store.read_blob,
        fleet=found.fleet,
        fingerprint=found.fingerprint(),
        unlooked=absent,
        notes=(
            *_notes_on(unassessed),
            *(one.words() for one in absent),
            *judged.notes,
            *provenance_notes(current.families, judged.baseline.checks, found.platforms),
            *expired_notes(current.clocks, judged.baseline.profile, judged.run.as_of.date()),
        ),
        taxonomy=current.taxonomy,
        burndowns=tuple(burndowns_of(store, {FLEET, *hosts}, current.clocks, judged.run.as_of.date())),
        assessed=judged.assessed(),
        read_vulnerabilities=judged.known.of_host,
        feeds=judged.known.register.feeds,
        cadence=judged.known.register.cadence,
        published=judged.inventory.published,
    )


def burndowns_of(store: Store, hosts: Collection[str], clocks: Iterable[Clock], day: date) -> Iterator[Burndown]:
    """Yield the burn-down of all findings of these hosts, and of each clock that dates any."""
    told = lives(store, hosts)
    if not told:
        return
    yield burndown(told, day)
    dated = {name for life in told for step in life.steps for name, _ in step.dues}
    for clock in clocks:
        if clock.id in dated:
            yield burndown(told, day, clock=clock.id)


def _notes_on(unassessed: tuple[Found, ...]) -> Iterator[str]:
    if unassessed:
        hosts = "1 address answers" if len(unassessed) == 1 else f"{len(unassessed)} addresses answer"
        last = max(one.last_seen for one in unassessed)
        yield (
            f"{hosts} on the network and no inventory knows of it (`posture discover`, last on {last:%Y-%m-%d}): "
            "nobody has assessed what is there, and no count here holds it"
        )


Dated = tuple[str, datetime, tuple[DueDate, ...]]
"""A finding by id, first sight and dates."""


class Fingerprint:
    """A digest over every result as it streams by, and at the end over every finding with its dates."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._encode = msgspec.json.Encoder(order="sorted").encode

    def add(self, results: Iterable[Result]) -> None:
        """Take in the results of the next host, waivers and attestations among them."""
        for result in results:
            self._digest.update(self._encode(result))

    def over(self, dated: Iterable[Dated]) -> str:
        """Return it over every finding too."""
        digest = self._digest.copy()
        for one in sorted(dated, key=lambda one: one[0]):
            digest.update(self._encode(one))
        return digest.hexdigest()


class _Walk:
    """One pass over all hosts: coverage, bands, findings and the fingerprint."""

    def __init__(self, store: Store, judged: Judged, look: Look = _look_away) -> None:
        self._judged, self._look = judged, look
        self._checks: Mapping[str, Check] = {check.id: check for check in judged.baseline.checks}
        self._first_seen = {finding.id: finding for finding in store.findings()}
        self._due = judged.circumstances.due(judged.baseline, judged.known)
        self._fingerprint = Fingerprint()
        self._hosts = frozenset(host.id for host in judged.inventory.hosts)
        self.book, self.attested = judged.book(), judged.attested()
        self.findings: list[Finding] = []
        self.closed = tuple(
            sorted((one for one in self._first_seen.values() if not one.open), key=lambda finding: finding.id)
        )
        self._mended = {(one.check, one.host) for one in self.closed if one.closing is Closing.FIXED}
        self._seen: dict[tuple[str, str], Verdict] = {}
        self.fleet: tuple[Result, ...] = ()
        self.bands = scorer(judged.baseline, judged.circumstances)
        self.platforms: list[str] = []
        """What each host calls itself."""
        self.coverage = Coverage(len(self._hosts), len(self._checks), ())

    def walk(self) -> None:
        """Read every host once."""
        counts = Counter(dict.fromkeys(Status, 0))  # in the order of the statuses
        mended = self._mended
        for host in self._judged.read_hosts():
            self.platforms.append(host.platform)
            self.bands.add(host.host, host.results)
            results = self.covered(host.results)
            if host.host.id == FLEET:
                self.fleet = results
            elif host.host.id in self._hosts:
                counts.update(result.verdict.status for result in results)
            self._fingerprint.add(results)
            opened: list[Finding] = []
            for result in results:
                if result.verdict.status is Status.FAIL:
                    opened += self._opened(result)
                if mended and (result.check, result.host) in mended:
                    self._seen[result.check, result.host] = result.verdict
            self.findings += opened
            self._look(replace(host, results=results), opened)
        by_status = tuple((status, count) for status, count in counts.items() if count)
        self.coverage = Coverage(len(self._hosts), len(self._checks), by_status)

    def covered(self, results: tuple[Result, ...]) -> tuple[Result, ...]:
        """Return the results with the waivers that cover them and what people attest."""
        waived, attested = self.book.cover, self.attested.cover
        return tuple([attested(waived(result)) for result in results])

    def passes(self, made: Receipt) -> bool:
        """Return whether this run saw what was mended pass; a blind run did not."""
        verdict = self._seen.get((made.check, made.host))
        if verdict is None or verdict.status is not Status.FAIL:
            return verdict is not None and verdict.status is Status.PASS
        return bool(made.subject) and made.subject not in verdict.subjects and verdict.subjects_complete

    def fingerprint(self) -> str:
        """Return the digest over every result, and every finding with its dates."""
        return self._fingerprint.over((one.id, one.first_seen, one.due) for one in self.findings)

    def _opened(self, result: Result) -> Iterator[Finding]:
        check, as_of = self._checks[result.check], self._judged.run.as_of
        for subject in result.verdict.subjects or ("",):
            id_ = finding_id(check.id, result.host, subject)
            known = self._first_seen.get(id_)
            first_seen = known.first_seen if known is not None and known.first_seen <= as_of else as_of
            yield Finding(
                id=id_,
                check=check.id,
                host=result.host,
                subject=subject,
                first_seen=first_seen,
                last_seen=as_of,
                opened=known.opened if known is not None else 1,
                due=self._due(check, result.host, subject, first_seen) or (),
                waiver=result.waiver,
            )


def _kept_receipts(store: Store, run: Run, walk: _Walk) -> tuple[Receipt, ...]:
    """Return the receipt of every fix that stands as of a run, made when it was closed; sorted by host and check."""
    fixed = {
        one.id: one
        for one in walk.closed
        if one.closing is Closing.FIXED and one.closed_at is not None and one.closed_at <= run.as_of
    }
    moments = {one.closed_at for one in fixed.values()}
    found: dict[str, Receipt] = {}
    for one in store.runs() if fixed else ():
        if one.run.as_of in moments and RECEIPTS in store.parts(one.run.id):
            for made in msgspec.json.decode(store.part(one.run.id, RECEIPTS), type=list[Receipt]):
                if made.finding in fixed and fixed[made.finding].closed_at == made.passes.at:
                    found[made.finding] = made
    if not found:
        return ()
    work = store.work.items()
    return tuple(
        replace(
            one,
            last_passing=run.as_of if walk.passes(one) else one.passes.at,
            ticket=work[one.finding].ticket if one.finding in work else "",
        )
        for one in sorted(found.values(), key=lambda one: (one.host, one.check, one.subject))
    )
