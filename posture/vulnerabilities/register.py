"""Every vulnerability of a run in a small form: what was matched, known and seen; decisions are made anew each time.

Alike hosts share one list, and equal packages, records and sights stand once, so that a fleet of alike hosts is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Generic, TypeVar

from posture.clocks.due import due_order
from posture.model.check import Profile
from posture.model.clock import Campaign, DueDate
from posture.model.observation import Origin
from posture.model.vulnerability import (
    IMPORT_FEED,
    Affected,
    CveRecord,
    Detection,
    Exposure,
    FeedStamp,
    FixState,
    HostCadence,
    Vulnerability,
)
from posture.vulnerabilities.assess import Assessor, Rules, subject

PART = "vulnerabilities"
"""Name of the part of a run that holds the register."""
DEFERRED = "FSU"
"""The outcome that sets no day: fix on system upgrade."""
OURS = "posture"
"""The source of our own sights."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What the packages of one host came to, or why they came to nothing."""

    affected: tuple[Affected, ...]
    gap: str = ""
    """Why the list may be short: packages unseen, no feed for them, a vendor that still looks; empty when whole."""
    packages: int = 0
    """How many package versions were looked up."""
    sights: tuple[tuple[str, Detection], ...] = ()
    """``(subject, sight)`` of others: what an imported scan saw, and when."""
    assessed_by: str = ""
    """``posture``, the scanner an import names, or empty when nobody assessed it."""


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One host in the register."""

    host: str
    exposure: Exposure
    listed: int
    """Number of its list."""
    gap: str
    packages: int
    assessed_by: str


@dataclass(frozen=True, slots=True)
class Register:
    """The vulnerabilities of a run; kept as a part of it."""

    feeds: tuple[FeedStamp, ...] = ()
    knowledge: str = ""
    """Digest of the feeds."""
    records: tuple[CveRecord, ...] = ()
    affected: tuple[Affected, ...] = ()
    detections: tuple[tuple[Detection, ...], ...] = ()
    lists: tuple[tuple[tuple[int, int], ...], ...] = ()
    """``(number in affected, number in detections)``."""
    hosts: tuple[HostEntry, ...] = ()
    """In id order; a host that is not in it was never looked at."""
    cadence: tuple[HostCadence, ...] = ()
    """Of every host of the inventory, when it was last found and read."""

    @property
    def kev_source(self) -> str:
        """The catalogue that said what is in KEV, with its version."""
        return kev_source(self.feeds)


def kev_source(feeds: Iterable[FeedStamp]) -> str:
    """Return the catalogue of exploited vulnerabilities among the feeds, with its version; empty without one."""
    return next((f"CISA KEV {one.version}" for one in feeds if one.id == "kev"), "")


class Reader:
    """A register with its decisions, host by host."""

    def __init__(self, register: Register, rules: Rules) -> None:
        self.register = register
        self.rules = rules
        self._hosts = {entry.host: entry for entry in register.hosts}
        records = {record.cve: record for record in register.records}
        self._assessor = Assessor(rules, lambda cve: records.get(cve, CveRecord(cve)))
        # Findings and results come host by host, so the last host is all that is worth remembering; it is put in its
        # place as a whole, for the dashboard's threads ask for one host each.
        self._last: tuple[str, tuple[Vulnerability, ...], dict[str, list[Vulnerability]]] = ("", (), {})

    def entry(self, host: str) -> HostEntry | None:
        """Return what stands of a host beside its vulnerabilities."""
        return self._hosts.get(host)

    def of_host(self, host: str) -> tuple[Vulnerability, ...]:
        """Return the vulnerabilities of a host, in the order of subject."""
        return self._of(host)[0]

    def about(self, host: str, subject: str) -> list[Vulnerability]:
        """Return what stands behind one subject: several where two versions are installed, none if not there."""
        return self._of(host)[1].get(subject, [])

    def dates(self, host: str, subject: str) -> tuple[DueDate, ...] | None:
        """Return the dates of a vulnerability, the earliest where two versions are installed; ``None`` if not there."""
        found = [one.due for one in self.about(host, subject)]
        return min(found, key=lambda due: [due_order(one) for one in due] or [_LAST]) if found else None

    def deferred(self, host: str, subject: str) -> bool:
        """True when a vulnerability is still there and may wait for the next system upgrade."""
        found = self.about(host, subject)
        return bool(found) and all(one.decision.outcome == DEFERRED for one in found)

    def all(self) -> Iterator[Vulnerability]:
        """Yield every vulnerability, host after host."""
        for entry in self.register.hosts:
            yield from self.of_host(entry.host)

    def _of(self, host: str) -> tuple[tuple[Vulnerability, ...], dict[str, list[Vulnerability]]]:
        last, found, by_subject = self._last
        if last != host:
            found, by_subject = self._assessed(host), {}
            for one in found:
                by_subject.setdefault(subject(one.affected), []).append(one)
            self._last = host, found, by_subject
        return found, by_subject

    def _assessed(self, host: str) -> tuple[Vulnerability, ...]:
        entry = self._hosts.get(host)
        if entry is None:
            return ()
        return self._assessor.of(host, entry.listed, entry.exposure, self._pairs)

    def _pairs(self, listed: int) -> list[tuple[Affected, tuple[Detection, ...]]]:
        register = self.register
        return [(register.affected[one], register.detections[seen]) for one, seen in register.lists[listed]]


_LAST = (True, date.max, "", "")


def nothing_known() -> Reader:
    """Return the reader of a register in which nobody looked at anything."""
    return Reader(Register(), Rules((), Campaign(date.min), Profile("", "", "", 0)))


_T = TypeVar("_T")


@dataclass(slots=True)
class _Numbers(Generic[_T]):
    """Values in the order in which they first came, each once."""

    numbers: dict[_T, int] = field(default_factory=dict)
    all: list[_T] = field(default_factory=list)

    def of(self, value: _T) -> int:
        number = self.numbers.get(value)
        if number is None:
            number = self.numbers[value] = len(self.all)
            self.all.append(value)
        return number

    def values(self) -> tuple[_T, ...]:
        return tuple(self.all)


FirstSeen = Mapping[tuple[str, str], datetime]
"""By host and subject, when we ourselves first saw a vulnerability, over all runs."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What one set of affected packages comes to, worked out once for all hosts that have it."""

    numbers: tuple[int, ...]
    subjects: tuple[str, ...]
    ours: frozenset[str]
    """Subjects that our own feeds name."""


