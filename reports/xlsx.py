"""Workbooks as the same bytes every time: text and dates only, so that no cell can be a formula or a link.

Office Open XML is a zip of XML parts. The few we need are written here: a library would stamp its own times into the
file, and give us formulas, macros and links to guard against (ADR 8).
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from reports.inert import clip, formula_safe, inert

Cell = str | date | None
"""Text, a day, or nothing."""

CELL_CHARS = 32_000  # Excel cuts cells at 32,767 characters without saying so
_EPOCH = date(1899, 12, 30)  # day 0 of Excel's calendar, its leap year 1900 included
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PLAIN, _DAY, _BOLD = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: rows of cells; the rows named in ``bold`` (from 1) are headings."""

    name: str
    rows: Sequence[Sequence[Cell]]
    bold: frozenset[int] = frozenset()
    day_format: str = "yyyy\\-mm\\-dd"


def write_workbook(file: BinaryIO, sheets: Sequence[Sheet]) -> None:
    """Write the sheets as an .xlsx file."""
    strings: dict[str, int] = {}
    parts = {f"xl/worksheets/sheet{number}.xml": _sheet(sheet, strings) for number, sheet in enumerate(sheets, start=1)}
    # Stored, not deflated: compressed bytes would depend on the zlib at hand, and these workbooks are small.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {**_frame(sheets), **parts, "xl/sharedStrings.xml": _strings(strings)}.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o600 << 16
            entry.create_system = 3  # the same on every system that writes it
            archive.writestr(entry, content.encode("utf-8"))


def cell_text(text: str) -> str:
    """Return the text as a cell holds it: inert, and no formula even when it is saved as CSV."""
    return clip(formula_safe(inert(text)), CELL_CHARS)


def _sheet(sheet: Sheet, strings: dict[str, int]) -> str:
    rows = []
    for number, row in enumerate(sheet.rows, start=1):
        style = _BOLD if number in sheet.bold else _PLAIN
        cells = (_cell(f"{_column(at)}{number}", value, style, strings) for at, value in enumerate(row))
        rows.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData></worksheet>'


def _cell(place: str, value: Cell, style: int, strings: dict[str, int]) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, date):
        return f'<c r="{place}" s="{_DAY}"><v>{(value - _EPOCH).days}</v></c>'
    number = strings.setdefault(cell_text(value), len(strings))
    return f'<c r="{place}" s="{style}" t="s"><v>{number}</v></c>'


def _column(number: int) -> str:
    """Return the letters of a column, counted from 0."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _strings(strings: dict[str, int]) -> str:
    items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
    return f'{_HEAD}<sst xmlns="{_MAIN}" uniqueCount="{len(strings)}">{items}</sst>'


def _frame(sheets: Sequence[Sheet]) -> dict[str, str]:
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name={quoteattr(sheet.name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, sheet in zip(numbers, sheets, strict=True)
    )
    return {
        "[Content_Types].xml": (
            f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            + "".join(
                f'<Override PartName="/xl/{name}" ContentType="{_TYPE}.{kind}+xml"/>'
                for name, kind in (
                    ("workbook.xml", "sheet.main"),
                    ("styles.xml", "styles"),
                    ("sharedStrings.xml", "sharedStrings"),
                    *((f"worksheets/sheet{n}.xml", "worksheet") for n in numbers),
                )
            )
            + "</Types>"
        ),
        "_rels/.rels": _relations((("rId1", "officeDocument", "xl/workbook.xml"),)),
        "xl/workbook.xml": (
            f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _relations(
            (
                *((f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in numbers),
                (f"rId{len(sheets) + 1}", "styles", "styles.xml"),
                (f"rId{len(sheets) + 2}", "sharedStrings", "sharedStrings.xml"),
            )
        ),
        "xl/styles.xml": _styles(sheets[0].day_format),
    }


def _relations(rows: Sequence[tuple[str, str, str]]) -> str:
    lines = "".join(f'<Relationship Id="{id_}" Type="{_OFFICE}/{kind}" Target="{to}"/>' for id_, kind, to in rows)
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{lines}</Relationships>'


def _styles(day_format: str) -> str:
    # `quotePrefix` keeps text as text when somebody edits the cell.
    return (
        f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
        f'<numFmts count="1"><numFmt numFmtId="164" formatCode={quoteattr(day_format)}/></numFmts>'
        '<fonts count="2"><font><sz val="10"/><name val="Arial"/></font>'
        '<font><b/><sz val="10"/><name val="Arial"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="3"><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/>'
        '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
