"""What several pages are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Count:
    """A number, and the address of the list of what it counts; empty where this reader has none."""

    number: int
    path: str
