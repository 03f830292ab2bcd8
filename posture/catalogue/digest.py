"""Digests of checks and baselines: the same requirement gives the same digest on every machine."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from posture.model.check import Baseline, Check


def check_digest(check: Check) -> str:
    """Return the hex sha256 of all that can change a verdict; texts and messages are left out."""
    meaning = (check.id, check.scope, check.applicability, check.condition, check.subject, check.params)
    return _sha256(_canonical(meaning, without=frozenset({"message", "note"})))


def baseline_digest(baseline: Baseline) -> str:
    """Return the hex sha256 of a baseline, its texts included; where its files lie does not matter."""
    return _sha256(_canonical((baseline.profile, baseline.checks, baseline.tailoring, baseline.removed), _PLACES))


_PLACES = frozenset({"source"})


def _sha256(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def _canonical(value: Any, without: frozenset[str]) -> Any:
    """Return plain values in which each dataclass names its class: ``All`` and ``AnyOf`` differ in nothing else."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: _canonical(getattr(value, f.name), without)
            for f in dataclasses.fields(value)
            if f.name not in without
        }
        return {"": type(value).__name__, **fields}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {str(key): _canonical(below, without) for key, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(below, without) for below in value]
    return value
