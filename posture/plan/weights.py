"""Ordinal weights: they order work inside equal dates and feed the score; they never set a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from posture.model.check import Check
from posture.model.host import Host, Mission


@dataclass(frozen=True, slots=True)
class CategoryWeight:
    """Three judgements from 1 to 3 about one AI-threat category."""

    observed: int
    speed: int
    reach: int
    why: str

    @property
    def value(self) -> float:
        """The category's weight, 1.7 to 5.0."""
        return round(5 * (self.observed + self.speed + self.reach) / 9, 1)


@dataclass(frozen=True, slots=True)
class Weights:
    """The numbers of ``weights.yaml``, uncalibrated."""

    categories: Mapping[str, CategoryWeight]
    leverage: Mapping[str, float]
    mandate: Mapping[str, float]
    context: Mapping[str, float]

    def of_check(self, check: Check, *, legal: bool = False) -> float:
        """Return category × leverage × mandate; ``legal`` when a binding rule gives the finding its date."""
        refs = check.references
        published = any((refs.nist_800_53r5, refs.stig, refs.cis, refs.cisa))
        mandate = self.mandate["binding" if legal else "published" if published else "own"]
        return self.categories[check.threat.categories[0]].value * self.leverage[check.threat.effect.value] * mandate

    def of_host(self, host: Host) -> float:
        """Return the largest factor of the host's context; exposure that nobody declared counts as public."""
        factors = [self.context["other"]]
        if host.tags.exposure in (None, "public"):
            factors.append(self.context["exposed"])
        if host.mission >= Mission.VITAL:
            factors.append(self.context["high_value"])
        if any(role == "ai" or role.startswith("ai-") for role in host.roles):
            factors.append(self.context["ai_service"])
        return max(factors)
