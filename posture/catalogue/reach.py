"""Which AI-threat categories the checks reach, how often, and which of them can be seen from the network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from posture.evaluate.judge import topics_of
from posture.model.check import Check

NETWORK_TOPICS = frozenset(
    {"ai", "ai_service", "exposure", "flows", "management", "pages", "smb_offer", "ssh_offer", "tls", "trust", "views"}
)
"""Topics that a vantage is needed for: asked of the network and not over a login, or made from that."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What looks at one category."""

    category: str
    checks: tuple[str, ...]
    """Ids of the checks that name it, sorted."""
    first: tuple[str, ...]
    """Those that name it first: checks of its own."""
    from_network: tuple[str, ...]
    """Those that need what a vantage sees."""


def reach_of(categories: Iterable[str], checks: Iterable[Check]) -> tuple[Reach, ...]:
    """Return the reach of each category, in id order."""
    known = sorted(checks, key=lambda check: check.id)
    return tuple(
        _reach(id_, [check for check in known if id_ in check.threat.categories]) for id_ in sorted(categories)
    )


def _reach(category: str, named: list[Check]) -> Reach:
    return Reach(
        category=category,
        checks=tuple(check.id for check in named),
        first=tuple(check.id for check in named if check.threat.categories[0] == category),
        from_network=tuple(check.id for check in named if NETWORK_TOPICS & set(topics_of(check))),
    )
