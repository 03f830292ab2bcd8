"""Commands that only read: words for people, lines for pipes, JSON for programs; errors with a hint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posture.catalogue.load import load
from posture.model.host import FLEET
from posture.store import Store
from tests.posture.replays import FAULTY, HARDENED

Call = Callable[..., Any]


def test_report_writes_every_file_again_and_prints_the_summary(reading: Call, one_run: Path, tmp_path: Path) -> None:
    said = reading("report", "-c", config(one_run, tmp_path), "--out", tmp_path / "again")
    assert said.code == 0
    assert "Coverage" in said.out
    names = {path.name for path in (tmp_path / "again").iterdir()}
    assert {"report.html", "findings.csv", "assessment.json"} <= names


def config(one_run: Path, tmp_path: Path) -> Path:
    path = tmp_path / "posture.yaml"
    path.write_text(f"schema: posture.config/1\ndatabase: {one_run}/out/posture.db\n")
    return path


def test_runs_lists_the_run_as_replayed(reading: Call) -> None:
    [row] = reading("runs").rows
    assert row[1:4] == ["complete", "replayed", "3"]


def test_show_host_says_what_is_wrong_and_what_was_not_seen(reading: Call) -> None:
    said = reading("show", "host", HARDENED)
    assert said.code == 0
    assert "Debian GNU/Linux 12" in said.out
    assert ["fail", "SSH-02"] in [row[:2] for row in said.rows]
    assert ["exposure", "not_attempted"] in [row[:2] for row in said.rows]


def test_show_host_fleet_holds_only_what_was_asked_of_the_fleet(reading: Call) -> None:
    asked = [check.id for check in load().checks.values() if check.scope == FLEET]
    assert [one["check"] for one in reading("show", "host", "fleet", "--json").json["results"]] == asked


def test_show_check_has_a_line_for_every_host(reading: Call) -> None:
    rows = reading("show", "check", "ssh-02").rows
    assert [row[0] for row in rows] == sorted([HARDENED, FAULTY, "silent"])
    found = {row[0]: row[1] for row in rows}
    assert (found[HARDENED], found["silent"]) == ("fail", "not_checked")


def test_show_check_of_the_fleet_has_a_line_for_the_fleet(reading: Call) -> None:
    assert [row[0] for row in reading("show", "check", "SSH-20").rows][-1] == "fleet"


def test_findings_are_listed_by_due_date_and_each_can_be_shown(reading: Call) -> None:
    rows = reading("findings").rows
    assert rows
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    shown = reading("show", "finding", rows[0][0])
    assert shown.code == 0
    assert f"due {rows[0][1]}" in shown.out
    assert "opened" in shown.out


def test_findings_of_one_host_and_check(reading: Call) -> None:
    [row] = reading("findings", "--host", HARDENED, "--check", "SSH-02").rows
    assert row[2:4] == ["SSH-02", HARDENED]


def test_show_evidence_prints_what_a_host_said_and_where_it_is_from(reading: Call, one_run: Path) -> None:
    with Store.open(one_run / "out/posture.db") as store:
        said = next(one for one in store.read_transcripts("latest") if one.session.host == HARDENED)
    digest = hashlib.sha256(said.answers["sshd.effective"].stdout).hexdigest()
    shown = reading("show", "evidence", digest)
    assert "passwordauthentication yes" in shown.out
    assert f"{HARDENED}, sshd.effective" in shown.err


def test_diff_of_a_run_with_itself_is_empty(reading: Call) -> None:
    said = reading("diff", "latest", "latest")
    assert said.code == 0
    assert said.rows == []
    assert "every verdict is the same" in said.err


@pytest.mark.parametrize(
    "words",
    [
        "runs",
        f"show host {HARDENED}",
        "show host fleet",
        "show check SSH-02",
        "findings",
        "findings --all",
        "burndown",
        "burndown --clock check-days",
        "diff latest",
        "evaluate",
        "checks list",
        "checks list --category AIT-04",
        "checks explain SSH-02",
        "checks lint",
        "checks removed",
        "manifest",
    ],
)
def test_json_is_json_and_nothing_else(reading: Call, words: str) -> None:
    assert isinstance(reading(*words.split(), "--json").json, list | dict)


def test_json_of_one_finding_and_of_evidence(reading: Call, one_run: Path) -> None:
    id_ = reading("findings").rows[0][0]
    assert reading("show", "finding", id_, "--json").json["finding"]["id"] == id_
    with Store.open(one_run / "out/posture.db") as store:
        digest = next(iter(store.read_blobs()))[0]
    assert reading("show", "evidence", digest, "--json").json["sha256"] == digest


@pytest.mark.parametrize("words", ["runs", "findings", "checks list", "show check SSH-02", "manifest"])
def test_what_is_no_terminal_gets_tab_separated_lines(reading: Call, words: str) -> None:
    said = reading(*words.split())
    lines = [line for line in said.out.splitlines() if "\t" in line]
    assert len(lines) > 1
    assert len({line.count("\t") for line in lines}) == 1
    assert "\x1b" not in said.out
    assert not set(said.out) & set("─│━┃")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("show host recods-vault1", "no host `recods-vault1`", f"did you mean `{HARDENED}`?"),
        ("show check SSH-99", "no check `SSH-99`", "did you mean `SSH-"),
        ("show finding 0123456789abcdef", "0123456789abcdef", ""),
        ("show evidence xyz", "`xyz` is no digest", "64 hex digits"),
        (f"show host {HARDENED} --run 1999", "no run has the id `1999`", "posture runs"),
        ("diff 1999 latest", "no run has the id `1999`", "posture runs"),
        ("evaluate 1999", "no run has the id `1999`", "posture runs"),
        ("report 1999", "no run has the id `1999`", "posture runs"),
        ("record 1999 somewhere", "no run has the id `1999`", "posture runs"),
        ("checks explain SSH-99", "no check `SSH-99`", "did you mean `SSH-"),
        ("checks list --profile fbec", "fbec", ""),
    ],
)
def test_a_mistake_is_answered_with_a_hint(reading: Call, words: str, message: str, hint: str) -> None:
    said = reading(*words.split())
    assert said.code == 2
    assert "error:" in said.err
    assert message in said.err
    assert hint in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "words", ["runs", "findings", "report", "evaluate", "stop", "show host x", "diff a b", "export latest f"]
)
def test_without_a_store_the_hint_says_how_to_get_one(posture: Call, words: str) -> None:
    said = posture(*words.split())
    assert said.code == 2
    assert "nothing has been scanned yet" in said.err
    assert "posture scan --self" in said.err


def test_the_words_of_a_host_are_inert(reading: Call, one_run: Path) -> None:
    with Store.open(one_run / "out/posture.db") as store:
        digests = [digest for digest, content in store.read_blobs() if b"\x1b" in content or b"\t" in content]
    for digest in digests[:3]:
        assert "\x1b" not in reading("show", "evidence", digest).out
