"""Prints how large the store grows: hosts × checks, judged once, then judged again unchanged, then with a few changes.

    .venv/bin/python bench/store_size.py [--hosts 100000] [--checks 150] [--fails 0.15] [--unique 0.005]

Hosts differ independently in every check, which is the worst case: real fleets are alike and share whole packs.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "posture" / "store"))

from store_samples import NOW, baseline, due, host, inventory, run, verdict

from posture.model.check import Baseline
from posture.model.finding import Finding, Result, Status, Verdict
from posture.model.host import Inventory
from posture.store import Store

RESULTS, LIMIT_BYTES = 15_000_000, 250_000_000  # the first scan of a fleet of that size, findings included
VARIANTS = 20  # rendered verdicts per check and status that hosts share


def main() -> int:
    """Run the steps and print a line after each; returns 1 when the store grows larger than it may."""
    options = _options()
    place = Path(tempfile.mkdtemp(prefix="store-size-", dir=options.dir))
    try:
        return 0 if _measure(options, place / "posture.db") else 1
    finally:
        shutil.rmtree(place)


def _measure(options: argparse.Namespace, path: Path) -> bool:
    fleet, sizes = Fleet(options), []
    print(f"{options.hosts:,} hosts x {options.checks} checks = {options.hosts * options.checks:,} results; "
          f"{options.fails:.0%} fail, {options.unique:.1%} of the verdicts are one host's own")  # fmt: skip
    with Store.open(path) as store:
        for number, changed in enumerate((1.0, 0.0, 0.005)):
            fleet.change(changed, number)
            at = NOW + number * timedelta(days=1)
            this = run(number, at=at)
            step = Step(path, ("first scan", "unchanged rescan", "rescan, 0.5 % changed")[number])
            store.begin_run(this, fleet.inventory, fleet.baseline)
            step.done("begun: inventory and baseline")
            store.save_results(this.id, fleet.results())
            step.done("results")
            store.save_findings(this.id, fleet.findings(at), at)
            step.done("findings and audit chain")
            store.finish_run(this.id, at)
            step.done("tally and root")
            sizes.append(_bytes(path))
        begin = time.monotonic()
        print(f"coverage from the tally: {store.coverage('latest').share:.1%}, {time.monotonic() - begin:.3f} s")
        begin = time.monotonic()
        count = sum(1 for _ in store.findings(check="C-007", open_only=True))
        print(f"hosts failing one check: {count:,}, {time.monotonic() - begin:.2f} s")
        begin = time.monotonic()
        results = sum(len(one.results) for one in store.read_hosts("latest"))
        print(f"all {results:,} results read back with their verdicts: {time.monotonic() - begin:.1f} s")
        begin = time.monotonic()
        print(f"audit chain of {store.verify_chain().seq:,} rows verified: {time.monotonic() - begin:.1f} s")
    _tables(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB (the generator's fleet included)")
    if options.hosts * options.checks < RESULTS:
        return True  # what does not grow with the fleet would count too much
    kept = sizes[0] <= LIMIT_BYTES
    print(f"  {'pass' if kept else 'FAIL'}: the first scan takes {sizes[0] / 1e6:.0f} MB of {LIMIT_BYTES / 1e6:.0f} MB")
    return kept


class Fleet:
    """Generated hosts; per host one byte per check names the verdict it has."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._random = random.Random(4)
        self._unique = options.unique
        self._fails = options.fails
        checks = baseline(1).checks
        self.baseline: Baseline = replace(
            baseline(1), checks=tuple(replace(checks[0], id=f"C-{n:03d}") for n in range(options.checks))
        )
        whole = inventory(1)
        self.inventory: Inventory = replace(whole, hosts=tuple(host(n) for n in range(options.hosts)))
        self._picks = [bytearray(options.checks) for _ in range(options.hosts)]
        self._verdicts = [_variants(check.id) for check in self.baseline.checks]
        self._first_seen: dict[tuple[int, int], datetime] = {}

    def change(self, share: float, scan: int) -> None:
        """Give a share of all results another verdict."""
        total = len(self._picks) * len(self.baseline.checks)
        self._scan = scan
        if share == 1.0:
            for picks in self._picks:
                picks[:] = bytes(self._pick() for _ in picks)
            return
        for _ in range(int(share * total)):
            picks = self._random.choice(self._picks)
            picks[self._random.randrange(len(picks))] = self._pick()

    def results(self) -> Iterator[Result]:
        """Yield all results, by host."""
        for number, (one, picks) in enumerate(zip(self.inventory.hosts, self._picks, strict=True)):
            for place, pick in enumerate(picks):
                check = self.baseline.checks[place].id
                shared = self._verdicts[place][pick]
                own = pick % VARIANTS == 0 and self._own(number, place)
                said = verdict(shared.status, f"{check} {one.addresses[0]} {number}") if own else shared
                yield Result(one.id, check, 1, said, ("sshd.effective",))

    def findings(self, at: datetime) -> Iterator[Finding]:
        """Yield a finding per failure; those that no longer fail are left as they are."""
        day = due(NOW.date() + timedelta(days=30))
        for one, picks in zip(self.inventory.hosts, self._picks, strict=True):
            for place, pick in enumerate(picks):
                if self._verdicts[place][pick].status is Status.FAIL:
                    check = self.baseline.checks[place].id
                    id_ = hashlib.sha256(f"{check}\0{one.id}\0".encode()).hexdigest()[:16]
                    yield Finding(id_, check, one.id, "", NOW if self._scan < 2 else at, at, due=(day,))

    def _pick(self) -> int:
        status = Status.FAIL if self._random.random() < self._fails else Status.PASS
        if self._random.random() < 0.08:
            status = self._random.choice((Status.NOT_APPLICABLE, Status.NOT_CHECKED))
        variant = min(int(self._random.expovariate(0.4)), VARIANTS - 1)
        return int(status) * VARIANTS + variant

    def _own(self, number: int, place: int) -> bool:
        return (
            number * 7919 + place * 104729
        ) % 100_000 < self._unique * 100_000 * 3  # a third of the picks are variant 0


class Step:
    """Prints size and time of one step."""

    def __init__(self, path: Path, title: str) -> None:
        self._path, self._begin, self._before = path, time.monotonic(), _bytes(path)
        print(title)

    def done(self, name: str) -> None:
        """Print what the step took and start the next."""
        raw = sqlite3.connect(self._path)
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        now, size = time.monotonic(), _bytes(self._path)
        print(
            f"  {name:32} +{(size - self._before) / 1e6:8.1f} MB = {size / 1e6:8.1f} MB {now - self._begin:7.1f} s",
            flush=True,
        )
        self._begin, self._before = time.monotonic(), size


def _variants(check: str) -> list[Verdict]:
    return [verdict(Status(n // VARIANTS), f"{check} is {n % VARIANTS}") for n in range(VARIANTS * len(Status))]


def _bytes(path: Path) -> int:
    return sum(one.stat().st_size for one in path.parent.iterdir())


def _tables(path: Path) -> None:
    raw = sqlite3.connect(path)
    try:
        rows = raw.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 12").fetchall()
    except sqlite3.OperationalError:
        return  # this SQLite was built without dbstat
    finally:
        raw.close()
    print("largest tables and indexes: " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=100_000)
    parser.add_argument("--checks", type=int, default=150)
    parser.add_argument("--fails", type=float, default=0.15)
    parser.add_argument("--unique", type=float, default=0.005)
    parser.add_argument("--dir", default=None, help="where the database is made; a temporary directory by default")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
