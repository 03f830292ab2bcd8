"""Products that answered on the network, for hosts nobody could log in to: guesses, and called so. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from posture.model.vulnerability import PackageVersion

ECOSYSTEM = "CPE"
GUESSED = 30
"""Confidence: a banner may lie, and a distribution mends a flaw without changing the version it shows."""


def products(exposure: Mapping[str, Any]) -> Iterator[PackageVersion]:
    """Yield every product with a version that an open port showed, from facts of topic ``exposure``."""
    for service in exposure.get("services", {}).get("items", ()):
        for cpe in service.get("cpes", ()):
            kind, _, rest = cpe.partition(":/")
            parts = rest.split(":")
            if kind == "cpe" and len(parts) >= 4 and parts[0] in ("a", "o") and parts[3]:
                yield PackageVersion(ECOSYSTEM, ":".join(parts[:3]), parts[3])
