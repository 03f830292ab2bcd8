"""The reports of 10,000 hosts and a million results: time and memory of one `posture report`, and of each format alone.

.venv/bin/python -m bench.report [--hosts 10000] [--checks 100] [--fails 0.1]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.dashboard import filled
from bench.timing import run, table

FORMATS = ("html", "csv", "json")
"""For each of these a minute and 500 MB are enough; the rest is measured too, with no limit."""
TOGETHER = ",".join(FORMATS)
MORE = ("soc-html", "ciso-html", "auditor-html", "jsonl", "oscal", "hdf", "ocsf", "sarif", "poam-navy", "syslog")
LIMIT_S, LIMIT_MB = 60.0, 500.0


def main() -> int:
    """Print time, memory and size of each; 1 when html, csv or json misses a limit, or anything fails."""
    options = _options()
    place = Path(tempfile.mkdtemp(prefix="reports-"))
    program = str(Path(sys.executable).with_name("posture"))
    rows, spent, most, failed = [], 0.0, 0.0, False
    try:
        filled(options, place)
        config = place / "posture.yaml"
        config.write_text(f"schema: posture.config/1\ndatabase: {place / 'posture.db'}\n")
        for name in (TOGETHER, *FORMATS, *(MORE if options.more else ())):
            out = place / "reports" / name
            argv = (program, "report", "--format", name, "-c", str(config), "--out", str(out))
            ran = run(argv, cwd=place)
            size = sum(one.stat().st_size for one in out.rglob("*") if one.is_file())
            rows.append((name, f"{ran.wall_s:.1f}", f"{ran.cpu_s:.1f}", f"{ran.peak_mb:.0f}", f"{size / 1e6:.1f}"))
            failed = failed or ran.code != 0 or size == 0
            print(f"  {name}: {ran.wall_s:.1f} s, {ran.peak_mb:.0f} MB", flush=True)
            if ran.code != 0:
                print(ran.output[-500:])
            if name in FORMATS:
                spent, most = max(spent, ran.wall_s), max(most, ran.peak_mb)
    finally:
        shutil.rmtree(place)
    table(("format", "wall s", "CPU s", "peak MB", "MB written"), rows)
    kept = spent <= LIMIT_S and most <= LIMIT_MB
    print(f"  html, csv, json, the slowest: {spent:.1f} s of {LIMIT_S:.0f}, {most:.0f} MB of {LIMIT_MB:.0f}: "
          f"{'reached' if kept else 'MISSED'}")  # fmt: skip
    return 0 if kept and not failed else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--checks", type=int, default=100)
    parser.add_argument("--scans", type=int, default=1)
    parser.add_argument("--fails", type=float, default=0.1)
    parser.add_argument("--more", action="store_true", help="the other formats too")
    parser.add_argument("--unique", type=float, default=0.005)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
