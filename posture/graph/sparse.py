"""The graph without its joins, as scipy.sparse.csgraph wants it: for questions where a join does not matter.

Four traps are closed here. Parallel edges are summed by the matrix: the cheapest one is kept. An explicit zero is an
edge until somebody calls ``eliminate_zeros`` and never was one in a dense matrix: every weight is above zero. Parts of
csgraph refuse 64-bit indices (scipy #20904): they are 32 bits wide. ``maximum_flow`` refuses floats and answers 0
where capacities overflow: ``capacities`` scales them into 32 bits, and "unlimited" is the sum of all others and one.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from posture.graph.arrays import Arrays, Floats, Ints, Longs

_CAPACITY_MAX = (1 << 31) - 1


def relaxed_matrix(arrays: Arrays, weight: Longs) -> csr_array:
    """Return the weights between nodes as if of several premises each alone were enough.

    Raises:
        ValueError: a weight is not above zero.
    """
    if len(weight) and int(weight.min()) <= 0:
        raise ValueError("every weight must be above zero: a zero is no edge to some of csgraph")
    from_ = arrays.premises.values.astype(np.int64)
    to = arrays.conclusion[arrays.premises.owners].astype(np.int64)
    value = weight[arrays.premises.owners]
    order = np.lexsort((value, to, from_))
    from_, to, value = from_[order], to[order], value[order]
    first = np.concatenate(([True], (from_[1:] != from_[:-1]) | (to[1:] != to[:-1])))[: len(order)]
    from_, to, value = from_[first], to[first], value[first]
    at = np.zeros(arrays.nodes + 1, np.int32)
    np.cumsum(np.bincount(from_, minlength=arrays.nodes), out=at[1:])
    return csr_array((value.astype(np.float64), to.astype(np.int32), at), shape=(arrays.nodes, arrays.nodes))


def capacities(cost: Floats, unlimited: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ints:
    """Return costs as whole capacities that ``maximum_flow`` can add up; unlimited ones exceed any cut."""
    limited = cost[~unlimited]
    total = float(limited.sum())
    scale = min(100.0, (_CAPACITY_MAX - 2) / 2 / total) if total > 0 else 1.0
    scaled = np.maximum(np.floor(cost * scale), 1).astype(np.int64)
    scaled[unlimited] = int(scaled[~unlimited].sum()) + 1
    return scaled.astype(np.int32)
