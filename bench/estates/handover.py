"""An estate in the columns that the engine reads: edges, and for each finding the edges it enables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.estates.generate import Estate
from posture.graph.arrays import Arrays, Columns, Ragged, assembled

RESIDUAL = 0.02  # that a service or a kernel has a flaw which nobody has told of


def with_residual(found: Estate) -> Estate:
    """Return the estate with what a careful planner adds to what it sees: any service may have an unknown flaw.

    Such an edge runs beside each edge that exists only since something is wrong, and rests on nothing a fix mends, so
    that what is worth doing once the known ways are closed has an order too.
    """
    wrong = np.flatnonzero(found.finding >= 0)
    _, one = np.unique(np.stack([found.premises[wrong, 0], found.conclusion[wrong]]), axis=1, return_index=True)
    beside = wrong[one]
    return replace(
        found,
        premises=np.concatenate([found.premises, found.premises[beside]]),
        conclusion=np.concatenate([found.conclusion, found.conclusion[beside]]),
        finding=np.concatenate([found.finding, np.full(len(beside), -1)]),
        p=np.concatenate([found.p, np.full(len(beside), RESIDUAL)]),
        cause=np.concatenate([found.cause, found.cause.max() + 1 + np.arange(len(beside))]),
    )


def arrays_of(found: Estate) -> Arrays:
    """Return the estate's graph; labels are fixes, since a fix takes away the edges of all its findings."""
    size = len(found.conclusion)
    second = found.premises[:, 1] >= 0
    premises_at = np.zeros(size + 1, np.int64)
    np.cumsum(1 + second, out=premises_at[1:])
    premises = found.premises[found.premises >= 0].astype(np.int32)
    wrong = found.finding >= 0
    labels_at = np.zeros(size + 1, np.int64)
    np.cumsum(wrong, out=labels_at[1:])
    structural = found.p >= 1.0
    return assembled(
        Columns(
            nodes=found.nodes,
            conclusion=found.conclusion,
            premises=Ragged(premises_at, premises),
            labels=Ragged(labels_at, found.findings.fix[found.finding[wrong]].astype(np.int32)),
            label_count=len(found.owner),
            p=found.p,
            cause=found.cause,
            structural=structural,
            minutes_machine=np.where(structural, 0.1, 5.0),
            origin=np.array([found.origin]),
            prior=np.ones(1),
            objective=found.objectives,
            weight=found.weights,
        )
    )
