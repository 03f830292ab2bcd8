"""Words that the file uses, and what every value of it is."""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA = "posture.assessment/1"

StatusWord = Literal["pass", "fail", "not_applicable", "not_checked", "error", "manual"]
SeverityWord = Literal["info", "low", "medium", "high", "critical"]


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value as it stands in the file."""
