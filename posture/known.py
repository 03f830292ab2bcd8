"""Where packages, feeds, exposure and first sights meet: topic ``vulnerabilities`` of a host, register of a run.

A scan matches anew (``Looking``); an evaluation recalls what the run matched (``Recalled``), so that it needs no feed
and gives the same bytes years later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from collectors.base import Answers, Collector, Facts
from posture.imports.book import Book
from posture.imports.join import joined
from posture.model.assessment import Run
from posture.model.host import Host, Inventory
from posture.model.observation import FactDocument, Observation, Origin, Unseen
from posture.model.vulnerability import CveRecord, FeedStamp, Vulnerability
from posture.vulnerabilities.assess import Assessor, Rules
from posture.vulnerabilities.exposed import ExternalSight, public_exposure
from posture.vulnerabilities.fleet import FleetMatches
from posture.vulnerabilities.knowledge import Knowledge
from posture.vulnerabilities.register import OURS, Builder, FirstSeen, HostEntry, Matched, Reader, Register
from posture.vulnerabilities.topic import TOPIC, VulnerabilityFacts, topic_of


def _never(_answers: Answers) -> Facts:
    raise AssertionError("worked out from packages, feeds and imports, never from answers")


COLLECTOR = Collector(topic=TOPIC, version=1, commands=(), facts=VulnerabilityFacts, parse=_never)
"""For its schema; the topic is made by ``topic_of``."""


class Matcher(Protocol):
    """What feeds and imports know of hosts."""

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """Every feed that was asked, by id."""
        ...

    @property
    def digest(self) -> str:
        """Hex sha256 over all that is known."""
        ...

    @property
    def sights(self) -> Iterable[ExternalSight]:
        """Ports that somebody outside saw open."""
        ...

    def matched(self, host: Host, observed: Mapping[str, Observation]) -> Matched:
        """Return what the packages of a host came to."""
        ...

    def record(self, cve: str) -> CveRecord:
        """Return what is known of a CVE."""
        ...


class Nothing:
    """No feed and no import: every host is unknown, none is clean."""

    stamps: tuple[FeedStamp, ...] = ()
    digest = ""

    def __init__(self, sights: Iterable[ExternalSight] = ()) -> None:
        self.sights = tuple(sights)

    def matched(self, host: Host, observed: Mapping[str, Observation]) -> Matched:
        """Return that nobody looked."""
        return Matched((), "no feed of known vulnerabilities was loaded: `posture feeds update`, or `feeds import`")

    def record(self, cve: str) -> CveRecord:
        """Return a record of nothing but its id."""
        return CveRecord(cve)


class FeedMatcher:
    """Matches what is installed against all feeds, alike hosts once, and adds what other scanners found."""

    def __init__(self, knowledge: Knowledge, sights: Iterable[ExternalSight] = (), book: Book | None = None) -> None:
        self._knowledge, self._book = knowledge, book
        self._fleet = FleetMatches(knowledge)
        self.sights = tuple(sights)
        self.stamps = knowledge.stamps
        self.digest = knowledge.digest + (f"+{book.digest}" if book is not None and book.digest else "")

    def matched(self, host: Host, observed: Mapping[str, Observation]) -> Matched:
        """Return what the packages of a host came to, and what others say of it."""
        return joined(self._fleet.of(observed), self._book.of(host.id) if self._book is not None else ())

    def record(self, cve: str) -> CveRecord:
        """Return what is known of a CVE."""
        return self._knowledge.record(cve)


class Looking:
    """Matches host after host, and gives the register at the end."""

    def __init__(self, matcher: Matcher, inventory: Inventory, run: Run, rules: Rules, first_seen: FirstSeen) -> None:
        self._matcher, self._inventory, self._run, self._rules = matcher, inventory, run, rules
        self._sights = tuple(matcher.sights)
        self._builder = Builder(run.as_of, first_seen, run.origin)
        self._assessor, self._topics = Assessor(rules, matcher.record), _Topics(run)
        self.found: tuple[Vulnerability, ...] = ()
        """Of the host that was looked at last."""

    def look(self, host: Host, observed: Mapping[str, Observation]) -> Observation:
        """Return the topic of a host."""
        matched = self._matcher.matched(host, observed)
        exposure = public_exposure(host, self._inventory, observed.get("exposure"), self._sights)
        entry = self._builder.add(host.id, matched, exposure)
        self.found = self._assessor.of(host.id, entry.listed, exposure, self._builder.pairs)
        return self._topics.of(host.id, entry, self.found, observed)

    def register(self) -> Register:
        """Return what was found on every host so far."""
        return self._builder.register(self._matcher.record, self._matcher.stamps, self._matcher.digest)


class Recalled:
    """Gives the topic from a register that was kept."""

    def __init__(self, reader: Reader, run: Run) -> None:
        self._reader, self._topics = reader, _Topics(run)
        self.found: tuple[Vulnerability, ...] = ()
        """Of the host that was looked at last."""

    def look(self, host: Host, observed: Mapping[str, Observation]) -> Observation:
        """Return the topic of a host."""
        self.found = self._reader.of_host(host.id)
        return self._topics.of(host.id, self._reader.entry(host.id), self.found, observed)

    def register(self) -> Register:
        """Return the register itself."""
        return self._reader.register


class _Topics:
    """Makes the topic of hosts; alike entries give the same bytes, written once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._made: dict[HostEntry, Observation] = {}

    def of(
        self,
        host: str,
        entry: HostEntry | None,
        found: tuple[Vulnerability, ...],
        observed: Mapping[str, Observation],
    ) -> Observation:
        """Return the topic of a host."""
        taken_at, origin = _taken_at(observed, self._run), _origin(entry.assessed_by if entry else "", self._run)
        if entry is None:
            return topic_of(host, entry, found, taken_at=taken_at, origin=origin)
        alike = replace(entry, host="")
        if alike not in self._made:
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            self._made[alike] = topic_of(host, entry, found, taken_at=taken_at, origin=origin)
        made = self._made[alike]
        if isinstance(made, Unseen):
            return replace(made, host=host)
        return replace(made, host=host, taken_at=taken_at, origin=origin)


_REMEMBERED = 4096


def _taken_at(observed: Mapping[str, Observation], run: Run) -> datetime:
    packages = observed.get("packages")
    return packages.taken_at if isinstance(packages, FactDocument) else run.as_of


def _origin(assessed_by: str, run: Run) -> Origin:
    return run.origin if assessed_by in ("", OURS) else Origin.IMPORTED
