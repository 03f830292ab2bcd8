"""The `os`, `clock`, `identity` and `packages` topics."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from collectors import clock, identity, os_release, packages
from collectors.base import Answer, Collector
from posture.model.observation import Blind, Hole
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, told


def facts(collector: Collector, name: str):
    return facts_of(collector, as_declared(collector, recorded(name))).value


@pytest.mark.parametrize(
    ("fixture", "distribution", "release", "major", "architecture"),
    [
        ("recorded_debian12_os", "debian", "debian 12", 12, "x86_64"),
        ("authored_rhel9_os", "rhel", "rhel 9.4", 9, "x86_64"),
        ("authored_ubuntu2404_os", "debian", "ubuntu 24.04", 24, "aarch64"),
    ],
)
def test_the_system_is_named_as_lifecycle_tables_name_it(fixture, distribution, release, major, architecture):
    seen = facts(os_release.COLLECTOR, fixture)
    assert (seen.family, seen.distribution, seen.release, seen.major) == ("linux", distribution, release, major)
    assert seen.architecture == architecture


def test_a_release_without_version_is_absent_not_guessed():
    """authored: Debian testing names no VERSION_ID."""
    rolling = told(
        recorded("recorded_debian12_os"), "os.release", "ID=debian\nPRETTY_NAME='Debian GNU/Linux trixie/sid'\n"
    )
    seen = facts_of(os_release.COLLECTOR, rolling).value
    assert (seen.version_id, seen.major, seen.release) == (None, None, "debian")


def test_the_vendors_file_counts_where_etc_has_none():
    answers = as_declared(os_release.COLLECTOR, recorded("recorded_debian12_os"))
    gone = told(answers, "os.release", "", "/usr/bin/cat: /etc/os-release: No such file or directory", 1)
    assert facts_of(os_release.COLLECTOR, gone).value.id == "debian"


def test_without_either_file_the_system_is_unseen_and_the_kernel_is_not():
    nothing = {"os.uname": answer("os.uname", "Linux x86_64\n")}
    parsed = facts_of(os_release.COLLECTOR, nothing)
    assert parsed.value.family == "linux"
    assert holes_of(parsed)["id"] is Blind.NOT_ATTEMPTED and "family" not in holes_of(parsed)


def test_clock_and_name():
    assert facts(clock.COLLECTOR, "recorded_debian12_clock").epoch_s > 1_700_000_000
    assert facts(clock.COLLECTOR, "recorded_debian12_clock").uptime_s > 0
    assert facts(identity.COLLECTOR, "recorded_debian12_identity").hostname == "vm"
    assert isinstance(identity.parse({"identity.nodename": answer("identity.nodename", "a\nb\n")}), Hole)


def test_debian_packages_know_their_source():
    seen = facts(packages.COLLECTOR, "recorded_debian12_packages")
    assert seen.manager == "dpkg" and seen.installed.complete
    (base,) = [one for one in seen.installed.items if one.name == "base-files"]
    assert seen.versions["base-files"] == base.version and base.source == "base-files"
    assert seen.names.items == sorted(seen.versions)


def test_rpm_packages_drop_a_zero_epoch_and_keep_another():
    seen = facts(packages.COLLECTOR, "authored_rhel9_packages")
    assert seen.manager == "rpm" and "gpg-pubkey" not in seen.versions
    assert seen.versions["bind-libs"] == "32:9.16.23-18.el9_4.6"
    (server,) = [one for one in seen.installed.items if one.name == "openssh-server"]
    assert (server.version, server.source, server.source_version) == ("8.7p1-38.el9_4.4", "openssh", "8.7p1-38.el9_4.4")


def test_of_two_installed_kernels_the_older_one_is_shown():
    seen = facts(packages.COLLECTOR, "authored_rhel9_packages")
    assert seen.versions["kernel-core"] == "5.14.0-427.9.1.el9_4"
    assert len([one for one in seen.installed.items if one.name == "kernel-core"]) == 2


def test_a_package_that_left_only_its_configuration_is_not_installed():
    rows = "a\t1\tall\tconfig-files\ta\t1\nb\t2\tall\tinstalled\tb\t2\nc\t3\tall\thalf-configured\tc\t3\nd\t\tall\tnot-installed\td\t\n"
    seen = facts_of(packages.COLLECTOR, {"packages.dpkg": answer("packages.dpkg", rows)}).value
    assert seen.names.items == ["b", "c"] and seen.names.complete


def test_one_line_that_makes_no_sense_makes_the_list_incomplete():
    rows = "b\t2\tall\tinstalled\tb\t2\nnonsense\n"
    seen = facts_of(packages.COLLECTOR, {"packages.dpkg": answer("packages.dpkg", rows)}).value
    assert seen.names.items == ["b"] and not seen.names.complete


@pytest.mark.parametrize(
    ("dpkg", "reason"),
    [
        (answer("packages.dpkg", exit_code=127), Blind.COMMAND_MISSING),
        (answer("packages.dpkg", "", "dpkg-query: error: Permission denied", 2), Blind.COMMAND_REFUSED),
        (answer("packages.dpkg", ""), Blind.UNPARSEABLE),
    ],
)
def test_a_host_without_a_readable_database_is_unseen_never_empty(dpkg, reason):
    parsed = packages.parse({"packages.dpkg": dpkg, "packages.rpm": answer("packages.rpm", exit_code=127)})
    assert isinstance(parsed, Hole) and parsed.reason is reason


def _asked_here(command_id: str, root: Path) -> Answer:
    """Return what the collector's own command says of a tree of files, with its places moved there."""
    command = next(one for one in packages.COMMANDS if one.id == command_id)
    argv = [
        f"{root}{word}" if word.startswith(("/usr/lib", "/usr/local", "/opt", "/srv", "/var")) else word
        for word in command.argv
    ]
    ran = subprocess.run(argv, capture_output=True, check=False)
    return Answer(command, ran.stdout, ran.stderr, ran.returncode, 0)


