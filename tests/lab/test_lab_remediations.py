"""Every remediation is run: the check fails, it is applied twice, the check passes, it is rolled back, the check fails.

Nothing else may break on the way: no other check over the same facts, no file, and not the login of the scan account.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from posture.catalogue.load import load
from posture.evaluate.judge import topics_of
from posture.model.check import Check
from posture.model.finding import Status
from tests.lab.files import private_file
from tests.lab.host import Host, key_pair
from tests.lab.looking import verdicts
from tests.lab.network import Network, enter
from tests.lab.places import ACCOUNT
from tests.lab.remedies import LAID_OVER, REMEDIES, Remedy
from tests.lab.remedying import let_settings_be_written, new_host, restarted, run

pytestmark = pytest.mark.lab

CHECKS: Mapping[str, Check] = load().checks


@dataclass(frozen=True, slots=True)
class Lab:
    """A network, and the key pair of the scanner in it."""

    network: Network
    public: str
    key: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Network() as network:
        network.plug("scanner", "mgmt")
        network.configure("scanner", "mgmt", 10)
        private, public = key_pair("ed25519")
        key = tmp_path_factory.mktemp("scanner") / "key"
        private_file(key, private)
        yield Lab(network, public, key)


def test_every_remediation_is_proven_or_listed_as_unproven() -> None:
    proven = [remedy.check for remedy in REMEDIES]
    assert len(set(proven)) == len(proven)
    in_guest = set(load().proven_in_guest)
    assert set(proven) | set(load().unproven) | in_guest == set(CHECKS)
    assert not set(proven) & set(load().unproven)
    assert {remedy.check for remedy in LAID_OVER} <= set(load().unproven) | in_guest


@pytest.mark.parametrize("remedy", [*REMEDIES, *LAID_OVER], ids=lambda remedy: remedy.check)
def test_a_remediation_mends_its_check_and_its_rollback_undoes_it(remedy: Remedy, lab: Lab) -> None:
    check = CHECKS[remedy.check]
    with new_host(lab.network, lab.public, remedy.plant) as host:
        let_settings_be_written(host)
        host.run(["/bin/sh", "-c", remedy.once_up])
        before, files = look(host, check), contents(host)
        assert before[check.id] is Status.FAIL

        run(host, named(check.remediation.shell, remedy), remedy.typed)
        if not remedy.typed:
            run(host, named(check.remediation.shell, remedy))  # whoever runs it twice loses nothing
        mended = look(host, check)
        assert mended[check.id] is Status.PASS
        assert failing(mended) < failing(before)
        assert_scanner_gets_in(host, lab)
        assert restarted(host) >= set(remedy.restarts)

        run(host, named(check.remediation.rollback, remedy), remedy.typed_back)
        if remedy.one_way:
            assert look(host, check) == mended
        else:
            assert look(host, check) == before
            assert changes(files, contents(host)) - set(remedy.lost) == set()
        assert_scanner_gets_in(host, lab)


def look(host: Host, check: Check) -> dict[str, Status]:
    """Return what this check says, and every other one that is judged from the same topics."""
    # sshd: a server that was not told of its new files is a finding too.
    return verdicts(host, CHECKS.values(), {*topics_of(check), "os", "sshd"})


def failing(said: Mapping[str, Status]) -> set[str]:
    return {id_ for id_, status in said.items() if status is not Status.PASS and status is not Status.NOT_APPLICABLE}


def named(script: str, remedy: Remedy) -> str:
    for name, value in remedy.names.items():
        assert name in script
        script = script.replace(name, value)
    return script


def assert_scanner_gets_in(host: Host, lab: Lab) -> None:
    """The scan account still logs in, and sudo still lets it do what it must."""
    options = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oBatchMode=yes", "-oLogLevel=ERROR"]
    argv = ["ssh", "-F", "none", *options, "-i", str(lab.key), f"{ACCOUNT}@{host.build.addresses[0]}", "sudo -n -l"]
    done = subprocess.run(
        enter(lab.network.namespace("scanner"), argv), capture_output=True, text=True, check=False, timeout=120
    )
    assert "NOPASSWD" in done.stdout, done.stdout + done.stderr


_CHANGED = ("usr/bin", "usr/share/pam-configs", "usr/lib/python3/dist-packages", "var/lib/aide", "var/lib/pam")
_DIRECTORY = "directory"


def contents(host: Host) -> dict[str, tuple[object, ...]]:
    """Return mode, owner and digest of every file a remediation could touch."""
    root = Path(f"/proc/{host.pid}/root")
    found: dict[str, tuple[object, ...]] = {}
    for tree in ("etc", "home", "root", *_CHANGED, "var/lib/posture-undo"):
        for folder, _, names in os.walk(root / tree):
            for path in [Path(folder), *(Path(folder) / name for name in names)]:
                status = path.lstat()
                if stat.S_ISLNK(status.st_mode):
                    continue
                what = _DIRECTORY if path.is_dir() else _digest(path, status.st_size)
                found[f"/{path.relative_to(root)}"] = (status.st_mode, status.st_uid, status.st_gid, what)
    return found


def _digest(path: Path, size: int) -> str:
    # Programs are changed in their mode at most, and a hundred megabytes take their time.
    return hashlib.sha256(path.read_bytes()).hexdigest() if size < 200_000 else str(size)


def changes(before: Mapping[str, tuple[object, ...]], after: Mapping[str, tuple[object, ...]]) -> set[str]:
    """Return what is not as it was; a directory that came may stay."""
    different = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return {path for path in different if path in before or after[path][3] != _DIRECTORY}
