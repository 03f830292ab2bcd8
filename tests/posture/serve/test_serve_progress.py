"""How far a running scan has come, on the page of scans and in the API, and to whom it is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from served import Clock, Served, served

from posture.gather import LOOKING, READING, Silent
from posture.judged import circumstances_of, keep_circumstances
from posture.model.account import Role
from posture.model.progress import HowFar, Stage
from posture.progress import EVERY, Told
from posture.store import Store

RUN = "20261128T040000Z-abcdef"


@pytest.fixture
def agency(tmp_path: Path, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path, demo_store) as one:
        yield one


def begun(store: Store) -> None:
    """Begin a run as a scan does."""
    last = store.load_run("latest").run
    store.begin_run(replace(last, id=RUN, started_at=last.started_at + timedelta(days=1)), store.inventory("latest"), store.baseline("latest"))  # fmt: skip
    keep_circumstances(store, RUN, circumstances_of(store, last.id))


def test_a_running_scan_tells_stage_by_stage_how_far_it_is(agency: Served) -> None:
    begun(agency.store)
    clock = Clock()
    told = Told(agency.store, RUN, Silent(), clock)
    told.expect(LOOKING, 12)
    told.expect(READING, 12)
    assert agency.store.progress(RUN) == HowFar(clock(), (Stage(LOOKING, 0, 12), Stage(READING, 0, 12)))
    for _ in range(5):
        told.advance(READING, "web-1")
    assert agency.store.progress(RUN).stages[1].done == 0, "no more often than every two seconds"  # type: ignore[union-attr]
    clock.pass_by(EVERY)
    told.advance(READING, "web-2")
    found = agency.store.progress(RUN)
    assert found == HowFar(clock(), (Stage(LOOKING, 0, 12), Stage(READING, 6, 12)))

    words = re.sub(r"<[^>]+>|\s+", " ", agency.signed_in(Role.ANALYST).get("/scans").text)
    assert f"{READING}: 6 of 12 hosts" in words
    assert "look again" in words
    listed = {one["run"]["text"]: one for one in agency.program(Role.ANALYST).get("/api/v1/scans").json()["items"]}
    assert listed[RUN]["stages"][1] == {"name": READING, "done": 6, "total": 12}
    assert [one["stages"] for id_, one in listed.items() if id_ != RUN] == [[]] * (len(listed) - 1)


def test_the_last_host_of_a_stage_is_told_at_once(agency: Served) -> None:
    begun(agency.store)
    told = Told(agency.store, RUN, Silent(), Clock())
    told.expect(READING, 2)
    told.advance(READING)
    told.advance(READING)
    assert agency.store.progress(RUN).stages == (Stage(READING, 2, 2),)  # type: ignore[union-attr]


def test_what_has_ended_tells_nothing_any_more(agency: Served) -> None:
    begun(agency.store)
    Told(agency.store, RUN, Silent(), Clock()).expect(READING, 12)
    agency.store.interrupt_run(RUN, datetime.now(UTC))
    assert agency.store.progress(RUN) is None
    assert "<progress" not in agency.signed_in(Role.ANALYST).get("/scans").text


def test_who_sees_some_systems_is_not_told_how_many_hosts_there_are(agency: Served) -> None:
    begun(agency.store)
    Told(agency.store, RUN, Silent(), Clock()).expect(READING, 12)
    system = next(one.system for one in agency.store.inventory("latest").hosts if one.system)
    page = agency.signed_in(Role.VIEWER, systems=(system,)).get("/scans")
    assert page.status_code == 200
    assert READING not in page.text


def test_progress_that_cannot_be_kept_ends_no_scan(agency: Served) -> None:
    class Heard(Silent):
        count = 0

        def advance(self, stage: str, what: str = "") -> None:
            self.count += 1

    heard = Heard()
    Told(agency.store, "no-such-run", heard, Clock()).advance(READING)
    assert heard.count == 1
