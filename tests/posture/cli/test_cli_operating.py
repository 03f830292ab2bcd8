"""``posture doctor`` and ``posture config show``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Posture = Callable[..., Any]


def test_the_doctor_says_line_by_line_and_its_exit_code_sums_it_up(reading: Posture) -> None:
    said = reading("doctor", "--json")
    found = {line["health"] for line in said.json}
    assert said.code == (1 if "trouble" in found else 4 if "warning" in found else 0)
    plain = reading("doctor").out
    assert "warning  feeds: none: packages are not assessed for CVEs" in plain
    assert "mend: posture feeds update" in plain


def test_each_setting_says_where_it_comes_from(here: Path, posture: Posture, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "posture.yaml").write_text("schema: posture.config/1\nprofile: dow\nmarking: CUI\n")
    monkeypatch.setenv("POSTURE_MARKING", "CUI//SP-ISVI")
    rows = {row[0]: row[1:] for row in posture("config", "show", "--origin").rows}
    assert rows["profile"] == ["dow", "posture.yaml:2"]
    assert rows["marking"] == ["CUI//SP-ISVI", "environment, POSTURE_MARKING"]
    assert rows["overlay"][1] == "default"
    assert rows["database"] == [str(here / "out" / "posture.db"), "default"]


def test_a_password_of_the_database_is_not_shown(here: Path, posture: Posture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTURE_DATABASE", "postgresql+psycopg://posture:s3cret@db.example/posture")
    for words in (("config", "show"), ("config", "show", "--json"), ("config", "show", "--origin")):
        said = posture(*words)
        assert said.code == 0
        assert "s3cret" not in said.out
        assert "db.example" in said.out


def test_the_environment_overrides_with_and_without_a_file(
    here: Path, posture: Posture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def profile() -> str:
        return next(one["value"] for one in posture("config", "show", "--json").json if one["key"] == "profile")

    monkeypatch.setenv("POSTURE_PROFILE", "nss")
    assert profile() == "nss"
    (here / "posture.yaml").write_text("schema: posture.config/1\nprofile: dow\n")
    assert profile() == "nss"


def test_a_store_is_backed_up_checked_and_restored(here: Path, posture: Posture, one_run: Path) -> None:
    shutil.copytree(one_run / "out", here / "out")
    made = posture("store", "backup", "copy.db", "--json")
    assert made.code == 0
    assert posture("store", "check").code == 0
    assert posture("store", "vacuum").code == 0
    (here / "out" / "posture.db").write_bytes(b"\xff" * 10_000)
    assert posture("store", "check").code == 2
    restored = posture("store", "restore", "copy.db", "--yes")
    assert restored.code == 0
    assert f"sha256 {made.json['sha256']}" in restored.out
    assert "what was there before lies in" in restored.err
    said = posture("store", "check", "--json")
    assert (said.code, [one["faults"] for one in said.json]) == (0, [[]] * 6)
    assert posture("store", "backup", "copy.db").code == 2


def test_old_evidence_is_let_go_by_policy_and_the_dry_run_says_so_first(
    here: Path, posture: Posture, one_run: Path
) -> None:
    shutil.copytree(one_run / "out", here / "out")
    (here / "posture.yaml").write_text("schema: posture.config/1\nretention: {searchable_months: 3}\n")
    assert [
        cell for row in posture("config", "show", "--origin").rows if row[0] == "retention" for cell in (row[0], row[2])
    ] == ["retention", "posture.yaml:2"]
    told = posture("store", "prune", "--dry-run")
    assert told.code == 0
    assert "policy: searchable 3 months, retrievable 12; 0 runs are touched" in told.out
    assert posture("store", "prune", "--json").json["archive"] == {"blobs": 0, "size_bytes": 0}
    assert "0 answers of run" in posture("store", "retrieve", "latest").out
    assert posture("store", "check").code == 0
