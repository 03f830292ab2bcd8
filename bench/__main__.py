"""Runs the measurements that are asked for, or all of them: `python -m bench [PART …]`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Collection
from datetime import UTC, datetime

from bench import collection, judging, memory, start
from bench.fleet import HOME, fleet_of

PARTS = (
    "start",
    "collection",
    "memory",
    "judging",
    "store",
    "matching",
    "plan",
    "graph",
    "exposure",
    "report",
    "dashboard",
)


def main() -> int:
    """Print a table for each part; returns 1 when the limit of memory, store or matching is missed."""
    options = _options()
    parts = options.parts or PARTS
    _where_we_are()
    kept = True
    if "start" in parts:
        start.measure(options.rounds)
    if {"collection", "memory", "judging"} & set(parts):
        with fleet_of(options.hosts) as fleet:
            if "collection" in parts:
                collection.measure(fleet, options.rounds)
            if {"memory", "judging"} & set(parts):
                kept = memory.measure(fleet)
            if "judging" in parts:
                judging.measure(fleet, options.rounds)
    if "store" in parts:
        print("\nThe store at 15 million results", flush=True)
        store = (sys.executable, "-m", "bench.store_size")
        kept = subprocess.run(store, cwd=HOME, check=False).returncode == 0 and kept
    if "matching" in parts:
        matching = (sys.executable, "-m", "bench.matching")
        kept = subprocess.run(matching, cwd=HOME, check=False).returncode == 0 and kept
    for part in ("report", "dashboard"):
        if part in parts:
            own = (sys.executable, "-m", f"bench.{part}")
            kept = subprocess.run(own, cwd=HOME, check=False).returncode == 0 and kept
    if "exposure" in parts:
        print("\nTwo phases against one plain nmap", flush=True)
        looking = (sys.executable, "-m", "bench.exposure", "--rounds", str(options.rounds))
        kept = subprocess.run(looking, cwd=HOME, check=False).returncode == 0 and kept
    kept = _of_the_graph(parts, options) and kept
    return 0 if kept else 1


def _of_the_graph(parts: Collection[str], options: argparse.Namespace) -> bool:
    """Measure plans and the engine; they need the extra ``graph``, which the other parts do without."""
    kept = True
    if "plan" in parts:
        from bench import plan  # noqa: PLC0415 - needs the extra

        kept = plan.measure(hosts=options.estate, seeds=options.seeds)
    if "graph" in parts:
        from bench import graph  # noqa: PLC0415 - needs the extra

        kept = graph.measure() and kept
    return kept


def _where_we_are() -> None:
    with open("/proc/loadavg") as file:  # noqa: PTH123 - one line of the kernel's
        load = file.read().split()[0]
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"Linux {platform.release()}, load before we began {load}", flush=True)  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"of {', '.join(PARTS)}; all when left out")
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=20, help="of `plan`, for each topology")
    parser.add_argument("--estate", type=int, default=600, help="hosts of `plan`")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
