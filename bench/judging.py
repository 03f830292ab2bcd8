"""How fast stored evidence is read, judged and reported, on the run that the memory measurement left behind."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.timing import table
from posture.assess import stored_assessment
from posture.evaluate.judge import Memo, judge_host
from posture.evaluated import evaluate
from posture.model.observation import Observation
from posture.observe import observations
from posture.store import Store
from reports.formats import STANDARD
from tests.lab.fleet import Fleet


def measure(fleet: Fleet, rounds: int) -> None:
    """Print seconds and rates of every stage after collection."""
    with Store.open(fleet.work / "posture.db") as store:
        found = store.load_run("latest")
        inventory, baseline = store.inventory(found.run.id), store.baseline(found.run.id)
        hosts, results = len(inventory.hosts), len(inventory.hosts) * len(baseline.checks)
        print(f"\nAfter collection: {hosts} hosts x {len(baseline.checks)} checks = {results} results")
        documents: dict[str, Mapping[str, Observation]] = {}

        def read_answers() -> None:
            for host in inventory.hosts:
                kept = store.read_transcripts(found.run.id, host.id)
                documents[host.id] = observations(host, inventory, found.run, kept)

        def judge(memo_of: Callable[[], Memo]) -> None:
            for host, observed in documents.items():
                judge_host(host, baseline.checks, observed, as_of=found.run.as_of, memo=memo_of())

        age = baseline.profile.max_age_days
        warm = Memo(max_age_days=age)
        stages: dict[str, Callable[[], object]] = {
            "stored answers to facts": read_answers,
            "judging, nothing remembered": lambda: judge(lambda: Memo(max_age_days=age)),
            "judging, all remembered": lambda: judge(lambda: warm),
            "posture evaluate, whole": lambda: list(evaluate(store, found.run.id).read_hosts()),
        }
        read_answers()
        judge(lambda: warm)
        rows = [_row(name, stage, rounds, hosts, results) for name, stage in stages.items()]
        table(("", "median s", "hosts/s", "results/s"), rows)
        _reports(store, found.run.id, fleet.work / "reports", rounds)


def _row(name: str, stage: Callable[[], object], rounds: int, hosts: int, results: int) -> tuple[str, str, str, str]:
    took = _median_s(stage, rounds)
    return name, f"{took:.2f}", f"{hosts / took:,.0f}", f"{results / took:,.0f}"


def _reports(store: Store, run: str, place: Path, rounds: int) -> None:
    place.mkdir(exist_ok=True)
    assessment = stored_assessment(store, run)
    rows = []
    for form in STANDARD:
        path = place / form.file_name
        took = _median_s(lambda form=form, path=path: form.write(assessment, path), rounds)  # type: ignore[misc] # bound defaults
        rows.append((form.file_name, f"{took:.2f}", f"{path.stat().st_size / 1e6:.1f}"))
    table(("report", "median s", "MB"), rows)


def _median_s(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        begun = time.monotonic()
        work()
        taken.append(time.monotonic() - begun)
    return statistics.median(taken)
