"""Scans of the lab by the real command line, in processes of their own, and what they came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posture.catalogue.load import load
from posture.evaluate.judge import FLEET
from posture.model.finding import Finding
from posture.store import Store
from tests.lab.agency import Agency

POSTURE = Path(sys.executable).with_name("posture")
ROOT = Path(__file__).parents[2]
Pairs = frozenset[tuple[str, str]]
"""Host id and check id."""


@dataclass(frozen=True)
class Outcome:
    """One finished scan."""

    code: int
    stdout: str
    stderr: str
    results: dict[str, dict[str, dict[str, Any]]]
    """By host id, then check id; as the report has them."""
    findings: dict[str, Finding]
    """Every finding the store knew after the scan, by id."""
    out: Path

    @property
    def fails(self) -> Pairs:
        """Return what failed."""
        return self.having("fail")

    def having(self, *statuses: str) -> Pairs:
        """Return what came to one of these statuses."""
        return frozenset(
            (host, check)
            for host, results in self.results.items()
            for check, result in results.items()
            if result["status"] in statuses
        )

    def reasons(self, host: str) -> set[str]:
        """Return why checks of a host are unknown."""
        return {result["reason"] for result in self.results[host].values() if result["status"] == "not_checked"}

    @property
    def open(self) -> set[str]:
        """Return the ids of open findings."""
        return {id_ for id_, finding in self.findings.items() if finding.open}


def checks_of_today() -> frozenset[str]:
    """Return the ids of all checks there are."""
    return frozenset(load(None).checks)


def scan(agency: Agency, out: str, *options: str, inventory: Path | None = None) -> Outcome:
    """Scan the agency and return what it came to; ``out`` names a directory of the agency's work."""
    folder = agency.work / out
    words = ("scan", "-i", str(inventory or agency.inventory), "--scope", str(agency.scope))
    argv = [str(POSTURE), *words, "-c", str(agency.config), "--out", str(folder), *options]
    argv = [sys.executable, "-c", _MEASURED, str(memory_file(agency, out)), *argv]
    done = agency.run_in_scanner(argv, capture_output=True, text=True, cwd=agency.work, timeout=400)
    assert (folder / "assessment.json").exists(), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    with Store.open(agency.work / "posture.db", create=False) as store:
        findings = {finding.id: finding for finding in store.findings()}
    return Outcome(done.returncode, done.stdout, done.stderr, results_of(folder), findings, folder)


def memory_file(agency: Agency, out: str) -> Path:
    """Return where the most memory a scan held stands, in kB."""
    return agency.work / f"{out}.kb"


# A small parent of its own: a child's peak counts what its parent held when it forked, and the tests' process is large.
_MEASURED = """
import pathlib, resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


def results_of(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return every result of the assessment in a directory; the fleet's own under its name."""
    document = json.loads((folder / "assessment.json").read_text())
    by_host = {host["id"]: host["results"] for host in document["hosts"]} | {FLEET: document["fleet"]}
    return {host: {result["check"]: result for result in results} for host, results in by_host.items()}


def evaluate(
    work: Path, out: Path, *options: str, environment: Mapping[str, str] | None = None, days_later: int = 0
) -> None:
    """Judge the stored evidence in a directory again, in a fresh process whose clock may be days ahead."""
    words = ["evaluate", *options, "-c", str(work / "posture.yaml"), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", _LATER, str(days_later), *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
        cwd=work,
        timeout=120,
    )
    assert (out / "assessment.json").exists(), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"


# Everything of ours that asks for the time of day asks this one function.
_LATER = """
import datetime, sys
days = int(sys.argv.pop(1))
import posture.cli.prepare as prepare
now = prepare.now
prepare.now = lambda: now() + datetime.timedelta(days=days)
from posture.cli.main import main
sys.exit(main())
"""


def table(expected: Pairs, allowed: Pairs, fails: Pairs) -> tuple[str, Pairs, Pairs]:
    """Return a table of what was found, missed and invented by check, then the missed and the invented."""
    missed, invented = expected - fails, fails - expected - allowed
    columns = [_by_check(pairs) for pairs in (expected & fails, missed, invented)]
    lines = [f"{'check':8} {'found':40} {'missed':24} invented"]
    for check in sorted(set().union(*columns)):
        found, lost, made_up = (", ".join(sorted(column[check])) or "-" for column in columns)
        lines.append(f"{check:8} {found:40} {lost:24} {made_up}")
    return "\n".join(lines), missed, invented


def _by_check(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    hosts: dict[str, set[str]] = defaultdict(set)
    for host, check in pairs:
        hosts[check].add(host)
    return hosts


def verdicts(outcome: Outcome, hosts: Collection[str]) -> bytes:
    """Return everything that was said of these hosts, as bytes to be compared."""
    chosen = {host: outcome.results[host] for host in sorted(hosts)}
    return json.dumps(chosen, sort_keys=True).encode()
