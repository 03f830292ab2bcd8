"""OSV advisories: of distributions (Debian, Ubuntu, Red Hat, Rocky, Alma) and of languages (PyPI, npm)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cmp_to_key

import msgspec

from posture.feeds.container import Document
from posture.feeds.entries import Edition, Entry, decoded, is_cve, moment, shapeless
from posture.model.vulnerability import Advisory, FixState
from posture.vulnerabilities.versions import UnorderedError, older, project_name

_MOST_VERSIONS = 20_000  # listed one by one; the longest list we know of has 3,000


class _Event(msgspec.Struct, frozen=True):
    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None


class _Range(msgspec.Struct, frozen=True):
    type: str
    events: list[_Event]


class _Package(msgspec.Struct, frozen=True):
    ecosystem: str
    name: str


class _Hit(msgspec.Struct, frozen=True):
    package: _Package | None = None
    ranges: list[_Range] = []
    versions: list[str] = []


class _Advisory(msgspec.Struct, frozen=True):
    id: str
    modified: str
    withdrawn: str | None = None
    aliases: list[str] = []
    related: list[str] = []
    upstream: list[str] = []
    affected: list[_Hit] = []


def read(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield one statement per CVE, package and interval of versions; withdrawn advisories say nothing.

    Source: ossf.github.io/osv-schema, 1.7.
    """
    for document in documents:
        if not document.name.lower().endswith(".json"):
            continue
        advisory = decoded(document.read(), _Advisory, document.name)
        yield Edition(moment(advisory.modified, document.name))
        if advisory.withdrawn is None:
            yield from _statements(advisory, document.name)


def _statements(advisory: _Advisory, name: str) -> Iterator[Advisory]:
    cves = _cves(advisory)
    plain = {(hit.package.ecosystem, hit.package.name) for hit in advisory.affected if hit.package}
    for hit in advisory.affected:
        if hit.package is None or (ecosystem := ecosystem_of(hit.package.ecosystem)) is None:
            continue
        pro = hit.package.ecosystem.startswith("Ubuntu:Pro:")
        if pro and (ecosystem, hit.package.name) in plain:
            continue  # Ubuntu Pro repeats what the release itself already has
        package = project_name(hit.package.name) if ecosystem == "PyPI" else hit.package.name
        note = "; ".join(part for part in ("Ubuntu Pro" if pro else "", _own_id(advisory)) if part)
        for introduced, fixed, last in _intervals(ecosystem, hit, name):
            state = FixState.FIXED_IN if fixed else FixState.NO_FIX
            for cve in cves:
                yield Advisory(cve, ecosystem, package, state, introduced, fixed, last, note)


_DISTRIBUTION = re.compile(r"(?:DSA|DLA|DTSA|USN|LSN|RHSA|RHBA|RHEA|RLSA|RXSA|ALSA|ALBA|ALEA)-")
_RED_HAT = re.compile(r"Red Hat:enterprise_linux:(?P<major>[0-9]+)(?:::.*)?")
_UBUNTU = re.compile(r"Ubuntu:(?:Pro:)?(?P<version>[0-9]{2}\.[0-9]{2}(?::LTS)?)")
_PLAIN = re.compile(r"(?:Debian:[0-9]+|(?:Rocky Linux|AlmaLinux):[0-9]+|PyPI|npm)")


def ecosystem_of(text: str) -> str | None:
    """Return the ecosystem as hosts are called, ``None`` for one that is not ours.

    Red Hat names it by CPE and repository; long-life channels (EUS, AUS, FIPS) have versions of their own and are left.
    """
    if red_hat := _RED_HAT.fullmatch(text):
        return f"Red Hat:{red_hat['major']}"
    if ubuntu := _UBUNTU.fullmatch(text):
        return f"Ubuntu:{ubuntu['version']}"
    return text if _PLAIN.fullmatch(text) else None


def _cves(advisory: _Advisory) -> tuple[str, ...]:
    """Return the CVEs an advisory is about; its own id when it names none."""
    named = [_without_prefix(advisory.id), *advisory.aliases, *advisory.upstream]
    # "related" is "of the same bug" to a distribution, and merely similar to everybody else.
    named += advisory.related if _DISTRIBUTION.match(advisory.id) else []
    found = {text.upper() for text in named if is_cve(text)}
    return tuple(sorted(found)) or (advisory.id[:80],)


def _own_id(advisory: _Advisory) -> str:
    return "" if is_cve(_without_prefix(advisory.id)) else advisory.id[:80]


def _without_prefix(id_: str) -> str:
    """Return ``CVE-2016-20013`` of ``UBUNTU-CVE-2016-20013``."""
    return re.sub(r"^[A-Z]+-(?=CVE-)", "", id_)


def _intervals(ecosystem: str, hit: _Hit, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield ``(introduced, fixed, last affected)``; an end that is empty is none."""
    ranges = [one for one in hit.ranges if one.type in ("ECOSYSTEM", "SEMVER")]
    for one in ranges:
        yield from _of_range(_in_order(ecosystem, one.events))
    if not ranges:
        if len(hit.versions) > _MOST_VERSIONS:
            raise shapeless(name, f"more than {_MOST_VERSIONS} versions listed")
        yield from ((version, "", version) for version in hit.versions)


def _of_range(events: list[_Event]) -> Iterator[tuple[str, str, str]]:
    since: str | None = None
    for event in events:
        if event.introduced is not None:
            since = event.introduced if since is None else since
        elif since is not None and (event.fixed or event.last_affected):
            yield since, event.fixed or "", event.last_affected or ""
            since = None
    if since is not None:
        yield since, "", ""


def _in_order(ecosystem: str, events: list[_Event]) -> list[_Event]:
    """Return events by version: a fix before the next introduction."""
    if len(events) <= 2:
        return sorted(events, key=lambda one: one.introduced is None)

    def compared(left: _Event, right: _Event) -> int:
        one, other = _version(left), _version(right)
        if one == other or "0" in (one, other):
            return (one != "0") - (other != "0") or (left.introduced is not None) - (right.introduced is not None)
        return -1 if older(ecosystem, one, other) else 1

    try:
        return sorted(events, key=cmp_to_key(compared))
    except UnorderedError:
        return events


def _version(event: _Event) -> str:
    return event.introduced or event.fixed or event.last_affected or "0"
