"""The list of what `make guest` has shown holds nothing that it does not run; the guest itself is not booted here."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from posture.catalogue.load import load
from tests.guest.fixes import FIXES, Fix

CATALOGUE = load()


def test_what_is_called_proven_in_the_guest_is_run_there() -> None:
    ran = [fix.check for fix in FIXES]
    assert len(set(ran)) == len(ran)
    assert set(CATALOGUE.proven_in_guest) <= set(ran) <= set(CATALOGUE.checks)


@pytest.mark.parametrize("fix", FIXES, ids=lambda fix: fix.check)
def test_every_name_in_capitals_stands_in_the_remedy_or_its_rollback(fix: Fix) -> None:
    remedy = CATALOGUE.checks[fix.check].remediation
    for name in fix.names:
        assert name in remedy.shell + remedy.rollback


@pytest.mark.parametrize("fix", FIXES, ids=lambda fix: fix.check)
def test_the_shell_can_read_what_plants_and_clears_a_fault(fix: Fix) -> None:
    shell = shutil.which("sh")
    assert shell
    for script in (fix.plant, fix.clear, fix.settled):
        subprocess.run([shell, "-n", "-c", script], check=True)
