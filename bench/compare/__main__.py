"""Judges the lab with OpenSCAP, Lynis, ssh-audit and ours, and says where they differ: `python -m bench.compare`.

Exits with 1 when a difference is unexplained, when an explanation covers none any more, or when we are the ones who
are wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.compare.agreement import TOOLS, cells, read_explanations, read_mapping, read_theirs
from bench.compare.gather import gather
from bench.compare.page import Outcome, page, table

PAGE = Path(__file__).parents[2] / "docs" / "comparison.md"


def main() -> int:
    """Print the table, and write the page when nothing is left to explain."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="posture-compare-") as scratch:
        raw = options.raw or Path(scratch)
        if not (raw / "versions.json").exists():
            gather(raw, options.host)
        outcome = _outcome(raw)
    print(table(outcome), end="\n\n")
    for cell in outcome.differing:
        covering = ", ".join(one.id for one in outcome.explained_by(cell)) or "UNEXPLAINED"
        print(
            f"{cell.host:13} {cell.pair.tool:9} {cell.pair.name[:60]:60} {cell.theirs.word:4}  "
            f"ours {cell.ours.word:4} {cell.pair.ours[:44]:44} {covering}"
        )
    print()
    for tool in TOOLS:
        print(f"{tool}, without an answer of ours: {', '.join(outcome.unanswered(tool))}\n")
    for fault in outcome.faults:
        print(fault, file=sys.stderr)
    if outcome.faults:
        return 1
    if options.write:
        options.write.write_text(page(outcome))
    return 0


def _outcome(raw: Path) -> Outcome:
    pairs, not_compared = read_mapping()
    theirs = read_theirs(raw, pairs)
    versions = json.loads((raw / "versions.json").read_text())
    return Outcome(pairs, list(cells(raw, pairs, theirs)), theirs, read_explanations(), not_compared, versions)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("--raw", type=Path, help="keep every answer here, and read them from here when they exist")
    parser.add_argument("--host", action="append", default=[], help="only this host, such as d12-plain; repeatable")
    parser.add_argument("--write", type=Path, nargs="?", const=PAGE, help=f"write the page ({PAGE.name}) when clean")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
