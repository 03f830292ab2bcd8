"""Receipts of findings that were closed as fixed: replayed from the raw answers of both runs, and kept with the second.

made = receipt(store, finding.id)          # judged anew, now
keep_receipts(store, run)                  # at the end of a scan: of everything that it closed as fixed
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import msgspec

from posture.errors import StoreError, UsageError
from posture.judged import RECEIPTS, circumstances_of, register_of
from posture.judging import Bench, judge_evidence
from posture.known import Recalled
from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.finding import Closing, Finding, Outcome, Result, Status
from posture.model.host import FLEET
from posture.model.receipt import Force, Receipt, Sight
from posture.observe import observations
from posture.store import Did, Store
from posture.vulnerabilities.register import Reader
from posture.vulnerabilities.topic import TOPIC as VULNERABILITIES


def receipt(store: Store, finding_id: str) -> Receipt:
    """Return the receipt of a finding, judged again from the evidence of both runs.

    Raises:
        StoreError: there is no such finding, or retention deleted the evidence.
        UsageError: it is open, was not closed as fixed, or the run that last saw it fail is gone.
    """
    finding = store.finding(finding_id)
    if finding.open or finding.closed_at is None:
        raise UsageError(f"finding {finding_id} is open: nothing was mended", hint=f"posture show finding {finding_id}")
    if finding.closing not in (Closing.FIXED, Closing.CHECK_CHANGED):
        word = finding.closing.value if finding.closing else "unknown"
        raise UsageError(f"finding {finding_id} was closed as {word}, not as fixed", hint="only a fix has a receipt")
    later = [change.run for change in store.finding_history(finding_id) if change.did is Did.CLOSED][-1]
    made = _made(finding, later, _Sights(store, store.baseline(later)))
    item = store.work.items().get(finding_id)
    return replace(made, last_passing=_last_passing(store, finding), ticket=item.ticket if item else "")


def receipts(store: Store, run_id: str) -> Iterator[Receipt]:
    """Yield a receipt for each finding that a run closed as fixed, as far as its evidence is still there."""
    as_of = store.load_run(run_id).run.as_of
    closed = [one for one in store.findings() if one.closed_at == as_of and one.closing is Closing.FIXED]
    if not closed:
        return
    sights = _Sights(store, store.baseline(run_id))
    for finding in closed:
        try:
            yield _made(finding, run_id, sights)
        except (StoreError, UsageError):
            continue  # the earlier run is gone: no receipt is better than half of one


def keep_receipts(store: Store, run_id: str) -> None:
    """Keep the receipts of what a run closed with it, so that they outlive the evidence of the run before."""
    if made := list(receipts(store, run_id)):
        store.save_part(run_id, RECEIPTS, msgspec.json.encode(made, order="sorted"))


def _made(finding: Finding, later: str, sights: _Sights) -> Receipt:
    check = next((one for one in sights.baseline.checks if one.id == finding.check), None)
    if check is None or finding.closed_at is None:
        raise UsageError(f"{finding.check} is in the baseline no more", hint="only a check that is asked has receipts")
    failed, passes = sights.of(sights.last_failing(finding), finding), sights.of(later, finding)
    return Receipt(
        finding=finding.id,
        check=finding.check,
        host=finding.host,
        subject=finding.subject,
        revision=check.revision,
        check_digest=check.digest,
        same_check=finding.check_digest == check.digest,
        failed=failed,
        passes=passes,
        days_open=(finding.closed_at - finding.first_seen).days,
        times_opened=finding.opened,
        holds=failed.status is Status.FAIL and passes.status is Status.PASS and passes.force.settled,
        why=_why(failed, passes),
    )


def _last_passing(store: Store, finding: Finding) -> datetime | None:
    """Return the moment of the newest run that saw the check pass where the finding was."""
    for one in store.runs():
        if finding.closed_at is None or one.run.as_of < finding.closed_at:
            break
        if finding.host != FLEET and finding.host not in {host.id for host in store.inventory(one.run.id).hosts}:
            continue
        said = {result.check: result for result in store.read_host(one.run.id, finding.host).results}
        if finding.check in said and _status_of(said[finding.check], finding.subject) is Status.PASS:
            return one.run.as_of
    return finding.closed_at


class _Sights:
    """What checks say of hosts in stored runs, judged from the raw answers; each host of a run once."""

    def __init__(self, store: Store, baseline: Baseline) -> None:
        self.baseline = baseline
        self._store = store
        self._runs: dict[datetime, list[tuple[str, frozenset[str]]]] = defaultdict(list)
        for one in store.runs():
            self._runs[one.run.as_of].append((one.run.id, frozenset()))
        self._judged: dict[tuple[str, str], tuple[dict[str, Result], dict[str, Force]]] = {}

    def last_failing(self, finding: Finding) -> str:
        """Return the run that last saw a finding fail.

        Raises:
            UsageError: it is not in this store any more.
        """
        for at, (run_id, known) in enumerate(self._runs[finding.last_seen]):
            hosts = known or frozenset({FLEET, *(host.id for host in self._store.inventory(run_id).hosts)})
            self._runs[finding.last_seen][at] = (run_id, hosts)
            if finding.host in hosts:
                return run_id
        raise UsageError(
            f"the run that last saw finding {finding.id} fail is not in this store",
            hint=f"it was judged as of {finding.last_seen:%Y-%m-%dT%H:%M:%SZ}",
        )

    def of(self, run_id: str, finding: Finding) -> Sight:
        """Return what the check of a finding says of its host in a run."""
        run = self._store.load_run(run_id).run
        results, forces = self._of_host(replace(run, baseline_digest=self.baseline.digest), finding.host)
        result = results[finding.check]
        evidence = self._store.read_host(run_id, finding.host).evidence
        return Sight(
            run=run_id,
            at=run.as_of,
            status=_status_of(result, finding.subject),
            said=_said(result),
            evidence=tuple((one.command_id, one.sha256) for one in evidence if one.command_id in result.evidence),
            origin=run.origin,
            force=forces.get(finding.check, Force.SINGLE),
        )

    def _of_host(self, run: Run, host: str) -> tuple[dict[str, Result], dict[str, Force]]:
        key = (run.id, host)
        if key not in self._judged:
            if len(self._judged) >= _HOSTS_KEPT:
                self._judged.clear()
            self._judged[key] = self._fleet(run) if host == FLEET else self._host(run, host)
        return self._judged[key]

    def _host(self, run: Run, host_id: str) -> tuple[dict[str, Result], dict[str, Force]]:
        inventory, known = self._store.inventory(run.id), self._known(run)
        host = next(one for one in inventory.hosts if one.id == host_id)
        observed = observations(host, inventory, run, self._store.read_transcripts(run.id, host_id))
        observed[VULNERABILITIES] = known.look(host, observed)
        bench = Bench(self.baseline, run.as_of)
        return {one.check: one for one in bench.judge(host, observed)}, bench.forces(observed)

    def _fleet(self, run: Run) -> tuple[dict[str, Result], dict[str, Force]]:
        inventory, known = self._store.inventory(run.id), self._known(run)
        judged = judge_evidence(
            run, inventory, self.baseline, known, lambda host: self._store.read_transcripts(run.id, host)
        )
        return {one.check: one for host, results in judged if host == FLEET for one in results}, {}

    def _known(self, run: Run) -> Recalled:
        register = register_of(self._store, run.id)
        rules = circumstances_of(self._store, run.id).rules(self.baseline, register.feeds)
        return Recalled(Reader(register, rules), run)


_HOSTS_KEPT = 2000  # hosts whose results stay in memory while receipts are made: some 100 kB each


def _status_of(result: Result, subject: str) -> Status:
    """Return what the result says of one subject: where others still fail, only a complete list clears it."""
    verdict = result.verdict
    if verdict.status is not Status.FAIL or not subject or subject in verdict.subjects:
        return verdict.status
    return Status.PASS if verdict.subjects_complete else Status.NOT_CHECKED


def _said(result: Result) -> str:
    verdict = result.verdict
    if verdict.status in (Status.NOT_CHECKED, Status.ERROR):
        return verdict.reason
    lines = [one for one in verdict.assertions if one.outcome is Outcome.FALSE] or list(verdict.assertions)
    return "; ".join(one.message or f"{one.fact} is {one.actual}" for one in lines)


def _why(failed: Sight, passes: Sight) -> str:
    if failed.status is not Status.FAIL:
        return f"the evidence of {failed.run} says {failed.status.label}, not fail"
    if passes.status is not Status.PASS:
        return f"the evidence of {passes.run} says {passes.status.label}, not pass"
    if not passes.force.settled:
        return f"{passes.force.value} in {passes.run}: running and persistent state have to be good, both of them"
    return f"failed in {failed.run} and passes in {passes.run}, judged again by the same check from both"
