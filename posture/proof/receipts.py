"""Receipts of findings that were closed as fixed, replayed from the raw answers of both runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from posture.assess import circumstances_of, register_of
from posture.errors import StoreError, UsageError
from posture.judging import judge_evidence
from posture.known import Recalled
from posture.model.check import Baseline
from posture.model.finding import Closing, Finding, Outcome, Result, Status
from posture.model.host import FLEET
from posture.model.receipt import Receipt, Sight
from posture.store import Did, Store
from posture.vulnerabilities.register import Reader


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
    baseline = store.baseline(later)
    check = next((one for one in baseline.checks if one.id == finding.check), None)
    if check is None:
        raise UsageError(f"{finding.check} is in the baseline no more", hint="only a check that is asked has receipts")
    failed = _sight(store, _last_failing(store, finding), finding, baseline)
    passes = _sight(store, later, finding, baseline)
    holds = failed.status is Status.FAIL and passes.status is Status.PASS
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
        holds=holds,
        why=_why(failed, passes),
    )


def receipts(store: Store, run_id: str) -> Iterator[Receipt]:
    """Yield a receipt for each finding that a run closed as fixed, as far as its evidence is still there."""
    as_of = store.load_run(run_id).run.as_of
    for finding in store.findings():
        if finding.closed_at == as_of and finding.closing is Closing.FIXED:
            try:
                yield receipt(store, finding.id)
            except (StoreError, UsageError):
                continue  # the earlier run is gone: no receipt is better than half of one


def _last_failing(store: Store, finding: Finding) -> str:
    """Return the run that last saw it fail."""
    for one in store.runs():
        hosts = {host.id for host in store.inventory(one.run.id).hosts} | {FLEET}
        if one.run.as_of == finding.last_seen and finding.host in hosts:
            return one.run.id
    raise UsageError(
        f"the run that last saw finding {finding.id} fail is not in this store",
        hint=f"it was judged as of {finding.last_seen:%Y-%m-%dT%H:%M:%SZ}",
    )


def _sight(store: Store, run_id: str, finding: Finding, baseline: Baseline) -> Sight:
    run, inventory, register = store.load_run(run_id).run, store.inventory(run_id), register_of(store, run_id)
    known = Recalled(Reader(register, circumstances_of(store, run_id).rules(baseline, register.feeds)), run)
    only = "" if finding.host == FLEET else finding.host
    run = replace(run, baseline_digest=baseline.digest)
    judged = judge_evidence(
        run, inventory, baseline, known, lambda host: store.read_transcripts(run_id, host), only=only
    )
    results = next(results for host, results in judged if host == finding.host)
    result = next(one for one in results if one.check == finding.check)
    evidence = store.read_host(run_id, finding.host).evidence
    return Sight(
        run=run_id,
        at=run.as_of,
        status=_status_of(result, finding.subject),
        said=_said(result),
        evidence=tuple((one.command_id, one.sha256) for one in evidence if one.command_id in result.evidence),
        origin=run.origin,
    )


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
    return f"failed in {failed.run} and passes in {passes.run}, judged again by the same check from both"
