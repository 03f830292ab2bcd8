"""Foreign text made harmless to read: every report passes every string through here once.

Hosts choose what we print: banners, file names, process titles. What could steer a terminal, turn the reading
direction round or hide from the eye is written out as ``⟨U+202E⟩``. Nothing is dropped: the original can be had back.
"""

from __future__ import annotations

import re
import unicodedata

CSV_CELL_CHARS = 32_000  # Excel cuts cells at 32,767 characters without saying so

_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # fillers and blanks that count as letters or marks
    + "".join(map(chr, range(0xFE00, 0xFE10)))  # variation selectors
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
_OPENING = "⟨"
_PLAIN = re.compile("[ -~↵→…·–—’“”×≥≤°§]*")
"""What our own words are written with: known harmless, so that not every character has to be looked up."""
_MARKS_IN_A_ROW = 2  # Vietnamese needs two; more is used to paint over neighbouring lines
_FORMULA = re.compile(r"[ \u00a0\u3000]*[=+\-@\t\r\n＝＋－＠]")
_WRITTEN_OUT = re.compile("⟨U\\+([0-9A-F]{4,6})⟩")


def inert(text: str) -> str:
    """Return the text with every control, bidirectional, invisible or unassigned character written out.

    The opening bracket of our own notation is written out too, so that no host can forge it: ``original`` undoes all.

    Source: Unicode Technical Report 36, section 3 (non-visual security); CVE-2021-42574 for bidirectional text.
    """
    if _PLAIN.fullmatch(text):
        return text
    out: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) or unicodedata.category(char) == "Me" else 0
        plain = char.isprintable() and char not in _INVISIBLE and char != _OPENING and marks <= _MARKS_IN_A_ROW
        out.append(char if plain else f"⟨U+{ord(char):04X}⟩")
    return "".join(out)


def original(text: str) -> str:
    """Return what ``inert`` was given."""
    return _WRITTEN_OUT.sub(lambda match: chr(int(match[1], 16)), text)


def formula_safe(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula: an apostrophe goes before a dangerous start.

    Source: OWASP, CSV Injection: ``= + - @``, tab, carriage return, line feed and the full-width forms.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def clip(text: str, limit: int) -> str:
    """Return at most ``limit`` characters, followed by how many were left out."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit]} … ({left_out:,} more characters)"


def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of a longer text with tabs widened to eight columns; each line still has to be made inert."""
    return tuple(line.expandtabs(8) for line in text.rstrip("\n").split("\n")) if text.strip("\n") else ()
