"""From installed package versions to the CVEs that affect them, by what feeds say. Pure.

``affected(packages, knowledge)`` is the whole of it; ``assessed(packages, knowledge)`` says which packages no feed
speaks for. The package versions of a host come from ``posture.vulnerabilities.installed``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from posture.model.vulnerability import Advisory, Affected, FixState, PackageVersion
from posture.vulnerabilities.knowledge import Knowledge
from posture.vulnerabilities.services import ECOSYSTEM, GUESSED
from posture.vulnerabilities.versions import UnorderedError, is_rpm, older

VENDOR_FEEDS = ("debian-tracker", "ubuntu-osv", "ubuntu-vex", "redhat-vex")
"""Feeds of those who build the packages: on a CVE and package that one of these names, the others are not heard."""

SURE = 100
"""The vendor's word, or an ecosystem's own, on a package that is installed."""


@dataclass(slots=True)
class Matches:
    """Remembers what each package version came to: fleets are alike, so most work is a look-up."""

    knowledge: Knowledge
    _of: dict[PackageVersion, tuple[Affected, ...]] = field(default_factory=dict)

    def of(self, package: PackageVersion) -> tuple[Affected, ...]:
        """Return every CVE that affects a package version, sorted."""
        found = self._of.get(package)
        if found is None:
            found = self._of[package] = tuple(sorted(_matched(package, self.knowledge)))
        return found


def affected(packages: Iterable[PackageVersion], knowledge: Knowledge | Matches) -> tuple[Affected, ...]:
    """Return every CVE that affects any of the packages, by package and CVE.

    ``INVESTIGATING`` is among them and means unknown. A package of an ecosystem that no feed speaks for yields nothing
    here: ``not_assessed`` names it. Hand in one ``Matches`` for many hosts.
    """
    matches = knowledge if isinstance(knowledge, Matches) else Matches(knowledge)
    return tuple(one for package in sorted(set(packages), key=_ORDER_OF_PACKAGES) for one in matches.of(package))


_ORDER_OF_PACKAGES = attrgetter("ecosystem", "name", "version")


def not_assessed(packages: Iterable[PackageVersion], knowledge: Knowledge) -> tuple[PackageVersion, ...]:
    """Return the packages of ecosystems that no feed speaks for, sorted: unknown, never clean."""
    found = set(packages)
    blind = {name for name in {one.ecosystem for one in found} if not knowledge.covers(name)}
    return tuple(sorted(one for one in found if one.ecosystem in blind))


def _matched(package: PackageVersion, knowledge: Knowledge) -> Iterator[Affected]:
    stated = knowledge.advisories(package.ecosystem, package.name)
    by_cve = sorted(stated, key=lambda one: (one[1].cve, _rank(one[0]), one[0]))
    for cve, pairs in groupby(by_cve, key=lambda one: one[1].cve):
        of_cve = list(pairs)
        feed = of_cve[0][0]
        # The next feed is heard only where the one before it is silent on this CVE.
        said = [one for other, one in of_cve if other == feed]
        if (found := _by_one_feed(package, cve, feed, said)) is not None:
            yield found


def _rank(feed: str) -> int:
    return VENDOR_FEEDS.index(feed) if feed in VENDOR_FEEDS else len(VENDOR_FEEDS)


def _by_one_feed(package: PackageVersion, cve: str, feed: str, said: Sequence[Advisory]) -> Affected | None:
    """Return what one feed's statements on one CVE mean for a version; ``None`` is not affected."""
    fixes = [one for one in said if one.state is FixState.FIXED_IN]
    if is_rpm(package.ecosystem) and len(fixes) > 1:
        said = [one for one in said if one.state is not FixState.FIXED_IN] + [_of_its_stream(package, fixes)]
    hits = [one for one in said if _hits(package, one)]
    if not hits:
        return None
    # Of several the one that leaves most to do: no fix before a fix, the furthest fix before a nearer one.
    state = max((one.state for one in hits), key=_ORDER.index)
    worst = _furthest(package.ecosystem, [one for one in hits if one.state is state])
    if package.ecosystem == ECOSYSTEM:
        why = f"guessed from a banner on the network: {_why(package, worst, feed)}"
        return Affected(cve, package, worst.state, worst.fixed, feed, GUESSED, why)
    return Affected(cve, package, worst.state, worst.fixed, feed, SURE, _why(package, worst, feed))


_ORDER = (FixState.NOT_AFFECTED, FixState.INVESTIGATING, FixState.FIXED_IN, FixState.NO_FIX, FixState.WILL_NOT_FIX)


def _hits(package: PackageVersion, one: Advisory) -> bool:
    """Return whether a statement makes this version affected, or leaves it open."""
    if one.state is FixState.NOT_AFFECTED:
        return False
    try:
        since = one.introduced in ("", "0") or not older(package.ecosystem, package.version, one.introduced)
        fixed = bool(one.fixed) and not older(package.ecosystem, package.version, one.fixed)
        past = bool(one.last_affected) and older(package.ecosystem, one.last_affected, package.version)
    except UnorderedError:
        return True  # a version that nobody can place is not shown as good
    return since and not fixed and not past


_DIST = re.compile(r"\.(module\+)?(el[0-9]+(?:_[0-9]+)?)")


def _of_its_stream(package: PackageVersion, fixes: Sequence[Advisory]) -> Advisory:
    """Return the fix for the stream that an rpm is of: minor releases and modules are patched side by side.

    ``3.9.18-3.el9_4.7`` has the fix of ``3.9.18-3.el9_4.5`` although ``3.9.19-8.el9`` is newer than both. Without a
    fix in its own stream, the furthest one counts.
    """
    own = [one for one in fixes if _stream(one.fixed) == _stream(package.version)]
    return _furthest(package.ecosystem, own or fixes)


def _stream(version: str) -> tuple[str, str]:
    dist = _DIST.search(version)
    if dist is None:
        return "", ""
    # Two module streams of one release differ in nothing but their own version: nodejs 18 and 20.
    upstream = version.rsplit(":", 1)[-1].split(".", 1)[0] if dist[1] else ""
    return dist[2], upstream


def _furthest(ecosystem: str, fixes: Sequence[Advisory]) -> Advisory:
    furthest = fixes[0]
    for one in fixes[1:]:
        try:
            if furthest.fixed and one.fixed and older(ecosystem, furthest.fixed, one.fixed):
                furthest = one
        except UnorderedError:
            continue
    return furthest


def _why(package: PackageVersion, one: Advisory, feed: str) -> str:
    what = f"{package.name} {package.version}"
    note = f" ({one.note})" if one.note else ""
    match one.state:
        case FixState.FIXED_IN:
            return f"{what} is older than {one.fixed}, in which {feed} says it is fixed{note}"
        case FixState.INVESTIGATING:
            return f"{feed} does not know yet whether {what} is affected{note}"
        case FixState.WILL_NOT_FIX:
            return f"{what} is affected, and {feed} says no fix will come{note}"
        case _:
            return f"{what} is affected, and {feed} knows of no fix yet{note}"
