from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import NOW, baseline, host_id, inventory, run, scan, transcript

from posture import zstd
from posture.errors import StoreError
from posture.store import Store
from posture.store.blobs import MAX_BLOB_BYTES, _fold, _unfold, unsqueeze


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def packed(content: bytes, level: int = 3) -> bytes:
    return zstd.frame(zstd.compressor(level), content)


def tamper(path: Path, statement: str, *values: object) -> None:
    raw = sqlite3.connect(path)
    assert raw.execute(statement, values).rowcount > 0
    raw.commit()
    raw.close()


def test_bytes_are_found_by_their_digest(store: Store):
    scan(store)
    assert store.read_blob(sha(b"sshd.effective of all\n")) == b"sshd.effective of all\n"
    assert all(sha(content) == digest for digest, content in store.read_blobs())


def test_equal_outputs_of_many_hosts_are_stored_once(store: Store, path: Path):
    store.begin_run(run(), inventory(50), baseline())
    for number in range(50):
        store.save_host(run().id, host_id(number), transcripts=[transcript(host_id(number))])
    contents = [content for _, content in store.read_blobs()]
    assert contents.count(b"sshd.effective of all\n") == 1
    assert sum(content.startswith(b"os.release of") for content in contents) == 50


def test_bytes_that_are_not_there_are_an_error(store: Store):
    with pytest.raises(StoreError, match="not in the store"):
        store.read_blob("0" * 64)
    for odd in ("", "zz", "00" * 31):
        with pytest.raises(StoreError, match="no digest"):
            store.read_blob(odd)


def test_a_changed_blob_is_noticed_at_every_read(store: Store, path: Path):
    id_ = scan(store)
    forged = packed(b"sshd.effective of ALL\n")
    digest = sha(b"sshd.effective of all\n")
    tamper(path, "UPDATE blob SET content = ? WHERE digest = ?", forged, bytes.fromhex(digest))
    with Store.open(path) as again:
        for read in (
            lambda: again.read_blob(digest),
            lambda: list(again.read_transcripts(id_)),
            lambda: list(again.read_blobs()),
        ):
            with pytest.raises(StoreError, match="does not match its digest") as damaged:
                read()
            assert "restore" in damaged.value.hint


def test_references_pointed_elsewhere_are_noticed(store: Store, path: Path):
    id_ = scan(store)
    raw = sqlite3.connect(path)
    (one, two) = raw.execute("SELECT no FROM pack WHERE no IN (SELECT answers FROM session) AND size > 100").fetchall()
    raw.execute("UPDATE pack SET content = (SELECT content FROM pack WHERE no = ?), size = (SELECT size FROM pack WHERE no = ?) WHERE no = ?", (*two, *two, *one))  # fmt: skip
    raw.commit()
    with Store.open(path) as again, pytest.raises(StoreError, match="does not match its root"):
        list(again.read_transcripts(id_))


def test_results_pointed_elsewhere_are_noticed_by_the_audit_chain(store: Store, path: Path):
    id_ = scan(store)
    root = store.verify_run(id_)
    assert len(root) == 64
    tamper(path, "UPDATE host_scan SET results = (SELECT max(results) FROM host_scan)")
    with Store.open(path) as again:
        again.verify_chain()
        with pytest.raises(StoreError, match="not what the audit chain says"):
            again.verify_run(id_)


def test_a_run_that_has_not_ended_has_no_root_to_compare(store: Store):
    store.begin_run(run(), inventory(), baseline())
    with pytest.raises(StoreError, match="has not ended"):
        store.verify_run(run().id)


def test_a_bomb_does_not_unpack(store: Store, path: Path):
    scan(store)
    digest = sha(b"sshd.effective of all\n")
    bomb = packed(bytes(300 << 20), level=19)
    assert len(bomb) < 100_000
    tamper(path, "UPDATE blob SET content = ? WHERE digest = ?", bomb, bytes.fromhex(digest))
    import tracemalloc

    with Store.open(path) as again:
        tracemalloc.start()
        with pytest.raises(StoreError, match="holds other than the 22 bytes"):
            again.read_blob(digest)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
        tracemalloc.stop()


@pytest.mark.parametrize("size", [-1, MAX_BLOB_BYTES + 1])
def test_a_size_no_blob_has_is_refused_before_anything_is_unpacked(size: int):
    with pytest.raises(StoreError, match="claims"):
        unsqueeze(packed(b"x"), size)


@given(st.binary(max_size=200), st.integers(0, 300))
@settings(max_examples=80, deadline=None)
def test_garbage_is_an_error_of_ours_or_exactly_as_long_as_it_should_be(content: bytes, size: int):
    with contextlib.suppress(StoreError):
        assert len(unsqueeze(content, size)) == size


def test_what_is_larger_than_a_blob_may_be_is_refused(store: Store):
    store.begin_run(run(), inventory(), baseline())
    with pytest.raises(StoreError, match="more than a blob holds"):
        store.save_part(run().id, "huge", bytes(MAX_BLOB_BYTES + 1))
    assert store.parts(run().id) == ()


@given(st.lists(st.integers(0, 2**63 - 1), max_size=40), st.binary(max_size=40))
@settings(max_examples=60, deadline=None)
def test_folding_loses_nothing(numbers: list[int], rest: bytes):
    assert _unfold(_fold(numbers) + rest) == (tuple(numbers), rest)


def test_an_unchanged_rescan_shares_every_pack_and_blob(store: Store, path: Path):
    def rows() -> tuple[int, int]:
        raw = sqlite3.connect(path)
        return tuple(raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("blob", "pack"))

    scan(store, 1, hosts=20)
    before = rows()
    scan(store, 2, hosts=20, at=NOW)
    assert rows() == before
    scan(store, 3, hosts=20, at=NOW, flavour="!")
    assert rows() > before


def test_frames_of_the_library_used_before_are_read_as_they_are():
    """Written by python-zstandard 0.25, which stores of the first versions were filled with."""
    frame = b"(\xb5/\xfd`\xf8\x01\xd5\x00\x00\x98permitrootlogin no\n\x01\x00\xc5Y5\xc3"
    assert unsqueeze(frame, 760) == b"permitrootlogin no\n" * 40


def test_one_compressor_writes_frames_that_stand_alone():
    squeeze = zstd.compressor(3)
    frames = [zstd.frame(squeeze, content) for content in (b"a" * 500, b"", b"b" * 500)]
    assert [unsqueeze(frame, size) for frame, size in zip(frames, (500, 0, 500), strict=True)] == [
        b"a" * 500,
        b"",
        b"b" * 500,
    ]
