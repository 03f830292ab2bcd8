"""Print median and longest file and function of each package, so that growth is seen."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Mapping
from pathlib import Path

PACKAGES = ("posture", "collectors", "reports", "baselines")
HOME = Path(__file__).parent.parent


def report(home: Path = HOME) -> list[str]:
    """Return one line for each package that has functions, and one for the tests' share."""
    lines, source = [], 0
    for package in PACKAGES:
        files = {
            path.relative_to(home).as_posix(): path.read_text("utf-8")
            for path in sorted((home / package).rglob("*.py"))
        }
        lengths = {name: text.count("\n") for name, text in files.items()}
        functions = {name: length for file, text in files.items() for name, length in _functions(file, text)}
        source += sum(lengths.values())
        if functions:
            lines.append(f"{package:11} {_spread('files', lengths)}; {_spread('functions', functions)}")
    tests = sum(path.read_text("utf-8").count("\n") for path in (home / "tests").rglob("*.py"))
    return [*lines, f"source {source} lines, tests {tests} lines ({tests / max(source, 1):.2f} x)"]


def _functions(file: str, text: str) -> list[tuple[str, int]]:
    return [
        (f"{file}:{node.name}:{node.lineno}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _spread(what: str, lengths: Mapping[str, int]) -> str:
    longest = max(lengths, key=lambda name: (lengths[name], name))
    middle = statistics.median(lengths.values())
    return f"{len(lengths)} {what}, median {middle:.0f} lines, longest {lengths[longest]} ({longest})"


if __name__ == "__main__":
    print("\n".join(report()))
