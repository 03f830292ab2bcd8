"""The rooms that look ahead: overview, attack paths, what-ifs and the calendar, each worked out once for a run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property

from posture.graph import extra_installed
from posture.histories import score_trend
from posture.model.account import Account
from posture.model.assessment import Assessment
from posture.model.outlook import PathAnalysis
from posture.model.path import AttackGraph
from posture.model.plan import Calendar, Work
from posture.model.trend import ScoreTrend
from posture.plan.calendar import Hours
from posture.planning import calendar_of, outlook_of, works_of
from posture.serve.rooms import Rooms, Seen
from posture.serve.sight import seen_graph
from posture.store import Store
from reports.dashboard.overview import overview

_KEPT = 2  # graphs in memory: of 10,000 hosts one takes some hundred megabytes


class Ahead:
    """What follows from one run as an account sees it; each part is worked out when it is first asked for."""

    def __init__(self, assessment: Assessment, graph: Callable[[], AttackGraph | None], trend: ScoreTrend) -> None:
        self._assessment, self._read_graph, self.trend = assessment, graph, trend
        self._lock = threading.Lock()

    @cached_property
    def graph(self) -> AttackGraph | None:
        """The attack graph; ``None`` where there is none to search."""
        return self._read_graph() if extra_installed() else None

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """Every fix, in the order of the plan."""
        return works_of(self._assessment, self.graph)

    @cached_property
    def outlook(self) -> PathAnalysis | None:
        """What the graph comes to when the fixes are what can be done; ``None`` without a graph or an objective."""
        with self._lock:
            return outlook_of(self.graph, self.works) if self.graph and self.graph.objectives else None

    @cached_property
    def calendar(self) -> Calendar:
        """Thirty days of work."""
        with self._lock:
            return calendar_of(self._assessment, self.graph, Hours())


class AheadRooms:
    """Draws the pages; safe to use from several threads."""

    def __init__(self, store: Store, rooms: Rooms) -> None:
        self._store, self._rooms = store, rooms
        self._kept: OrderedDict[tuple[str, str, tuple[str, ...]], Ahead] = OrderedDict()
        self._lock = threading.Lock()

    def overview(self, account: Account, token: str, ref: str) -> str:
        """Return the head of security's page; before the first run it says how to make one."""
        if not self._store.runs():
            return self._rooms.draw("empty", self._rooms.chrome("Overview", account, token, "/", None))
        seen = self._rooms.seen(account, ref)
        ahead = self.ahead(account, seen)
        here = overview(seen.survey, ahead.trend, ahead.works, ahead.outlook)
        chrome = self._rooms.chrome("Overview", account, token, "/", seen)
        return self._rooms.draw("overview", chrome, places=self._rooms.places(seen, account), page=seen.view, here=here)

    def ahead(self, account: Account, seen: Seen) -> Ahead:
        """Return what follows from a run; kept as long as the run does not change."""
        with self._lock:
            if seen.key in self._kept:
                self._kept.move_to_end(seen.key)
                return self._kept[seen.key]
        run = seen.run.run.id
        trend = score_trend(self._store, run)
        found = Ahead(seen.survey.assessment, lambda: seen_graph(account, self._store, run), trend)
        with self._lock:
            self._kept[seen.key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found
