"""Times of the attack-graph engine on made-up agencies, and of plain networkx on the same graph.

CPU time of the one thread that works; with nothing else on the machine it is the wall time. ``python -m bench.graph
HOSTS TOPOLOGY`` measures one agency in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import networkx as nx
import numpy as np
from scipy.sparse.csgraph import dijkstra

from bench.estates.generate import Topology, estate
from bench.estates.handover import arrays_of
from bench.timing import run
from posture.graph.arrays import Arrays
from posture.graph.best import best, from_origins, likely
from posture.graph.chance import chances
from posture.graph.cut import cheapest_cut
from posture.graph.fixpoint import relevant
from posture.graph.landmarks import landmarks
from posture.graph.sparse import relaxed_matrix

T = TypeVar("T")
LIMITS_S = {10_000: 10.0, 100_000: 60.0}
PASS_S = 2.0
MEMORY_MB = 3_000
NETWORKX_HOSTS_MAX = 10_000


def measure(sizes: tuple[int, ...] = tuple(LIMITS_S)) -> bool:
    """Print the times; returns whether all limits are kept."""
    kept = True
    for hosts in sizes:
        for topology in Topology:
            ran = run((sys.executable, "-m", "bench.graph", str(hosts), topology.value))
            print(ran.output.rstrip(), flush=True)
            print(f"  peak {ran.peak_mb:.0f} MB, wall {ran.wall_s:.1f} s with what else ran here", flush=True)
            kept = kept and ran.code == 0 and ran.peak_mb <= MEMORY_MB
    return kept


class _Clock:
    """CPU seconds of each step."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}

    def __call__(self, name: str, step: Callable[[], T]) -> T:
        begun = time.process_time()
        found = step()
        self.took[name] = time.process_time() - begun
        return found


def one(hosts: int, topology: Topology) -> bool:
    """Print what one agency takes; returns whether its limits are kept."""
    clock = _Clock()
    found = estate(1, hosts, topology, objective_share=0.05)
    arrays = clock("build", lambda: _indexed(arrays_of(found)))
    weight = likely(arrays)
    start = from_origins(arrays, np.ones(1, np.bool_))
    clock("best paths", lambda: best(arrays, weight, start))
    small = clock("relevant part", lambda: relevant(arrays, arrays.origin, arrays.objective))
    clock("landmarks", lambda: landmarks(small))
    cut = clock("exact cut", lambda: cheapest_cut(arrays, found.hours))
    total = sum(clock.took.values())
    clock("256 worlds", lambda: chances(small, small.p, worlds=256, seed=1))
    matrix = clock("scipy matrix", lambda: relaxed_matrix(arrays, weight))
    clock("scipy Dijkstra, joins ignored", lambda: dijkstra(matrix, indices=int(arrays.origin[0])))
    print(f"{hosts:,} hosts, {topology}: {arrays.nodes:,} nodes, {arrays.edges:,} edges ({int(arrays.joins.sum()):,} "
          f"joins), {arrays.label_count:,} fixes, {len(arrays.objective):,} objectives")  # fmt: skip
    print(f"  cut of {len(cut.labels)} fixes, {cut.cost:.1f} h, {'proven' if cut.proven else 'NOT proven, at least'} "
          f"{'' if cut.proven else cut.lower_bound} by {cut.cores:,} cores")  # fmt: skip
    if hosts <= NETWORKX_HOSTS_MAX:
        _plain(arrays, clock)
    print("  " + "; ".join(f"{name} {took:.2f} s" for name, took in clock.took.items()))
    print(f"  build, paths, landmarks and cut: {total:.1f} s; peak so far "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")  # fmt: skip
    return total <= LIMITS_S.get(hosts, np.inf) and clock.took["best paths"] <= PASS_S and cut.proven


def _indexed(arrays: Arrays) -> Arrays:
    """Return the arrays with their look-ups made, which every later step uses."""
    _ = arrays.leaving, arrays.arriving, arrays.first_premise, arrays.joins, arrays.broken_by
    return arrays


def _plain(arrays: Arrays, clock: _Clock) -> None:
    """Take the time of networkx: build, shortest paths with joins ignored, and a minimum cut to one objective."""
    weight = likely(arrays)[arrays.premises.owners].tolist()
    pairs = list(zip(arrays.premises.values.tolist(), arrays.conclusion[arrays.premises.owners].tolist(), weight,
                     strict=True))  # fmt: skip
    plain = clock("networkx build", lambda: _graph(arrays.nodes, pairs))
    clock(
        "networkx Dijkstra, joins ignored", lambda: nx.single_source_dijkstra_path_length(plain, int(arrays.origin[0]))
    )


def _graph(nodes: int, pairs: list[tuple[int, int, int]]) -> nx.DiGraph[int]:
    plain: nx.DiGraph[int] = nx.DiGraph()
    plain.add_nodes_from(range(nodes))
    plain.add_weighted_edges_from(pairs)
    return plain


if __name__ == "__main__":
    sys.exit(0 if one(int(sys.argv[1]), Topology(sys.argv[2])) else 1)
