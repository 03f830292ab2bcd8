"""One method for each kind of page: what an account sees, taken from the store and drawn."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from posture.errors import NotKeptError, StoreError
from posture.judged import circumstances_of
from posture.model.account import Account, Act
from posture.model.assessment import RunState
from posture.model.attack import AttackReport
from posture.model.host import FLEET, Host
from posture.serve.chain_watch import ChainWatch
from posture.serve.door import form_token
from posture.serve.leading import Leading, Sight
from posture.serve.sight import seen_attack, surveyed
from posture.serve.timetable import schedule_gauges, schedules_view
from posture.store import Event, Store, StoredRun
from reports import dashboard as dashboard_package
from reports.dashboard import pages
from reports.dashboard.fixed import fixed_page
from reports.dashboard.views.around import ChromeView, NavLine, OnwardView, SignInView, TroubleView
from reports.dashboard.views.audit import AuditView, ChangeLine
from reports.dashboard.views.evidence import EvidencePage
from reports.dashboard.views.fixed import FixedView
from reports.dashboard.views.scans import RunLine, RunsView, StageLine
from reports.html_report import build_view, environment
from reports.prometheus import prometheus_lines
from reports.sections.common import finding_anchor
from reports.survey import Limits, Survey
from reports.view import Link, ReportView, Tag
from reports.words import percent

_MENU: tuple[tuple[str, str, str, Act], ...] = (
    ("/", "Overview", "", Act.READ_POSTURE),
    ("/work", "Work", "", Act.READ_POSTURE),
    ("/plan", "Plan", "", Act.READ_POSTURE),
    ("/paths", "Attack paths", "", Act.READ_POSTURE),
    ("/what-if", "What if", "", Act.READ_POSTURE),
    ("/burndown", "Burn-down", "burndown", Act.READ_POSTURE),
    ("/vulnerabilities", "Known vulnerabilities", "vulnerabilities", Act.READ_POSTURE),
    ("/ai", "AI services", "", Act.READ_POSTURE),
    ("/fixed", "Fixed", "", Act.READ_POSTURE),
    ("/hosts", "Hosts", "hosts", Act.READ_POSTURE),
    ("/checks", "Checks", "checks", Act.READ_POSTURE),
    ("/coverage", "Coverage and blind spots", "coverage", Act.READ_POSTURE),
    ("/fleet", "Across the fleet", "fleet", Act.READ_POSTURE),
    ("/waivers", "Waivers", "waivers", Act.READ_POSTURE),
    ("/waivers/requests", "Waiver requests", "", Act.READ_POSTURE),
    ("/baseline", "Baseline", "baseline", Act.READ_POSTURE),
    ("/evidence", "Evidence", "evidence_index", Act.READ_EVIDENCE),
    ("/scans", "Scans", "", Act.READ_POSTURE),
    ("/audit", "Audit", "", Act.READ_AUDIT),
    ("/method", "Method", "method", Act.READ_POSTURE),
    ("/accounts", "Accounts", "", Act.MANAGE_ACCOUNTS),
)
"""Address, title, template of a page of the report's sections, and what it takes to read it; in the menu's order."""

_KEPT = 8  # drawn runs in memory; one of 10,000 hosts takes about 50 MB
_DRAWN = 32  # pages; the largest, of checks, has 2 MB
_AUDIT_PAGE = 100
_LIMITS = Limits(findings_per_check=20, hosts=200, findings_per_host=20, fixes=100)


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as some accounts see it; kept until the run changes."""

    key: tuple[str, str, tuple[str, ...]]
    """Run, its newest state, and the systems that the account is limited to."""

    survey: Survey
    view: ReportView
    hosts: dict[str, Host]
    run: StoredRun
    marking: str
    """The configuration's, or else the one that the run was made under."""