def _file(root: Path, path: str, content: str = "") -> None:
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)


def test_projects_of_python_and_npm_are_read_by_name_and_version(tmp_path):
    _file(tmp_path, "/usr/local/lib/python3.11/dist-packages/Flask_Login-0.6.3.dist-info/METADATA")
    _file(tmp_path, "/opt/app/venv/lib/python3.11/site-packages/requests-2.31.0.dist-info/METADATA")
    _file(tmp_path, "/opt/app/venv/lib/python3.11/site-packages/old-1.0-py3.11.egg-info/PKG-INFO")
    _file(tmp_path, "/opt/app/venv/lib/python3.11/site-packages/no-version.dist-info/METADATA")
    _file(tmp_path, "/usr/lib/node_modules/npm/package.json", '{\n  "name": "npm",\n  "version": "10.2.4"\n}')
    _file(tmp_path, "/srv/site/node_modules/@scope/part/package.json", '{\n  "version": "1.0.0-rc.1",\n  "x": 1}')
    _file(tmp_path, "/srv/site/node_modules/part/test/package.json", '{\n  "version": "9.9.9"\n}')
    _file(tmp_path, "/srv/site/package.json", '{\n  "version": "0.0.1"\n}')
    for place in ("usr/local/lib64", "var/www"):
        (tmp_path / place).mkdir(parents=True)
    seen = {id_: _asked_here(id_, tmp_path) for id_ in ("packages.python", "packages.npm")}
    found = facts_of(packages.COLLECTOR, {**recorded("recorded_debian12_packages"), **seen}).value.projects
    assert [(one.manager, one.name, one.version) for one in found.items] == [
        ("npm", "@scope/part", "1.0.0-rc.1"),
        ("npm", "npm", "10.2.4"),
        ("python", "Flask_Login", "0.6.3"),
        ("python", "old", "1.0"),
        ("python", "requests", "2.31.0"),
    ]
    assert found.complete


def test_places_that_are_not_there_hold_no_project(tmp_path):
    seen = {id_: _asked_here(id_, tmp_path) for id_ in ("packages.python", "packages.npm")}
    parsed = facts_of(packages.COLLECTOR, {**recorded("recorded_debian12_packages"), **seen})
    assert (parsed.value.projects.items, parsed.value.projects.complete) == ([], True)
    assert "projects" not in holes_of(parsed)


def test_places_that_may_not_be_read_leave_the_list_of_projects_open():
    refused = answer("packages.python", "", "/usr/bin/find: ‘/opt/secret’: Permission denied\n", 1)
    asked = {**recorded("recorded_debian12_packages"), "packages.python": refused}
    parsed = facts_of(packages.COLLECTOR, {**asked, "packages.npm": answer("packages.npm", "", "", 1)})
    assert not parsed.value.projects.complete
    assert holes_of(parsed)["projects"] is Blind.COMMAND_REFUSED


def test_a_session_from_before_projects_were_asked_for_does_not_know_them():
    parsed = facts_of(packages.COLLECTOR, recorded("recorded_debian12_packages"))
    assert not parsed.value.projects.complete
    assert holes_of(parsed)["projects"] is Blind.NOT_ATTEMPTED
    assert parsed.value.installed.complete
