from __future__ import annotations

import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import DAY, NOW, baseline, finding, host_id, observations, results, run, scan, transcript

from posture import zstd
from posture.errors import StoreError
from posture.model.assessment import RunState
from posture.model.finding import Status
from posture.model.observation import Origin
from posture.store import FLEET, Provenance, Store
from posture.store.archive import read_archive, write_archive

Members = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One run as a file, made once for all who read it."""
    place = tmp_path_factory.mktemp("whole")
    with Store.open(place / "there.db") as there:
        scan(there)
        there.export_run("latest", place / "run.zst")
    return (place / "run.zst").read_bytes()


@pytest.fixture
def exported(tmp_path: Path, whole: bytes) -> Path:
    (tmp_path / "run.tar.zst").write_bytes(whole)
    return tmp_path / "run.tar.zst"


def packed(content: bytes) -> bytes:
    return zstd.frame(zstd.compressor(3), content)


def test_a_run_arrives_with_everything(store: Store, exported: Path):
    id_ = store.import_run(exported, NOW + DAY)
    stored = store.load_run(id_)
    assert stored.run == replace(
        run(), state=RunState.COMPLETE, finished_at=NOW + timedelta(minutes=5), origin=Origin.IMPORTED
    )
    assert (stored.notes, stored.fingerprint) == (("slowed down",), "f" * 64)
    assert store.baseline(id_) == baseline()
    assert store.part(id_, "scope") == b"authorisation: AUTH-7\n"
    first = next(store.read_hosts(id_))
    assert list(first.results) == results(host_id(0), {1: Status.FAIL})
    assert {one.sha256 for one in first.evidence} == {hashlib.sha256(one.stdout).hexdigest() for one in transcript(host_id(0)).answers.values()}  # fmt: skip
    assert tuple(store.read_observations(id_, host_id(0))) == observations(host_id(0), origin=Origin.IMPORTED)
    assert store.coverage(id_).decided == 8


def test_imported_evidence_says_so_and_where_it_comes_from(store: Store, exported: Path):
    id_ = store.import_run(exported, NOW)
    assert {one.origin for host in store.read_hosts(id_) for one in host.evidence} == {Origin.IMPORTED}
    said = store.load_run(id_).provenance
    assert said == Provenance(Origin.LIVE, "scanner-1", "", hashlib.sha256(exported.read_bytes()).hexdigest())
    assert "run_imported" in [event.event for event in store.events()]
    store.verify_run(id_)
    store.verify_chain()


def test_what_replay_made_is_still_called_replay_after_two_borders(store: Store, tmp_path: Path):
    with Store.open(tmp_path / "one.db") as one, Store.open(tmp_path / "two.db") as two:
        one.begin_run(run(origin=Origin.REPLAYED), inventory_of(one), baseline())
        one.finish_run(run().id, NOW)
        one.export_run("latest", tmp_path / "1.zst")
        two.import_run(tmp_path / "1.zst", NOW)
        two.export_run("latest", tmp_path / "2.zst")
    store.import_run(tmp_path / "2.zst", NOW)
    assert store.load_run().provenance.origin is Origin.IMPORTED  # type: ignore[union-attr]


def inventory_of(_store: Store):
    from store_samples import inventory

    return inventory()


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, exported: Path):
    with Store.open(tmp_path / "other" / "posture.db") as other:
        scan(other, 7, flavour="?")  # other row numbers
        scan(other)
        other.export_run(run().id, tmp_path / "again.tar.zst")
    assert (tmp_path / "again.tar.zst").read_bytes() == exported.read_bytes()
    assert stat.S_IMODE((tmp_path / "again.tar.zst").stat().st_mode) == 0o600


def test_an_auditor_can_open_it_with_tar(exported: Path):
    raw = zstd.reader(io.BytesIO(exported.read_bytes())).read()
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        names = tar.getnames()
        blob = next(name for name in names if name.startswith("blobs/"))
        content = tar.extractfile(blob).read()  # type: ignore[union-attr]
    assert (names[0], names[-1]) == ("manifest.json", "end.json")
    assert hashlib.sha256(content).hexdigest() == blob.removeprefix("blobs/")


def test_the_fleet_travels_with_its_run(store: Store, tmp_path: Path):
    with Store.open(tmp_path / "there.db") as there:
        there.begin_run(run(), inventory_of(there), baseline())
        there.save_host(run().id, FLEET, observations=observations(FLEET))
        there.save_results(run().id, results(FLEET))
        there.finish_run(run().id, NOW)
        there.export_run("latest", tmp_path / "run.zst")
    store.import_run(tmp_path / "run.zst", NOW, enclave="bravo")
    assert [one.host.id for one in store.read_hosts("latest")][-1] == FLEET
    assert len(list(store.read_observations("latest", FLEET))) == 3


def test_a_running_run_is_not_exported(store: Store, tmp_path: Path):
    store.begin_run(run(), inventory_of(store), baseline())
    with pytest.raises(StoreError, match="still running"):
        store.export_run("latest", tmp_path / "run.zst")
    assert not (tmp_path / "run.zst").exists()


def test_an_export_that_fails_leaves_no_file(store: Store, tmp_path: Path):
    scan(store)
    with pytest.raises(StoreError, match="cannot be written"):
        store.export_run("latest", tmp_path / "missing" / "run.zst")
    with pytest.raises(ZeroDivisionError):
        write_archive(tmp_path / "run.zst", ((name, 1 // 0) for name in ("manifest.json",)))  # type: ignore[misc]
    assert {one.name for one in tmp_path.iterdir()} <= {"state"}


def test_an_incomplete_run_stays_incomplete(store: Store, tmp_path: Path):
    with Store.open(tmp_path / "there.db") as there:
        there.begin_run(run(), inventory_of(there), baseline())
        there.interrupt_run(run().id, NOW, notes=["stopped"])
        there.export_run("latest", tmp_path / "run.zst")
    store.import_run(tmp_path / "run.zst", NOW)
    assert store.load_run().run.state is RunState.INCOMPLETE


def test_a_run_arrives_once(store: Store, exported: Path):
    store.import_run(exported, NOW)
    with pytest.raises(StoreError, match="already"):
        store.import_run(exported, NOW)


# Enclaves


def test_an_enclave_name_keeps_hosts_zones_and_vantages_apart(store: Store, exported: Path):
    id_ = store.import_run(exported, NOW, enclave="bravo")
    inventory = store.inventory(id_)
    assert [host.id for host in inventory.hosts] == [f"bravo/{host_id(n)}" for n in range(3)]
    assert {zone.name for zone in inventory.zones} == {"bravo/office", "bravo/dmz"}
    assert (inventory.vantages[0].name, inventory.vantages[0].zone) == ("bravo/hq", "bravo/office")
    assert inventory.hosts[1].access.jump == (f"bravo/{host_id(0)}",)
    first = store.read_host(id_, f"bravo/{host_id(0)}")
    assert {one.vantage for one in first.evidence} == {"bravo/hq"}
    assert first.results[0].verdict.status is Status.FAIL
    store.verify_run(id_)


@pytest.mark.parametrize("odd", ["Bravo", "a/b", "..", "a" * 33, "-a", "é"])
def test_an_odd_enclave_name_is_refused(store: Store, exported: Path, odd: str):
    with pytest.raises(StoreError, match="no enclave name"):
        store.import_run(exported, NOW, enclave=odd)


def test_runs_of_two_enclaves_are_merged_and_judged_anew(store: Store, tmp_path: Path):
    for number, enclave in enumerate(("alpha", "bravo"), start=1):
        with Store.open(tmp_path / f"{enclave}.db") as there:
            scan(there, number, flavour=enclave)
            there.export_run("latest", tmp_path / f"{enclave}.zst")
        store.import_run(tmp_path / f"{enclave}.zst", NOW, enclave=enclave)
    store.merge_runs(run(9, origin=Origin.IMPORTED), [run(1).id, run(2).id], baseline(2))
    merged = store.load_run(run(9).id)
    assert merged.run.merged_from == (run(1).id, run(2).id)
    assert (merged.run.state, merged.hosts, merged.checks) == (RunState.RUNNING, 6, 2)
    assert [one.session.host for one in store.read_transcripts(run(9).id)] == [
        f"{enclave}/{host_id(n)}" for enclave in ("alpha", "bravo") for n in range(3)
    ]
    assert store.coverage(run(9).id).by_status == ((Status.NOT_CHECKED, 12),)
    store.save_results(run(9).id, results(f"bravo/{host_id(1)}", checks=2))
    store.save_findings(run(9).id, [finding(f"bravo/{host_id(0)}")], NOW)
    store.finish_run(run(9).id, NOW)
    assert store.coverage(run(9).id).decided == 2
    store.export_run(run(9).id, tmp_path / "merged.zst")
    with Store.open(tmp_path / "other.db") as other:
        other.import_run(tmp_path / "merged.zst", NOW)
        assert other.load_run().run.merged_from == (run(1).id, run(2).id)


def test_one_run_is_judged_again_under_another_baseline(store: Store):
    scan(store, 1)
    store.merge_runs(run(2), [run(1).id], baseline(1))
    assert list(store.read_transcripts(run(2).id)) == list(store.read_transcripts(run(1).id))
    assert list(store.read_observations(run(2).id)) == list(store.read_observations(run(1).id))


def test_hosts_of_the_same_name_are_never_taken_for_one(store: Store):
    scan(store, 1)
    scan(store, 2)
    with pytest.raises(StoreError, match="more than one run") as refused:
        store.merge_runs(run(3), [run(1).id, run(2).id], baseline())
    assert "enclave" in refused.value.hint
    assert len(store.runs()) == 2


def test_unlike_zones_of_one_name_are_refused(store: Store, tmp_path: Path):
    from posture.model.host import Inventory, Trust, Zone

    for number, trust in enumerate((Trust.INTERNAL, Trust.UNTRUSTED), start=1):
        store.begin_run(run(number), Inventory((), (Zone("office", trust),)), baseline())
        store.finish_run(run(number).id, NOW)
    with pytest.raises(StoreError, match="zone `office`"):
        store.merge_runs(run(3), [run(1).id, run(2).id], baseline())


# Hostile files


def pack(path: Path, members: Members) -> Path:
    """Write members as they are, with none of the exporter's care."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members:
            one = tarfile.TarInfo(name)
            one.size = len(content)
            tar.addfile(one, io.BytesIO(content))
    path.write_bytes(packed(raw.getvalue()))
    return path


