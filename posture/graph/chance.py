"""Probability of compromise: seeded worlds, each settled by its least fixed point.

In a world every cause has one draw, and an edge works when the draw is below its probability: edges of one cause
succeed or fail together, on one host or on four hundred. The draws depend on the seed, the name of the cause and the
number of the world and on nothing else (a counter-based generator), so a graph with a fix applied, or the next
scan's, is judged in the same worlds (common random numbers), on every machine and with every numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from posture.graph.arrays import Arrays, Bools, Floats, Ints, Longs, Words
from posture.graph.fixpoint import ALL, held, reached
from posture.model.outlook import Attacker, Estimate

WORLDS_OF_A_WORD = 64
_STEP = np.uint64(0x9E37_79B9_7F4A_7C15)  # splitmix64: Steele, Lea, Flood, "Fast splittable generators", 2014
_MIX_1 = np.uint64(0xBF58_476D_1CE4_E5B9)
_MIX_2 = np.uint64(0x94D0_49BB_1331_11EB)
_SCALE = 2.0**53
_BLOCK = 1 << 21  # draws at once: 16 MB of them


def worlds_for(nodes: int) -> int:
    """Return how many worlds a graph of this size gets: more than a minute of them helps nobody on a Monday."""
    return 8_192 if nodes <= 2_000 else 2_048 if nodes <= 50_000 else 512 if nodes <= 400_000 else 256


@dataclass(frozen=True, eq=False)
class Worlds:
    """Sampled worlds of one graph: in which of them each origin begins and each edge works."""

    start: Words
    works: Words
    """One row for each distinct draw; the last row is all ones, for edges that never fail."""
    row: Ints
    count: int

    def words(self) -> int:
        """Return how many words a node takes."""
        return int(self.works.shape[1])


def sampled(arrays: Arrays, success: Floats, *, worlds: int, seed: int, first: int = 0) -> Worlds:
    """Return worlds number ``first`` to ``first + worlds - 1``; ``worlds`` is a multiple of 64.

    ``success`` is how likely each edge works; edges of one cause share a draw, so the less likely one works only
    where the likelier one does.
    """
    unsure = np.flatnonzero(success < 1.0)
    level = (success[unsure] * _SCALE).astype(np.uint64)
    pairs = np.stack([arrays.cause[unsure].astype(np.uint64), level], axis=1)
    distinct, row_of = _distinct(pairs)
    works = np.full((len(distinct) + 1, worlds // WORLDS_OF_A_WORD), ALL, np.uint64)
    works[:-1] = draws(arrays.cause_key[distinct[:, 0].astype(np.int64)], distinct[:, 1], worlds, seed, first)
    row = np.full(arrays.edges, len(distinct), np.int32)
    row[unsure] = row_of
    start = np.zeros((arrays.nodes, worlds // WORLDS_OF_A_WORD), np.uint64)
    begins = draws(arrays.origin_key, (arrays.prior * _SCALE).astype(np.uint64), worlds, seed, first)
    begins[arrays.prior >= 1.0] = ALL
    np.bitwise_or.at(start, arrays.origin, begins)
    return Worlds(start, works, row, worlds)


def _distinct(pairs: Words) -> tuple[Words, Ints]:
    if not len(pairs):
        return pairs, np.zeros(0, np.int32)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    ordered = pairs[order]
    new = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    row = np.empty(len(pairs), np.int32)
    row[order] = np.cumsum(new) - 1
    return ordered[new], row


def draws(keys: Words, levels: Words, worlds: int, seed: int, first: int = 0) -> Words:
    """Return for each key the worlds in which its draw is below its level (of 2^53), 64 worlds to a word."""
    numbers = np.arange(first + 1, first + worlds + 1, dtype=np.uint64) * _STEP
    salt = _mixed(np.array([(seed * 0x2545_F491_4F6C_DD1D + 1) & 0xFFFF_FFFF_FFFF_FFFF], np.uint64))
    packed = np.empty((len(keys), worlds // WORLDS_OF_A_WORD), np.uint64)
    block = max(1, _BLOCK // max(worlds, 1))
    for begin in range(0, len(keys), block):
        part = slice(begin, begin + block)
        drawn = _mixed((keys[part] ^ salt)[:, None] + numbers[None, :]) >> np.uint64(11)
        bits = np.packbits(drawn < levels[part, None], axis=1, bitorder="little")
        packed[part] = bits.view("<u8")
    return packed


def _mixed(values: Words) -> Words:
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    mixed: Words = values ^ (values >> np.uint64(31))
    return mixed


def success(arrays: Arrays, attacker: Attacker) -> Floats:
    """Return how likely each edge exists and works for this attacker."""
    chance = arrays.p * arrays.confidence
    if attacker is Attacker.OPPORTUNISTIC:
        chance = np.where(entries(arrays), chance * arrays.attempt, chance)
    return chance


def entries(arrays: Arrays) -> Bools:
    """Return which edges are a first step: everything they need is there from the start, or comes without an attack."""
    near = reached(arrays, arrays.origin, arrays.structural)
    away = arrays.premises.owners[~near[arrays.premises.values]]
    first = np.ones(arrays.edges, np.bool_)
    first[away] = False
    return first


def objective_worlds(arrays: Arrays, worlds: Worlds, edges: Bools | None = None) -> Words:
    """Return for each objective the worlds in which it is held; over all edges, or over these."""
    works, row = worlds.works, worlds.row
    if edges is not None:
        works = np.concatenate([works, np.zeros((1, works.shape[1]), np.uint64)])
        row = np.where(edges, row, np.int32(len(works) - 1))
    return held(arrays, worlds.start, works, row)[arrays.objective]


def counted(found: Words) -> Longs:
    """Return for each row in how many worlds it holds."""
    counts: Longs = np.bitwise_count(found).sum(axis=1, dtype=np.int64)
    return counts


@dataclass(frozen=True, eq=False)
class Chances:
    """How likely each objective is held, and the weighted mean over all."""

    objectives: Floats
    mean: Estimate
    worlds: int

    def estimate(self, index: int) -> Estimate:
        """Return one objective's estimate."""
        return estimate(float(self.objectives[index]), self.worlds)


