"""Matches the hosts of a run one after the other: equal documents and equal packages are matched once. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from posture.model.observation import FactDocument, Observation
from posture.model.vulnerability import Affected, FixState, PackageVersion
from posture.vulnerabilities.installed import installed, topics
from posture.vulnerabilities.knowledge import Knowledge
from posture.vulnerabilities.match import Matches, affected, not_assessed
from posture.vulnerabilities.services import ECOSYSTEM

NO_FEEDS = "not assessed: no feed of known vulnerabilities was ever imported (`posture feeds update`)"

_REMEMBERED = 2_048  # lists of alike hosts: about 200 MB at 500 CVEs each, most of it shared


@dataclass(frozen=True, slots=True)
class HostMatches:
    """What the installed packages of a host come to."""

    affected: tuple[Affected, ...]
    """By package and CVE; what a vendor still investigates is not among them."""
    packages: int
    """How many package versions a feed spoke for; a product guessed from a banner is none."""
    gap: str
    """Why the list may be short: packages unseen, no feed for them, a vendor that still looks; empty when whole."""


class FleetMatches:
    """Remembers documents and packages; hand in every host of a run."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge, self._matches = knowledge, Matches(knowledge)
        self._known: OrderedDict[tuple[str, ...], HostMatches] = OrderedDict()

    def of(self, observed: Mapping[str, Observation]) -> HostMatches:
        """Return what the packages of one host come to."""
        if not self._knowledge.stamps:
            return HostMatches((), 0, NO_FEEDS)
        key = tuple(_digest(observed.get(topic)) for topic in topics(observed))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._matched(observed)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found

    def _matched(self, observed: Mapping[str, Observation]) -> HostMatches:
        listed = installed(observed)
        blind = not_assessed(listed.packages, self._knowledge)
        found = affected(listed.packages, self._matches)
        looked_up = sum(one.ecosystem != ECOSYSTEM for one in listed.packages) - len(blind)
        undecided = sum(one.state is FixState.INVESTIGATING for one in found)
        return HostMatches(
            affected=tuple(one for one in found if one.state is not FixState.INVESTIGATING),
            packages=max(looked_up, 0),
            gap="; ".join(_gaps(listed.unseen, blind, undecided)),
        )


def _gaps(unseen: str, blind: tuple[PackageVersion, ...], undecided: int) -> Iterator[str]:
    if unseen:
        yield unseen
    for ecosystem in sorted({one.ecosystem for one in blind}):
        count = sum(one.ecosystem == ecosystem for one in blind)
        yield f"no feed speaks for {count} {'package' if count == 1 else 'packages'} of {ecosystem}"
    if undecided:
        yield f"the vendor has not decided on {undecided} {'CVE' if undecided == 1 else 'CVEs'} yet"


def _digest(observed: Observation | None) -> str:
    if isinstance(observed, FactDocument):
        return observed.digest
    return f"{observed.reason.value} {observed.detail}" if observed is not None else ""
