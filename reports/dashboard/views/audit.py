"""Who did what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_TOLD_CHARS = 600  # a screenful on a phone; a host's first findings may be hundreds
_EMPTY = {"systems": "all"}
"""What nothing stands for, where it is not none."""


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One thing that happened."""

    seq: int
    at: datetime
    what: str
    run: str
    about: str
    """The host, or who did it."""
    detail: str

    @property
    def words(self) -> str:
        """The detail to be read by people; the chain keeps it as JSON."""
        try:
            told = _words(json.loads(self.detail))
        except ValueError:
            told = self.detail
        return told if len(told) <= _TOLD_CHARS else f"{told[:_TOLD_CHARS]} …"


@dataclass(frozen=True, slots=True)
class AuditView:
    """The end of the audit chain, and whether all of it holds."""

    holds: bool
    verdict: str
    lines: tuple[ChangeLine, ...]
    earlier: str
    later: str


def _words(detail: Any) -> str:
    match detail:
        case dict():
            return "; ".join(
                f"{key.replace('_', ' ')} {_words(value) or _EMPTY.get(key, 'none')}" for key, value in detail.items()
            )
        case list() if any(isinstance(one, (dict, list)) for one in detail):
            return "; ".join(map(_words, detail))
        case list():
            return ", ".join(_words(one) for one in detail if one != "")
    return "" if detail is None else str(detail)
