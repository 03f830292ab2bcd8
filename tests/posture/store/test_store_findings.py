from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import DAY, NOW, baseline, due, finding, host_id, inventory, run, scan

from posture.errors import StoreError
from posture.model.finding import Closing, Finding
from posture.store import Did, Store


@pytest.fixture
def running(store: Store) -> Store:
    store.begin_run(run(), inventory(40), baseline())
    return store


def save(store: Store, *findings: Finding, at=NOW) -> int:
    return store.save_findings(run().id, findings, at)


def told(store: Store, finding_id: str) -> list[tuple[Did, str]]:
    return [(line.did, line.detail) for line in store.finding_history(finding_id)]


def test_findings_come_back_as_they_were_saved(running: Store):
    saved = [
        finding(host_id(1)),
        finding(host_id(0), "SSH-02", subject="ssh-ed25519 SHA256:abc"),
        replace(finding(host_id(0)), closed_at=NOW + DAY, closing=Closing.HOST_GONE, opened=3, waiver="W-9", due=()),
    ]
    assert save(running, *saved) == 3
    assert list(running.findings()) == sorted(saved, key=lambda one: (one.host, one.check))
    assert running.finding(saved[1].id) == saved[1]


def test_findings_are_read_by_host_check_and_whether_they_are_open(running: Store):
    one, two = finding(host_id(0)), finding(host_id(0), "SSH-02")
    three = replace(finding(host_id(1)), closed_at=NOW, closing=Closing.FIXED)
    save(running, one, two, three)
    assert list(running.findings(host=host_id(0))) == [one, two]
    assert list(running.findings(check="SSH-01")) == [one, three]
    assert list(running.findings(check="SSH-01", open_only=True)) == [one]
    assert list(running.findings(host="nobody")) == list(running.findings(check="NONE-1")) == []


def test_a_life_is_told_from_the_audit_chain(running: Store):
    one = finding(host_id(0))
    save(running, one)
    closed = replace(one, closed_at=NOW + DAY, closing=Closing.FIXED)
    save(running, closed, at=NOW + DAY)
    again = replace(one, opened=2, last_seen=NOW + 2 * DAY, due=(due((NOW + 40 * DAY).date()),))
    save(running, again, at=NOW + 2 * DAY)
    save(running, replace(again, waiver="W-1"), at=NOW + 3 * DAY)
    save(running, again, at=NOW + 4 * DAY)
    moved = replace(again, due=(due((NOW + 50 * DAY).date()),))
    save(running, moved, at=NOW + 5 * DAY)
    assert told(running, one.id) == [
        (Did.OPENED, "campaign 2026-12-22"),
        (Did.CLOSED, "fixed"),
        (Did.REOPENED, "campaign 2027-01-01"),
        (Did.WAIVED, "W-1"),
        (Did.UNWAIVED, "W-1"),
        (Did.DUE_CHANGED, "campaign 2027-01-11"),
    ]
    lines = running.finding_history(one.id)
    assert [line.at for line in lines] == [NOW + n * DAY for n in range(6)]
    assert {line.run for line in lines} == {run().id}
    assert running.finding(one.id) == moved


def test_being_seen_again_is_no_change(running: Store):
    one = finding(host_id(0))
    save(running, one)
    before = running.chain_head()
    seen = replace(one, last_seen=NOW + DAY)
    assert save(running, seen, at=NOW + DAY) == 0
    assert running.finding(one.id) == seen
    assert running.chain_head() == before


def test_a_finding_that_is_not_named_stays_as_it_is(running: Store):
    one, two = finding(host_id(0)), finding(host_id(1))
    save(running, one, two)
    save(running, replace(one, closed_at=NOW, closing=Closing.FIXED))
    assert running.finding(two.id) == two


def test_histories_of_one_host_are_kept_apart_by_subject(running: Store):
    one, two = finding(host_id(0), subject="a"), finding(host_id(0), subject="b")
    save(running, one, two)
    save(running, replace(one, closed_at=NOW, closing=Closing.CHECK_CHANGED))
    assert len(told(running, one.id)) == 2
    assert len(told(running, two.id)) == 1


def test_an_id_that_means_another_finding_is_refused(running: Store):
    one = finding(host_id(0))
    save(running, one)
    with pytest.raises(StoreError, match="is taken by SSH-01"):
        save(running, replace(finding(host_id(1)), id=one.id))


@pytest.mark.parametrize("odd", ["", "xyz", "00" * 7, "00" * 9, "AB" * 8, "zz" * 8])
def test_an_odd_id_is_refused(running: Store, odd: str):
    with pytest.raises(StoreError, match="no finding id"):
        running.finding(odd)
    with pytest.raises(StoreError, match="no finding id"):
        save(running, replace(finding(host_id(0)), id=odd))


def test_an_unknown_id_is_named(running: Store):
    with pytest.raises(StoreError, match="no finding has the id"):
        running.finding("0" * 16)


@given(
    st.integers(0, 2**64 - 1), st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.integers(0, 10**15)
)
@settings(max_examples=25, deadline=None)
def test_ids_subjects_and_microseconds_survive(tmp_path_factory, number: int, subject: str, micro: int):
    with Store.open(tmp_path_factory.mktemp("s") / "posture.db") as store:
        store.begin_run(run(), inventory(1), baseline())
        saved = Finding(f"{number:016x}", "SSH-01", host_id(0), subject, NOW + timedelta(microseconds=micro), NOW)
        save(store, saved)
        assert store.finding(saved.id) == saved
        assert told(store, saved.id) == [(Did.OPENED, "")]


def test_the_chain_tells_who_began_and_ended_what(store: Store):
    scan(store)
    assert [event.event for event in store.events()] == ["run_begun", "findings_changed", "run_ended"]
    assert store.verify_chain() == store.chain_head()
    assert store.verify_chain(store.chain_head()).seq == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE change SET content = (SELECT content FROM change WHERE seq = 1), size = (SELECT size FROM change WHERE seq = 1) WHERE seq = 2",
        "DELETE FROM change WHERE seq = 2",
        "DELETE FROM change WHERE seq = 1",
        "UPDATE change SET prev = zeroblob(32) WHERE seq = 3",
        "UPDATE change SET digest = zeroblob(32) WHERE seq = 3",
        "UPDATE change SET content = x'00' WHERE seq = 3",
    ],
    ids=["content", "gap", "first", "prev", "digest", "garbage"],
)
def test_a_tampered_chain_is_noticed(store: Store, path: Path, statement: str):
    scan(store)
    raw = sqlite3.connect(path)
    assert raw.execute(statement).rowcount == 1
    raw.commit()
    with pytest.raises(StoreError):
        store.verify_chain()


def test_a_chain_cut_at_its_end_is_noticed_by_the_head_that_was_written_down(store: Store, path: Path):
    scan(store)
    head = store.chain_head()
    raw = sqlite3.connect(path)
    raw.execute("DELETE FROM change WHERE seq = ?", (head.seq,))
    raw.commit()
    store.verify_chain()
    with pytest.raises(StoreError, match="does not hold the row that was written down"):
        store.verify_chain(head)


def test_a_chain_goes_on_after_a_head_that_was_written_down(store: Store):
    scan(store, 1)
    head = store.chain_head()
    scan(store, 2)
    assert store.verify_chain(head).seq > head.seq
