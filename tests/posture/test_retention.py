"""The retention policy over real runs: proofs stay, the rest is said to be gone, and nothing passes without evidence."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.transports.replay import read_transcripts
from posture.demo import HOME, demo_job
from posture.doctor import Health, examine
from posture.errors import ConfigError, NotKeptError
from posture.evaluated import evaluate
from posture.gather import Work
from posture.inputs import config as configuration
from posture.inputs.config import Config, RetentionEntry
from posture.inputs.scope import AiQuestions
from posture.model.assessment import HostAssessment
from posture.model.finding import Status
from posture.model.observation import Blind
from posture.receipts import receipt
from posture.retention import archives_of, months_before, overdue, prune, survey
from posture.run import scan
from posture.store import Store, letting
from tests.posture.proof.test_receipts import CHECK, look, the_finding
from tests.posture.replays import DAY, START

LATER = START + 250 * DAY


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("kept")
    with Store.open(place / "posture.db") as store:
        for day, passwords in enumerate((True, False)):
            look(store, place, START + day * DAY, passwords=passwords)
    return place / "posture.db"


@pytest.fixture
def config(two_runs: Path, tmp_path: Path) -> Config:
    """A store of two old runs, of which one fails and one passes, and what holds without a file."""
    shutil.copyfile(two_runs, tmp_path / "posture.db")
    return replace(configuration.default(tmp_path), database=tmp_path / "posture.db")


def test_what_a_receipt_rests_on_outlives_the_policy(config: Config) -> None:
    with Store.open(config.database) as store:
        before = receipt(store, the_finding(store).id)
        done = prune(store, config, LATER, by="alex")
        assert done.archive.blobs > 10
        assert receipt(store, the_finding(store).id) == before
        for sight in (before.failed, before.passes):
            assert all(store.read_blob(digest) is not None for _, digest in sight.evidence)


def test_judged_again_without_its_evidence_a_check_is_unknown_and_says_why(config: Config) -> None:
    with Store.open(config.database) as store:
        run = store.load_run().run.id
        stored, before = list(store.read_hosts(run)), list(evaluate(store, run).read_hosts())
        prune(store, config, LATER, by="alex")
        assert list(store.read_hosts(run)) == stored
        after = list(evaluate(store, run).read_hosts())
        assert letting.retrieve(store, run, archives_of(config), LATER, by="alex").missing == 0
        assert list(evaluate(store, run).read_hosts()) == before
        store.verify_chain()
    was, now = statuses(before), statuses(after)
    lost = {check for check in was if was[check] is not now[check]}
    assert lost
    assert {now[check] for check in lost} == {Status.NOT_CHECKED}
    assert now[CHECK] is Status.PASS  # its proof stays
    gone = [one for host in after for one in host.unseen if one.reason == "not_kept"]
    assert gone
    assert all("by policy (searchable 6 months, retrievable 12)" in one.detail for one in gone)


def statuses(hosts: list[HostAssessment]) -> dict[str, Status]:
    return {one.check: one.verdict.status for host in hosts for one in host.results}


def test_a_run_cannot_be_exported_without_all_its_evidence(config: Config, tmp_path: Path) -> None:
    with Store.open(config.database) as store:
        prune(store, config, LATER, by="alex")
        with pytest.raises(NotKeptError, match="no longer kept"):
            store.export_run(store.load_run().run.id, tmp_path / "run.posture")
    assert not (tmp_path / "run.posture").exists()


def test_young_evidence_is_let_alone(config: Config) -> None:
    with Store.open(config.database) as store:
        assert survey(store, config, START + 30 * DAY).runs == 0
        assert overdue(store, config.retention, START + 30 * DAY) == ""


def test_the_doctor_warns_until_the_policy_is_carried_out(config: Config) -> None:
    def line() -> list[tuple[Health, str]]:
        return [(one.health, one.why) for one in examine(config, LATER) if one.about == "retention"]

    assert line() == [(Health.WARNING, "2 runs are older than 6 months, and the policy was never carried out")]
    with Store.open(config.database) as store:
        prune(store, config, LATER, by="alex")
    assert line() == []
    with Store.open(config.database) as store:
        assert "was last carried out on" in overdue(store, config.retention, LATER + 60 * DAY)


@pytest.mark.parametrize(
    ("now", "months", "before"),
    [("2026-08-31", 6, "2026-02-28"), ("2026-11-28", 12, "2025-11-28"), ("2026-01-15", 1, "2025-12-15")],
)
def test_months_are_those_of_the_calendar(now: str, months: int, before: str) -> None:
    found = months_before(datetime.fromisoformat(now).replace(tzinfo=UTC), months)
    assert f"{found:%Y-%m-%d}" == before


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("{searchable_months: 0}", "less than a month"),
        ("{searchable_months: 9, retrievable_months: 6}", "shorter than"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(tmp_path: Path, written: str, wrong: str) -> None:
    path = tmp_path / "posture.yaml"
    path.write_text(f"schema: posture.config/1\nretention: {written}\n")
    with pytest.raises(ConfigError, match=rf"posture.yaml:2.*{wrong}"):
        configuration.read(path)


def test_the_policy_is_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "posture.yaml"
    path.write_text(
        "schema: posture.config/1\nretention: {searchable_months: 12, retrievable_months: 30, hold: [R1]}\n"
    )
    assert configuration.read(path).retention == RetentionEntry(12, 30, ["R1"])


def test_a_run_that_goes_on_without_its_looks_asks_no_port_and_says_why(tmp_path: Path) -> None:
    """What nmap saw of the host is no longer kept, so nobody knows which of its ports to ask for AI services."""
    recorded = [one for one in read_transcripts(HOME / "transcripts") if one.session.host == "grants-app1"]
    (seen,) = (one for one in recorded if one.session.transport == "nmap")
    begun = seen.session.started_at.replace(microsecond=0)
    config = configuration.default(tmp_path)
    job = demo_job(config, begun)
    (host,) = (one for one in job.inventory.hosts if one.id == seen.session.host)
    (vantage,) = (one for one in job.inventory.vantages if one.name == seen.session.vantage)
    job = replace(
        job,
        inventory=replace(job.inventory, hosts=(host,), vantages=(vantage,)),
        scope=replace(job.scope, ai_services=AiQuestions(10)),
        vantage=vantage,
        network=True,
    )
    work = Work(clock=lambda: begun + DAY)
    with Store.open(tmp_path / "posture.db") as store:
        work.stop.set()
        run = scan(store, job, begun, work)
        work.stop.clear()
        store.resume_run(run, begun)
        store.save_host(run, host.id, transcripts=[seen])
        store.interrupt_run(run, begun)
        cut = letting.Cut(begun + DAY, begun - DAY, "searchable 1 month")
        assert letting.let_go(store, cut, tmp_path / "archive", begun, by="alex").archive.blobs > 0
        scan(store, job, begun + DAY, work, resume=run)
        entry = store.read_host(run, host.id)
    assert not (tmp_path / "probes.jsonl").read_text()
    why = {one.topic: (one.reason, one.detail) for one in entry.unseen}
    for topic in ("exposure", "ai_service"):
        assert why[topic][0] is Blind.NOT_KEPT, topic
        assert "searchable 1 month" in why[topic][1]
    asked = [one.verdict for one in entry.results if {"ai_service", "ai"} & set(one.verdict.topics)]
    assert asked
    assert {one.status for one in asked} == {Status.NOT_CHECKED}