class Rooms:
    """Draws pages; safe to use from several threads."""

    def __init__(self, store: Store, marking: str, style: str) -> None:
        self._store, self._marking, self.style = store, marking, style
        self._chain = ChainWatch(store)
        self._env = environment(Path(dashboard_package.__file__).parent / "templates")
        self._kept: OrderedDict[tuple[str, str, tuple[str, ...]], Seen] = OrderedDict()
        self._drawn: OrderedDict[tuple[str, ChromeView, tuple[str, str, tuple[str, ...]]], str] = OrderedDict()
        self._places: OrderedDict[tuple[bool, tuple[str, str, tuple[str, ...]]], dict[str, str]] = OrderedDict()
        self._leading = Leading(store)
        self._form = secrets.token_hex(32)
        """Stands in kept pages where the form token of a session goes."""
        self._attacks: OrderedDict[tuple[str, str, tuple[str, ...]], AttackReport | None] = OrderedDict()
        self._lock = threading.Lock()

    def sections(self, act: Act) -> Iterator[tuple[str, str]]:
        """Yield address and name of every page made of the report's own sections."""
        return ((path, name) for path, _, name, needs in _MENU if name and needs is act)

    def section(self, name: str, account: Account, token: str, ref: str) -> str:
        """Return a page of the report's own sections."""
        title, path = next((title, path) for path, title, one, _ in _MENU if one == name)
        seen = self.seen(account, ref)
        chrome = replace(self.chrome(title, account, token, path, seen), form=self._form)
        key = (name, chrome, seen.key)
        with self._lock:
            drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self.draw(name, chrome, places=self.places(seen, account), page=seen.view)
            with self._lock:
                self._drawn[key] = drawn
                while len(self._drawn) > _DRAWN:
                    self._drawn.popitem(last=False)
        return drawn.replace(self._form, form_token(token))

    def fixed(self, account: Account, token: str, ref: str) -> str:
        """Return the page of what was mended as of a run."""
        seen = self.seen(account, ref)
        chrome = self.chrome("Fixed", account, token, "/fixed", seen)
        here = self.fixed_view(account, ref)
        places = self.places(seen, account)
        places |= {finding_anchor(one.id): pages.finding_path(one.id) for one in here.receipts}
        return self.draw("fixed", chrome, places=places, here=here)

    def fixed_view(self, account: Account, ref: str) -> FixedView:
        """Return what was mended as of a run, and which attack paths the complete run before it still had."""
        seen = self.seen(account, ref)
        run = seen.run.run
        before = next(
            (
                one
                for one in self._store.runs()
                if one.run.as_of < run.as_of
                and one.run.origin is run.origin
                and one.run.state is RunState.COMPLETE
                and self._leading.asked(one).whole
            ),
            None,
        )
        return fixed_page(seen.survey, before.run.id if before else "", self._attack(account, before))

    def _attack(self, account: Account, run: StoredRun | None) -> AttackReport | None:
        """Return the attack paths of an earlier run; those of the last few are kept, nothing else of it is read."""
        if run is None:
            return None
        key = (run.run.id, run.fingerprint, account.systems)
        with self._lock:
            if key in self._attacks:
                return self._attacks[key]
        found = seen_attack(account, self._store, run.run.id)
        with self._lock:
            self._attacks[key] = found
            while len(self._attacks) > _KEPT:
                self._attacks.popitem(last=False)
        return found

    def scans(self, account: Account, token: str, now: datetime) -> str:
        """Return the page of stored runs; their totals are of the whole run, so only who sees all of it gets them."""
        chrome = self.chrome("Scans", account, token, "/scans", self.seen(account, "latest"))
        lines = tuple(self.run_line(one, account) for one in self._store.runs())
        places = {one.run.text: f"/?run={one.run.text}" for one in lines}
        schedules = None if account.systems else schedules_view(self._store, now, account)
        return self.draw("runs", chrome, places=places, here=RunsView(lines, schedules))

    def run_line(self, one: StoredRun, account: Account) -> RunLine:
        """Return one stored run as the account may see it."""
        coverage = self._store.coverage(one.run.id)
        whole = not account.systems
        so_far = self._store.progress(one.run.id) if whole and one.run.state is RunState.RUNNING else None
        return RunLine(
            run=Link(one.run.id, one.run.id),
            state=Tag(one.run.state.value, "good" if one.run.state is RunState.COMPLETE else "unknown"),
            origin=one.run.origin.value,
            started_at=one.run.started_at,
            hosts=one.hosts if whole else len(self.seen(account, one.run.id).hosts),
            checks=one.checks,
            coverage=percent(coverage.decided, coverage.possible) if whole else "not shown: of the whole run",
            profile=one.run.profile,
            by=one.run.operator,
            asked=self._leading.asked(one).words(),
            leads=one.run.id == self._leading.now().run.run.id,
            told_at=so_far.told_at if so_far else None,
            stages=tuple(StageLine(stage.name, stage.done, stage.total) for stage in so_far.stages) if so_far else (),
        )

    def evidence(self, account: Account, token: str, digest: str) -> str:
        """Return the page of an answer.

        Raises:
            StoreError: there is none of that digest from a host that the account may see.
        """
        here = self.evidence_page(account, digest)
        chrome = self.chrome("Evidence", account, token, "/evidence", self.seen(account, "latest"))
        return self.draw("evidence", chrome, places={}, here=here)

    def evidence_page(self, account: Account, digest: str) -> EvidencePage:
        """Return an answer and where it was used.

        Raises:
            StoreError: there is none of that digest from a host that the account may see.
        """
        uses = [(run, one) for run, one in self._store.find_evidence(digest) if self._shows(account, run, one.host)]
        if not uses:
            raise StoreError("no answer has this digest", hint="the evidence index lists what is there")
        try:
            return pages.evidence_page(digest, self._store.read_blob(digest), uses)
        except NotKeptError as error:
            return pages.evidence_page(digest, b"", uses, f"{error}. {error.hint}.")

    def _shows(self, account: Account, run: str, host: str) -> bool:
        return not account.systems or host in self.seen(account, run).hosts

    def metrics(self, account: Account, now: datetime) -> bytes:
        """Return the gauges of the newest run and, for who sees all, the scheduler; no host is named in them."""
        run = b"".join(prometheus_lines(self.seen(account, "latest").survey)) if self._store.runs() else b""
        return run if account.systems else run + schedule_gauges(self._store, now)

    def audit(self, account: Account, token: str, before: int, *, whole: bool = False) -> str:
        """Return a page of the audit chain, and whether it holds; ``whole`` verifies all of it again."""
        run = self.seen(account, "latest") if self._store.runs() else None  # before the first there is a log already
        chrome = self.chrome("Audit", account, token, "/audit", run)
        return self.draw("audit", chrome, places={}, here=self.audit_page(account, before, whole=whole))

    def audit_page(self, account: Account, before: int, lines: int = _AUDIT_PAGE, *, whole: bool = False) -> AuditView:
        """Return the end of the audit chain, or what stands before a row of it, and whether it holds.

        An account of some systems gets the rows about their hosts; all others may tell of other systems.
        """
        hosts = None
        if account.systems:
            hosts = self.seen(account, "latest").hosts if self._store.runs() else {}
        standing, verdict = self._chain.look(whole=whole), ""
        if hosts is None:
            rows = self._store.newest_events(before, lines + 1)
        else:
            verdict = " Only the rows about hosts of your systems are shown."
            rows = [one for one in self._store.events() if (not before or one.seq < before) and one.host in hosts][::-1]
        shown = rows[:lines]
        return AuditView(
            holds=standing.holds,
            verdict=standing.verdict + verdict,
            lines=tuple(_change(one) for one in shown),
            earlier=f"/audit?before={shown[-1].seq}" if len(rows) > lines else "",
            later="/audit" if before else "",
        )

    def accounts(
        self, account: Account, token: str, now: datetime, wrong: str = "", made: str = "", sessions: str = ""
    ) -> str:
        """Return the page of accounts and of the tokens of programs; ``made`` is a new token, shown this once.

        ``sessions`` says how long those of single sign-on live.
        """
        chrome = self.chrome("Accounts", account, token, "/accounts", None)
        found = pages.accounts_page(self._store.people.accounts(), self._store.tokens.all(), now, wrong, made)
        here = replace(found, sessions=sessions)
        return self.draw("accounts", chrome, places={}, here=here)

    def sign_in(self, wrong: str = "", *, first: bool = False, other: str = "", silent: str = "") -> str:
        """Return the way in, also through an identity provider; ``silent`` says that it gives no answer."""
        chrome = self.chrome("Sign in", None, "", "", None)
        return self.draw("sign_in", chrome, places={}, here=SignInView(wrong, first, other, silent))

    def onward(self, place: str, *, asks: str = "") -> str:
        """Return a page that leads on: to where somebody may be, or to the identity provider that is asked again."""
        chrome = self.chrome("Signed in", None, "", "", None)
        return self.draw("onward", chrome, places={}, here=OnwardView(place, asks))

    def trouble(self, account: Account | None, token: str, what: str, hint: str) -> str:
        """Return a page that says why there is none."""
        chrome = self.chrome("No such page", account, token if account else "", "", None)
        return self.draw("trouble", chrome, places={}, here=TroubleView(what, hint))

    def draw(self, name: str, chrome: ChromeView, **context: Any) -> str:
        """Return a page."""
        return self._env.get_template(f"dashboard/{name}.html.j2").render(chrome=chrome, **context)

    def places(self, seen: Seen, account: Account) -> dict[str, str]:
        """Return where the anchors of the report's sections lead for this account."""
        key = (account.may(Act.READ_EVIDENCE), seen.key)
        with self._lock:
            found = self._places.get(key)
        if found is None:
            found = pages.places(seen.survey, seen.view, evidence=key[0])
            with self._lock:
                self._places[key] = found
                while len(self._places) > _KEPT:
                    self._places.popitem(last=False)
        return found

    def chrome(self, title: str, account: Account | None, token: str, path: str, seen: Seen | None) -> ChromeView:
        """Return what stands around a page."""
        lead = self._leading.now() if seen else None
        shown = lead if seen and lead and lead.run.run.id == seen.run.run.id else None
        return ChromeView(
            title=title,
            marking=seen.marking if seen else self._marking,
            style=self.style,
            account=account.name if account else "",
            role=account.role.value if account else "",
            sees=pages.sees(account) if account else "",
            form=form_token(token),
            run=seen.run.run.id if seen else "",
            as_of=seen.run.run.as_of if seen else None,
            asked=self._leading.asked(seen.run).words() if seen else "",
            newer=self._leading.newer(shown, _sight(seen)) if seen and shown else None,
            running=any(one.run.state is RunState.RUNNING for one in lead.newer) if lead else False,
            nav=tuple(
                NavLine(name, place, place == path)
                for place, name, _, act in _MENU
                if account is not None and account.may(act)
            ),
        )

    def seen(self, account: Account, ref: str) -> Seen:
        """Return a run as this account sees it; what was drawn is kept as long as the run does not change.

        ``latest`` is the run that the dashboard leads with.
        """
        run = self._leading.now().run if ref == "latest" else self._store.load_run(ref)
        if run.run.state is RunState.RUNNING:
            newest = self._store.chain_head().digest
        else:
            newest = f"{run.fingerprint} {run.run.finished_at}"  # an interrupted run has no fingerprint, and may go on
        key = (run.run.id, newest, account.systems)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        hosts = {one.id: one for one in self._store.inventory(run.run.id).hosts if account.sees(one.system)}
        found = surveyed(account, self._store, run.run.id, hosts.keys(), _LIMITS)
        marking = self._marking or circumstances_of(self._store, run.run.id).marking
        seen = Seen(key, found, build_view(found, marking=marking), hosts, run, marking)
        with self._lock:
            self._kept[key] = seen
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return seen


def _sight(seen: Seen) -> Sight:
    systems = seen.key[2]
    hosts = seen.hosts.keys() if systems else {FLEET, *seen.hosts}
    return Sight(seen.survey.open, hosts, seen.survey.checks, systems)


def _change(one: Event) -> ChangeLine:
    return ChangeLine(one.seq, one.at, one.event.replace("_", " "), one.run, one.host, one.detail)
