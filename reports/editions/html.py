"""An edition as one HTML file: the report's style sheet, nothing from outside, nothing that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from posture.model.assessment import Assessment
from reports.editions.document import Document
from reports.files import new_file
from reports.html_report import environment, stylesheet
from reports.survey import Survey, survey


class Build(Protocol):
    """Makes an edition from what one pass over the hosts found."""

    def __call__(self, survey: Survey, *, marking: str = "") -> Document:
        """Return the edition."""
        ...


def write_edition_html(build: Build, assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the edition to ``path``.

    Raises:
        UsageError: the file cannot be written.
    """
    page = build(survey(assessment), marking=marking)
    stream = environment().get_template("edition.html.j2").generate(page=page, css=stylesheet())
    with new_file(path) as file:
        for chunk in stream:
            file.write(chunk.encode("utf-8"))
