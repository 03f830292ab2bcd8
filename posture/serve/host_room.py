"""The page of one host: what is alike for all hosts of a run is read once, then only what the host itself said."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from posture.errors import StoreError
from posture.judged import stored
from posture.model.account import Account, Act
from posture.model.assessment import HostAssessment
from posture.model.vulnerability import Vulnerability
from posture.serve.rooms import Rooms, Seen
from posture.store import Store
from reports.dashboard import pages
from reports.dashboard.host import host_page
from reports.dashboard.views.host import HostPage

_KEPT = 4  # runs; each holds its inventory and register
_NOBODY: tuple[Vulnerability, ...] = ()


class _Hosts:
    """The hosts of one judged run, read one at a time."""

    def __init__(self, store: Store, run: str) -> None:
        judged = stored(store, run)
        self._store, self._run = store, run
        self._book, self._attested, self._known = judged.book(), judged.attested(), judged.known
        self._lock = threading.Lock()

    def read(self, host_id: str) -> HostAssessment:
        """Return what was said of one host, with the waivers that cover it."""
        host = self._store.read_host(self._run, host_id)
        return replace(host, results=tuple(self._attested.cover(self._book.cover(one)) for one in host.results))

    def flaws(self, host_id: str) -> tuple[Vulnerability, ...]:
        """Return the known vulnerabilities of a host."""
        with self._lock:  # the register remembers the host that was asked for last
            return self._known.of_host(host_id) if self._known.entry(host_id) else _NOBODY


class HostRoom:
    """Draws the page of a host; safe to use from several threads."""

    def __init__(self, rooms: Rooms, store: Store) -> None:
        self._rooms, self._store = rooms, store
        self._kept: OrderedDict[tuple[str, str], _Hosts] = OrderedDict()
        self._lock = threading.Lock()

    def host(self, account: Account, token: str, host_id: str) -> str:
        """Return the page of a host.

        Raises:
            StoreError: there is none of that name that the account may see.
        """
        seen, here = self._rooms.seen(account, "latest"), self.host_page(account, host_id, "latest")
        chrome = self._rooms.chrome(seen.hosts[host_id].name, account, token, "/hosts", seen)
        places = {one.digest.anchor: pages.evidence_path(one.digest.text) for one in here.answers if here.may_read}
        return self._rooms.draw("host", chrome, places=places, here=here)

    def host_page(self, account: Account, host_id: str, ref: str) -> HostPage:
        """Return everything said of one host.

        Raises:
            StoreError: there is none of that name that the account may see.
        """
        seen = self._rooms.seen(account, ref)
        if host_id not in seen.hosts:
            raise StoreError("no host of this name in this run", hint="the page of hosts lists them")
        hosts = self._hosts(seen)
        found = hosts.read(host_id)
        may_read = account.may(Act.READ_EVIDENCE)
        return host_page(seen.survey, found, self._exposure(found), hosts.flaws(host_id), may_read=may_read)

    def results_of(self, seen: Seen, host_id: str) -> HostAssessment:
        """Return one host of a run that somebody sees, as it was judged."""
        return self._hosts(seen).read(host_id)

    def _exposure(self, found: HostAssessment) -> Mapping[str, Any] | None:
        digest = dict(found.documents).get("exposure")
        if digest is None:
            return None
        facts: Mapping[str, Any] = msgspec.json.decode(self._store.read_blob(digest))["facts"]
        return facts

    def _hosts(self, seen: Seen) -> _Hosts:
        key = seen.key[:2]
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = _Hosts(self._store, seen.run.run.id)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made
