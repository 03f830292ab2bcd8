"""The dashboard's templates read fields of their contexts, and no others; every field of a context is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from test_reports_templates import UNKNOWN, Reader

from reports import dashboard as dashboard_package
from reports import view
from reports.dashboard.views.ai import AiPage
from reports.dashboard.views.around import ChromeView
from reports.dashboard.views.calendar import CalendarPage
from reports.dashboard.views.host import HostPage
from reports.dashboard.views.overview import OverviewView
from reports.dashboard.views.paths import PathPage, PathsPage
from reports.dashboard.views.what_if import WhatIfPage
from reports.html_report import environment

TEMPLATES = next(iter(dashboard_package.__path__)) + "/templates"
PAGES: dict[str, Any] = {
    "overview": OverviewView,
    "paths": PathsPage,
    "path": PathPage,
    "what_if": WhatIfPage,
    "plan": CalendarPage,
    "ai": AiPage,
    "host": HostPage,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_its_context_and_every_field_of_it(name: str) -> None:
    reader = Reader()
    reader.env = environment(Path(TEMPLATES))
    scope = {"chrome": ChromeView, "page": view.ReportView, "here": PAGES[name], "places": UNKNOWN}
    reader.template(f"dashboard/{name}.html.j2", scope)
    assert reader.wrong == []
    read = {field for kind, field in reader.used if kind == PAGES[name].__name__}
    assert {field.name for field in dataclasses.fields(PAGES[name])} - read == set()
