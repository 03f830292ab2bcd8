"""How much holds by category, host, system and zone, as bands: what is unknown is never folded into one number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from posture.model.assessment import CategoryScore, GroupScore
from posture.model.check import Check, Profile
from posture.model.clock import Clock
from posture.model.finding import Result, Status
from posture.model.host import FLEET, Host
from posture.plan.weights import Weights


@dataclass(frozen=True, slots=True)
class Scores:
    """Every band of one run."""

    categories: tuple[CategoryScore, ...]
    """One for each category of the taxonomy, in id order."""
    groups: tuple[GroupScore, ...]
    """Hosts, systems and zones, sorted by kind and name."""


def scores(
    results: Iterable[tuple[Host, Iterable[Result]]],
    checks: Mapping[str, Check],
    *,
    weights: Weights,
    taxonomy: Mapping[str, str],
    binding: frozenset[str] = frozenset(),
) -> Scores:
    """Return every band; ``binding`` are the deadline classes that a rule with a date binds here.

    ``low`` counts every unknown as failing, ``high`` as passing; what does not apply is left out. A category or group
    about which nothing is known has the band 0 to 100. Waived failures are failures. What is said of the whole fleet
    counts in the categories, and in no host, system or zone. ``results`` may be a stream.
    """
    found = Scorer(checks, weights=weights, taxonomy=taxonomy, binding=binding)
    for host, host_results in results:
        found.add(host, host_results)
    return found.scores()


class Scorer:
    """Takes one host after the other, and gives every band."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        weights: Weights,
        taxonomy: Mapping[str, str],
        binding: frozenset[str] = frozenset(),
    ) -> None:
        self._checks, self._weights, self._taxonomy = checks, weights, taxonomy
        self._of_check = {
            id_: weights.of_check(check, legal=check.deadline_class in binding) for id_, check in sorted(checks.items())
        }
        self._categories = {id_: _Band() for id_ in taxonomy}
        self._groups: dict[tuple[Kind, str], _Band] = {}
        self._alike: dict[tuple[float, bool], dict[str, tuple[int, list[list[int]]]]] = {}

    def add(self, host: Host, results: Iterable[Result]) -> None:
        """Count the results of a host; a check of the whole fleet has one voice, that of ``fleet``."""
        voices = self._voices(host)
        own = [0, 0, 0]
        for result in results:
            column = _COLUMN[result.verdict.status]
            if column is None or result.check not in voices:
                continue
            weight, categories = voices[result.check]
            own[column] += weight
            for totals in categories:
                totals[column] += weight
        for key in _groups(host):
            band = self._groups.setdefault(key, _Band())
            band.hosts += 1
            band.totals = [whole + part for whole, part in zip(band.totals, own, strict=True)]

    def _voices(self, host: Host) -> dict[str, tuple[int, list[list[int]]]]:
        """Return the weight of each check at this host, with the sums of its categories; the same for hosts alike."""
        factor, whole = self._weights.of_host(host), host.id == FLEET
        if (factor, whole) not in self._alike:
            self._alike[factor, whole] = {
                # whole numbers of thousandths, so that the order of hosts cannot change a sum
                id_: (
                    round(1000 * weight * factor),
                    [self._categories[one].totals for one in checked.threat.categories],
                )
                for id_, weight in self._of_check.items()
                if (checked := self._checks[id_]).scope != FLEET or whole
            }
        return self._alike[factor, whole]

    def scores(self) -> Scores:
        """Return every band of what was added."""
        return Scores(
            tuple(
                _category(id_, self._taxonomy[id_], band, self._checks)
                for id_, band in sorted(self._categories.items())
            ),
            tuple(_group(*key, band) for key, band in sorted(self._groups.items())),
        )


def raised(
    found: Scores,
    fixed: Iterable[tuple[Host, str]],
    checks: Mapping[str, Check],
    *,
    weights: Weights,
    binding: frozenset[str] = frozenset(),
) -> Scores:
    """Return the bands as they would be were these failures, by host and check, passes instead."""
    gained: dict[tuple[str, str], float] = {}
    for (_, id_), host in {(host.id, check): host for host, check in fixed}.items():
        check = checks[id_]
        weight = weights.of_check(check, legal=check.deadline_class in binding) * weights.of_host(host)
        for key in (*(("category", one) for one in check.threat.categories), *_groups(host)):
            gained[key] = gained.get(key, 0.0) + weight
    return Scores(
        tuple(_up(one, gained.get(("category", one.category), 0.0)) for one in found.categories),
        tuple(_up(one, gained.get((one.kind, one.name), 0.0)) for one in found.groups),
    )


_Score = TypeVar("_Score", CategoryScore, GroupScore)


def _up(score: _Score, gained: float) -> _Score:
    points = 100 * gained / score.weight if score.weight else 0.0
    return replace(score, low=round(min(score.low + points, 100), 1), high=round(min(score.high + points, 100), 1))


def bound_classes(clocks: Iterable[Clock], profile: Profile) -> frozenset[str]:
    """Return the deadline classes of checks to which a legal clock that binds this profile gives a date."""
    modes = dict(profile.clocks)
    legal = (clock for clock in clocks if clock.legal and not clock.history and modes.get(clock.id) == "binding")
    return frozenset(class_ for clock in legal for class_ in clock.applies_to)


_COLUMN = dict.fromkeys(Status, 2) | {Status.PASS: 0, Status.FAIL: 1, Status.NOT_APPLICABLE: None}
"""Where a status counts: 0 passing, 1 failing, 2 unknown, nowhere what does not apply."""

Kind = Literal["host", "system", "zone"]


class _Band:
    """A sum while it is made: the weight that passes, fails and is unknown, in thousandths."""

    __slots__ = ("hosts", "totals")

    def __init__(self) -> None:
        self.hosts = 0
        self.totals = [0, 0, 0]

    def ends(self) -> tuple[float, float, float]:
        """Return the low end, the high end and the whole weight."""
        good, bad, unknown = self.totals
        total = good + bad + unknown
        low = 100 * good / total if total else 0.0
        high = 100 * (good + unknown) / total if total else 100.0
        return round(low, 1), round(high, 1), total / 1000


def _groups(host: Host) -> Iterator[tuple[Kind, str]]:
    if host.id != FLEET:
        yield "host", host.id
        yield "system", host.system
        yield "zone", host.zone


def _category(id_: str, title: str, band: _Band, checks: Mapping[str, Check]) -> CategoryScore:
    count = sum(1 for check in checks.values() if id_ in check.threat.categories)
    low, high, weight = band.ends()
    return CategoryScore(id_, title, low, high, count, weight)


def _group(kind: Kind, name: str, band: _Band) -> GroupScore:
    low, high, weight = band.ends()
    return GroupScore(kind, name, low, high, band.hosts, weight)
