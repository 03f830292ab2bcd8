"""Recorded hosts as runs: ``record``, ``replay``, ``demo``, ``evaluate``, ``diff``, ``export`` and ``merge``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posture.demo import HOME
from posture.store import Store
from tests.posture.replays import (
    FAULTY,
    HARDENED,
    PASSWORDS,
    PROGRAM,
    edited,
    recorded,
    save,
    travelling_pair,
    write_inventory,
)

Call = Callable[..., Any]
DEMO_LIMIT_BYTES = 1_500_000


def test_a_run_that_is_recorded_and_replayed_comes_to_the_same(reading: Call, one_run: Path, tmp_path: Path) -> None:
    first = reading("show", "host", FAULTY, "--json").json
    assert reading("record", "latest", tmp_path / "recorded").code == 0
    said = reading("replay", tmp_path / "recorded", "-i", "inventory.yaml", "--out", tmp_path / "out")
    assert said.code == 5
    second = reading("show", "host", FAULTY, "--out", tmp_path / "out", "--json").json
    assert second["results"] == first["results"]
    assert second["documents"] == first["documents"]


def test_a_packed_recording_is_read_as_well(reading: Call, tmp_path: Path) -> None:
    reading("record", "latest", tmp_path / "plain")
    reading("record", "latest", tmp_path / "packed", "--packed")
    assert {path.suffix for path in (tmp_path / "packed").iterdir()} == {".xz"}
    size = {name: sum(p.stat().st_size for p in (tmp_path / name).iterdir()) for name in ("plain", "packed")}
    assert size["packed"] < size["plain"] / 4
    assert reading("replay", tmp_path / "packed", "-i", "inventory.yaml", "--out", tmp_path / "out").code == 5


def test_recordings_are_for_their_owner_only(reading: Call, tmp_path: Path) -> None:
    reading("record", "latest", tmp_path / "recorded")
    assert (tmp_path / "recorded").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "recorded").iterdir()} == {0o600}


def test_record_writes_over_nothing(reading: Call, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").write_text("mine")
    said = reading("record", "latest", tmp_path / "full")
    assert (said.code, "is not empty" in said.err) == (2, True)


def test_a_replay_beside_live_runs_moves_no_finding(posture: Call, here: Path) -> None:
    assert posture("scan", "--self", "--no-network").code in (1, 4, 5)
    before = posture("findings", "--all", "--json").json
    save(here / "t", edited(recorded(HARDENED), PASSWORDS))
    write_inventory(here / "inventory.yaml", HARDENED)
    posture("replay", "t", "-i", "inventory.yaml")
    assert posture("findings", "--all", "--json").json == before
    assert "keep the life" in posture("runs", "--json").json[0]["notes"][0]


def test_replay_names_the_host_that_the_inventory_lacks(posture: Call, here: Path) -> None:
    save(here / "t", recorded(HARDENED))
    said = posture("replay", "t", "-i", write_inventory(here / "inventory.yaml", "records-vault2"))
    assert said.code == 2
    assert "did you mean `records-vault2`?" in said.err


def test_replay_of_a_directory_without_transcripts(posture: Call, here: Path) -> None:
    (here / "empty").mkdir()
    said = posture("replay", "empty", "-i", write_inventory(here / "inventory.yaml", HARDENED))
    assert (said.code, "posture record" in said.err) == (2, True)


def test_replay_without_its_inventory(posture: Call, here: Path) -> None:
    save(here / "t", recorded(HARDENED))
    said = posture("replay", "t", "-i", "nowhere.yaml")
    assert (said.code, "posture init" in said.err) == (2, True)


def test_exit_code_3_when_nothing_was_assessed(posture: Call, here: Path) -> None:
    save(here / "t", recorded("records-archive1"))
    said = posture("replay", "t", "-i", write_inventory(here / "inventory.yaml", "records-archive1"))
    assert said.code == 3
    assert "nothing was assessed" in said.err


def test_diff_names_the_verdict_that_changed_and_its_cause(posture: Call, here: Path) -> None:
    inventory = write_inventory(here / "inventory.yaml", HARDENED)
    for said in (recorded(HARDENED), edited(recorded(HARDENED), PASSWORDS)):
        posture("replay", save(here / "t", said), "-i", inventory)
    older, newer = (run["run"]["id"] for run in reversed(posture("runs", "--json").json))
    [change] = [one for one in posture("diff", older, newer, "--json").json if one["check"] == "SSH-02"]
    assert change == {"host": HARDENED, "check": "SSH-02", "old": "pass", "new": "fail", "because": "the host"}


def test_diff_shows_what_only_shows_over_all_hosts(posture: Call, here: Path) -> None:
    holder, opened = travelling_pair()
    inventory = write_inventory(here / "inventory.yaml", holder, opened)
    for other in (replace(recorded(opened), answers={}), recorded(opened)):
        posture("replay", save(here / "t", recorded(holder), other), "-i", inventory)
    older, newer = (run["run"]["id"] for run in reversed(posture("runs", "--json").json))
    assert ["fleet", "SSH-20", "not_checked", "fail"] in [row[:4] for row in posture("diff", older, newer).rows]


def test_evaluate_gives_the_runs_own_fingerprint_in_a_fresh_process_from_a_moved_directory(
    reading: Call, one_run: Path, tmp_path: Path
) -> None:
    with Store.open(one_run / "out/posture.db") as store:
        kept = store.load_run("latest").fingerprint
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / "posture.db").write_bytes((one_run / "out/posture.db").read_bytes())
    done = subprocess.run(
        (PROGRAM, "evaluate", "--out", str(moved)), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 5, done.stderr
    assert done.stdout.splitlines()[-1] == f"fingerprint {kept}"
    assert done.stderr == ""


def test_evaluate_under_another_profile_and_day_stores_nothing(reading: Call, tmp_path: Path) -> None:
    before = reading("runs", "--json").json
    config = tmp_path / "posture.yaml"
    config.write_text(f"schema: posture.config/1\ndatabase: {Path.cwd()}/out/posture.db\n")
    said = reading("evaluate", "--profile", "dow", "--as-of", "2027-03-01", "-c", config, "--out", tmp_path)
    assert said.code == 3, "evidence of November is stale in March"
    assert reading("runs", "--json").json == before


def test_two_enclaves_are_exported_carried_and_merged(posture: Call, here: Path, enclaves: Path) -> None:
    carried = (f"red={enclaves}/red.posture", f"blue={enclaves}/blue.posture")
    said = posture("merge", *carried)
    assert said.code == 5, said.err
    assert {row[1] for row in posture("show", "check", "SSH-02").rows} == {"fail", "pass"}
    assert posture("show", "host", f"red/{HARDENED}").code == 0
    again = posture("merge", *carried)
    assert again.code == 5, "files that are here already are taken as they are"


def test_merge_refuses_two_hosts_of_one_id_and_says_how_to_tell_them_apart(
    posture: Call, here: Path, enclaves: Path
) -> None:
    said = posture("merge", enclaves / "red.posture", enclaves / "blue.posture")
    assert said.code == 2
    assert "enclave name" in said.err


def test_merge_of_a_file_that_is_not_there_or_no_export(posture: Call, here: Path) -> None:
    assert "posture export" in posture("merge", "red=nowhere.posture").err
    (here / "junk.posture").write_text("no export")
    assert posture("merge", "junk.posture").code == 2


# The demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    home = tmp_path_factory.mktemp("demo")
    done = subprocess.run((PROGRAM, "demo", "--out", "d"), capture_output=True, text=True, check=False, cwd=home)
    return home / "d", done


def test_the_demo_writes_its_reports(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, done = demo
    assert done.returncode == 0, done.stderr
    assert "replayed evidence" in done.stdout
    assert (out / "report.html").stat().st_size > 100_000


def test_the_demo_has_a_dozen_hosts_blind_spots_and_waivers_of_both_kinds(
    demo: tuple[Path, subprocess.CompletedProcess[str]], posture: Call
) -> None:
    out, _ = demo
    [run] = posture("runs", "--out", out, "--json").json
    assert (run["hosts"], run["run"]["origin"]) == (12, "replayed")
    with Store.open(out / "posture.db") as store:
        unseen = {(one.host.id, gap.reason.value) for one in store.read_hosts("latest") for gap in one.unseen}
        waived = [one for one in store.findings(open_only=True) if one.waiver]
    assert ("records-archive1", "unreachable") in unseen
    assert ("analyst-ws2", "host_key_mismatch") in unseen
    assert "stale" not in {reason for _, reason in unseen}
    assert {one.waiver for one in waived} == {"DEMO-W1"}
    assert "DEMO-W2" in (out / "report.html").read_text()


def test_the_demo_is_small_and_holds_no_name_or_address_of_the_lab(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    files = [path for path in HOME.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < DEMO_LIMIT_BYTES
    with Store.open(demo[0] / "posture.db") as store:
        for _, content in store.read_blobs():
            assert b"10.77." not in content
            assert b"fd77:705:" not in content
