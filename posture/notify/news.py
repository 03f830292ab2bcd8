"""What of a run each receiver asked to be told: what it brought since the run before that asked the same."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from posture.asked import asked_of
from posture.assess import stored_assessment
from posture.inputs.config import NotifyEntry
from posture.model.asked import Asked, NotKnown
from posture.model.assessment import Assessment, RunState
from posture.model.schedule import Kind
from posture.notify.events import Event, events
from posture.notify.post import Target
from posture.store import Store


def targets_of(notify: NotifyEntry) -> tuple[Target, ...]:
    """Return everybody who is to be told."""
    return (*notify.webhooks, *notify.mail)


def news(store: Store, run: str, notify: NotifyEntry) -> Sequence[tuple[Target, Event]]:
    """Return what there is to tell of a run, and whom.

    Raises:
        StoreError: there is no such run.
    """
    now = stored_assessment(store, run)
    before = _before(store, now)
    return [
        (target, event)
        for target in targets_of(notify)
        for event in events(now, before, drop_points=notify.coverage_drop_points, with_hosts=target.hosts)
        if event.kind.value in target.events
    ]


def _before(store: Store, now: Assessment) -> Assessment | None:
    """Return the newest complete run before this one that asked the same of the same inventory, of the same origin.

    One without logins is no run before one with logins: its coverage is another matter.
    """
    name, asked = store.inventory(now.run.id).name, _asked(store, now.run.id)
    for one in store.runs():
        earlier = one.run.as_of < now.run.as_of and one.run.state is RunState.COMPLETE
        if not earlier or one.run.origin is not now.run.origin or store.inventory(one.run.id).name != name:
            continue
        if _asked(store, one.run.id) == asked:
            return stored_assessment(store, one.run.id)
    return None


def _asked(store: Store, run: str) -> Asked | NotKnown:
    """Return the kinds of questions a run asked; of how many hosts it did, its coverage tells.

    Of runs from before that was kept, the schedules know who logged in nowhere.
    """
    asked = asked_of(store, run)
    if isinstance(asked, Asked):
        return replace(asked, no_login=0, no_look=0)
    return Asked(login=False) if run in _looks(store) else asked


def _looks(store: Store) -> frozenset[str]:
    kinds = [one.name for one in store.schedules.all(removed=True) if one.kind is Kind.EXPOSURE]
    return frozenset(
        one.run for name in kinds for one in store.schedules.occurrences(name, limit=sys.maxsize) if one.run
    )
