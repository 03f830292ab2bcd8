"""The remediations' Ansible tasks, played over SSH against one host that needs a dozen of them, and rolled back by shell.

Skipped, and said so, where there is no ansible-core.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from posture.catalogue.load import load
from posture.model.finding import Status
from tests.lab.files import private_file
from tests.lab.host import Build, key_pair
from tests.lab.looking import verdicts
from tests.lab.network import Network, enter
from tests.lab.places import ACCOUNT, UNLIMITED
from tests.lab.remedies import REMEDIES
from tests.lab.remedying import let_settings_be_written, new_host, run

pytestmark = pytest.mark.lab

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
SAMPLE = (
    *("SSH-01", "SSH-06", "SSH-08", "SSH-11", "SSH-13", "SSH-16", "SSH-19"),
    *("IDN-02", "IDN-03", "IDN-08", "IDN-11", "IDN-14", "HRD-12", "HRD-15", "PAT-07", "PAT-09"),
)
"""Faults that one host can have at the same time."""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as network:
        network.plug("scanner", "mgmt")
        network.configure("scanner", "mgmt", 10)
        yield network


@pytest.mark.skipif(not PLAYBOOK.exists(), reason="no ansible-core: no Ansible task was tried")
def test_the_ansible_tasks_mend_what_the_shell_lines_mend(network: Network, tmp_path: Path) -> None:
    catalogue = load()
    remedies = [remedy for remedy in REMEDIES if remedy.check in SAMPLE]
    assert [remedy.check for remedy in remedies] == list(SAMPLE)
    private, public = key_pair("ed25519")
    private_file(tmp_path / "key", private)

    def plant(host: Build) -> None:
        for remedy in remedies:
            remedy.plant(host)

    with new_host(network, public, plant, UNLIMITED) as host:
        let_settings_be_written(host)
        checks = [catalogue.checks[id_] for id_ in SAMPLE]
        assert set(verdicts(host, checks).values()) == {Status.FAIL}

        tasks = [task for check in checks for task in check.remediation.ansible]
        said = play(network, host.build.addresses[0], tasks, tmp_path)
        assert said.returncode == 0, said.stdout + said.stderr
        assert _not(Status.PASS, verdicts(host, checks)) == {}, said.stdout

        for check in reversed(checks):
            run(host, check.remediation.rollback)
        assert _not(Status.FAIL, verdicts(host, checks)) == {}


def play(network: Network, address: str, tasks: Sequence[object], work: Path) -> subprocess.CompletedProcess[str]:
    """Return what ansible-playbook said of these tasks, run from where the scanner stands."""
    book = work / "remediate.yaml"
    book.write_text(yaml.safe_dump([{"hosts": "all", "become": True, "gather_facts": False, "tasks": tasks}]))
    settings = {
        "HOME": str(work),
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    }
    argv = [str(PLAYBOOK), "-i", f"{address},", "-u", ACCOUNT, "--private-key", str(work / "key"), str(book)]
    done = enter(network.namespace("scanner"), argv)
    # The path of a socket has 108 bytes, and that of ``work`` may take them all.
    with TemporaryDirectory(prefix="cp") as sockets:
        settings["ANSIBLE_SSH_CONTROL_PATH_DIR"] = sockets
        return subprocess.run(
            done, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300, env=settings
        )


def _not(status: Status, said: dict[str, Status]) -> dict[str, Status]:
    return {id_: one for id_, one in said.items() if one is not status}
