"""Print median and largest file and function of each package, so that growth is seen."""

from __future__ import annotations

import ast
import statistics
import sys
from pathlib import Path

PACKAGES = ("posture", "collectors", "reports", "baselines")


def main() -> None:
    """Print one line per package, and one for the tests' share."""
    root = Path(__file__).parent.parent
    total = 0
    for package in PACKAGES:
        files = {path: path.read_text() for path in sorted((root / package).rglob("*.py"))}
        lines = {path: text.count("\n") for path, text in files.items()}
        functions = {
            f"{path.relative_to(root)}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
            for path, text in files.items()
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        total += sum(lines.values())
        if not functions:
            continue
        longest_file = max(lines, key=lambda path: lines[path])
        longest = max(functions, key=lambda name: functions[name])
        print(
            f"{package:11} {len(files):3} files, median {statistics.median(lines.values()):5.0f} lines, longest "
            f"{longest_file.relative_to(root)} {lines[longest_file]}; functions: median "
            f"{statistics.median(functions.values()):.0f}, "
            f"longest {longest} {functions[longest]}"
        )
    tests = sum(path.read_text().count("\n") for path in (root / "tests").rglob("*.py"))
    print(f"source {total} lines, tests {tests} lines ({tests / max(total, 1):.2f} x)")


if __name__ == "__main__":
    sys.exit(main())