class Builder:
    """Takes one host after the other and gives the register."""

    def __init__(self, now: datetime, first_seen: FirstSeen, origin: Origin = Origin.LIVE) -> None:
        self._now, self._first_seen, self._origin = now, first_seen, origin
        self._affected: _Numbers[Affected] = _Numbers()
        self._detections: _Numbers[tuple[Detection, ...]] = _Numbers()
        self._lists: _Numbers[tuple[tuple[int, int], ...]] = _Numbers()
        self._hosts: list[HostEntry] = []
        self._kept: dict[tuple[Affected, ...], _Kept] = {}
        self._ours: dict[datetime, int] = {}
        """By first sight, the number of a detection that is ours alone."""

    def add(self, host: str, matched: Matched, exposure: Exposure) -> HostEntry:
        """Return the entry of a host, put in with all that is known against it."""
        kept = self._kept.get(matched.affected)
        if kept is None:
            kept = self._kept[matched.affected] = self._keep(matched.affected)
        others: dict[str, list[Detection]] = {}
        for about, sight in matched.sights:
            others.setdefault(about, []).append(sight)
        by_us = matched.assessed_by == OURS
        seen = [self._seen(host, about, others.get(about, []), by_us and about in kept.ours) for about in kept.subjects]
        listed = self._lists.of(tuple(zip(kept.numbers, seen, strict=True)))
        entry = HostEntry(host, exposure, listed, matched.gap, matched.packages, matched.assessed_by)
        self._hosts.append(entry)
        return entry

    def pairs(self, listed: int) -> list[tuple[Affected, tuple[Detection, ...]]]:
        """Return the affected packages of a list, each with who saw it."""
        return [(self._affected.all[one], self._detections.all[seen]) for one, seen in self._lists.all[listed]]

    def register(self, record_of: Callable[[str], CveRecord], feeds: tuple[FeedStamp, ...], knowledge: str) -> Register:
        """Return everything put in, with what is known of every CVE in it."""
        return Register(
            feeds=feeds,
            knowledge=knowledge,
            records=tuple(record_of(cve) for cve in sorted({one.cve for one in self._affected.values()})),
            affected=self._affected.values(),
            detections=self._detections.values(),
            lists=self._lists.values(),
            hosts=tuple(sorted(self._hosts, key=lambda entry: entry.host)),
        )

    def _keep(self, affected: Iterable[Affected]) -> _Kept:
        kept = [one for one in sorted(set(affected)) if one.state not in _NOT_KNOWN]
        subjects = tuple(subject(one) for one in kept)
        ours = (about for one, about in zip(kept, subjects, strict=True) if not one.feed.startswith(IMPORT_FEED))
        return _Kept(tuple(self._affected.of(one) for one in kept), subjects, frozenset(ours))

    def _seen(self, host: str, about: str, others: list[Detection], by_us: bool) -> int:
        """Return the number of who saw it; a sight of ours only where we found it ourselves."""
        if others and not by_us:
            return self._detections.of(tuple(sorted(others)))
        first = min(self._first_seen.get((host, about), self._now), self._now)
        if others:
            return self._detections.of(tuple(sorted((*others, Detection(first, self._now, OURS, self._origin)))))
        number = self._ours.get(first)
        if number is None:
            number = self._detections.of((Detection(first, self._now, OURS, self._origin),))
            self._ours[first] = number
        return number


