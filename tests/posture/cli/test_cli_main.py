"""The root command: help, completion, exit codes, bugs that tell nothing of hosts; and the files of ``init``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from posture.cli import reading as reading_commands
from posture.cli.commands import SECTIONS
from posture.cli.main import root
from posture.inputs import config, inventory, scope_file
from tests.collectors.real_sshd import SSHD, RealSshd, running_sshd
from tests.posture.replays import PROGRAM

Call = Callable[..., Any]
SECRET = "hunter2-from-a-host"


def every_command() -> dict[str, click.Command]:
    with click.Context(root) as context:
        return {name: root.get_command(context, name) for name in root.list_commands(context)}  # type: ignore[misc] # None is what no command is called


def commands() -> list[list[str]]:
    found = []
    for name, command in every_command().items():
        found.append([name])
        found += [[name, child] for child in getattr(command, "commands", {})]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_with_a_first_sentence(posture: Call, words: list[str]) -> None:
    said = posture(*words, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: posture {' '.join(words)}")
    assert said.out.splitlines()[2].strip()


def test_what_is_told_before_a_command_is_loaded_is_what_it_says_itself() -> None:
    told = {name: sentence for section in SECTIONS.values() for name, (_, sentence) in section.items()}
    assert told == {name: command.get_short_help_str(70) for name, command in every_command().items()}
    modules = {module for section in SECTIONS.values() for module, _ in section.values()}
    loaded = {command.name for module in modules for command in import_module(f"posture.cli.{module}").COMMANDS}
    assert loaded == set(told)


def test_the_help_names_every_exit_code(posture: Call) -> None:
    assert all(f"{code} " in posture("--help").out for code in (0, 1, 2, 3, 4, 5, 70))


def test_an_unknown_command_or_option_is_usage(posture: Call) -> None:
    assert posture("scna").code == 2
    assert posture("scan", "--sefl").code == 2
    assert posture().code == 2


def test_the_version_is_printed(posture: Call) -> None:
    assert posture("--version").out.startswith("posture, version ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_prints_a_script(shell: str) -> None:
    if shell == "bash" and not Path("/bin/bash").exists():
        pytest.skip("needs bash")
    done = subprocess.run(
        (PROGRAM,),
        env={**os.environ, "_POSTURE_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "_POSTURE_COMPLETE" in done.stdout


def test_shell_completion_knows_the_commands() -> None:
    env = {**os.environ, "_POSTURE_COMPLETE": "bash_complete", "COMP_WORDS": "posture sho", "COMP_CWORD": "1"}
    done = subprocess.run((PROGRAM,), env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,show"]


def test_a_bug_exits_with_70_and_tells_nothing_of_what_a_host_said(
    posture: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise LookupError(SECRET)

    monkeypatch.setattr(reading_commands.prepare, "open_store", broken)
    said = posture("runs")
    assert said.code == 70
    assert "bug: LookupError" in said.err
    written = (here / "posture-bug.txt").read_text()
    assert SECRET not in said.out + said.err + written
    assert "main.py" in written
    assert (here / "posture-bug.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("words", "reader", "code"), [("manifest --json", "head -c 1", 0), ("evaluate", "true", 5)])
def test_a_reader_that_hangs_up_is_no_error_and_no_better_news(
    reading: Call, words: str, reader: str, code: int
) -> None:
    """A scan whose summary nobody reads still says by its exit code what it found."""
    argv = ("/bin/sh", "-c", f"{{ {PROGRAM} {words} 2>errors; echo $? >&2; }} | {reader} >/dev/null")
    assert subprocess.run(argv, capture_output=True, text=True, check=False).stderr == f"{code}\n"
    assert "roken" not in Path("errors").read_text()


# init, trust, manifest


def test_init_writes_files_that_load(posture: Call, here: Path) -> None:
    said = posture("init", "agency")
    assert said.code == 0
    assert inventory.read(here / "agency/inventory.yaml").hosts
    assert scope_file.read(here / "agency/scope.yaml").authorisation == "AUTH-0000"
    assert config.read(here / "agency/posture.yaml").credentials.keys() == {"scan"}
    assert {path.stat().st_mode & 0o777 for path in (here / "agency").iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["inventory.yaml", "scope.yaml", "posture.yaml"])
def test_init_writes_over_nothing(posture: Call, here: Path, name: str) -> None:
    (here / name).write_text("mine")
    said = posture("init")
    assert (said.code, "exists already" in said.err) == (2, True)
    assert (here / name).read_text() == "mine"
    assert len(list(here.iterdir())) == 1


def test_the_manifest_shows_the_network_probes_of_an_inventory_and_sends_none(posture: Call, here: Path) -> None:
    posture("init")
    said = posture("manifest", "-i", "inventory.yaml", "--json").json
    assert said["probes"]
    assert said["commands"]["entries"]
    assert not (here / "out").exists()


def test_the_sudoers_file_is_printed_alone(posture: Call) -> None:
    out = posture("manifest", "--sudoers", "posture").out
    assert "NOPASSWD" in out
    assert "\t" not in out


@pytest.mark.skipif(not SSHD, reason="needs sshd")
def test_trust_records_a_key_once_and_only_on_purpose(posture: Call, here: Path, tmp_path: Path) -> None:
    with running_sshd(tmp_path) as server:
        agency(here, server)
        said = posture("trust", "-i", "inventory.yaml", "--yes")
        assert f"web1 (127.0.0.1) shows ssh-ed25519 {server.fingerprint}" in said.out
        assert server.host_key in (here / "known_hosts").read_text()
        again = posture("trust", "-i", "inventory.yaml", "--yes")
        assert "recorded already" in again.out
        assert "0 of 1 keys recorded" in again.out


@pytest.mark.skipif(not SSHD, reason="needs sshd")
def test_trust_without_an_answer_records_nothing(posture: Call, here: Path, tmp_path: Path) -> None:
    with running_sshd(tmp_path) as server:
        agency(here, server)
        posture("trust", "-i", "inventory.yaml")
        assert not (here / "known_hosts").exists()


def agency(here: Path, server: RealSshd) -> None:
    posture_yaml = "schema: posture.config/1\nknown_hosts: known_hosts\n"
    (here / "posture.yaml").write_text(posture_yaml)
    (here / "scope.yaml").write_text(
        "schema: posture.scope/1\nauthorisation: T\nowner: t\ncidrs: [127.0.0.1/32]\n"
        "window: {opens: '2020-01-01T00:00:00Z', closes: '2100-01-01T00:00:00Z'}\n"
    )
    (here / "inventory.yaml").write_text(
        "schema: posture.inventory/1\nzones: [{name: lab, trust: internal, cidrs: [127.0.0.0/8]}]\n"
        f"hosts: [{{id: web1, addresses: [127.0.0.1], access: {{port: {server.port}, user: x, credential: c}}}}]\n"
    )
