"""What an account that may run anything by sudo leaves in the host's logs, and that it sees what the exact rules see."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.lab.fleet import Fleet
from tests.lab.places import UNLIMITED, generated_sudoers
from tests.lab.scanning import results_of

pytestmark = pytest.mark.lab

LOGGED = "Defaults logfile=/var/log/sudo-{}.log, loglinelen=0\n"


def test_root_in_one_shell_sees_the_same_and_leaves_little_in_the_log(tmp_path: Path) -> None:
    with Fleet(1, tmp_path / "fleet") as fleet:
        one, log_of_one = _scanned(fleet, "one", UNLIMITED)
        each, log_of_each = _scanned(fleet, "each", generated_sudoers())
    assert log_of_one[0] == "/bin/sh -s" and len(log_of_one) <= 4  # the second batch asks root twice
    assert len(log_of_each) > 30 and "/bin/sh -s" not in log_of_each
    assert {check for check in each if one[check] != each[check]} == {"IDN-07"}  # who may run everything is told


def _scanned(fleet: Fleet, name: str, rules: str) -> tuple[dict[str, str], list[str]]:
    """Return the status of every check under these sudo rules, and the commands that sudo logged."""
    host = fleet.hosts[0]
    host.run(("/usr/bin/tee", "/etc/sudoers.d/50-posture"), LOGGED.format(name) + rules)
    files = ("-i", str(fleet.inventory), "-c", str(fleet.work / "posture.yaml"), "--out", str(fleet.work / name))
    argv = (sys.executable, "-m", "posture", "scan", "--no-network", "--exit-zero", *files)
    ran = fleet.run_in_scanner(argv, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    results = results_of(fleet.work / name)["fleet01"]
    logged = host.run(("/bin/cat", f"/var/log/sudo-{name}.log")).stdout.splitlines()
    return (
        {check: result["status"] for check, result in results.items()},
        [line.partition("COMMAND=")[2] for line in logged],
    )
