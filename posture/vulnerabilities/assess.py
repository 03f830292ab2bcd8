"""From affected packages to vulnerabilities with a decision and every date: pure, and computed once for alike hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from posture.clocks.due import due_dates, due_order
from posture.model.check import Check, Profile
from posture.model.clock import Campaign, Clock, DueDate
from posture.model.vulnerability import Affected, CveRecord, Decision, Detection, Exposure, FixState, Vulnerability
from posture.vulnerabilities.decide import ERROR, Ruling, dated, decision, rule
from posture.vulnerabilities.fedramp import FEDRAMP_CLOCK, fedramp_date

TABLE_CLOCK = "bod-26-04"
"""The clock whose table decides."""

_PURL = {"debian": "deb/debian", "ubuntu": "deb/ubuntu", "red hat": "rpm/redhat", "rocky linux": "rpm/rocky",
         "almalinux": "rpm/almalinux", "pypi": "pypi", "npm": "npm"}  # fmt: skip


def subject(affected: Affected) -> str:
    """Return what tells one vulnerability of a host from another: package URL and CVE.

    Without the version: an update to a version that is affected too must not start the clock anew.
    """
    package = affected.package
    system = package.ecosystem.partition(":")[0]
    kind = _PURL.get(system.lower(), f"generic/{system.lower().replace(' ', '-')}")
    return f"pkg:{kind}/{package.name} {affected.cve}"


@dataclass(slots=True)
class Rules:
    """What all hosts are judged by; equal questions are answered once."""

    clocks: tuple[Clock, ...]
    campaign: Campaign
    profile: Profile
    check: Check | None = None
    """The check that vulnerabilities are findings of; its deadline class brings the other clocks in."""
    kev_source: str = ""
    """The catalogue that says what is in KEV, with its version; empty when there is none: then nobody knows."""
    fedramp_class: str = ""
    """``c`` or ``d`` for a provider; empty for everybody else."""
    _rulings: dict[tuple[CveRecord, Exposure], Ruling] = field(default_factory=dict)
    _decided: dict[tuple[CveRecord, Exposure, Detection], tuple[Decision, tuple[DueDate, ...]]] = field(
        default_factory=dict
    )

    @property
    def table_clock(self) -> Clock | None:
        """The clock whose table decides; ``None`` where the baselines have none."""
        return next((clock for clock in self.clocks if clock.id == TABLE_CLOCK and clock.table is not None), None)

    def ruling(self, record: CveRecord, exposure: Exposure) -> Ruling | None:
        """Return what the table says."""
        clock = self.table_clock
        if clock is None or clock.table is None:
            return None
        key = (record, exposure)
        if key not in self._rulings:
            self._rulings[key] = rule(record, exposure, clock.table, self.kev_source)
        return self._rulings[key]

    def decide(
        self, record: CveRecord, exposure: Exposure, detections: tuple[Detection, ...]
    ) -> tuple[Decision, tuple[DueDate, ...]]:
        """Return the decision and every date, binding ones first, each group from the earliest."""
        key = (record, exposure, detections[0])
        if key not in self._decided:
            self._decided[key] = self._decision(record, exposure, detections[0])
        return self._decided[key]

    def _decision(
        self, record: CveRecord, exposure: Exposure, detection: Detection
    ) -> tuple[Decision, tuple[DueDate, ...]]:
        dues: list[DueDate] = []
        clock, ruling, first = self.table_clock, self.ruling(record, exposure), None
        modes = dict(self.profile.clocks)
        if clock is not None and ruling is not None and clock.id in modes:
            # An error has no date by law; it is put on the strictest one, and must not sink to the end of the list.
            binding = modes[clock.id] == "binding"
            found = dated(ruling, record, detection, clock, binding=binding)
            first = found[0] if found and ruling.outcome != ERROR else None
            dues += found
        dues += self._fedramp(exposure, detection, modes)
        # "Fix on system upgrade" sets no day, and no rule of the agency makes one of it.
        if self.check is not None and (ruling is None or ruling.scheduled.days is not None):
            dues += due_dates(self.check, detection.first_seen, self.clocks, self.campaign, self.profile)
        ordered = tuple(sorted(dues, key=due_order))
        if ruling is None:
            return _NO_TABLE, ordered
        return decision(ruling, first), ordered

    def _fedramp(self, exposure: Exposure, detection: Detection, modes: Mapping[str, str]) -> list[DueDate]:
        clock = next((one for one in self.clocks if one.id == FEDRAMP_CLOCK), None)
        if clock is None or clock.id not in modes or not self.fedramp_class:
            return []
        binding = modes[clock.id] == "binding"
        due = fedramp_date(clock, self.fedramp_class, exposure, detection, binding=binding)
        return [due] if due is not None else []


_NO_TABLE = Decision("", -1, False, -1, "", (), (), None)
"""Baselines without the table decide nothing."""


Pairs = Callable[[int], Sequence[tuple[Affected, tuple[Detection, ...]]]]
"""Gives the affected packages of a list by its number, each with who saw it, the earliest first."""
_REMEMBERED = 4096  # lists at a time: a fleet of alike hosts has hundreds, one of unlike hosts gains nothing


class Assessor:
    """Assesses hosts; those with one list and one exposure are worked out once."""

    def __init__(self, rules: Rules, record_of: Callable[[str], CveRecord]) -> None:
        self._rules, self._record_of = rules, record_of
        self._known: dict[tuple[int, Exposure], tuple[Vulnerability, ...]] = {}

    def of(self, host: str, listed: int, exposure: Exposure, pairs: Pairs) -> tuple[Vulnerability, ...]:
        """Return the vulnerabilities of a host, in the order of subject."""
        key = (listed, exposure)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[key] = assess_host(host, pairs(listed), exposure, self._record_of, self._rules)
        return tuple(
            Vulnerability(host, one.affected, one.record, exposure, one.detections, one.decision, one.due)
            for one in found
        )


def assess_host(
    host: str,
    pairs: Iterable[tuple[Affected, tuple[Detection, ...]]],
    exposure: Exposure,
    record_of: Callable[[str], CveRecord],
    rules: Rules,
) -> tuple[Vulnerability, ...]:
    """Return the vulnerabilities of a host in the order of subject.

    What a vendor still investigates is neither affected nor clean: it is left out here and makes the list incomplete.
    """
    found: list[Vulnerability] = []
    for one, seen in pairs:
        if one.state in (FixState.INVESTIGATING, FixState.NOT_AFFECTED):
            continue
        record = record_of(one.cve)
        decided, dues = rules.decide(record, exposure, seen)
        found.append(Vulnerability(host, one, record, exposure, seen, decided, dues))
    return tuple(sorted(found, key=lambda one: (subject(one.affected), one.affected)))