_NOT_KNOWN = (FixState.INVESTIGATING, FixState.NOT_AFFECTED)


def sights_of(register: Register) -> dict[tuple[str, str], datetime]:
    """Return by host and subject when we first saw each vulnerability, deferred ones included."""
    out: dict[tuple[str, str], datetime] = {}
    for entry in register.hosts:
        for affected, seen in register.lists[entry.listed]:
            for sight in register.detections[seen]:
                if sight.source == OURS:
                    out[entry.host, subject(register.affected[affected])] = sight.first_seen
    return out


def in_enclave(register: Register, enclave: str) -> Register:
    """Return the register with the enclave's name before each host."""
    return replace(
        register,
        hosts=tuple(replace(entry, host=f"{enclave}/{entry.host}") for entry in register.hosts),
        cadence=tuple(replace(one, host=f"{enclave}/{one.host}") for one in register.cadence),
    )


def joined(registers: Iterable[Register]) -> Register:
    """Return one register of several without a host in common; where two know a CVE, the earlier KEV listing stands."""
    affected: _Numbers[Affected] = _Numbers()
    detections: _Numbers[tuple[Detection, ...]] = _Numbers()
    lists: _Numbers[tuple[tuple[int, int], ...]] = _Numbers()
    records: dict[str, CveRecord] = {}
    hosts: list[HostEntry] = []
    feeds: dict[tuple[str, str], FeedStamp] = {}
    digests: list[str] = []
    for one in registers:
        for record in one.records:
            records[record.cve] = _surer(records.get(record.cve), record)
        for entry in one.hosts:
            pairs = tuple(
                (affected.of(one.affected[what]), detections.of(one.detections[seen]))
                for what, seen in one.lists[entry.listed]
            )
            hosts.append(replace(entry, listed=lists.of(pairs)))
        feeds |= {(stamp.id, stamp.sha256): stamp for stamp in one.feeds}
        digests.append(one.knowledge)
    return Register(
        feeds=tuple(feeds[key] for key in sorted(feeds)),
        knowledge=" ".join(dict.fromkeys(filter(None, digests))),
        records=tuple(records[cve] for cve in sorted(records)),
        affected=affected.values(),
        detections=detections.values(),
        lists=lists.values(),
        hosts=tuple(sorted(hosts, key=lambda entry: entry.host)),
    )


def _surer(one: CveRecord | None, other: CveRecord) -> CveRecord:
    if one is None:
        return other
    listed = [day for day in (one.kev_added, other.kev_added) if day is not None]
    told = one if one.automatable is not None and one.technical_impact is not None else other
    return replace(told, kev_added=min(listed, default=None))
