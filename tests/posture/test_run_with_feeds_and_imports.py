"""Feeds and imports in a run: what is affected, what was not assessed, whose sight starts the clock, and the notes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from posture.assess import stored_assessment
from posture.evaluated import evaluate
from posture.feeds.intake import Source, take
from posture.feeds.library import Library
from posture.feeds.registry import feed
from posture.gather import Job, Work
from posture.imports import table
from posture.imports.book import Book
from posture.imports.scan import keep
from posture.known import FeedMatcher
from posture.model.host import Inventory
from posture.model.observation import FactDocument, Origin, Unseen
from posture.run import replay
from posture.store import Store
from tests.posture.feeds import authored
from tests.posture.replays import DAY, HARDENED, START, job, recorded, write_inventory

TRACKER = {
    "openssl": {
        "CVE-2026-0001": {"releases": {"bookworm": {"status": "open"}}},
        "CVE-2026-0002": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "0"}}},
    }
}


class Site:
    """One agency of one recorded host, with feeds and imports beside its store."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.job = job(write_inventory(work / "inventory.yaml", HARDENED), work)

    def feed(self, id_: str, content: bytes) -> None:
        path = self.work / id_
        path.write_bytes(content)
        take(feed(id_), path, Source(f"https://x.example/{id_}"), self.work / "feeds", START - timedelta(hours=1))

    def imported(self, *rows: str) -> None:
        path = self.work / "others.csv"
        path.write_text("asset,cve,first_seen,last_seen,source,fixed\n" + "\n".join(rows))
        keep("csv", path, table.read(path, START), self.work / "imports", START)

    def run(self, store: Store, *, later: timedelta = timedelta()) -> str:
        now = START + later
        return replay(store, [recorded(HARDENED, at=now)], self.whole(), now, Work(clock=lambda: now), as_of=now)

    def whole(self) -> Job:
        book = Book(self.work / "imports", self.job.inventory)
        hosts = (*self.job.inventory.hosts, *book.only_imported())
        inventory: Inventory = replace(self.job.inventory, hosts=tuple(sorted(hosts, key=lambda host: host.id)))
        return replace(self.job, inventory=inventory, matcher=FeedMatcher(Library(self.work / "feeds"), book=book))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "posture.db") as opened:
        yield opened


def _topic(store: Store, host: str) -> FactDocument | Unseen:
    return next(one for one in store.read_observations("latest", host) if one.topic == "vulnerabilities")


def _facts(store: Store, host: str) -> dict[str, Any]:
    found = _topic(store, host)
    assert isinstance(found, FactDocument)
    facts: dict[str, Any] = msgspec.json.decode(found.content)["facts"]
    return facts


def _notes(store: Store, run: str) -> list[str]:
    return [note for note in stored_assessment(store, run).notes if "feed" in note]


def test_without_feeds_nothing_is_assessed_and_the_first_page_says_so(site: Site, store: Store) -> None:
    run = site.run(store)
    found = _topic(store, HARDENED)
    assert isinstance(found, Unseen)
    assert "no feed" in found.detail
    [note] = _notes(store, run)
    assert note.startswith("no feed of known vulnerabilities was ever imported")


def test_the_vendors_word_on_a_recorded_host_becomes_its_vulnerability(site: Site, store: Store) -> None:
    site.feed("debian-tracker", json.dumps(TRACKER).encode())
    site.feed("kev", authored.kev("CVE-2026-0001", released="2026-11-22T00:00:00Z"))
    run = site.run(store)
    [known] = _facts(store, HARDENED)["known"]["items"]
    assert (known["cve"], known["package"], known["state"], known["in_kev"]) == (
        "CVE-2026-0001",
        "openssl",
        "no_fix",
        True,
    )
    assert _notes(store, run) == []


def test_feeds_older_than_a_day_are_a_note_on_the_first_page(site: Site, store: Store) -> None:
    site.feed("debian-tracker", json.dumps(TRACKER).encode())
    [note] = _notes(store, site.run(store, later=DAY))
    assert note == ("1 of 1 feeds are older than 24 hours: debian-tracker 25 h; what came since is not known")


def test_the_clock_starts_at_the_earliest_sight_and_says_whose(site: Site, store: Store) -> None:
    site.feed("debian-tracker", json.dumps(TRACKER).encode())
    site.imported(f"{HARDENED},CVE-2026-0001,2026-10-01,2026-11-20,ACAS,no")
    run = site.run(store)
    [register] = [json.loads(store.part(run, "vulnerabilities"))]
    [sights] = register["detections"]
    assert [(one["source"], one["first_seen"][:10], one["origin"]) for one in sights] == [
        ("ACAS", "2026-10-01", "imported"),
        ("posture", "2026-11-22", "replayed"),
    ]


def test_a_host_that_only_an_import_knows_is_in_the_run_and_never_clean(site: Site, store: Store) -> None:
    site.feed("debian-tracker", json.dumps(TRACKER).encode())
    site.imported("10.7.0.17,CVE-2024-1111,2026-10-01,2026-11-20,ACAS,no")
    site.run(store)
    found = _topic(store, "10.7.0.17")
    assert isinstance(found, FactDocument)
    assert found.origin is Origin.IMPORTED
    facts = _facts(store, "10.7.0.17")
    assert [one["cve"] for one in facts["known"]["items"]] + [facts["deferred"]] != [0]
    assert facts["known"]["complete"] is False
    assert facts["gap"].startswith("known by import only (ACAS of 2026-11-20)")


def test_an_evaluation_years_later_needs_no_feed(site: Site, store: Store) -> None:
    site.feed("debian-tracker", json.dumps(TRACKER).encode())
    run = site.run(store)
    shutil.rmtree(site.work / "feeds")
    assert evaluate(store, run).fingerprint == stored_assessment(store, run).fingerprint
