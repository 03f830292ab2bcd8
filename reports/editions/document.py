"""An edition as sections, parts and tables: what the page and the paper are both written from, so they say the same.

Strings are as they came; each writer makes every one of them inert. Templates may use these fields and no others.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.view import Pair


@dataclass(frozen=True, slots=True)
class Band:
    """A score between two numbers, drawn beside the words that say it; 0 to 100."""

    low: float
    width: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    note: str = ""
    tone: str = ""
    """A colour as in ``Tag``; the word carries the meaning."""
    band: Band | None = None
    code: bool = False
    """True for what a machine wrote: it may break anywhere."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    share: int
    """Of the width of the paper, in parts."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its heading row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    left_out: str = ""
    """How many rows are not shown and where they stand; empty when all are."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Commands or text to be taken letter for letter."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """One status in the bar of coverage; in percent of the bar."""

    tone: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Strip:
    """The bar of coverage; a table beside it says the same."""

    words: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Open and overdue findings over days, as points in a box of 100 by 30."""

    words: str
    open: str
    overdue: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a section; an empty title is no heading."""

    title: str = ""
    text: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    """Numbered."""
    facts: tuple[Pair, ...] = ()
    listings: tuple[Listing, ...] = ()
    strip: Strip | None = None
    lines: Lines | None = None
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one entry of the contents."""

    anchor: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One edition, whole."""

    title: str
    reader: str
    """Whom it is for, in a sentence."""
    wide: bool
    """True for paper on its side."""
    marking: str
    profile: str
    run: str
    as_of: str
    facts: tuple[Pair, ...]
    warnings: tuple[str, ...]
    """What the reader must know before any number."""
    sentence: str
    """The verdict, coverage first."""
    caution: str
    sections: tuple[Section, ...]
    fingerprint: str


def columns(*titles: tuple[str, int]) -> tuple[Column, ...]:
    """Return columns from titles and shares of the width."""
    return tuple(Column(title, share) for title, share in titles)


def row(*cells: Cell | str) -> Row:
    """Return a row; a string is a cell of its own."""
    return Row(tuple(Cell(cell) if isinstance(cell, str) else cell for cell in cells))
