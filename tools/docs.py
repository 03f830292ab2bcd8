"""Write the generated pages, or with ``--check`` fail when one is stale.

docs/cli.md from the command line's own help, docs/checks.md and docs/attack-paths.md from the baselines, docs/facts.md
and docs/schemas/ from the collectors and the report formats, docs/ai-fingerprints.md from its table,
baselines/schema.json from the loader.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from posture.catalogue.schema import render_schema
from reports.assessment_json import schema_bytes
from reports.exchange.notice import schema_bytes as notice_schema_bytes
from reports.exchange.record import schema_bytes as exchange_schema_bytes
from reports.lines_jsonl import lines_schema_bytes
from tools.page_ai import fingerprints_page
from tools.page_checks import checks_page
from tools.page_cli import cli_page
from tools.page_facts import fact_schemas, facts_page
from tools.page_paths import paths_page

HOME = Path(__file__).parent.parent
SCHEMAS = "docs/schemas/facts"
DIFF_LINES = 20  # of a stale page: enough to see what it is about


def pages() -> Mapping[str, Callable[[], str]]:
    """Return what writes each generated file."""
    return {
        "docs/cli.md": cli_page,
        "docs/checks.md": checks_page,
        "docs/facts.md": facts_page,
        "docs/attack-paths.md": paths_page,
        "docs/ai-fingerprints.md": fingerprints_page,
        "docs/schemas/assessment-1.schema.json": lambda: schema_bytes().decode(),
        "docs/schemas/exchange-1.schema.json": lambda: exchange_schema_bytes().decode(),
        "docs/schemas/lines-1.schema.json": lambda: lines_schema_bytes().decode(),
        "docs/schemas/scan-notice-1.schema.json": lambda: notice_schema_bytes().decode(),
        "baselines/schema.json": lambda: render_schema().decode(),
        **{f"{SCHEMAS}/{topic}.schema.json": partial(_json, schema) for topic, schema in fact_schemas().items()},
    }


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2).decode() + "\n"


def main(*, check: bool, home: Path = HOME) -> int:
    """Write every page below ``home``, or compare; returns the exit code."""
    written = {name: write() for name, write in pages().items()}
    stale = 0
    for name, text in written.items():
        path = home / name
        old = path.read_text("utf-8") if path.exists() else ""
        if old == text:
            continue
        stale += 1
        if check:
            print("\n".join(_difference(name, old, text)))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {name}")
    orphans = sorted(path for path in (home / SCHEMAS).glob("*") if path.relative_to(home).as_posix() not in written)
    for path in orphans:
        print(f"{path.relative_to(home)}: its topic is gone")
        if not check:
            path.unlink()
    if check and (stale or orphans):
        print(f"stale generated files: {stale + len(orphans)}; run `make docs`")
        return 1
    return 0


def _difference(name: str, old: str, new: str) -> list[str]:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), name, "as it should be", lineterm="", n=0)
    return list(lines)[:DIFF_LINES]


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
