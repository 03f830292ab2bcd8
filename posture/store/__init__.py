"""What is kept: runs, evidence, facts, results, findings and the audit chain, in SQLite or PostgreSQL."""

from posture.store.collected import evidence_of
from posture.store.store import Store
from posture.store.values import (
    FLEET,
    ChainHead,
    Did,
    Difference,
    Event,
    FindingChange,
    Provenance,
    Resumed,
    StoredRun,
    Tally,
    Visit,
)

__all__ = [
    "FLEET",
    "ChainHead",
    "Did",
    "Difference",
    "Event",
    "FindingChange",
    "Provenance",
    "Resumed",
    "Store",
    "StoredRun",
    "Tally",
    "Visit",
    "evidence_of",
]
