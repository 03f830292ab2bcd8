"""Which run the dashboard leads with: the newest that asked everything; newer ones that say less stand beside it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from posture.asked import asked_of
from posture.model.asked import Asked, NotKnown
from posture.model.assessment import RunState
from posture.model.check import Check
from posture.model.finding import Finding
from posture.store import Store, StoredRun
from reports.dashboard.pages import finding_path
from reports.dashboard.views.around import NewerRun
from reports.view import Pair
from reports.words import percent

_KEPT = 8
_TOLD = 10  # findings that a newer run opened or closed, named; the rest is counted


@dataclass(frozen=True, slots=True)
class Lead:
    """The run that stands for the agency now."""

    run: StoredRun
    newer: tuple[StoredRun, ...]
    """Runs that began later and say less: a part of the baseline, interrupted, or still running; the newest first."""


def choose(runs: Sequence[StoredRun], asked: Callable[[str], Asked | NotKnown]) -> Lead:
    """Return which of the runs leads; they come with the newest first, and there is at least one.

    What a run set out to ask decides, and not what it brought: one that found every door shut is shown with its holes.
    """
    ended = [one for one in runs if one.run.state is not RunState.RUNNING]
    complete = [one for one in ended if one.run.state is RunState.COMPLETE]
    whole = next((one for one in complete if asked(one.run.id).whole), None)
    lead = whole or next(iter((*complete, *ended, *runs)))
    return Lead(lead, tuple(runs[: list(runs).index(lead)]))


class Leading:
    """Finds the leading run of a store; what a run asked is read once. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked: dict[str, Asked | NotKnown] = {}
        self._newer: OrderedDict[tuple[str, str, str, datetime | None, tuple[str, ...]], NewerRun] = OrderedDict()
        self._lock = threading.Lock()

    def now(self) -> Lead:
        """Return the run that leads.

        Raises:
            StoreError: there is no run yet.
        """
        newest = self._store.load_run("latest")
        if newest.run.state is RunState.COMPLETE and self.asked(newest).whole:
            return Lead(newest, ())
        return choose(self._store.runs(), self.asked_by_id)

    def asked(self, run: StoredRun) -> Asked | NotKnown:
        """Return what a run set out to ask."""
        # A run that is resumed may ask more than before, so only one that has ended well is remembered.
        return self.asked_by_id(run.run.id, keep=run.run.state is RunState.COMPLETE)

    def asked_by_id(self, run: str, *, keep: bool = True) -> Asked | NotKnown:
        """Return what the run of this id set out to ask."""
        with self._lock:
            if run in self._asked:
                return self._asked[run]
        found = asked_of(self._store, run)
        if keep:
            with self._lock:
                self._asked[run] = found
        return found

    def newer(self, lead: Lead, seen: Sight) -> NewerRun | None:
        """Return the newest run that ended after the leading one, with what it changed; ``None`` without one."""
        newest = next((one for one in lead.newer if one.run.state is not RunState.RUNNING), None)
        if newest is None:
            return None
        key = (lead.run.run.id, newest.run.id, newest.fingerprint, newest.run.finished_at, seen.systems)
        with self._lock:
            if key in self._newer:
                return self._newer[key]
        found = self._changes(newest, seen)
        with self._lock:
            self._newer[key] = found
            while len(self._newer) > _KEPT:
                self._newer.popitem(last=False)
        return found

    def _changes(self, newest: StoredRun, seen: Sight) -> NewerRun:
        now = {one.id: one for one in self._store.findings(open_only=True) if one.host in seen.hosts}
        then = {one.id: one for one in seen.open}
        opened, closed = sorted(now.keys() - then.keys()), sorted(then.keys() - now.keys())
        share = self._store.coverage(newest.run.id)
        return NewerRun(
            path=f"/?run={newest.run.id}",
            as_of=newest.run.as_of,
            why=self.asked(newest).words() or "was interrupted",
            coverage="" if seen.systems else f"{percent(share.decided, share.possible)} of its results are decided",
            opened=tuple(_told(now[one], seen) for one in opened[:_TOLD]),
            opened_total=len(opened),
            closed=tuple(_told(then[one], seen) for one in closed[:_TOLD]),
            closed_total=len(closed),
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """What of the leading run is needed to tell what a newer one changed."""

    open: tuple[Finding, ...]
    hosts: Container[str]
    """Those that the account sees, ``fleet`` if it sees all."""
    checks: Mapping[str, Check]
    systems: tuple[str, ...]


def _told(finding: Finding, seen: Sight) -> Pair:
    check = seen.checks.get(finding.check)
    subject = f", {finding.subject}" if finding.subject else ""
    return Pair(f"{check.title if check else finding.check} on {finding.host}{subject}", finding_path(finding.id))
