"""The contexts of known vulnerabilities under BOD 26-04."""

from __future__ import annotations

from dataclasses import dataclass

from reports.view.words import Pair, Share


@dataclass(frozen=True, slots=True)
class PlatformView:
    """Hosts of one platform by who assessed their known vulnerabilities."""

    platform: str
    hosts: int
    by_us: Share
    imported: Share
    not_assessed: Share
    with_gaps: Share


@dataclass(frozen=True, slots=True)
class StandingView:
    """Vulnerabilities by how they stand to their date."""

    name: str
    count: Share
    late: bool


@dataclass(frozen=True, slots=True)
class VulnerabilityView:
    """One CVE on one host."""

    host: str
    cve: str
    package: str
    fix: str
    status: str
    late: bool
    due: str
    other_due: str
    """The same days counted from when the table binds, where the clock began before."""
    why: str
    said: tuple[Pair, ...]
    """Each input with its value and who says so."""
    triage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownView:
    """Known vulnerabilities under BOD 26-04, the denominator first."""

    standing: str
    source: str
    platforms: tuple[PlatformView, ...]
    total: int
    standings: tuple[StandingView, ...]
    defaulted: tuple[Pair, ...]
    """Inputs that nobody gave, counted apart."""
    first: tuple[VulnerabilityView, ...]
    left_out: int
    feeds: tuple[Pair, ...]
    tagged: Share
    public_addresses: int
    discovered: Share
    """Hosts found within seven days."""
    enumerated: Share
    """Hosts read with a login within fourteen."""
