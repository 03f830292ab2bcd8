"""All feeds of one place as ``Knowledge``: what is known of packages and CVEs, offline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property, lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from posture.feeds.shelf import FORMAT, SUFFIX, About, Shelf
from posture.model.vulnerability import Advisory, CveRecord, FeedStamp, SupportCycle

PLACE = "feeds"
"""The folder beside the database."""


class Library:
    """One consistent state of all feeds; files that are replaced meanwhile are read on as they were."""

    def __init__(self, place: Path) -> None:
        paths = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else []
        self._shelves = {shelf.about.stamp.id: shelf for shelf in map(Shelf, paths)}
        self._records: dict[str, CveRecord] = {}
        self._stated = lru_cache(maxsize=1024)(self._look_up)  # the kernel's statements alone are 10,000

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for shelf in self._shelves.values():
            shelf.close()

    @property
    def about(self) -> tuple[About, ...]:
        """What every shelf holds, by id of the feed."""
        return tuple(self._shelves[id_].about for id_ in sorted(self._shelves))

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """Every feed that is in it, by id."""
        return tuple(one.stamp for one in self.about)

    @cached_property
    def digest(self) -> str:
        """Hex sha256 over the bytes of all feeds and the format they are kept in."""
        said = "".join(f"{stamp.id} {stamp.sha256}\n" for stamp in self.stamps)
        return hashlib.sha256(f"{FORMAT}\n{said}".encode()).hexdigest()

    def covers(self, ecosystem: str) -> tuple[str, ...]:
        """Return the feeds that speak for an ecosystem; none means not assessed."""
        return tuple(one.stamp.id for one in self.about if ecosystem in one.ecosystems)

    def advisories(self, ecosystem: str, package: str) -> Sequence[tuple[str, Advisory]]:
        """Return every statement on a package with the id of its feed, sorted."""
        return self._stated(ecosystem, package)

    def _look_up(self, ecosystem: str, package: str) -> tuple[tuple[str, Advisory], ...]:
        found = (
            (id_, one)
            for id_, shelf in self._shelves.items()
            if ecosystem in shelf.about.ecosystems
            for one in shelf.advisories(ecosystem, package)
        )
        return tuple(sorted(set(found)))

    def record(self, cve: str) -> CveRecord:
        """Return what is known of a CVE from all feeds; of two that say the same thing the first by id counts."""
        if cve not in self._records:
            merged: dict[str, Any] = {}
            for _, shelf in sorted(self._shelves.items(), key=lambda item: (item[0] == "nvd", item[0])):
                if (said := shelf.record(cve)) is not None:
                    _add(merged, said)
            self._records[cve] = CveRecord(cve, **merged)
        return self._records[cve]

    def support(self, product: str) -> Sequence[SupportCycle]:
        """Return the release lines of a product, sorted."""
        found = (cycle for shelf in self._shelves.values() for cycle in shelf.support(product))
        return sorted(found, key=lambda one: (one.product, one.cycle))


_SSVC = ("automatable", "technical_impact", "exploitation", "ssvc_source")
"""One decision point of one author: taken whole, or its source would be a lie."""


def _add(merged: dict[str, Any], said: CveRecord) -> None:
    told = {field.name: getattr(said, field.name) for field in fields(said) if field.name != "cve"}
    told = {name: value for name, value in told.items() if value is not None and value != ""}
    if any(name in merged for name in _SSVC):
        told = {name: value for name, value in told.items() if name not in _SSVC}
    merged.update({name: value for name, value in told.items() if name not in merged})
