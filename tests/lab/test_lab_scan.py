"""The main job on real hosts: every planted fault is found, none is invented, and what is unseen is said to be."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from posture.assess import stored_assessment
from posture.gather import Job, Work
from posture.inputs.config import read as read_config
from posture.inputs.scope_file import read as read_scope
from posture.judged import circumstances_of
from posture.model.finding import Closing, Finding
from posture.observe import DERIVED_COLLECTORS, NETWORK_COLLECTORS
from posture.run import replay
from posture.store import Store
from reports import formats
from tests.lab.accepted import complaints, not_there
from tests.lab.agency import Agency
from tests.lab.scanning import Outcome, checks_of_today, evaluate, results_of, scan, table

pytestmark = pytest.mark.lab

SEEDS = (7, 3, 20261122)


@dataclass(frozen=True)
class Story:
    """An agency scanned, scanned again, and once more after two faults were mended and a host had died."""

    agency: Agency
    first: Outcome
    again: Outcome
    after: Outcome
    mended: tuple[tuple[str, str], ...]
    """Host and check of what was mended."""
    dead: str
    """The host that was stopped before the last scan."""


@pytest.fixture(scope="module", params=SEEDS, ids=str)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with Agency(request.param, tmp_path_factory.mktemp("agency"), checks=checks_of_today()) as agency:
        first = scan(agency, "first")
        # What the network shows does not change: the logins are what is told apart from here on.
        again = scan(agency, "again", "--no-network")
        mended = _mend(agency)
        dead = next(host for host in sorted(agency.planted) if host not in {where for where, _ in mended})
        agency.hosts[dead].stop()
        after = scan(agency, "after", "--no-network")
        yield Story(agency, first, again, after, mended, dead)


def _mend(agency: Agency) -> tuple[tuple[str, str], ...]:
    """Undo two faults that every agency has, as an administrator would."""
    mends = (
        ("sudo-nopasswd", "IDN-07", "/etc/sudoers.d/90-runner"),
        ("ssh-plain-private-key", "SSH-18", "/home/deploy/.ssh/id_ed25519"),
    )
    done = []
    for fault, check, path in mends:
        for host in sorted(host for host, faults in agency.planted.items() if fault in faults):
            assert agency.hosts[host].run(["rm", path]).returncode == 0
            done.append((host, check))
    return tuple(done)


def _of(findings: dict[str, Finding], host: str, check: str) -> list[Finding]:
    return [finding for finding in findings.values() if (finding.host, finding.check) == (host, check)]


def test_every_planted_fault_is_found_and_none_is_invented(story: Story) -> None:
    shown, missed, invented = table(story.agency.expected, story.agency.allowed, story.first.fails)
    assert not missed, f"\n{shown}"
    assert not invented, f"\n{shown}"


def test_nothing_at_all_fails_on_the_hardened_host(story: Story) -> None:
    assert not [pair for pair in story.first.fails if pair[0] == story.agency.hardened]
    passed = [check for host, check in story.first.having("pass") if host == story.agency.hardened]
    assert len(passed) > 50, "a host that was not looked at has no fails either"


def test_findings_and_blind_spots_together_are_exit_code_5(story: Story) -> None:
    assert (story.first.code, story.again.code, story.after.code) == (5, 5, 5)
    assert "Blind spots" in story.first.stdout


def test_hosts_that_could_not_be_read_are_blind_spots_for_the_right_reason(story: Story) -> None:
    assert story.agency.blind == {"app2": "command_refused", "desk2": "host_key_mismatch", "ghost1": "unreachable"}
    for host, reason in story.agency.blind.items():
        assert reason in story.first.reasons(host)
    assert story.first.results["ghost1"]["SSH-01"]["reason"] == "unreachable"
    assert story.first.results["ghost1"]["EXP-01"]["reason"] == "unreachable"
    assert story.first.results["desk2"]["SSH-01"]["reason"] == "host_key_mismatch"
    assert story.first.results["app2"]["SSH-01"]["reason"] == "command_refused"


@pytest.mark.parametrize("host", ["desk2", "ghost1"])
def test_nothing_is_decided_by_a_login_that_never_was(story: Story, host: str) -> None:
    said = story.first.results[host]
    decided = {check for check, result in said.items() if result["status"] in ("pass", "fail")}
    # What the inventory says and what the network shows is known all the same.
    outside = {"declared", *(one.topic for one in (*NETWORK_COLLECTORS, *DERIVED_COLLECTORS))}
    assert {check for check in decided if not set(said[check]["topics"]) <= outside} == set()


def test_the_network_is_seen_where_the_login_is_not(story: Story) -> None:
    assert story.first.results["desk2"]["EXP-01"]["status"] == "pass"
    assert story.first.results["app2"]["EXP-01"]["status"] == "pass"


def test_match_blocks_and_keys_are_decided_with_the_sudo_rules_as_shipped(story: Story) -> None:
    for host in (story.agency.hardened, *story.agency.planted):
        decided = {
            check: story.first.results[host][check]["status"] for check in ("SSH-02", "SSH-11", "SSH-17", "SSH-18")
        }
        assert set(decided.values()) <= {"pass", "fail"}, f"{host}: {decided}"


def test_an_unchanged_agency_opens_and_closes_nothing(story: Story) -> None:
    assert story.again.open == story.first.open
    assert story.again.findings.keys() == story.first.findings.keys()


def test_what_was_mended_is_closed_as_fixed_and_nothing_else_is(story: Story) -> None:
    closed = {id_: story.after.findings[id_] for id_ in story.again.open - story.after.open}
    assert {finding.closing for finding in closed.values()} == {Closing.FIXED}
    expected = {*story.mended} - {(story.dead, check) for _, check in story.mended}
    assert {(finding.host, finding.check) for finding in closed.values()} - {("fleet", "SSH-20")} == expected
    assert story.after.open <= story.again.open


def test_findings_of_a_host_that_has_died_stay_open(story: Story) -> None:
    before = {finding.id for finding in story.again.findings.values() if finding.open and finding.host == story.dead}
    assert before
    assert before <= story.after.open
    assert story.after.results[story.dead]["SSH-01"]["reason"] == "unreachable"


@pytest.mark.parametrize("story", SEEDS[:1], indirect=True)
@pytest.mark.parametrize("file", ["assessment.json", "findings.csv", "report.html"])
def test_the_same_evidence_gives_the_same_bytes_later_elsewhere_and_in_another_process(
    judged_again: tuple[Path, Path], file: str
) -> None:
    here, there = judged_again
    assert (here / file).read_bytes() == (there / file).read_bytes()


@pytest.mark.parametrize("story", SEEDS[:1], indirect=True)
def test_judging_again_gives_what_the_scan_gave(story: Story, judged_again: tuple[Path, Path]) -> None:
    assert results_of(judged_again[0]) == story.first.results


@pytest.fixture(scope="module")
def judged_again(story: Story, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The first scan's evidence judged again where it lies, and from a moved store on a later day."""
    folder = tmp_path_factory.mktemp("judged-again")
    moved = folder / "elsewhere"
    moved.mkdir()
    shutil.copy(story.agency.work / "posture.db", moved / "posture.db")
    config = yaml.safe_load(story.agency.config.read_text()) | {"database": "posture.db"}
    (moved / "posture.yaml").write_text(yaml.safe_dump(config))
    run = json.loads((story.first.out / "assessment.json").read_text())["run"]
    words = (run["id"], "--as-of", run["as_of"].removesuffix("Z"))
    evaluate(story.agency.work, folder / "here", *words, environment={"PYTHONHASHSEED": "1", "TZ": "UTC"})
    later = {"PYTHONHASHSEED": "20261122", "TZ": "Pacific/Auckland", "COLUMNS": "40"}
    evaluate(moved, folder / "there", *words, environment=later, days_later=400)
    return folder / "here", folder / "there"


