"""The small programs around make: sizes, dependency groups, the scan's exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import sizes

HOME = Path(__file__).parents[2]


def test_sizes_name_the_longest_and_count_the_tests(tmp_path: Path) -> None:
    for folder in ("posture", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "posture" / "one.py").write_text("def short():\n    pass\n\n\ndef long():\n    a = 1\n    return a\n")
    (tmp_path / "tests" / "test_one.py").write_text("x = 1\n" * 14)
    package, share = sizes.report(tmp_path)
    assert "1 files, median 7 lines, longest 7 (posture/one.py)" in package
    assert "2 functions, median 2 lines, longest 3 (posture/one.py:long:5)" in package
    assert share == "source 7 lines, tests 14 lines (2.00 x)"


def test_a_dependency_group_is_printed_on_one_line() -> None:
    said = subprocess.run(
        [sys.executable, HOME / "tools" / "group.py", "test"], capture_output=True, text=True, check=True
    )
    assert any(word.startswith("pytest") for word in said.stdout.split())
    assert "\n" not in said.stdout


@pytest.mark.parametrize(
    ("code", "expected", "meaning"),
    [
        (0, 0, "clean and complete"),
        (1, 0, "findings at or above"),
        (2, 2, ""),
        (3, 0, "nothing was assessed"),
        (4, 0, "blind spots"),
        (5, 0, "findings and blind spots"),
        (70, 70, ""),
        (130, 130, ""),
    ],
)
def test_findings_are_no_error_of_makes_and_a_broken_scan_is(
    tmp_path: Path, code: int, expected: int, meaning: str
) -> None:
    program = tmp_path / "posture"
    program.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    program.chmod(0o755)
    argv = ["sh", HOME / "tools" / "scan.sh", program, "out"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == expected
    assert ended.stdout.startswith("scan --self --out out\n")
    assert meaning in ended.stdout and ("exit code" in ended.stdout) == bool(meaning)


@pytest.mark.parametrize("script", sorted((HOME / "tools").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_valid_posix_shell(script: Path) -> None:
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
