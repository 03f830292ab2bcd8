"""What a command costs before it begins: Python alone, help, completion, and commands that load what they need."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.timing import Ran, interleaved, ratio, run, table

PYTHON = "python -c pass"
POSTURE = str(Path(sys.executable).with_name("posture"))
COMPLETE = {**os.environ, "_POSTURE_COMPLETE": "bash_complete", "COMP_WORDS": "posture sc", "COMP_CWORD": "1"}


def measure(rounds: int) -> None:
    """Print the CPU seconds of each, and how many times Python alone that is."""
    with tempfile.TemporaryDirectory() as kept:
        run((POSTURE, "demo", "--out", kept))
        _measure(rounds, kept)


def _measure(rounds: int, kept: str) -> None:
    told: dict[str, Callable[[], Ran]] = {
        PYTHON: lambda: run((sys.executable, "-c", "pass")),
        "posture --help": lambda: run((POSTURE, "--help")),
        "posture sc<TAB>": lambda: run((POSTURE,), env=COMPLETE),
        "posture runs --help": lambda: run((POSTURE, "runs", "--help")),
        "posture runs": lambda: run((POSTURE, "runs", "--out", kept)),
        "posture scan --help": lambda: run((POSTURE, "scan", "--help")),
    }
    spent = {name: [took.scanner_cpu_s for took in rounds_of] for name, rounds_of in interleaved(told, rounds).items()}
    rows = [(name, f"{statistics.median(of):.2f}", f"{ratio(of, spent[PYTHON]):.0f}") for name, of in spent.items()]
    table(("before a command begins", "CPU s", "x Python"), rows)
