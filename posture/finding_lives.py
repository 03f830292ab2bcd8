"""What a run says of the life of findings: which it opens, goes on with and closes, and when it has no say."""

from __future__ import annotations

from posture.evaluate.lifecycle import update_findings
from posture.judged import Circumstances, covered_results, stored
from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.host import FLEET, Inventory
from posture.model.observation import Origin
from posture.store import Store


def follow_findings(
    store: Store, run: Run, inventory: Inventory, baseline: Baseline, circumstances: Circumstances
) -> tuple[str, ...]:
    """Return a note when this run leaves the findings alone, because it is not the latest word on them."""
    if note := _why_no_word(store, run, inventory):
        return (note,)
    previous = list(store.findings())
    current = {host.id for host in inventory.hosts} | {FLEET}
    others = {finding.host for finding in previous} - current
    # Hosts of other inventories are not gone: nobody asked for them here.
    known = current | (others - _gone(store, run, inventory, others))
    judged = stored(store, run.id)
    findings = update_findings(
        previous,
        covered_results(judged),
        checks={check.id: check for check in baseline.checks},
        hosts=known,
        now=run.as_of,
        due=circumstances.due(baseline, judged.known),
        deferred=judged.known.deferred,
    )
    store.save_findings(run.id, findings, run.as_of)
    return ()


def _why_no_word(store: Store, run: Run, inventory: Inventory) -> str:
    """Return why this run says nothing of the life of findings; empty when it does."""
    others = [one.run for one in store.runs() if one.run.id != run.id and one.provenance is None]
    if run.origin is Origin.REPLAYED and any(one.origin is not Origin.REPLAYED for one in others):
        return "replayed beside live runs: findings keep the life that those gave them"
    if any(one.as_of > run.as_of and store.inventory(one.id).name == inventory.name for one in others):
        return "a run as of a later moment is in the store: findings keep the life that it gave them"
    return ""


def _gone(store: Store, run: Run, inventory: Inventory, hosts: set[str]) -> set[str]:
    """Return which of the hosts an earlier run over the same inventory had; they were taken out of it since."""
    gone: set[str] = set()
    for earlier in store.runs():
        if gone == hosts:
            break
        if earlier.run.id != run.id and _enclaves(store, earlier.run) == _enclaves(store, run):
            before = store.inventory(earlier.run.id)
            if before.name == inventory.name:
                gone |= hosts & {host.id for host in before.hosts}
    return gone


def _enclaves(store: Store, run: Run) -> set[tuple[str, str]]:
    """Return which networks a merged run is about; empty for a run of one."""
    found = (store.load_run(source).provenance for source in run.merged_from)
    return {(one.enclave, one.scanner) for one in found if one is not None}
