"""What answers on the network and stands in no inventory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Found:
    """An address that answers and that no inventory knows: a host nobody has assessed."""

    address: str
    zone: str
    """Zone whose network holds it; empty when none does."""
    ports: tuple[str, ...]
    vendor: str
    first_seen: datetime
    last_seen: datetime
