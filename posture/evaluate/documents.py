"""Fact documents made without a host: of the whole fleet, and of examples."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from posture.model.observation import FactDocument, Hole, Origin


def make_document(
    *,
    host: str,
    topic: str,
    facts: Any,
    taken_at: datetime,
    origin: Origin,
    holes: tuple[Hole, ...] = (),
    evidence: tuple[str, ...] = (),
) -> FactDocument:
    """Return a document in the canonical JSON that collectors write, so that equal facts have equal digests."""
    body = {"facts": facts, "holes": sorted([h.path, h.reason.value, h.detail] for h in holes)}
    content = msgspec.json.encode(body, order="sorted")
    return FactDocument(host, topic, content, hashlib.sha256(content).hexdigest(), evidence, taken_at, origin)
