"""The pages on which people work: the queue, a finding, requests for waivers."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from posture.errors import StoreError, UsageError
from posture.model.account import Account, Act
from posture.model.finding import Finding
from posture.model.host import FLEET, Host
from posture.model.work import WaiverRequest
from posture.serve.desk import LONGEST
from posture.serve.rooms import Rooms, Seen
from posture.store import Event, Store, work
from reports.dashboard import pages, queue
from reports.dashboard.views.audit import ChangeLine
from reports.dashboard.views.finding import FindingPage
from reports.dashboard.views.work import DeskView, WorkLine
from reports.findings_csv import write_rows

_CSV = (
    "check", "finding", "host", "zone", "owner", "subject", "severity", "due", "overdue", "waived",
    "first_seen", "reopened", "assignee", "ticket", "comments", "waiver_request", "finding_id",
)  # fmt: skip
_KEPT = 4  # queues in memory; one of 80,000 findings takes 60 MB


class WorkRoom:
    """Draws the pages of work; safe to use from several threads."""

    def __init__(self, rooms: Rooms, store: Store, now: Callable[[], datetime]) -> None:
        self._rooms, self._store, self._now = rooms, store, now
        self._kept: OrderedDict[tuple[str, str, tuple[str, ...]], queue.Queue] = OrderedDict()
        self._lock = threading.Lock()

    def work(self, account: Account, token: str, wanted: queue.Wanted, wrong: str = "") -> str:
        """Return a page of the queue."""
        seen = self._rooms.seen(account, "latest")
        chrome = self._rooms.chrome("Work", account, token, "/work", seen)
        here = queue.work(self._queue(seen), self.desks(), wanted, self._desk(account, wrong))
        return self._rooms.draw("work", chrome, places=self._rooms.places(seen, account), here=here)

    def lines(self, account: Account, wanted: queue.Wanted, ref: str = "latest") -> list[WorkLine]:
        """Return the lines of the queue on all its pages."""
        return queue.work_lines(self._queue(self._rooms.seen(account, ref)), self.desks(), wanted)

    def work_csv(self, account: Account, wanted: queue.Wanted) -> bytes:
        """Return the queue as CSV, every cell harmless to a spreadsheet."""
        file = io.BytesIO()
        write_rows(file, _CSV, map(_csv_row, self.lines(account, wanted)))
        return file.getvalue()

    def finding(self, account: Account, token: str, finding_id: str, wrong: str = "") -> str:
        """Return the page of a finding.

        Raises:
            StoreError: there is none of that id that the account may see.
        """
        seen = self._rooms.seen(account, "latest")
        here = self.finding_page(account, finding_id, wrong)
        chrome = self._rooms.chrome("Finding", account, token, "/work", seen)
        return self._rooms.draw("finding", chrome, places=self._rooms.places(seen, account), here=here)

    def finding_page(self, account: Account, finding_id: str, wrong: str = "") -> FindingPage:
        """Return the life of a finding, and what people did about it.

        Raises:
            StoreError: there is none of that id that the account may see.
        """
        seen = self._rooms.seen(account, "latest")
        finding = self._visible(seen, account, finding_id)
        changes = [
            ChangeLine(one.seq, one.at, one.did.value.replace("_", " "), one.run, "", one.detail)
            for one in self._store.finding_history(finding_id)
        ]
        changes += map(_done, self._store.work.history(finding))
        desks = self.desks()
        line = next((one for one in seen.survey.open if one.id == finding.id), None)
        asked = desks.request_of(finding.id)
        beside = queue.work_line(seen.survey, seen.hosts, desks.items, line, asked) if line else None
        told = sorted(changes, key=lambda one: one.seq)
        return pages.finding_page(seen.survey, finding, told, beside, self._desk(account, wrong))

    def ticked(self, account: Account, ids: Sequence[str]) -> tuple[tuple[Finding, ...], dict[str, Host]]:
        """Return the open findings that were ticked, and the hosts that the account sees.

        Raises:
            StoreError: one of them is not there, or not for this account.
            UsageError: none was ticked, or more than a page of them.
        """
        if not 1 <= len(set(ids)) <= queue.PAGE:
            raise UsageError("tick the findings that this is about", hint=f"at most {queue.PAGE} at once")
        seen = self._rooms.seen(account, "latest")
        found = tuple(self._visible(seen, account, id_) for id_ in sorted(set(ids)))
        if closed := [one.id for one in found if not one.open]:
            raise UsageError(f"{closed[0]} is closed", hint="there is nothing to do about it any more")
        return found, seen.hosts

    def requests(self, account: Account, token: str, wrong: str = "") -> str:
        """Return the page of requests for waivers."""
        seen = self._rooms.seen(account, "latest")
        may = account.may(Act.DECIDE_WAIVERS)
        here = queue.requests(seen.survey, self._requests(account), account.name, may_decide=may, wrong=wrong)
        chrome = self._rooms.chrome("Waiver requests", account, token, "/waivers/requests", seen)
        return self._rooms.draw("requests", chrome, places=self._rooms.places(seen, account), here=here)

    def shows_request(self, account: Account, request_id: str) -> bool:
        """Return whether there is such a request, about a host that the account sees."""
        return any(one.id == request_id for one in self._requests(account))

    def desks(self) -> queue.Desks:
        """Return what people wrote beside findings."""
        return queue.Desks(self._store.work.items(), self._store.work.requests())

    def _queue(self, seen: Seen) -> queue.Queue:
        """Return the queue of a run as some accounts see it; made once, since a large one takes seconds."""
        with self._lock:
            found = self._kept.pop(seen.key, None) or queue.queue_of(seen.survey, seen.hosts)
            self._kept[seen.key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return found

    def _visible(self, seen: Seen, account: Account, finding_id: str) -> Finding:
        finding = self._store.finding(finding_id)
        whole_fleet = finding.host == FLEET and not account.systems
        if finding.host not in seen.hosts and not whole_fleet:
            raise StoreError(f"no finding has the id `{finding_id}`", hint="the queue lists them")
        return finding

    def _requests(self, account: Account) -> list[WaiverRequest]:
        hosts = self._rooms.seen(account, "latest").hosts
        return [one for one in self._store.work.requests() if not account.systems or one.host in hosts]

    def _desk(self, account: Account, wrong: str) -> DeskView:
        people = (
            one.name
            for one in self._store.people.accounts()
            if one.may(Act.WORK_ON_FINDINGS)
            and (not account.systems or not one.systems or set(one.systems) & set(account.systems))
        )
        may = account.may(Act.WORK_ON_FINDINGS)
        return DeskView(may, tuple(people) if may else (), self._now().date() + LONGEST, wrong)


def _done(one: Event) -> ChangeLine:
    """Return what somebody did about a finding, in words."""
    detail = msgspec.json.decode(one.detail, type=dict[str, Any])
    asked = f"{detail['check']} until {detail['expires']}" if "request" in detail else ""
    said, what = detail.get("text", ""), ""
    match one.event:
        case work.ASSIGNED:
            what = "assigned" if said else "assigned to nobody"
        case work.TICKETED:
            what = "ticket" if said else "ticket taken away"
        case work.COMMENTED:
            what = "comment"
        case work.REQUESTED:
            what, said = "waiver asked for", f"{asked}: {detail['reason']}"
        case _:
            what, said = f"waiver {detail['decision']}", ": ".join(filter(None, (asked, detail["note"])))
    return ChangeLine(one.seq, one.at, what, "", detail["by"], said)


def _csv_row(line: WorkLine) -> tuple[str, ...]:
    due = line.due.isoformat() if line.due else ""
    places = (line.check, line.title, line.host.text, line.zone, line.owner, line.subject, line.severity.text, due)
    states = ("yes" if line.late else "no", "yes" if line.waived else "no")
    seen = (line.first_seen.isoformat(), str(line.reopened))
    return (*places, *states, *seen, line.assignee, line.ticket, str(line.comments), line.request, line.id)
