"""Wall time and peak memory of a program, and how several of them compare within the same run."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ran."""

    wall_s: float
    peak_mb: float
    """Highest resident memory of the program itself (VmHWM), in 10^6 bytes; its children not counted."""
    cpu_s: float
    """Of the program and of the children it waited for: the scanner's side."""
    code: int
    output: str


def run(argv: Sequence[str], **options: Any) -> Ran:
    """Run a program to its end, watching its memory.

    ``getrusage`` will not do: a child made by vfork reports its parent's peak as its own.
    """
    begun, spent_before, peak = time.monotonic(), _cpu_of_children_s(), 0.0
    with (
        tempfile.TemporaryFile("w+") as said,  # a pipe that nobody empties would stop the program
        subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT, **options) as program,
    ):
        while program.poll() is None:
            peak = max(peak, _high_water_mb(program.pid))
            time.sleep(POLL_S)
        wall = time.monotonic() - begun
        said.seek(0)
        return Ran(wall, peak, _cpu_of_children_s() - spent_before, program.returncode, said.read())


def _cpu_of_children_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _high_water_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) * 1024 / 1e6 if lines else 0.0


@dataclass(frozen=True, slots=True)
class Took:
    """What one round of a contestant cost."""

    wall_s: float
    scanner_cpu_s: float
    """Of the program itself; with hosts of their own this and the hosts' own time make the wall time."""
    all_cpu_s: float
    """Of the program and of the lab's hosts, which here share the scanner's cores. Hardly depends on other load."""


def interleaved(contestants: Mapping[str, Callable[[], Ran]], rounds: int) -> dict[str, list[Took]]:
    """Return what each contestant took in each round.

    They take turns, so that what else the machine does hits all of them alike.
    """
    taken: dict[str, list[Took]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            before = _cpu_of_all_below_s(os.getpid())
            ran = contestant()
            taken[name].append(Took(ran.wall_s, ran.cpu_s, _cpu_of_all_below_s(os.getpid()) - before))
    return taken


def _cpu_of_all_below_s(pid: int) -> float:
    """Return the CPU time of a process and all below it, ended ones included; Source: proc(5), stat 14 to 17."""
    parents, spent = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
                spent[int(entry.name)] = sum(map(int, fields[11:15]))
    below, known = {pid}, 0
    while len(below) > known:
        known = len(below)
        below |= {child for child, parent in parents.items() if parent in below}
    return sum(spent.get(each, 0) for each in below) / os.sysconf("SC_CLK_TCK")


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the median over the rounds of one contestant's cost in the other's."""
    return statistics.median(one / max(other, 0.01) for one, other in zip(above, below, strict=True))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their columns; the first is text, the others are numbers."""
    widths = [max(len(row[at]) for row in (columns, *rows)) for at in range(len(columns))]
    for row in (columns, *rows):
        first, *rest = (cell.ljust(width) if not at else cell.rjust(width)
                        for at, (cell, width) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
        print("  " + "  ".join((first, *rest)), flush=True)
