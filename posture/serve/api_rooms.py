"""What the API answers: the contexts that the pages draw, in lists that are read on with a cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from posture.errors import UsageError
from posture.model.account import Account
from posture.model.host import FLEET
from posture.serve.ahead import AheadRooms
from posture.serve.host_room import HostRoom
from posture.serve.rooms import Rooms, Seen
from posture.serve.work_room import WorkRoom
from posture.store import Store
from reports.dashboard.overview import overview
from reports.dashboard.queue import Wanted
from reports.dashboard.views.ai import AiPage
from reports.dashboard.views.audit import ChangeLine
from reports.dashboard.views.calendar import CalendarPage
from reports.dashboard.views.evidence import EvidencePage
from reports.dashboard.views.finding import FindingPage
from reports.dashboard.views.fixed import FixedView
from reports.dashboard.views.host import AnswerLine, HostPage
from reports.dashboard.views.overview import OverviewView
from reports.dashboard.views.paths import PathPage
from reports.dashboard.views.scans import RunLine
from reports.dashboard.views.what_if import WhatIfPage
from reports.dashboard.views.work import WorkLine
from reports.view import CheckView, CoverageView, DueView, HeadlineView, PathsView, PlanView, ScoresView, Share

_DETAIL_CHARS = 600  # of one row of the audit chain

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list."""

    items: Sequence[T]
    total: int
    """Items of the whole list."""
    next: str
    """The cursor of the part that follows; empty on the last."""
    run: str
    """The run this is of; a cursor stays with its run while later scans come."""
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """One thing of a run."""

    item: T
    run: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page: what is left by each clock, how much was seen, scores, and the fixes that cut most."""

    headline: HeadlineView
    coverage: CoverageView
    due: DueView
    scores: ScoresView
    ahead: OverviewView


@dataclass(frozen=True, slots=True)
class HostLine:
    """One host of the inventory."""

    id: str
    name: str
    zone: str
    system: str
    owner: str
    open: int
    overdue: int
    decided: Share
    """Results that say pass, fail or not applicable, of all checks; the rest is unknown."""


@dataclass(frozen=True, slots=True)
class AuditLines:
    """A part of the audit chain, the newest row first."""

    holds: bool
    """Whether each row of the whole chain covers the one before it."""
    verdict: str
    items: Sequence[ChangeLine]
    next: str
    """The cursor of the rows before these; empty at the beginning of the chain."""


class ApiRooms:
    """Answers the API; safe to use from several threads."""

    def __init__(self, store: Store, rooms: Rooms, work: WorkRoom, ahead: AheadRooms, hosts: HostRoom) -> None:
        self._store, self._rooms, self._work, self._ahead, self._hosts = store, rooms, work, ahead, hosts

    def overview(self, account: Account, run: str) -> Answer[Overview]:
        """Return the overview."""
        seen = self._rooms.seen(account, run)
        told, view = self._ahead.ahead(account, seen), seen.view
        ahead = overview(seen.survey, told.trend, told.works, told.outlook)
        return _answer(seen, Overview(view.headline, view.coverage, view.due, view.scores, ahead))

    def findings(self, account: Account, wanted: Wanted, cut: Cut) -> Page[WorkLine]:
        """Return open findings in the order asked for."""
        seen, start = self._begun(account, cut)
        return _page(seen, self._work.lines(account, wanted, seen.run.run.id), start, cut.limit)

    def finding(self, account: Account, finding: str) -> Answer[FindingPage]:
        """Return the life of a finding."""
        return _answer(self._rooms.seen(account, "latest"), self._work.finding_page(account, finding))

    def hosts(self, account: Account, cut: Cut) -> Page[HostLine]:
        """Return the hosts by id."""
        seen, start = self._begun(account, cut)
        ids = sorted(seen.hosts)
        return _page(seen, ids, start, cut.limit, lambda host: self._host_line(seen, host))

    def host(self, account: Account, host: str, run: str) -> Answer[HostPage]:
        """Return everything said of a host."""
        return _answer(self._rooms.seen(account, run), self._hosts.host_page(account, host, run))

    def checks(self, account: Account, cut: Cut) -> Page[CheckView]:
        """Return the checks that fail somewhere."""
        seen, start = self._begun(account, cut)
        return _page(seen, seen.view.checks.checks, start, cut.limit)

    def paths(self, account: Account, run: str) -> Answer[PathsView]:
        """Return the attack paths."""
        seen = self._rooms.seen(account, run)
        return _answer(seen, seen.view.paths)

    def path(self, account: Account, path: str) -> Answer[PathPage]:
        """Return one attack path with what each step rests on."""
        return _answer(self._rooms.seen(account, "latest"), self._ahead.path_view(account, path))

    def what_if(self, account: Account, fixes: Sequence[str]) -> Answer[WhatIfPage]:
        """Return what these fixes would come to."""
        return _answer(self._rooms.seen(account, "latest"), self._ahead.what_if_view(account, fixes))

    def calendar(self, account: Account, run: str, owner: str) -> Answer[CalendarPage]:
        """Return thirty days of work."""
        return _answer(self._rooms.seen(account, run), self._ahead.plan_view(account, run, owner))

    def ai(self, account: Account, run: str) -> Answer[AiPage]:
        """Return AI services."""
        return _answer(self._rooms.seen(account, run), self._ahead.ai_view(account, run))

    def plan(self, account: Account, run: str) -> Answer[PlanView]:
        """Return the plan."""
        seen = self._rooms.seen(account, run)
        return _answer(seen, seen.view.plan)

    def fixed(self, account: Account, run: str) -> Answer[FixedView]:
        """Return what was mended, with its proof."""
        return _answer(self._rooms.seen(account, run), self._rooms.fixed_view(account, run))

    def scans(self, account: Account, cut: Cut) -> Page[RunLine]:
        """Return the stored runs, the newest first."""
        runs = self._store.runs()
        seen, start = self._begun(account, cut)
        first = next((place for place, one in enumerate(runs) if one.run.id == seen.run.run.id), 0) if start else 0
        shown = runs[first:] if start else runs
        return _page(seen, shown, start, cut.limit, lambda one: self._rooms.run_line(one, account))

    def evidence(self, account: Account, host: str, words: str, cut: Cut) -> Page[AnswerLine]:
        """Return the answers of a host whose command or digest holds the words."""
        seen, start = self._begun(account, cut)
        answers = self._hosts.host_page(account, host, seen.run.run.id).answers
        found = [one for one in answers if words in one.command or words in one.digest.text]
        return _page(seen, found, start, cut.limit)

    def answer(self, account: Account, digest: str) -> Answer[EvidencePage]:
        """Return the bytes behind a digest as harmless lines."""
        return _answer(self._rooms.seen(account, "latest"), self._rooms.evidence_page(account, digest))

    def audit(self, account: Account, cut: Cut) -> AuditLines:
        """Return rows of the audit chain."""
        before = cut.place("audit") if cut.cursor else 0
        page = self._rooms.audit_page(account, before, cut.limit)
        following = cursor("audit", page.lines[-1].seq) if page.earlier else ""
        lines = tuple(replace(one, detail=one.detail[:_DETAIL_CHARS]) for one in page.lines)
        return AuditLines(page.holds, page.verdict, lines, following)

    def _begun(self, account: Account, cut: Cut) -> tuple[Seen, int]:
        run, start = cut.begin()
        return self._rooms.seen(account, run), start

    def _host_line(self, seen: Seen, id_: str) -> HostLine:
        host = seen.hosts[id_]
        results = self._hosts.results_of(seen, id_).results
        mine = [one for one in seen.survey.open if one.host == id_ != FLEET]
        decided = sum(one.verdict.status.decided for one in results)
        late = sum(one.id in seen.survey.overdue for one in mine)
        share = Share(decided, len(results))
        return HostLine(id_, host.name, host.zone, host.system, host.owner, len(mine), late, share)


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a list is asked for."""

    cursor: str
    limit: int
    run: str = "latest"

    def begin(self) -> tuple[str, int]:
        """Return the run and the first item.

        Raises:
            UsageError: the cursor is none of ours.
        """
        if not self.cursor:
            return self.run, 0
        run, place = _read(self.cursor)
        return run, place

    def place(self, kind: str) -> int:
        """Return the place in a list that no run has.

        Raises:
            UsageError: the cursor is none of ours, or of another list.
        """
        found, place = _read(self.cursor)
        if found != kind:
            raise UsageError("this cursor is of another list", hint="begin without one")
        return place


def cursor(run: str, place: int) -> str:
    """Return where a list goes on."""
    return base64.urlsafe_b64encode(f"{run} {place}".encode()).decode().rstrip("=")


def _read(text: str) -> tuple[str, int]:
    try:
        run, _, place = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(" ")
        number = int(place) if place.isdigit() and len(place) < 12 else -1
    except (ValueError, binascii.Error):
        run, number = "", -1
    if not run or number < 0:
        raise UsageError("this is no cursor", hint="take `next` of the answer before, as it is")
    return run, number


def _page(seen: Seen, items: Sequence[S], start: int, limit: int, drawn: Callable[[S], T] | None = None) -> Page[T]:
    shown = items[start : start + limit]
    following = cursor(seen.run.run.id, start + limit) if start + limit < len(items) else ""
    made: Sequence[T] = [drawn(one) for one in shown] if drawn else shown  # type: ignore[assignment]
    return Page(made, len(items), following, seen.run.run.id, seen.run.run.as_of)


def _answer(seen: Seen, item: T) -> Answer[T]:
    return Answer(item, seen.run.run.id, seen.run.run.as_of)
