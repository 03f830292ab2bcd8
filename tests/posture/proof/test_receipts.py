"""Receipts: a fix is proven by the evidence it failed with and the evidence it passes with, judged again from both."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from posture.assess import stored_assessment
from posture.cli.proving import receipts_command, verify_command
from posture.errors import UsageError
from posture.gather import Work
from posture.model.finding import Closing, Finding, Status
from posture.model.receipt import Force
from posture.receipts import receipt, receipts
from posture.run import replay
from posture.store import Store
from tests.posture.replays import DAY, HARDENED, PASSWORDS, START, edited, job, recorded, write_inventory

CHECK = "SSH-02"


def look(store: Store, home: Path, at: datetime, *, passwords: bool) -> str:
    said = recorded(HARDENED, at=at)
    work = Work(clock=lambda: at + DAY / 24)
    path = home / "inventory.yaml"
    inventory = path if path.exists() else write_inventory(path, HARDENED)
    said = edited(said, PASSWORDS) if passwords else said
    return replay(store, [said], job(inventory, home), at, work, as_of=at)


def the_finding(store: Store) -> Finding:
    (found,) = store.findings(check=CHECK)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the finding was open for three days, came back once, and was mended."""
    place = tmp_path_factory.mktemp("receipts")
    with Store.open(place / "posture.db") as store:
        for day, passwords in enumerate((True, False, True, False)):
            look(store, place, START + day * DAY, passwords=passwords)
    return place


def test_a_fix_is_proven_by_both_pieces_of_evidence(home: Path) -> None:
    with Store.open(home / "posture.db") as store:
        finding = the_finding(store)
        found = receipt(store, finding.id)
    assert (finding.closing, found.holds, found.same_check) == (Closing.FIXED, True, True)
    assert (found.failed.status, found.failed.at) == (Status.FAIL, START + 2 * DAY)
    assert (found.passes.status, found.passes.at) == (Status.PASS, START + 3 * DAY)
    assert (found.days_open, found.times_opened) == (3, 2)
    then, now = dict(found.failed.evidence), dict(found.passes.evidence)
    assert then["sshd.effective"] != now["sshd.effective"]
    assert "passwordauthentication" in found.failed.said.lower()


def test_a_run_has_a_receipt_for_each_finding_it_closed_as_fixed(home: Path) -> None:
    with Store.open(home / "posture.db") as store:
        runs = [one.run.id for one in reversed(store.runs())]
        found = [list(receipts(store, run)) for run in runs]
    # what closed it the first time proves nothing any more: it came back
    assert [len(one) > 0 for one in found] == [False, False, False, True]
    assert CHECK in {one.check for one in found[-1]}
    assert all(one.holds for one in found[-1])


def test_a_receipt_is_kept_with_the_run_and_outlives_the_evidence_of_the_one_before(home: Path) -> None:
    with Store.open(home / "posture.db") as store:
        newest = stored_assessment(store, "latest")
        (made,) = [one for one in newest.receipts if one.check == CHECK]
        assert (made.holds, made.days_passing, made.last_passing) == (True, 0, START + 3 * DAY)
        assert made.passes.force is Force.AGREE
        earlier = [one.run.id for one in store.runs()][1]
        assert CHECK not in {one.check for one in stored_assessment(store, earlier).receipts}


def test_days_passing_are_counted_to_the_last_run_that_saw_it(tmp_path: Path) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        for day, passwords in ((0, True), (1, False), (6, False)):
            look(store, tmp_path, START + day * DAY, passwords=passwords)
        (made,) = [one for one in stored_assessment(store, "latest").receipts if one.check == CHECK]
        assert made.days_passing == 5 == receipt(store, made.finding).days_passing


def test_a_change_that_the_server_has_not_read_is_not_in_force(tmp_path: Path) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        look(store, tmp_path, START, passwords=True)
        said = recorded(HARDENED, at=START + DAY)
        later = f"{(START + DAY).timestamp():.1f} {(START + DAY).timestamp():.1f} /etc/ssh/sshd_config\n".encode()
        answer = said.answers["sshd.changed"]
        said = replace(said, answers={**said.answers, "sshd.changed": replace(answer, stdout=later)})
        path = tmp_path / "inventory.yaml"
        replay(store, [said], job(path, tmp_path), START + DAY, Work(), as_of=START + DAY)
        made = receipt(store, the_finding(store).id)
        assert (made.failed.status, made.passes.status, made.holds) == (Status.FAIL, Status.PASS, False)
        assert made.why.startswith("changed, not in force")
        assert CHECK in {one.check for one in stored_assessment(store, "latest").unsettled}


def test_an_open_finding_has_none(tmp_path: Path) -> None:
    with Store.open(tmp_path / "posture.db") as store:
        look(store, tmp_path, START, passwords=True)
        with pytest.raises(UsageError, match="is open: nothing was mended"):
            receipt(store, the_finding(store).id)


def test_evidence_that_does_not_pass_is_no_receipt(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody had closed the finding in the database: the evidence still says fail."""
    with Store.open(home / "posture.db") as store:
        finding = the_finding(store)
        failing = next(one.run.id for one in store.runs() if one.run.as_of == START + 2 * DAY)
        history = store.finding_history(finding.id)
        forged = (*history[:-1], replace(history[-1], run=failing))
        monkeypatch.setattr(store, "finding_history", lambda _: forged)
        found = receipt(store, finding.id)
    assert not found.holds
    assert found.why.endswith("says fail, not pass")


def test_the_command_replays_it(home: Path) -> None:
    config = home / "posture.yaml"
    config.write_text(f"schema: posture.config/1\ndatabase: {home}/posture.db\n")
    with Store.open(home / "posture.db") as store:
        id_ = the_finding(store).id
    result = CliRunner().invoke(verify_command, ["--finding", id_, "-c", str(config)])
    assert result.exit_code == 0, result.output
    ticket = ["--ticket", "CHG0012345", "--finding", id_, "-c", str(config)]
    assert CliRunner().invoke(receipts_command, ticket).exit_code == 0
    listed = CliRunner().invoke(receipts_command, ["-c", str(config)])
    assert "CHG0012345" in listed.output and "holds" in listed.output
    both = CliRunner().invoke(verify_command, ["x.tar", "--finding", id_, "-c", str(config)])
    assert isinstance(both.exception, UsageError)
