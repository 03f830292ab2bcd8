"""Changed is not in force: what runs and what the files say for the next start have to be good, both of them."""

from __future__ import annotations

from typing import Any

import pytest

from posture.evaluate.in_force import BothSides
from posture.evaluate.judge import Memo, judge
from posture.model.check import All, Assertion
from posture.model.finding import Result, Status
from posture.model.observation import Blind, Observation
from posture.model.receipt import Force
from tests.posture.evaluate.evaluating import NOW, doc, make_check, unseen

KEY = "kernel.kptr_restrict"
KERNEL = make_check(All((Assertion("kptr", f'kernel.sysctl["{KEY}"]', "eq", 2),)))
SSHD = make_check(Assertion("passwords", 'sshd.effective["passwordauthentication"]', "eq", "no"))


def kernel(running: Any, files: Any) -> Observation:
    return doc("kernel", {"sysctl": running, "configured": files})


def force(check: Any, document: Observation) -> Force:
    return BothSides([check]).forces({document.topic: document}, as_of=NOW, memo=Memo())[check.id]


@pytest.mark.parametrize(
    ("running", "files", "found"),
    [
        ({KEY: 2}, {KEY: 2}, Force.AGREE),
        ({KEY: 1}, {KEY: 2}, Force.NOT_LOADED),
        ({KEY: 2}, {KEY: 1}, Force.NOT_KEPT),
        ({KEY: 1}, {KEY: 1}, Force.AGREE),
        ({KEY: 2}, {}, Force.AGREE),
    ],
    ids=["both good", "file good only", "running good only", "both bad", "no file sets it"],
)
def test_kernel_settings_have_both_states(running: Any, files: Any, found: Force) -> None:
    assert force(KERNEL, kernel(running, files)) is found


def test_files_that_could_not_be_read_are_not_taken_for_good() -> None:
    hidden = doc("kernel", {"sysctl": {KEY: 2}}, ("configured", Blind.COMMAND_REFUSED))
    assert force(KERNEL, hidden) is Force.UNSEEN
    assert not Force.UNSEEN.settled


@pytest.mark.parametrize(("newer", "found"), [(True, Force.NOT_LOADED), (False, Force.AGREE)], ids=str)
def test_a_server_older_than_its_files_does_not_use_them(newer: bool, found: Force) -> None:
    document = doc("sshd", {"effective": {"passwordauthentication": "no"}, "config_newer_than_daemon": newer})
    assert force(SSHD, document) is found


def test_nobody_knows_of_a_server_whose_files_were_not_dated() -> None:
    hidden = doc("sshd", {"effective": {}}, ("config_newer_than_daemon", Blind.COMMAND_REFUSED))
    assert force(SSHD, hidden) is Force.UNSEEN
    assert force(SSHD, unseen("sshd")) is Force.UNSEEN


def test_only_what_is_known_to_disagree_is_told() -> None:
    documents = {"kernel": kernel({KEY: 1}, {KEY: 2})}
    failing = Result("h1", KERNEL.id, 1, judge(KERNEL, documents, as_of=NOW), ())
    (found,) = BothSides([KERNEL]).unsettled([failing], documents, as_of=NOW, memo=Memo())
    assert (found.status, found.force) == (Status.FAIL, Force.NOT_LOADED)
    agreed = {"kernel": kernel({KEY: 2}, {KEY: 2})}
    passing = Result("h1", KERNEL.id, 1, judge(KERNEL, agreed, as_of=NOW), ())
    assert list(BothSides([KERNEL]).unsettled([passing], agreed, as_of=NOW, memo=Memo())) == []
