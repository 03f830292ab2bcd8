"""Editions on paper: PDF/UA-1 by the typesetter's own refusal, by a checker, and by the tags we read ourselves."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pypdf
import pytest
import sample_agency
import typst
from pdfua import validate
from test_editions import EDITIONS
from test_reports_html import Page

from posture.errors import UsageError
from posture.model.assessment import Assessment, HostAssessment
from reports import formats
from reports.editions import pdf
from reports.editions.document import Document, Part, Section, Table, columns, row
from reports.editions.html import Build, write_edition_html
from reports.editions.pdf import drawn, typeset, write_edition_pdf, write_edition_pdfs
from reports.survey import survey

MARKING = "CUI//SP-VULN TLP:AMBER"
EACH = pytest.mark.parametrize("name", EDITIONS)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("papers")
    for name, build in EDITIONS.items():
        write_edition_pdf(build, sample_agency.agency(), directory / f"{name}.pdf", marking=MARKING)
    return {name: directory / f"{name}.pdf" for name in EDITIONS}


def text_of(content: bytes | Path) -> str:
    reader = pypdf.PdfReader(content if isinstance(content, Path) else BytesIO(content))
    return "\n".join(page.extract_text() for page in reader.pages)


def letters(text: str) -> str:
    """The text without white space: lines break elsewhere on paper."""
    return re.sub(r"\s", "", text)


def tags(file: pikepdf.Pdf) -> Iterator[Any]:
    waiting = [file.Root.StructTreeRoot]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, pikepdf.Dictionary):
            continue
        if "/S" in one:
            yield one
        kids = one.get("/K", [])
        waiting += list(kids)[::-1] if isinstance(kids, pikepdf.Array) else [kids]


@EACH
def test_it_has_title_language_tags_and_headings_in_order(papers: dict[str, Path], name: str) -> None:
    with pikepdf.open(papers[name]) as file:
        assert str(file.Root.Lang) == "en"
        assert file.Root.MarkInfo.Marked == True  # noqa: E712 - a PDF object
        assert file.Root.ViewerPreferences.DisplayDocTitle == True  # noqa: E712
        assert "Federal civilian baseline" in str(file.docinfo["/Title"])
        with file.open_metadata() as metadata:
            assert str(metadata["pdfuaid:part"]) == "1"
        kinds = [str(one.S) for one in tags(file)]
        levels = [int(kind[2]) for kind in kinds if re.fullmatch(r"/H[1-6]", kind)]
        assert levels and levels[0] == 1
        assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))


@EACH
def test_every_table_has_a_heading_row_and_every_figure_words(papers: dict[str, Path], name: str) -> None:
    with pikepdf.open(papers[name]) as file:
        found = list(tags(file))
        tables = [one for one in found if one.S == "/Table"]
        heads = [one for one in found if one.S == "/TH"]
        assert tables and len([one for one in found if one.S == "/THead"]) == len(tables)
        assert heads and all("Scope" in str(one.A) or "/Scope" in repr(one.A) for one in heads)
        figures = [one for one in found if one.S == "/Figure"]
        assert figures and all(str(one.get("/Alt", "")).strip() for one in figures)


@EACH
def test_a_checker_of_pdf_ua_finds_nothing(papers: dict[str, Path], name: str) -> None:
    assert validate(str(papers[name])).findings == ()


@EACH
def test_the_marking_stands_at_both_ends_of_every_page(papers: dict[str, Path], name: str) -> None:
    for page in pypdf.PdfReader(papers[name]).pages:
        assert page.extract_text().count(MARKING) == 2


def test_the_head_of_security_gets_two_pages(papers: dict[str, Path]) -> None:
    assert len(pypdf.PdfReader(papers["ciso"]).pages) <= 2


@EACH
def test_paper_says_the_words_of_the_page(papers: dict[str, Path], name: str, tmp_path: Path) -> None:
    write_edition_html(EDITIONS[name], sample_agency.agency(), tmp_path / "e.html", marking=MARKING)
    page = Page((tmp_path / "e.html").read_text(encoding="utf-8"))
    paper = letters(text_of(papers[name]))
    for sentence in ("Coverage 63 %: 9 of 12 hosts assessed, 61 of 96 results decided.", "35 of 96 results"):
        assert sentence in page.text
        assert letters(sentence) in paper
    document = EDITIONS[name](survey(sample_agency.agency()))
    for section in document.sections:
        assert letters(section.title) in paper
        for part in section.parts:
            for said in (part.title, *(fact.value for fact in part.facts)):
                assert letters(drawn(said)) in paper.replace(letters(MARKING), "") or len(said) > 200, said


def plain(*parts: Part) -> Document:
    sections = (Section("s", "Section", parts),)
    return Document("Title", "reader", False, "CUI", "profile", "run", "2026", (), (), "verdict", "", sections, "")


EVIL = (
    '#panic("owned")',
    "$sum_(k=0)^n k$ *bold* _it_ `raw` <label> @ref",
    '#read("/etc/passwd") #import "@preview/x:1.0.0" #eval("1")',
    '"); #panic("out of the string") //',
    "\\u{41} \\# ${ } [[ ]] //comment /* more",
    f"{sample_agency.ESC}]0;owned {sample_agency.RLO}gpj.exe",
    "中文 🙂 العربية \u0000 \ud800".encode("utf-8", "replace").decode(),
)


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_nothing_a_host_says_is_evaluated_by_the_typesetter(evil: str) -> None:
    table = Table(evil, columns((evil, 1)), (row(evil),), evil)
    document = plain(Part(title=evil, text=(evil,), steps=(evil,), table=table))
    text = letters(text_of(typeset(document, sample_agency.NOW)))
    assert text.count(letters(drawn(evil))) >= 5
    assert all(char.isprintable() for char in text)


def test_every_letter_kept_can_be_drawn() -> None:
    kept = "".join(char for char in map(chr, range(0x20, 0x3000)) if drawn(char) == char)
    assert "é" in kept and "ő" in kept and "–" in kept and "中" not in kept
    typeset(plain(Part(text=(kept,)), Part(title="Listing")), sample_agency.NOW)


def test_no_row_of_a_long_table_is_lost() -> None:
    rows = tuple(row(f"row-{number:04}-end", "x") for number in range(300))
    text = text_of(typeset(plain(Part(table=Table("Long", columns(("A", 1), ("B", 1)), rows))), sample_agency.NOW))
    assert len(set(re.findall(r"row-\d{4}-end", text))) == 300


def test_the_typesetter_refuses_a_document_that_breaks_the_rule() -> None:
    with pytest.raises(typst.TypstError):
        typst.compile(b"#heading(level: 3)[skipped]", format="pdf", pdf_standards=["ua-1"])


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UsageError, match="needs the extra `pdf`") as caught:
        write_edition_pdf(EDITIONS["ciso"], sample_agency.agency(), tmp_path / "c.pdf")
    assert "posture-scanner[pdf]" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_all_formats_are_those_that_can_be_written_here(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = tuple(replace(one, there=lambda: False) if "pdf" in one.name else one for one in formats.FORMATS)
    monkeypatch.setattr(formats, "FORMATS", fewer)
    names = {one.name for one in formats.chosen(["all"])}
    assert names == {one.name for one in fewer} - {"soc-pdf", "ciso-pdf", "auditor-pdf"}
    assert [one.name for one in formats.chosen(["ciso-pdf"])] == ["ciso-pdf"], (
        "asked for by name it says what is missing"
    )


def systems(assessment: Assessment) -> Assessment:
    def stream() -> Iterator[HostAssessment]:
        for entry in assessment.read_hosts():
            name = "" if entry.host.id == "bastion" else "../a b" if entry.host.id.startswith("app") else "rest"
            yield replace(entry, host=replace(entry.host, system=name))

    return replace(assessment, read_hosts=stream)


def test_a_large_fleet_gets_a_file_for_each_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []

    def remember(build: Build, assessment: Assessment, path: Path, *, marking: str = "") -> None:
        written.append(assessment.coverage.hosts)
        path.write_bytes(b"")

    monkeypatch.setattr(pdf, "write_edition_pdf", remember)
    write_edition_pdfs(EDITIONS["soc"], systems(sample_agency.agency()), tmp_path / "small")
    assert [path.name for path in (tmp_path / "small").iterdir()] == ["all.pdf"]
    monkeypatch.setattr(pdf, "SPLIT_ABOVE_HOSTS", 11)
    write_edition_pdfs(EDITIONS["soc"], systems(sample_agency.agency()), tmp_path / "large")
    names = sorted(path.name for path in (tmp_path / "large").iterdir())
    assert names == ["all.pdf", "system-%.pdf", "system-%2E%2E%2Fa%20b.pdf", "system-rest.pdf"]
    assert written == [12, 12, 1, 2, 9]
