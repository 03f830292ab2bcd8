"""What a tool answered to one of its questions, in the words all tools share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Word = Literal["pass", "fail", "none"]
"""``none`` is every answer that decides nothing: not applicable, not checked, an error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One rule's answer about one host, with the words it gave for it."""

    word: Word
    said: str = ""


Answers = Mapping[str, Answer]
"""By the tool's own rule id."""
