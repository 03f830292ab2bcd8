"""An edition as PDF/UA-1 (Section 508), set by typst, which refuses to write a document that breaks the rule.

The template is ours and constant; everything else goes in as JSON and is only ever placed as a string.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from posture.errors import UsageError
from posture.model.assessment import Assessment
from posture.model.host import FLEET
from reports.editions.document import Document
from reports.editions.html import Build
from reports.files import new_directory, new_file
from reports.html_report import TEMPLATES
from reports.inert import inert
from reports.part import of_system
from reports.survey import Limits, survey

SPLIT_ABOVE_HOSTS = 300
"""Above it each system gets a file of its own: one for all would show ever less of each."""
_FIXES = 100  # a page each would be no list; the rest is counted and stands in assessment.json
# What the fonts inside typst can draw; PDF/UA refuses a glyph that is not there.
_NOT_DRAWN = re.compile(
    "[^\u0020-\u007e\u00a0-\u00ac\u00ae-\u017f\u2010-\u2015\u2018-\u201e\u2020-\u2022\u2026\u20ac\u2192\u2264\u2265⟨⟩]"
)


def available() -> bool:
    """True when the extra ``pdf`` is installed."""
    return find_spec("typst") is not None


def write_edition_pdf(build: Build, assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the edition to ``path`` as one file.

    Raises:
        UsageError: the extra ``pdf`` is not installed, or the file cannot be written.
    """
    content = typeset(build(survey(assessment, Limits(fixes=_FIXES)), marking=marking), assessment.run.as_of)
    with new_file(path) as file:
        file.write(content)


def write_edition_pdfs(build: Build, assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the edition into the directory ``path``: ``all.pdf``, and for a large fleet a file for each system.

    Raises:
        UsageError: the extra ``pdf`` is not installed, or a file cannot be written.
    """
    new_directory(path)
    write_edition_pdf(build, assessment, path / "all.pdf", marking=marking)
    if assessment.coverage.hosts <= SPLIT_ABOVE_HOSTS:
        return
    for system in sorted({one.host.system for one in assessment.read_hosts() if one.host.id != FLEET}):
        name = quote(system, safe="").replace(".", "%2E")[:200] or "%"  # `%` alone: hosts that declare no system
        write_edition_pdf(build, of_system(assessment, system), path / f"system-{name}.pdf", marking=marking)


def typeset(document: Document, moment: datetime) -> bytes:
    """Return the document as a PDF that carries its tags, title and language; the same bytes for the same document.

    Raises:
        UsageError: the extra ``pdf`` is not installed.
    """
    try:
        import typst  # noqa: PLC0415 - an extra of 80 MB
    except ImportError as error:
        raise UsageError(
            "PDF needs the extra `pdf` (typst), which is not installed",
            hint="python -m pip install 'posture-scanner[pdf]'",
        ) from error
    content = typst.compile(
        (TEMPLATES / "edition.typ").read_bytes(),
        ignore_system_fonts=True,  # the same paper on every machine
        format="pdf",
        sys_inputs={"data": msgspec.json.encode(drawn(msgspec.to_builtins(document))).decode()},
        pdf_standards=["ua-1"],
        timestamp=moment.astimezone(UTC),
    )
    if not isinstance(content, bytes):
        raise TypeError("typst gave more than one file for one document")
    return content


def drawn(value: Any) -> Any:
    """Return the tree with every string inert, and what the fonts cannot draw written out as ``⟨U+4E2D⟩``."""
    if isinstance(value, str):
        return _NOT_DRAWN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", inert(value))
    if isinstance(value, dict):
        return {key: drawn(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [drawn(inner) for inner in value]
    return value
