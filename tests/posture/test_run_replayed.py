"""The pipeline over recorded hosts: what is kept, judged, opened, closed, and what is never touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from collectors.base import Transcript
from posture.assess import stored_assessment
from posture.errors import StoreError
from posture.evaluated import evaluate
from posture.exit_codes import ExitCode
from posture.gather import Work
from posture.model.assessment import Assessment, RunState
from posture.model.finding import Approval, Closing, Finding, Status, Waiver
from posture.model.host import FLEET
from posture.model.observation import Blind, FactDocument, Hole, Origin
from posture.outcome import exit_code
from posture.run import merge, replay, scan
from posture.store import Did, Store
from tests.posture.replays import (
    DAY,
    FAULTY,
    HARDENED,
    PASSWORDS,
    START,
    edited,
    job,
    recorded,
    travelling_pair,
    write_inventory,
)

LATER = START + 2 * DAY


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "posture.db") as opened:
        yield opened


def run_of(
    store: Store, tmp_path: Path, *said: Transcript, at: datetime = START, file: str = "inventory.yaml", **more: object
) -> str:
    hosts = more.pop("hosts", None) or tuple(one.session.host for one in said)
    path = write_inventory(tmp_path / file, *hosts)  # type: ignore[misc]
    work = Work(clock=lambda: at + DAY / 24)
    return replay(store, said, job(path, tmp_path, **more), at, work, as_of=at)  # type: ignore[arg-type]


def finding(store: Store, check: str, host: str = HARDENED) -> Finding:
    return next(store.findings(host=host, check=check))


def status(assessment: Assessment, host: str, check: str) -> Status:
    results = {one.check: one for entry in assessment.read_hosts() if entry.host.id == host for one in entry.results}
    return results[check].verdict.status


def test_a_replayed_run_is_complete_and_says_that_it_is_replayed(store: Store, tmp_path: Path) -> None:
    assessment = stored_assessment(store, run_of(store, tmp_path, recorded(HARDENED)))
    assert assessment.run.state is RunState.COMPLETE
    assert assessment.run.origin is Origin.REPLAYED
    assert assessment.run.finished_at == START + DAY / 24
    host = next(assessment.read_hosts())
    assert host.session == "replay"
    assert {one.origin for one in host.evidence} == {Origin.REPLAYED}
    facts = [one for one in store.read_observations("latest", HARDENED) if isinstance(one, FactDocument)]
    assert {one.origin for one in facts if one.topic != "declared"} == {Origin.REPLAYED}


def test_a_transcript_that_claims_to_be_live_is_replayed_all_the_same(store: Store, tmp_path: Path) -> None:
    said = recorded(HARDENED)
    live = replace(said, session=replace(said.session, origin=Origin.LIVE))
    run_of(store, tmp_path, live)
    assert {one.session.origin for one in store.read_transcripts("latest")} == {Origin.REPLAYED}


def test_evaluating_again_gives_the_same_fingerprint(store: Store, tmp_path: Path) -> None:
    run_of(store, tmp_path, recorded(HARDENED), recorded(FAULTY))
    again = evaluate(store, "latest")
    assert again.fingerprint == store.load_run("latest").fingerprint == stored_assessment(store, "latest").fingerprint
    assert list(again.read_hosts()) == list(stored_assessment(store, "latest").read_hosts())


def test_evaluating_does_not_depend_on_the_order_of_arrival_or_on_the_store(tmp_path: Path) -> None:
    prints = set()
    for number, hosts in enumerate([(HARDENED, FAULTY), (FAULTY, HARDENED)]):
        with Store.open(tmp_path / f"{number}.db") as store:
            run_of(store, tmp_path, *(recorded(host) for host in hosts), hosts=(FAULTY, HARDENED))
            prints.add(store.load_run("latest").fingerprint)
            prints.add(evaluate(store, "latest").fingerprint)
    assert len(prints) == 1


def test_every_check_has_a_result_on_every_host_and_coverage_counts_exactly_these(store: Store, tmp_path: Path) -> None:
    assessment = stored_assessment(store, run_of(store, tmp_path, recorded(HARDENED), recorded(FAULTY)))
    checks = [check.id for check in assessment.baseline.checks]
    *hosts, fleet = assessment.read_hosts()
    assert [one.host.id for one in hosts] == sorted([HARDENED, FAULTY])
    assert all([result.check for result in host.results] == checks for host in hosts)
    assert fleet.host.id == FLEET
    assert [result.check for result in fleet.results] == [c.id for c in assessment.baseline.checks if c.scope == FLEET]
    assert assessment.coverage.possible == 2 * len(checks)
    assert sum(count for _, count in assessment.coverage.by_status) == 2 * len(checks)
    assert assessment.coverage == store.coverage("latest")


def test_a_host_that_was_never_heard_is_a_blind_spot_in_every_check(store: Store, tmp_path: Path) -> None:
    assessment = stored_assessment(store, run_of(store, tmp_path, recorded(HARDENED), hosts=(HARDENED, "silent")))
    silent = next(one for one in assessment.read_hosts() if one.host.id == "silent")
    assert {one.verdict.status for one in silent.results} <= {Status.NOT_CHECKED, Status.NOT_APPLICABLE}
    assert {one.reason for one in silent.unseen} == {Blind.NOT_ATTEMPTED}
    assert exit_code(assessment) in (ExitCode.BLIND_SPOTS, ExitCode.FINDINGS_AND_BLIND_SPOTS)


def test_when_no_host_was_heard_nothing_was_assessed(store: Store, tmp_path: Path) -> None:
    said = recorded(HARDENED)
    dead = replace(said, answers={}, failure=Hole("", Blind.UNREACHABLE, "timed out"))
    assessment = stored_assessment(store, run_of(store, tmp_path, dead))
    assert assessment.coverage.share < 0.1
    assert exit_code(assessment) is ExitCode.NOTHING_ASSESSED


def test_a_key_that_opens_another_host_is_a_finding_of_the_fleet_and_no_host_is_counted_for_it(
    store: Store, tmp_path: Path
) -> None:
    pair = sorted(travelling_pair())
    assessment = stored_assessment(store, run_of(store, tmp_path, *map(recorded, pair)))
    [travelling] = [one for one in assessment.findings if one.check == "SSH-20"]
    assert travelling.host == FLEET
    assert travelling.subject.startswith("SHA256:")
    assert assessment.coverage.hosts == 2
    assert status(assessment, FLEET, "SSH-20") is Status.FAIL
    assert Status.FAIL not in {status(assessment, host, "SSH-20") for host in pair}
    assert next(fix for fix in assessment.plan.fixes if fix.check == "SSH-20").hosts == (FLEET,)


def test_a_host_whose_keys_were_not_seen_leaves_its_part_of_the_fleet_unknown(store: Store, tmp_path: Path) -> None:
    assessment = stored_assessment(store, run_of(store, tmp_path, recorded(HARDENED), hosts=(HARDENED, "silent")))
    assert status(assessment, "silent", "SSH-20") is Status.NOT_CHECKED
    assert status(assessment, FLEET, "SSH-20") is Status.NOT_CHECKED


def test_stale_evidence_is_no_evidence(store: Store, tmp_path: Path) -> None:
    old = recorded(HARDENED, at=START - 30 * DAY)
    assessment = stored_assessment(store, run_of(store, tmp_path, old))
    assert status(assessment, HARDENED, "SSH-01") is Status.NOT_CHECKED
    fresh = evaluate(store, "latest", as_of=START - 29 * DAY)
    assert status(fresh, HARDENED, "SSH-01") is Status.PASS


# The life of findings


def test_a_finding_is_opened_closed_as_fixed_and_reopened_under_its_first_date(store: Store, tmp_path: Path) -> None:
    good, bad = recorded(HARDENED), edited(recorded(HARDENED), PASSWORDS)
    run_of(store, tmp_path, bad)
    opened = finding(store, "SSH-02")
    assert (opened.open, opened.first_seen, opened.opened) == (True, START, 1)
    run_of(store, tmp_path, good, at=START + DAY)
    fixed = finding(store, "SSH-02")
    assert (fixed.closing, fixed.closed_at) == (Closing.FIXED, START + DAY)
    run_of(store, tmp_path, bad, at=LATER)
    again = finding(store, "SSH-02")
    assert (again.open, again.first_seen, again.opened, again.due) == (True, START, 2, opened.due)
    assert [one.did for one in store.finding_history(opened.id)] == [Did.OPENED, Did.CLOSED, Did.REOPENED]


def test_what_was_not_seen_again_stays_open(store: Store, tmp_path: Path) -> None:
    bad = edited(recorded(HARDENED), PASSWORDS)
    run_of(store, tmp_path, bad)
    run_of(store, tmp_path, replace(bad, answers={}, failure=Hole("", Blind.UNREACHABLE)), at=START + DAY)
    still = finding(store, "SSH-02")
    assert (still.open, still.last_seen) == (True, START)


def test_hosts_of_another_inventory_are_not_closed_as_gone(store: Store, tmp_path: Path) -> None:
    run_of(store, tmp_path, edited(recorded(HARDENED), PASSWORDS), file="red/inventory.yaml")
    run_of(store, tmp_path, recorded(FAULTY), at=START + DAY, file="blue/inventory.yaml")
    assert finding(store, "SSH-02").open


def test_a_host_that_left_its_inventory_is_gone_and_not_fixed(store: Store, tmp_path: Path) -> None:
    run_of(store, tmp_path, edited(recorded(HARDENED), PASSWORDS), recorded(FAULTY))
    run_of(store, tmp_path, recorded(FAULTY), at=START + DAY)
    assert finding(store, "SSH-02").closing is Closing.HOST_GONE


def test_a_replay_of_an_earlier_moment_moves_no_finding(store: Store, tmp_path: Path) -> None:
    run_of(store, tmp_path, edited(recorded(HARDENED), PASSWORDS), at=LATER)
    run_of(store, tmp_path, recorded(HARDENED), at=START)
    assert finding(store, "SSH-02").open
    assert "later moment" in store.load_run(store.runs()[1].run.id).notes[0]


def test_a_live_scan_does_not_go_on_from_replayed_findings(store: Store, tmp_path: Path) -> None:
    run_of(store, tmp_path, recorded(HARDENED))
    with pytest.raises(StoreError, match="replayed runs only"):
        scan(store, job(tmp_path / "inventory.yaml", tmp_path), START, Work())


# Waivers


def waiver(**changes: object) -> Waiver:
    return replace(
        Waiver(
            id="W-1",
            check="SSH-02",
            hosts=(HARDENED,),
            zones=(),
            expected_status=Status.FAIL,
            reason="until the release in spring",
            owner="team",
            approved_by=(Approval("A. Example", "authorizing official", date(2026, 11, 1)),),
            expires=date(2027, 1, 31),
        ),
        **changes,  # type: ignore[arg-type]
    )


def test_a_waived_failure_is_still_a_failure(store: Store, tmp_path: Path) -> None:
    bad = edited(recorded(HARDENED), PASSWORDS)
    assessment = stored_assessment(store, run_of(store, tmp_path, bad, waivers=[waiver()]))
    assert status(assessment, HARDENED, "SSH-02") is Status.FAIL
    [open_one] = [one for one in assessment.findings if one.check == "SSH-02"]
    assert (open_one.open, open_one.waiver) == (True, "W-1")
    assert finding(store, "SSH-02").waiver == "W-1"


def test_a_waived_failure_does_not_set_the_exit_code_and_an_expired_waiver_does(store: Store, tmp_path: Path) -> None:
    bad = edited(recorded(HARDENED), PASSWORDS)
    failing = stored_assessment(store, run_of(store, tmp_path, bad))
    codes = {}
    for day, expires in enumerate((date(2027, 1, 31), date(2026, 11, 1)), start=1):
        waivers = [waiver(id=f"W-{one.check}", check=one.check, expires=expires) for one in failing.findings]
        ref = run_of(store, tmp_path, bad, at=START + day * DAY, waivers=waivers)
        codes[expires.year] = exit_code(stored_assessment(store, ref))
    assert codes == {2027: ExitCode.BLIND_SPOTS, 2026: ExitCode.FINDINGS_AND_BLIND_SPOTS}


# Enclaves


def exported(tmp_path: Path, name: str, *said: Transcript, **more: object) -> Path:
    file = tmp_path / f"{name}.posture"
    with Store.open(tmp_path / f"{name}.db") as store:
        store.export_run(run_of(store, tmp_path, *said, file=f"{name}.yaml", **more), file)
    return file


def test_two_enclaves_become_one_assessment_and_each_host_keeps_where_it_is_from(store: Store, tmp_path: Path) -> None:
    red = exported(tmp_path, "red", edited(recorded(HARDENED), PASSWORDS), waivers=[waiver()])
    blue = exported(tmp_path, "blue", recorded(HARDENED))
    sources = [store.import_run(red, LATER, enclave="red"), store.import_run(blue, LATER, enclave="blue")]
    assessment = stored_assessment(store, merge(store, sources, LATER, Work()))
    assert [one.host.id for one in assessment.read_hosts()] == [f"blue/{HARDENED}", f"red/{HARDENED}", FLEET]
    assert assessment.run.origin is Origin.IMPORTED
    assert assessment.run.merged_from == tuple(sources)
    assert status(assessment, f"red/{HARDENED}", "SSH-02") is Status.FAIL
    assert status(assessment, f"blue/{HARDENED}", "SSH-02") is Status.PASS
    [waived] = [one for one in assessment.findings if one.check == "SSH-02"]
    assert waived.waiver == "red/W-1"
    assert {one.origin for host in assessment.read_hosts() for one in host.evidence} == {Origin.IMPORTED}


def test_merging_one_enclave_does_not_close_the_other_ones_hosts(store: Store, tmp_path: Path) -> None:
    red = exported(tmp_path, "red", edited(recorded(HARDENED), PASSWORDS))
    blue = exported(tmp_path, "blue", recorded(FAULTY))
    red_run, blue_run = store.import_run(red, LATER, enclave="red"), store.import_run(blue, LATER, enclave="blue")
    merge(store, [red_run, blue_run], LATER, Work())
    merge(store, [blue_run], LATER + DAY, Work())
    assert finding(store, "SSH-02", f"red/{HARDENED}").open