def edit(content: bytes, change: Callable[[dict], object]) -> bytes:
    document = json.loads(content)
    change(document)
    return json.dumps(document).encode()


def first(members: Members, prefix: str) -> int:
    return next(index for index, (name, _) in enumerate(members) if name.startswith(prefix))


def with_host(change: Callable[[dict], object]) -> Callable[[Members], Members]:
    def forge(members: Members) -> Members:
        place = first(members, "hosts/")
        members[place] = (members[place][0], edit(members[place][1], change))
        return members

    return forge


def with_manifest(change: Callable[[dict], object]) -> Callable[[Members], Members]:
    return lambda members: [(members[0][0], edit(members[0][1], change)), *members[1:]]


FORGERIES: dict[str, Callable[[Members], Members]] = {
    "path traversal": lambda m: [m[0], ("blobs/../../etc/passwd", b"x"), *m[1:]],
    "absolute path": lambda m: [m[0], ("/etc/passwd", b"x"), *m[1:]],
    "another blob": lambda m: [(n, c + b"!" if n.startswith("blobs/") else c) for n, c in m],
    "a missing blob": lambda m: [one for one in m if one[1] != b"sshd.effective of all\n"],
    "no manifest": lambda m: m[1:],
    "two manifests": lambda m: [m[0], *m],
    "no end": lambda m: m[:-1],
    "something after the end": lambda m: [*m, m[1]],
    "a missing host": lambda m: [one for one in m if not one[0].startswith("hosts/00000001")],
    "the last host missing": lambda m: [one for one in m[:-1] if not one[0].startswith("hosts/00000002")] + [("end.json", b'{"hosts":2}')],
    "a host twice": lambda m: [*m[:-1], ("hosts/00000003.json", m[first(m, "hosts/00000002")][1]), ("end.json", b'{"hosts":4}')],
    "garbage": lambda m: [(n, b"\xff\x00" if n.startswith("hosts/") else c) for n, c in m],
    "deep nesting": lambda m: [(n, b"[" * 100_000 if n.startswith("hosts/") else c) for n, c in m],
    "another host": with_host(lambda d: d.update(host="h99999")),
    "an unknown field": with_host(lambda d: d.update(extra=1)),
    "a status changed": with_host(lambda d: d["results"].update(states="AAAAAA==")),
    "a status that is none": with_host(lambda d: d["results"].update(states="CQAAAA==")),
    "too few results": with_host(lambda d: d["results"]["refs"].pop()),
    "a waiver nowhere": with_host(lambda d: d["results"].update(waivers=[[99, "W"]])),
    "a document moment that is none": with_host(lambda d: d["facts"].update(moments=[])),
    "a time beyond time": with_host(lambda d: d["sessions"][0].update(started_at=10**18)),
    "a negative duration": with_host(lambda d: d["sessions"][0].update(durations=[-1, 0, 0])),
    "a duration missing": with_host(lambda d: d["sessions"][0]["durations"].pop()),
    "an odd number of references": with_host(lambda d: d["sessions"][0]["refs"].pop()),
    "output for a command": with_host(lambda d: d["sessions"][0]["refs"].reverse()),
    "a reference that is none": with_host(lambda d: d["sessions"][0]["refs"].__setitem__(0, "../../x")),
    "evidence exchanged": with_host(lambda d: d["sessions"][0]["refs"].__setitem__(1, d["sessions"][0]["refs"][4])),
    "another root": with_manifest(lambda d: d.update(root="0" * 64)),
    "a running run": with_manifest(lambda d: d["run"].update(state="running")),
    "an odd run id": with_manifest(lambda d: d["run"].update(id="../../x")),
    "a time without zone": with_manifest(lambda d: d["run"].update(started_at="2026-11-22T06:00:00")),
    "another format": with_manifest(lambda d: d.update(format="zip")),
    "a newer version": with_manifest(lambda d: d.update(version=2)),
    "an inventory that is none": with_manifest(lambda d: d.update(inventory=d["baseline"])),
    "a baseline that is none": with_manifest(lambda d: d.update(baseline=d["inventory"])),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_file_is_refused_and_leaves_nothing(store: Store, exported: Path, tmp_path: Path, forgery: str):
    scan(store, 5, hosts=2, flavour="mine")
    before = (store.runs(), sorted(store.read_blobs()), store.chain_head())
    forged = pack(tmp_path / "forged.zst", FORGERIES[forgery](list(read_archive(exported))))
    with pytest.raises(StoreError) as refused:
        store.import_run(forged, NOW)
    assert refused.value.hint
    assert (store.runs(), sorted(store.read_blobs()), store.chain_head()) == before
    store.import_run(exported, NOW)  # the caches forgot what was rolled back


def test_an_unchanged_repack_is_accepted(store: Store, exported: Path, tmp_path: Path):
    """Or every forgery above would be refused for the way the test packs it."""
    store.import_run(pack(tmp_path / "same.zst", list(read_archive(exported))), NOW)
    store.verify_run("latest")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])  # fmt: skip
