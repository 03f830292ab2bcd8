"""Which remediations no test has run stands beside the checks, and names only checks there are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from posture.catalogue.load import load
from posture.errors import BaselineError


def test_every_reason_belongs_to_a_check() -> None:
    catalogue = load()
    assert set(catalogue.unproven) < set(catalogue.checks)
    assert all(len(reason.split()) > 1 for reason in catalogue.unproven.values())


def test_a_reason_for_no_check_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "baselines"
    shutil.copytree(load().directory, copy)
    (copy / "unproven.yaml").write_text("schema: posture.unproven/1\nunproven:\n  SSH-999: nobody tried\n")
    with pytest.raises(BaselineError, match="SSH-999"):
        _ = load(copy).unproven


def test_a_directory_of_an_agency_need_not_have_the_file(tmp_path: Path) -> None:
    copy = tmp_path / "baselines"
    shutil.copytree(load().directory, copy)
    (copy / "unproven.yaml").unlink()
    assert load(copy).unproven == {}


def test_what_the_guest_showed_is_not_called_unproven_as_well(tmp_path: Path) -> None:
    copy = tmp_path / "baselines"
    shutil.copytree(load().directory, copy)
    both = "unproven:\n  HRD-01: nobody tried\nproven_in_guest:\n  HRD-01: 2026-11-23\n"
    (copy / "unproven.yaml").write_text(f"schema: posture.unproven/1\n{both}")
    with pytest.raises(BaselineError, match="HRD-01"):
        _ = load(copy).proven_in_guest


def test_the_guest_shows_checks_there_are(tmp_path: Path) -> None:
    assert set(load().proven_in_guest) < set(load().checks)
    copy = tmp_path / "baselines"
    shutil.copytree(load().directory, copy)
    (copy / "unproven.yaml").write_text(
        "schema: posture.unproven/1\nunproven: {}\nproven_in_guest:\n  HRD-99: 2026-11-23\n"
    )
    with pytest.raises(BaselineError, match="HRD-99"):
        _ = load(copy).proven_in_guest
