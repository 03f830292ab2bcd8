"""The small contexts that every section is made of: shares, links, tags and pairs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """A number beside its denominator."""

    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to an anchor on the page; an empty anchor is plain text."""

    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A word with a colour; the word carries the meaning."""

    text: str
    tone: str
    """A CSS class suffix: critical, high, medium, low, info, good, unknown or plain."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A term and what it is."""

    term: str
    value: str