def test_only_regular_members_are_read(tmp_path: Path, kind: bytes):
    one = tarfile.TarInfo("manifest.json")
    one.type, one.linkname = kind, "/etc/passwd"
    path = tmp_path / "odd.zst"
    path.write_bytes(packed(one.tobuf(tarfile.USTAR_FORMAT) + bytes(1024)))
    with pytest.raises(StoreError, match="no run has"):
        list(read_archive(path))


def test_a_bomb_is_refused_before_it_fills_memory_or_disk(tmp_path: Path):
    one = tarfile.TarInfo("manifest.json")
    one.size = 8 << 30
    path = tmp_path / "bomb.zst"
    path.write_bytes(packed(one.tobuf(tarfile.GNU_FORMAT)))
    with pytest.raises(StoreError, match="more than it may"):
        list(read_archive(path))
    members = pack(tmp_path / "many.zst", [(f"blobs/{n:064x}", bytes(1 << 20)) for n in range(20)])
    with pytest.raises(StoreError, match="more than it may"):
        for _ in read_archive(members, max_total_bytes=5 << 20):
            pass


def test_a_file_cut_anywhere_is_refused(store: Store, exported: Path, tmp_path: Path):
    whole = exported.read_bytes()
    # zstd ends with an empty block of three bytes: a file without them lacks nothing of the run.
    for length in range(0, len(whole) - 3, max(1, len(whole) // 15)):
        (tmp_path / "cut.zst").write_bytes(whole[:length])
        with pytest.raises(StoreError):
            store.import_run(tmp_path / "cut.zst", NOW)
    assert store.runs() == ()


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path_factory, whole: bytes, data: st.DataObject):
    forged = bytearray(whole)
    forged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("bits") / "run.zst"
    path.write_bytes(whole)
    same = list(read_archive(path))
    path.write_bytes(forged)
    try:
        assert list(read_archive(path)) == same
    except StoreError as refused:
        assert refused.hint


def test_a_missing_file_is_named(store: Store, tmp_path: Path):
    with pytest.raises(StoreError, match="cannot be read"):
        store.import_run(tmp_path / "none.zst", NOW)
