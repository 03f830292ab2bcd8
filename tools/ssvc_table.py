"""Our table of BOD 26-04 against CERT/CC's package: ``ours`` prints the rows, ``compare`` runs beside the package.

``compare`` imports nothing of ours: it runs in another system with another Python (tools/ssvc_table.sh).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KEYS = {
    "in_kev": ("cisa:KEV:1.0.0", {"no": "N", "yes": "Y"}),
    "publicly_exposed": ("cisa:PE:1.0.0", {"no": "N", "yes": "Y"}),
    "automatable": ("ssvc:A:2.0.0", {"no": "N", "yes": "Y"}),
    "technical_impact": ("ssvc:TI:1.0.0", {"partial": "P", "total": "T"}),
}
"""Our words for the package's keys."""
OUTCOME = "cisa:BOD2604:1.0.0"


def ours() -> dict[str, Any]:
    """Return our rows in the package's keys, with id and steps of the table."""
    from posture.catalogue.load import load  # noqa: PLC0415 - the other half runs where we are not

    table = next(clock.table for clock in load().clocks if clock.table and clock.id == "bod-26-04")
    rows = [
        {**{KEYS[name][0]: KEYS[name][1][value] for name, value in row.when}, OUTCOME: row.outcome}
        for row in table.rows
    ]
    return {"id": table.id, "rows": rows}


def compare(path: Path) -> int:
    """Return 0 when the package's table has our rows and no others, after printing what differs."""
    from importlib.metadata import version  # noqa: PLC0415

    from ssvc.decision_tables.cisa.bod_2604_dt import BOD_26_04 as LATEST  # noqa: PLC0415

    said = json.loads(path.read_text())
    theirs = json.loads(LATEST.model_dump_json())
    published = {_key(row): row[OUTCOME] for row in theirs["mapping"]}
    written = {_key(row): row[OUTCOME] for row in said["rows"]}
    id_ = f"{theirs['namespace']}:DT_{theirs['key'].removeprefix('DT_')}:{theirs['version']}"
    differ = sorted(key for key in published.keys() | written.keys() if published.get(key) != written.get(key))
    for key in differ:
        print(f"{key}: they say {published.get(key)}, we say {written.get(key)}")
    print(f"certcc-ssvc {version('certcc-ssvc')} on Python {sys.version.split()[0]}: {id_}, ours {said['id']};")
    print(f"{len(published)} rows, {len(published) - len(differ)} agree, {len(differ)} differ")
    return 1 if differ or len(written) != len(published) or id_ != said["id"] else 0


def _key(row: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(row.items()) if name != OUTCOME)


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        print(json.dumps(ours(), indent=1))
    else:
        sys.exit(compare(Path(sys.argv[2])))