def estimate(share: float, worlds: int) -> Estimate:
    """Return a share of worlds with its standard error.

    Where it never or always happened the error is that of one world out of all, not zero.
    """
    spread = max(share * (1 - share), (1 / worlds) * (1 - 1 / worlds))
    return Estimate(round(share, 6), round(math.sqrt(spread / worlds), 6))


def chances(
    arrays: Arrays, success_of: Floats, *, worlds: int, seed: int, edges: Bools | None = None, batch: int = 4_096
) -> Chances:
    """Return how likely each objective is held, from this many worlds (rounded up to whole words).

    ``arrays`` should be cut down to what is relevant first.
    """
    counts = np.zeros(len(arrays.objective), np.int64)
    total = math.fsum(arrays.weight.tolist())
    means: list[Floats] = []
    done = 0
    for count in _batches(worlds, min(batch, _affordable(arrays))):
        drawn = sampled(arrays, success_of, worlds=count, seed=seed, first=done)
        found = objective_worlds(arrays, drawn, edges)
        counts += counted(found)
        means.append(_mean_by_world(found, arrays.weight, count))
        done += count
    every = np.concatenate(means) / total if total else np.zeros(done)
    error = float(every.std(ddof=1)) / math.sqrt(done) if done > 1 else 0.0
    floor = math.sqrt((1 / done) * (1 - 1 / done) / done)
    mean = Estimate(round(float(every.mean()), 6), round(max(error, floor), 6))
    return Chances(counts / done, mean, done)


def _mean_by_world(found: Words, weight: Floats, worlds: int) -> Floats:
    total = np.zeros(worlds)
    for row, one in zip(found, weight, strict=True):
        total += one * np.unpackbits(row.astype("<u8").view(np.uint8), bitorder="little")
    return total


def _affordable(arrays: Arrays) -> int:
    """Return how many worlds fit into about 256 MB at a time."""
    words = max(1, (1 << 25) // max(arrays.nodes + arrays.edges, 1))
    return words * WORLDS_OF_A_WORD


def _batches(worlds: int, most: int) -> Iterator[int]:
    left = -(-worlds // WORLDS_OF_A_WORD) * WORLDS_OF_A_WORD
    while left > 0:
        yield min(left, most)
        left -= min(left, most)


def removed_by(arrays: Arrays, drawn: Worlds, candidates: list[Bools], value: Callable[[Words], float]) -> list[float]:
    """Return what is left of a risk when each candidate set of edges alone stands, all judged in the same worlds.

    The candidates lie side by side in the words of one pass.
    """
    width = drawn.words()
    none = np.zeros((1, width), np.uint64)
    works = np.concatenate([drawn.works, none])
    start = np.tile(drawn.start, (1, len(candidates)))
    stacked = np.empty((arrays.edges, width * len(candidates)), np.uint64)
    for at, stands in enumerate(candidates):
        row = np.where(stands, drawn.row, np.int32(len(works) - 1))
        stacked[:, at * width : (at + 1) * width] = works[row]
    found = held(arrays, start, stacked)[arrays.objective]
    return [value(found[:, at * width : (at + 1) * width]) for at in range(len(candidates))]
