"""The page in a real browser: axe-core finds nothing, nothing scrolls sideways, Tab goes through it in order.

Needs node, chromium and the npm packages axe-core and playwright-core, which tests/browser.sh installs under ``AXE_HOME``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest
import sample_agency
from test_editions import EDITIONS

import reports
from posture.model.assessment import Assessment
from reports.editions.html import write_edition_html
from reports.formats import write_html

DRIVER = Path(__file__).parent / "axe.cjs"
MODULES = Path(os.environ.get("AXE_HOME", "/var/tmp/posture-axe")) / "node_modules"
NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = [
    name
    for name, there in (
        ("node", NODE),
        ("chromium", CHROMIUM),
        ("axe-core", (MODULES / "axe-core").is_dir()),
        ("playwright-core", (MODULES / "playwright-core").is_dir()),
    )
    if not there
]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not here: {', '.join(MISSING)}; `sh tests/browser.sh` installs it"
)

PAGES: dict[str, Callable[[], Assessment]] = {
    "agency": sample_agency.agency,
    "blind": lambda: sample_agency.clean(blind=True),
    "fleet": sample_agency.with_fleet,
    "nothing": sample_agency.nothing_assessed,
    "waived": sample_agency.all_waived,
}
ALL = (*PAGES, *EDITIONS)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What the browser says of each page."""
    directory = tmp_path_factory.mktemp("browser")
    for name, assessment in PAGES.items():
        write_html(assessment(), directory / f"{name}.html", marking="CUI//SP-VULN")
    for name, build in EDITIONS.items():
        write_edition_html(build, sample_agency.agency(), directory / f"{name}.html", marking="CUI//SP-VULN")
    argv = [str(NODE), str(DRIVER), str(CHROMIUM), *(str(directory / f"{name}.html") for name in ALL)]
    env = {**os.environ, "NODE_PATH": str(MODULES)}
    done = subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1500, check=True
    )
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ALL}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        found[Path(answer["file"]).stem].append(answer)
    return found


@pytest.mark.parametrize("name", ALL)
def test_axe_finds_no_violation_in_light_dark_and_narrow(said: dict[str, list[dict[str, Any]]], name: str) -> None:
    looks = [answer for answer in said[name] if "violations" in answer]
    assert len(looks) == 3
    for look in looks:
        assert look["violations"] == [], f"{look['scheme']}, {look['width']} px"
        assert look["passes"] >= (1 if look["scheme"] == "dark" else 15)


@pytest.mark.parametrize("name", ALL)
def test_nothing_scrolls_sideways_and_nothing_else_is_loaded(said: dict[str, list[dict[str, Any]]], name: str) -> None:
    for look in said[name]:
        if "wide" in look:
            assert look["wide"] <= look["width"]
            assert look["requests"] == [f"file://{look['file']}"]


def test_tab_leads_through_the_page_in_its_order_with_a_visible_ring(said: dict[str, list[dict[str, Any]]]) -> None:
    stops = next(answer["stops"] for answer in said["agency"] if "stops" in answer)
    texts = [stop["text"] for stop in stops]
    assert texts[:3] == ["Skip to the report", "Coverage and blind spots", "What is due when"]
    contents = texts.index("Method and glossary")
    assert texts[contents + 1] == sample_agency.plan().fixes[0].title
    assert all(stop["seen"] and stop["ring"] for stop in stops)


def test_on_paper_the_head_of_a_table_never_stands_alone_at_the_foot_of_a_page(tmp_path: Path) -> None:
    css = (Path(reports.__file__).parent / "templates" / "report.css").read_text()
    row = "<tr><td>row<br>row</td></tr>"
    table = f"<table><caption>Caption</caption><thead><tr><th>Head</th></tr></thead><tbody>{row * 4}</tbody></table>"
    down = "".join(f"<p style='height:{height}px'>words</p>{table}" for height in range(10, 900, 37))
    (tmp_path / "page.html").write_text(f"<style>{css}</style><main><section>{down}</section></main>")
    argv = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    argv += [f"--user-data-dir={tmp_path}/profile", "--no-pdf-header-footer", f"--print-to-pdf={tmp_path}/page.pdf"]
    argv += [str(tmp_path / "page.html")]
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=True)
    feet = []
    for page in pypdf.PdfReader(tmp_path / "page.pdf").pages:
        lines = [line.strip() for line in page.extract_text().splitlines()]
        feet.append([line for line in lines if line in ("Caption", "Head", "row", "words")][-1])
    assert len(feet) > 10 and {"Caption", "Head"}.isdisjoint(feet), feet
