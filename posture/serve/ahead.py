"""The rooms that look ahead: overview, attack paths, what-ifs and the calendar, each worked out once for a run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import msgspec

from collectors.ai.fingerprints import SERVICES
from posture.errors import StoreError
from posture.graph import extra_installed
from posture.histories import score_trend
from posture.judged import circumstances_of
from posture.model.account import Account, Act
from posture.model.assessment import Assessment, HostAssessment
from posture.model.host import FLEET, Host
from posture.model.observation import FactDocument
from posture.model.outlook import PathAnalysis, WhatIf
from posture.model.path import AttackGraph, EvidenceRef
from posture.model.plan import Calendar, Work
from posture.model.trend import ScoreTrend
from posture.plan.calendar import Hours
from posture.plan.scores import Scores, bound_classes, raised
from posture.planning import DueDates, calendar_of, outlook_of, relief_of, what_if_of, works_of
from posture.serve.rooms import Rooms, Seen
from posture.serve.scripts import Scripts
from posture.serve.sight import seen_graph
from posture.store import Store
from reports.dashboard.ai import HostAi, ai_page
from reports.dashboard.calendar import calendar_page, of_owner
from reports.dashboard.overview import overview
from reports.dashboard.pages import evidence_path
from reports.dashboard.paths import path_page, paths_page
from reports.dashboard.views.ai import AiPage
from reports.dashboard.views.calendar import CalendarPage
from reports.dashboard.views.paths import PathPage, PathsPage
from reports.dashboard.views.what_if import WhatIfPage
from reports.dashboard.what_if import Bands, fix_of, what_if_page
from reports.survey import Survey
from reports.view import Pair

_ASKED = 32  # what-ifs and zones of one run
HOURS = Hours()
_AI_SIDES = (("ai_service", "the network"), ("ai_host", "the host"))
_KEPT = 2  # graphs in memory: of 10,000 hosts one takes some hundred megabytes


class Ahead:
    """What follows from one run as an account sees it; each part is worked out when it is first asked for."""

    def __init__(
        self,
        assessment: Assessment,
        hosts: Mapping[str, Host],
        graph: Callable[[], AttackGraph | None],
        trend: ScoreTrend,
    ) -> None:
        self._assessment, self._hosts, self._read_graph, self.trend = assessment, hosts, graph, trend
        self._lock = threading.Lock()
        self._ai: AiPage | None = None
        self._paths: OrderedDict[str, PathsPage] = OrderedDict()
        self._asked: OrderedDict[tuple[str, ...], WhatIf] = OrderedDict()

    @cached_property
    def graph(self) -> AttackGraph | None:
        """The attack graph; ``None`` where there is none to search."""
        return self._read_graph() if extra_installed() else None

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """Every fix, in the order of the plan."""
        return works_of(self._assessment, self.graph, self._hosts)

    @cached_property
    def outlook(self) -> PathAnalysis | None:
        """What the graph comes to when the fixes are what can be done; ``None`` without a graph or an objective."""
        with self._lock:
            return outlook_of(self.graph, self.works) if self.graph and self.graph.objectives else None

    @cached_property
    def calendar(self) -> Calendar:
        """Thirty days of work."""
        works = self.works
        with self._lock:
            return calendar_of(self._assessment, self.graph, HOURS, works=works)

    def paths(self, survey: Survey, zone: str) -> PathsPage:
        """Return the list of attack paths with its map, of one zone alone if it is named; the last few are kept."""
        with self._lock:
            if zone not in self._paths:
                self._paths[zone] = paths_page(survey, zone)
                while len(self._paths) > _ASKED:
                    self._paths.popitem(last=False)
            return self._paths[zone]

    def ai_page(self, store: Store) -> AiPage:
        """Return what is known of AI services; it is read from documents once."""
        with self._lock:
            if self._ai is None:
                hosts = [one for one in self._assessment.read_hosts() if one.host.id != FLEET]
                register = store.inventory(self._assessment.run.id).ai_register is not None
                self._ai = ai_page(_ai_of(hosts, store), {one.id: one.name for one in SERVICES}, register=register)
            return self._ai

    def what_if(self, made: tuple[str, ...], due_dates: DueDates | None) -> WhatIf | None:
        """Return what these fixes come to together; ``None`` without a graph or an objective. The last few are kept."""
        graph, outlook = self.graph, self.outlook
        if graph is None or outlook is None:
            return None
        with self._lock:
            if made not in self._asked:
                self._asked[made] = what_if_of(self.works, graph, made, before=outlook, due_dates=due_dates)
                while len(self._asked) > _ASKED:
                    self._asked.popitem(last=False)
            return self._asked[made]


class AheadRooms:
    """Draws the pages; safe to use from several threads."""

    def __init__(self, store: Store, rooms: Rooms, scripts: Scripts) -> None:
        self._store, self._rooms, self._scripts = store, rooms, scripts
        self._kept: OrderedDict[tuple[str, str, tuple[str, ...]], Ahead] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def scripted(self) -> bool:
        """Whether the page of attack paths loads scripts."""
        return bool(self._scripts.contents)

    def overview(self, account: Account, token: str, ref: str) -> str:
        """Return the head of security's page; before the first run it says how to make one."""
        if not self._store.runs():
            return self._rooms.draw("empty", self._rooms.chrome("Overview", account, token, "/", None))
        seen = self._rooms.seen(account, ref)
        ahead = self.ahead(account, seen)
        here = overview(seen.survey, ahead.trend, ahead.works, ahead.outlook)
        chrome = self._rooms.chrome("Overview", account, token, "/", seen)
        return self._rooms.draw("overview", chrome, places=self._rooms.places(seen, account), page=seen.view, here=here)

    def paths(self, account: Account, token: str, ref: str, zone: str) -> str:
        """Return the page of attack paths, of one zone alone if it is named."""
        seen = self._rooms.seen(account, ref)
        here = self.ahead(account, seen).paths(seen.survey, zone)
        plain = self._rooms.chrome("Attack paths", account, token, "/paths", seen)
        chrome = replace(plain, scripts=self._scripts.addresses)
        return self._rooms.draw("paths", chrome, places=self._rooms.places(seen, account), page=seen.view, here=here)

    def path(self, account: Account, token: str, path_id: str) -> str:
        """Return the page of one path.

        Raises:
            StoreError: there is none of that id that the account may see.
        """
        chrome = self._rooms.chrome("Attack path", account, token, "/paths", self._rooms.seen(account, "latest"))
        return self._rooms.draw("path", chrome, places={}, here=self.path_view(account, path_id))

    def path_view(self, account: Account, path_id: str) -> PathPage:
        """Return one path of the newest run.

        Raises:
            StoreError: there is none of that id that the account may see.
        """
        seen = self._rooms.seen(account, "latest")
        found = seen.survey.assessment.attack
        path = next((one for one in found.paths() if one.id == path_id), None) if found else None
        if found is None or path is None:
            raise StoreError("no attack path of this id in the newest run", hint="the page of attack paths lists them")
        may_read = account.may(Act.READ_EVIDENCE)
        answers = _Answers(self._store, seen.run.run.id) if may_read else _nothing
        works = self.ahead(account, seen).works
        return path_page(seen.survey, found, path, works, answers, may_read=may_read)

    def what_if(self, account: Account, token: str, fixes: Sequence[str]) -> str:
        """Return the page of what these fixes would come to; ids that are no fix of the plan are counted and told."""
        seen = self._rooms.seen(account, "latest")
        chrome = self._rooms.chrome("What if", account, token, "/what-if", seen)
        here = self.what_if_view(account, fixes)
        return self._rooms.draw("what_if", chrome, places=self._rooms.places(seen, account), here=here)

    def what_if_view(self, account: Account, fixes: Sequence[str]) -> WhatIfPage:
        """Return what these fixes would come to in the newest run."""
        seen = self._rooms.seen(account, "latest")
        ahead = self.ahead(account, seen)
        known = tuple(sorted({work.id for work in ahead.works}.intersection(fixes)))
        return what_if_page(
            seen.survey,
            ahead.works,
            tuple(dict.fromkeys(fixes)),
            graph=ahead.graph,
            outlook=ahead.outlook,
            found=ahead.what_if(known, self._relief(seen, ahead)) if known else None,
            then=self._raised(seen, ahead, known),
        )

    def plan(self, account: Account, token: str, ref: str, owner: str) -> str:
        """Return the plan as a calendar, of one owner if they are named."""
        seen, here = self._rooms.seen(account, ref), self.plan_view(account, ref, owner)
        chrome = self._rooms.chrome("Plan", account, token, "/plan", seen)
        return self._rooms.draw("plan", chrome, places=self._rooms.places(seen, account), page=seen.view, here=here)

    def plan_view(self, account: Account, ref: str, owner: str) -> CalendarPage:
        """Return the plan as a calendar, of one owner if they are named."""
        ahead = self.ahead(account, self._rooms.seen(account, ref))
        return calendar_page(ahead.calendar, ahead.works, owner, HOURS.default)

    def calendar(self, account: Account, owner: str) -> Calendar:
        """Return the calendar of the newest run, of one owner if they are named."""
        ahead = self.ahead(account, self._rooms.seen(account, "latest"))
        return of_owner(ahead.calendar, owner, ahead.works)

    def ai(self, account: Account, token: str, ref: str) -> str:
        """Return the page of AI services."""
        seen, here = self._rooms.seen(account, ref), self.ai_view(account, ref)
        chrome = self._rooms.chrome("AI services", account, token, "/ai", seen)
        return self._rooms.draw("ai", chrome, here=here)

    def ai_view(self, account: Account, ref: str) -> AiPage:
        """Return AI services, those of the register against those that were found."""
        return self.ahead(account, self._rooms.seen(account, ref)).ai_page(self._store)

    def _relief(self, seen: Seen, ahead: Ahead) -> DueDates | None:
        return relief_of(self._store, seen.run.run.id, ahead.graph) if ahead.graph else None

    def _raised(self, seen: Seen, ahead: Ahead, made: Sequence[str]) -> Bands:
        """Return the scores as they would be with these fixes made."""
        assessment = seen.survey.assessment
        systems = tuple(one for one in assessment.group_scores if one.kind == "system")
        works = [work for work in ahead.works if work.id in made]
        fixes = [fix for work in works if (fix := fix_of(seen.survey, work)) is not None]
        fleet = Host(FLEET, (), "")
        circumstances = circumstances_of(self._store, assessment.run.id)
        then = raised(
            Scores(assessment.scores, systems),
            ((seen.hosts.get(host, fleet), fix.check) for fix in fixes for host in fix.hosts),
            seen.survey.checks,
            weights=circumstances.weights,
            binding=bound_classes(assessment.clocks, assessment.baseline.profile),
        )
        return then.categories, then.groups

    def ahead(self, account: Account, seen: Seen) -> Ahead:
        """Return what follows from a run; kept as long as the run does not change."""
        with self._lock:
            if seen.key in self._kept:
                self._kept.move_to_end(seen.key)
                return self._kept[seen.key]
        run = seen.run.run.id
        trend = score_trend(self._store, run)
        found = Ahead(seen.survey.assessment, seen.hosts, lambda: seen_graph(account, self._store, run), trend)
        with self._lock:
            self._kept[seen.key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


def _nothing(_ref: EvidenceRef) -> tuple[Pair, ...]:
    return ()


class _Answers:
    """The answers behind facts of a run, host by host."""

    def __init__(self, store: Store, run: str) -> None:
        self._store, self._run = store, run
        self._hosts: dict[str, dict[str, tuple[Pair, ...]]] = {}

    def __call__(self, ref: EvidenceRef) -> tuple[Pair, ...]:
        """Return the commands that a fact was read from, with the address of each answer."""
        if ref.host not in self._hosts:
            self._hosts[ref.host] = self._read(ref.host)
        return self._hosts[ref.host].get(ref.topic, ())

    def _read(self, host: str) -> dict[str, tuple[Pair, ...]]:
        answers = {one.command_id: one for one in self._store.read_host(self._run, host).evidence}
        return {
            one.topic: tuple(
                Pair(answers[id_].asked, evidence_path(answers[id_].sha256)) for id_ in one.evidence if id_ in answers
            )
            for one in self._store.read_observations(self._run, host)
            if isinstance(one, FactDocument)
        }


def _ai_of(hosts: Sequence[HostAssessment], store: Store) -> list[HostAi]:
    """Return what each host's documents say of AI; alike hosts share a document, which is read once."""
    known: dict[str, Mapping[str, Any]] = {}

    def facts(host: HostAssessment, topic: str) -> Mapping[str, Any] | None:
        digest = dict(host.documents).get(topic)
        if digest is None:
            return None
        if digest not in known:
            known[digest] = msgspec.json.decode(store.read_blob(digest))["facts"]
        return known[digest]

    return [
        HostAi(
            host=one.host,
            facts=facts(one, "ai"),
            network=facts(one, "ai_service"),
            blind=tuple(
                (side, unseen.reason.value, unseen.detail)
                for topic, side in _AI_SIDES
                for unseen in one.unseen
                if unseen.topic == topic
            ),
        )
        for one in hosts
    ]
