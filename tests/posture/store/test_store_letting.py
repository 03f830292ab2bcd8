"""Old answers move to archives and later go; what a verdict rests on stays, and nothing ever looks as if it were there."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from store_samples import NOW, baseline, host_id, inventory, run, scan

from posture.errors import NotKeptError, StoreError
from posture.store import Store, chain, letting
from posture.store.archive import write_archive
from posture.store.blobs import Blobs
from posture.store.schema import BLOB
from posture.store.upkeep import check

OLD, FRESH = NOW - timedelta(days=200), NOW - timedelta(days=3)
ANSWER = b"os.release of h00000 of old\n"
DIGEST = hashlib.sha256(ANSWER).hexdigest()


def cut(**changes: object) -> letting.Cut:
    values = {
        "archive_before": NOW - timedelta(days=180),
        "delete_before": NOW - timedelta(days=365),
        "policy": "6 and 12",
    }
    return letting.Cut(**(values | changes))  # type: ignore[arg-type]


def let_go(store: Store, place: Path, now: datetime = NOW, **changes: object) -> letting.Letting:
    return letting.let_go(store, cut(**changes), place, now, by="alex")


@pytest.fixture
def runs(store: Store) -> tuple[str, str]:
    return scan(store, 1, at=OLD, flavour=" of old"), scan(store, 2, at=FRESH, flavour=" of fresh")


def test_old_answers_move_to_an_archive_and_the_fresh_ones_stay(
    store: Store, runs: tuple[str, str], tmp_path: Path
) -> None:
    done = let_go(store, tmp_path / "archive")
    assert (done.runs, done.archive.blobs, done.delete.blobs, done.oldest_kept) == (1, 4, 0, FRESH)
    with pytest.raises(NotKeptError, match=rf"moved to evidence-2026-05-\S+ on {NOW:%Y-%m-%d} by policy \(6 and 12\)"):
        store.read_blob(DIGEST)
    answers = [one for spoken in store.read_transcripts(runs[0], host_id(0)) for one in spoken.answers.values()]
    assert all("no longer kept" in one.gone for one in answers)
    fresh = [one for spoken in store.read_transcripts(runs[1], host_id(0)) for one in spoken.answers.values()]
    assert all(one.stdout and not one.gone for one in fresh)
    with pytest.raises(NotKeptError):
        list(store.read_transcripts(runs[0], whole=True))


def test_verdicts_runs_and_chain_are_as_they_were(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    before = [list(store.read_hosts(one)) for one in runs]
    findings = list(store.findings())
    let_go(store, tmp_path / "archive")
    assert [list(store.read_hosts(one)) for one in runs] == before
    assert list(store.findings()) == findings
    assert [store.verify_run(one) for one in runs]
    assert all(not one.faults for one in check(store, tmp_path / "archive"))
    assert {"evidence_archived", "evidence_pruned"} <= {one.event for one in store.events()}


def test_a_dry_run_says_the_same_and_changes_nothing(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    before, head = dict(store.read_blobs()), store.chain_head()
    asked = letting.survey(store, cut(), tmp_path / "archive")
    assert (dict(store.read_blobs()), store.chain_head()) == (before, head)
    assert not (tmp_path / "archive").exists()
    assert asked == let_go(store, tmp_path / "archive")


def test_what_was_archived_comes_back_and_is_what_it_was(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    before = dict(store.read_blobs())
    let_go(store, tmp_path / "archive")
    back = letting.retrieve(store, runs[0], tmp_path / "archive", NOW, by="alex")
    assert (back.back.blobs, back.missing) == (4, 0)
    assert dict(store.read_blobs()) == before
    assert store.read_blob(DIGEST) == ANSWER


def test_an_archive_goes_when_its_month_has_passed(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    let_go(store, tmp_path / "archive")
    later = NOW + timedelta(days=200)
    done = let_go(store, tmp_path / "archive", later, delete_before=later - timedelta(days=365))
    assert (done.delete.blobs, len(done.archives), letting.files_of(tmp_path / "archive")) == (4, 1, [])
    with pytest.raises(NotKeptError, match=rf"deleted on {later:%Y-%m-%d}"):
        store.read_blob(DIGEST)
    assert letting.retrieve(store, runs[0], tmp_path / "archive", later, by="alex").missing == 4
    assert all(not one.faults for one in check(store, tmp_path / "archive"))


def test_what_is_too_old_for_an_archive_goes_at_once(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    done = let_go(store, tmp_path / "archive", delete_before=NOW - timedelta(days=190))
    assert (done.archive.blobs, done.delete.blobs) == (0, 4)
    assert letting.files_of(tmp_path / "archive") == []
    with pytest.raises(NotKeptError, match="deleted on"):
        store.read_blob(DIGEST)


def test_proofs_and_held_runs_stay(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    done = let_go(store, tmp_path / "archive", proofs=lambda: {DIGEST})
    assert (done.archive.blobs, done.proofs) == (3, 2)  # one proof, and the warning that newer answers share
    assert store.read_blob(DIGEST) == ANSWER
    with pytest.raises(StoreError, match="is to be held and is not in the store"):
        let_go(store, tmp_path / "archive", held=frozenset({"20260101T000000Z-typing"}))


def test_nothing_goes_of_a_held_run(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    before = dict(store.read_blobs())
    assert let_go(store, tmp_path / "archive", held=frozenset({runs[0]})).runs == 0
    assert dict(store.read_blobs()) == before


def test_an_archive_with_a_run_that_is_held_since_does_not_go(
    store: Store, runs: tuple[str, str], tmp_path: Path
) -> None:
    let_go(store, tmp_path / "archive")
    later = NOW + timedelta(days=200)
    changes = {"delete_before": later - timedelta(days=365), "held": frozenset({runs[0]})}
    assert let_go(store, tmp_path / "archive", later, **changes).archives == ()
    assert letting.retrieve(store, runs[0], tmp_path / "archive", later, by="alex").missing == 0


def test_an_answer_that_is_given_again_is_there_again(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    let_go(store, tmp_path / "archive")
    again = scan(store, 3, at=NOW, flavour=" of old")
    assert store.read_blob(DIGEST) == ANSWER
    assert all(not one.gone for spoken in store.read_transcripts(again) for one in spoken.answers.values())


def test_bytes_that_another_row_names_too_stay(store: Store, tmp_path: Path) -> None:
    """A hostile host may answer with the bytes of a command, a document or a part."""
    scan(store, 1, at=OLD, flavour=" of old")
    part = run(2, at=FRESH)
    store.begin_run(part, inventory(), baseline())
    store.save_part(part.id, "scope", ANSWER)
    store.finish_run(part.id, FRESH)
    let_go(store, tmp_path / "archive")
    assert store.part(part.id, "scope") == ANSWER


def test_nothing_goes_under_a_running_scan(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    store.begin_run(run(3), inventory(2), baseline(2))
    with pytest.raises(StoreError, match="is running"):
        let_go(store, tmp_path / "archive")
    assert store.read_blob(DIGEST) == ANSWER


@pytest.mark.parametrize("again", [False, True], ids=["a new run", "an old run goes on"])
def test_a_run_that_ends_while_proofs_are_worked_out_may_rest_on_others(
    store: Store, runs: tuple[str, str], tmp_path: Path, again: bool
) -> None:
    broken = run(3)
    store.begin_run(broken, inventory(2), baseline(2))
    store.interrupt_run(broken.id, NOW)

    def proofs() -> set[str]:
        if again:
            store.resume_run(broken.id, NOW)
            store.finish_run(broken.id, NOW)
        else:
            scan(store, 4, at=NOW)
        return set()

    with pytest.raises(StoreError, match="a run was begun or went on meanwhile") as raised:
        let_go(store, tmp_path / "archive", proofs=proofs)
    assert "again" in raised.value.hint
    assert store.read_blob(DIGEST) == ANSWER
    assert letting.files_of(tmp_path / "archive") == []


def test_who_signs_in_meanwhile_stops_no_pruning(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    def proofs() -> set[str]:
        with store.database.write() as conn:
            chain.append(conn, Blobs(), [chain.Entry(NOW, "signed_in", "", None, detail={"account": "alex"})])
        return set()

    assert let_go(store, tmp_path / "archive", proofs=proofs).archive.blobs == 4


def test_a_tampered_archive_is_noticed_and_gives_nothing_back(
    store: Store, runs: tuple[str, str], tmp_path: Path
) -> None:
    let_go(store, tmp_path / "archive")
    (one,) = letting.files_of(tmp_path / "archive")
    one.write_bytes(one.read_bytes()[:-40])
    assert any(
        "is not what the audit chain says" in fault
        for part in check(store, tmp_path / "archive")
        for fault in part.faults
    )
    with pytest.raises(StoreError):
        letting.retrieve(store, runs[0], tmp_path / "archive", NOW, by="alex")
    one.unlink()
    assert any("is not there" in fault for part in check(store, tmp_path / "archive") for fault in part.faults)


def by_hand(store: Store, row: int, content: bytes = b"", digest: str = DIGEST) -> None:
    """Say in the database that a blob was let go, as only somebody else does."""
    with store.database.write() as conn:
        here = update(BLOB).where(BLOB.c.digest == bytes.fromhex(digest))
        assert conn.execute(here.values(content=content, let_go=row)).rowcount == 1


def wrong(store: Store, place: Path) -> list[str]:
    return [fault for part in check(store, place) for fault in part.faults]


@pytest.mark.parametrize("row", [1, 10_000], ids=["another event", "no row"])
def test_an_answer_that_no_row_of_the_chain_lets_go_is_a_defect(
    store: Store, runs: tuple[str, str], tmp_path: Path, row: int
) -> None:
    by_hand(store, row)
    assert wrong(store, tmp_path) == [f"blob {DIGEST} is gone, and row {row} of the audit chain lets nothing go"]
    with pytest.raises(StoreError, match=rf"row {row} of the audit chain lets nothing go") as raised:
        store.read_blob(DIGEST)
    assert raised.value.hint
    with pytest.raises(StoreError, match="lets nothing go"):
        list(store.read_transcripts(runs[0]))


def test_a_true_row_does_not_cover_what_it_did_not_let_go(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    let_go(store, tmp_path)
    fresh = hashlib.sha256(b"os.release of h00000 of fresh\n").hexdigest()
    (row,) = (one.seq for one in store.events() if one.event == "evidence_archived")
    by_hand(store, row, digest=fresh)
    (name,) = (one.name for one in letting.files_of(tmp_path))
    assert wrong(store, tmp_path) == [
        f"5 blobs are gone by row {row} of the audit chain, which let 4 go",
        f"blob {fresh} is gone by row {row} of the audit chain, and is not in {name}",
    ]


def test_what_is_said_to_be_gone_and_is_there_is_a_defect(store: Store, runs: tuple[str, str], tmp_path: Path) -> None:
    let_go(store, tmp_path, delete_before=NOW - timedelta(days=190))
    (row,) = (one.seq for one in store.events() if one.event == "evidence_deleted")
    by_hand(store, row, content=b"x")
    assert wrong(store, tmp_path) == [f"1 blobs are gone by row {row} of the audit chain, and have bytes"]


def test_an_archive_that_holds_what_the_store_never_had_is_to_be_kept(store: Store, tmp_path: Path) -> None:
    scan(store)
    strange = b"from before the store was restored"
    held = [*(content for _, content in store.read_blobs()), strange]
    members = [(f"blobs/{hashlib.sha256(one).hexdigest()}", one) for one in held]
    write_archive(tmp_path / "evidence-2026-01-x.tar.zst", members)
    (fault,) = wrong(store, tmp_path)
    assert fault.endswith(f"1 of the {len(held)} answers in it are unknown to the store, keep it")
