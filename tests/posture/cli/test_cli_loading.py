"""What a command loads before it begins: nothing that only another one needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.posture.replays import HARDENED

# One process for all: each line of standard error holds the modules that are loaded when a command has ended.
CALLS = """
import sys
from posture.cli import main
for words in sys.argv[1:] or [""]:
    sys.argv = ["posture", *words.split()]
    try: main()
    except SystemExit as ended: assert not ended.code, words
    finally: print(*sys.modules, file=sys.stderr)
"""
ASKING = {"paramiko", "nmap", "collectors.registry", "posture.observe", "posture.engine", "posture.run"}
"""What reads and asks hosts."""
HEAVY = {"alembic", "sqlalchemy.dialects.postgresql", "scipy", "numpy", "cryptography.x509", "univers", "fastapi"}


def loaded(
    *calls: str, environment: dict[str, str] | None = None, at: Path | None = None
) -> tuple[str, list[set[str]]]:
    """Return what the calls said, and the modules loaded after each."""
    done = subprocess.run(
        (sys.executable, "-c", CALLS, *calls), env={**os.environ, **(environment or {})}, cwd=at, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return done.stdout, [set(line.split()) for line in done.stderr.splitlines() if "posture.cli.main" in line]


@pytest.mark.parametrize("call", ["completion", "--help"])
def test_help_and_completion_load_no_command(call: str) -> None:
    """What a shell asks at every press of the tab key."""
    complete = {"_POSTURE_COMPLETE": "bash_complete", "COMP_WORDS": "posture sc", "COMP_CWORD": "1"}
    said, [modules] = loaded(environment=complete) if call == "completion" else loaded(call)
    assert ("scan" if call == "completion" else "Keep running:") in said
    assert not {"sqlalchemy", "posture.store", "collectors", "reports.formats", *ASKING} & modules


def test_commands_that_read_load_nothing_that_asks_hosts_or_migrates_a_store(one_run: Path, tmp_path: Path) -> None:
    (tmp_path / "posture.yaml").write_text(f"schema: posture.config/1\ndatabase: {one_run}/out/posture.db\n")
    listed = ("checks list", "runs", "findings")
    looked_into = (f"show host {HARDENED}", "diff latest", "paths", "burndown", "report --format json")
    said, modules = loaded(*listed, *looked_into, at=tmp_path)
    assert HARDENED in said
    assert len(modules) == len(listed) + len(looked_into)
    assert not (ASKING | HEAVY) & modules[-1]
    assert "sqlalchemy" not in modules[0]
    assert not {"jinja2", "reports.formats", "posture.judged"} & modules[len(listed) - 1]
