"""What the matching asks of feeds: the seam between published knowledge and pure deciding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from posture.model.vulnerability import Advisory, CveRecord, FeedStamp, SupportCycle


class Knowledge(Protocol):
    """One consistent state of all feeds; equal digests give equal answers for ever."""

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """Every feed that is in it, by id."""
        ...

    @property
    def digest(self) -> str:
        """Hex sha256 over the feeds; empty knowledge has one too."""
        ...

    def covers(self, ecosystem: str) -> tuple[str, ...]:
        """Return the feeds that speak for an ecosystem; none means its packages were not assessed, never clean."""
        ...

    def advisories(self, ecosystem: str, package: str) -> Sequence[tuple[str, Advisory]]:
        """Return every statement on a package with the id of its feed, sorted."""
        ...

    def record(self, cve: str) -> CveRecord:
        """Return what is known of a CVE; a record of nothing but its id when no feed names it."""
        ...

    def support(self, product: str) -> Sequence[SupportCycle]:
        """Return the release lines of a product, in endoflife.date's words; empty when no feed names it."""
        ...