@pytest.mark.parametrize("story", SEEDS[:1], indirect=True)
def test_neither_the_order_of_hosts_nor_of_evidence_counts(story: Story, tmp_path: Path) -> None:
    outcomes = []
    with Store.open(story.agency.work / "posture.db", create=False) as store:
        run = min(store.runs(), key=lambda found: found.run.started_at).run
        inventory, transcripts = store.inventory(run.id), list(store.read_transcripts(run.id))
        circumstances = circumstances_of(store, run.id)
        baseline = store.baseline(run.id)
    for seed in (1, 2):
        shuffled = random.Random(seed)
        hosts = shuffled.sample(inventory.hosts, len(inventory.hosts))
        job = Job(
            inventory=replace(inventory, hosts=tuple(hosts)),
            scope=read_scope(story.agency.scope),
            config=read_config(story.agency.config),
            baseline=baseline,
            circumstances=circumstances,
            vantage=inventory.vantages[0],
        )
        with Store.open(tmp_path / f"{seed}.db") as store:
            answers = shuffled.sample(transcripts, len(transcripts))
            id_ = replay(store, answers, job, run.as_of, Work(), as_of=run.as_of)
            outcomes.append(stored_assessment(store, id_))
    assert outcomes[0].fingerprint == outcomes[1].fingerprint
    assert outcomes[0].findings == outcomes[1].findings
    assert outcomes[0].plan == outcomes[1].plan


@pytest.mark.parametrize("story", SEEDS[:1], indirect=True)
def test_every_format_of_the_run_is_accepted_by_its_readers(story: Story, tmp_path: Path) -> None:
    with Store.open(story.agency.work / "posture.db", create=False) as store:
        first = min(store.runs(), key=lambda found: found.run.started_at).run
        formats.write_all(stored_assessment(store, first.id), tmp_path, marking="CUI", formats=formats.FORMATS)
    assert not_there(tmp_path) == ["ckl", "cklb"], "DISA has no benchmark for Debian, and these are its checklists"
    assert list(complaints(tmp_path)) == []
