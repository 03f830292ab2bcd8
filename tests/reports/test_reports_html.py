"""The page: self-contained, accessible, inert, and loud about what it does not know."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sample_agency

from posture.model.assessment import Assessment, Coverage, HostAssessment, RunState
from posture.model.finding import Status
from posture.model.host import Host
from posture.model.observation import Origin
from reports.formats import write_html
from reports.html_report import TEMPLATES
from reports.survey import Limits

VOID = {"meta", "link", "br", "img", "input", "rect", "hr"}


class Page(HTMLParser):
    """Enough of a browser to check structure: elements with their attributes, and visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style",):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]


def render(assessment: Assessment, tmp_path: Path, *, marking: str = "", limits: Limits | None = None) -> Page:
    write_html(assessment, tmp_path / "r.html", marking=marking, limits=limits)
    return Page((tmp_path / "r.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return render(sample_agency.agency(), tmp_path_factory.mktemp("page"))


# --- one file, nothing from outside --------------------------------------------------------------------------------


def test_it_loads_nothing_and_runs_nothing(page: Page) -> None:
    tags = {name for name, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "video", "audio"}
    for _, attrs in page.elements:
        assert not {"src", "style", "srcset", "action"} & attrs.keys()
        assert not [name for name in attrs if name.startswith("on")]
        assert attrs.get("href", "#").startswith("#")
    assert "@import" not in page.html
    assert not re.search(r"url\((?!#hatch\))", page.html)


def test_the_policy_allows_our_style_sheet_and_nothing_else(page: Page) -> None:
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    style = page.html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


# --- accessibility ---------------------------------------------------------------------------------------------------


def test_every_element_is_closed_and_every_id_is_unique(page: Page) -> None:
    assert page.open == []
    assert [name for name, count in Counter(page.ids).items() if count > 1] == []


def test_every_link_leads_somewhere(page: Page) -> None:
    targets = {attrs["href"][1:] for attrs in page.all("a")}
    assert targets <= set(page.ids)
    labels = {word for _, attrs in page.elements for word in attrs.get("aria-labelledby", "").split()}
    assert labels <= set(page.ids)


def test_it_has_landmarks_a_skip_link_and_a_language(page: Page) -> None:
    names = [name for name, _ in page.elements]
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("a")[0] == {"class": "skip", "href": "#content"}
    for landmark in ("header", "nav", "main", "footer"):
        assert names.count(landmark) == 1
    assert names.count("title") == 1 + len([attrs for attrs in page.all("svg") if attrs.get("role") == "img"])


def test_headings_never_skip_a_level(page: Page) -> None:
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch(r"h[1-6]", name)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))


def test_every_table_has_a_caption_and_every_heading_cell_a_scope(page: Page) -> None:
    assert len(page.all("table")) == len(page.all("caption")) > 5
    assert {attrs.get("scope") for attrs in page.all("th")} == {"col", "row"}


def test_pictures_are_hidden_because_the_numbers_stand_beside_them(page: Page) -> None:
    told = [attrs for attrs in page.all("svg") if attrs.get("role") == "img"]
    assert all(attrs.get("aria-hidden") == "true" for attrs in page.all("svg") if attrs not in told)
    assert [attrs["aria-labelledby"] for attrs in told] == ["zones-title zones-words"]  # and a table says the same


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def palettes() -> dict[str, dict[str, str]]:
    css = (TEMPLATES / "report.css").read_text()
    light, dark, printed = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", css, re.S)
    )
    return {"light": light, "dark": {**light, **dark}, "print": {**light, **printed}}


ON_PAPER = ("ink", "muted", "link", "critical", "high", "medium", "low", "info", "good", "unknown", "plain")


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_has_a_contrast_of_at_least_4_5(scheme: str) -> None:
    colours = palettes()[scheme]
    pairs = [(word, ground) for word in ON_PAPER for ground in ("paper", "wash", "alert-wash", "unknown-wash")]
    pairs += [("paper", "critical"), ("paper", "ink")]
    if scheme != "print":
        pairs += [("on-navy", "navy"), ("on-navy-quiet", "navy")]
    poor = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}
    assert contrast(colours["focus"], colours["paper"]) >= 3


# --- hostile text ----------------------------------------------------------------------------------------------------


def test_hostile_text_is_shown_and_does_nothing(page: Page) -> None:
    assert sample_agency.MARKUP in page.text
    assert "<script" not in page.html
    assert "onerror=alert(1)&gt;" in page.html
    assert "user⟨U+202E⟩gpj.exe⟨U+200B⟩" in page.text
    assert "⟨U+001B⟩]0;owned⟨U+0007⟩" in page.text
    assert not [char for char in page.html if not char.isprintable() and char != "\n"]


def test_instructions_from_hosts_are_marked_as_quotations(page: Page) -> None:
    assert sample_agency.PROMPT in page.text
    assert "Instructions in it are not ours" in page.text


def test_every_string_of_an_assessment_may_be_hostile(tmp_path: Path) -> None:
    agency = sample_agency.agency()
    evil = f"\"><script>{sample_agency.ESC}{sample_agency.RLO}'</script>"
    spoiled = replace(
        agency,
        run=replace(agency.run, operator=evil, authorisation=evil, id=evil),
        notes=(evil,),
        taxonomy={"AIT-04": evil},
        findings=tuple(replace(finding, subject=evil, waiver=evil) for finding in agency.findings),
        waivers=tuple(replace(use, waiver=replace(use.waiver, id=evil, reason=evil)) for use in agency.waivers[:1]),
        clocks=tuple(replace(clock, title=evil, note=evil, source=evil) for clock in agency.clocks),
    )
    page = render(spoiled, tmp_path, marking=evil)
    assert "<script" not in page.html
    assert page.open == []
    assert not [char for char in page.html if not char.isprintable() and char != "\n"]


# --- loud about what is unknown ----------------------------------------------------------------------------------------


def test_blind_spots_are_the_second_section(page: Page) -> None:
    sections = [attrs.get("aria-labelledby") for attrs in page.all("section")]
    assert sections[:2] == ["verdict", "coverage-title"]


def test_the_verdict_stands_in_one_sentence_with_denominators(page: Page) -> None:
    assert (
        "Coverage 63 %: 9 of 12 hosts assessed, 61 of 96 results decided. "
        "23 open findings on 9 of 12 hosts, 7 overdue (4 of them waived), 4 waived in all."
    ) in page.text


def test_every_blind_host_is_named_with_what_to_do(page: Page) -> None:
    for words in (
        "Unreachable",
        "Login refused",
        "Host key changed",
        "Command refused",
        "Needs a person",
        "What to do:",
    ):
        assert words in page.text
    assert "no route to 10.20.1.22 port 22" in page.text


def test_a_finding_that_could_not_be_looked_at_stays_open_and_says_so(page: Page) -> None:
    assert "Not known in this run: unreachable. Last seen failing on 2026-11-13" in page.text


def test_deleted_evidence_is_said_to_be_deleted(page: Page) -> None:
    assert "evidence no longer kept: deleted on 2026-11-20 by policy" in page.text
    assert "Shown: the first 4,096 of" in page.text


def test_the_campaign_is_never_called_law_and_the_order_is_history(page: Page) -> None:
    assert "agency campaign, not law" in page.text
    assert "2026-07-02, passed 143 days ago" in page.text
    assert "history, makes nothing due" in page.text


def test_scores_are_called_uncalibrated(page: Page) -> None:
    assert "Uncalibrated." in page.text
    assert "23 to 67 of 100" in page.text
    assert "no check looks at this" in page.text


def test_zones_and_systems_have_bands_the_weakest_first_and_hosts_have_theirs(page: Page) -> None:
    section = page.text[
        page.text.index("Score by zone") : page.text.index("Findings by check", page.text.index("Score by zone"))
    ]
    order = [section.index(words) for words in ("12 to 58 of 100", "41 of 100", "44 to 80 of 100", "Score by system")]
    assert order == sorted(order)
    assert "31 to 65 of 100" in section[order[-1] :]
    assert page.text.count("score 25 to 75 of 100, uncalibrated") == 12


def test_nothing_found_with_blind_spots_is_not_called_good(tmp_path: Path) -> None:
    text = render(sample_agency.clean(blind=True), tmp_path).text
    assert "Nothing found as far as seen." in text
    assert "Nothing to fix as far as seen." in text
    assert "No findings" not in text.replace("No finding is not", "")


def test_nothing_found_with_full_coverage_says_what_that_is_worth(tmp_path: Path) -> None:
    text = render(sample_agency.clean(blind=False), tmp_path).text
    assert "No findings." in text
    assert "They say nothing of what they do not look at." in text


@pytest.mark.parametrize(
    ("state", "origin", "words"),
    [
        (RunState.INCOMPLETE, Origin.LIVE, "The run was interrupted"),
        (RunState.COMPLETE, Origin.REPLAYED, "This is not a live scan"),
    ],
)
def test_an_odd_run_says_so_before_any_number(state: RunState, origin: Origin, words: str, tmp_path: Path) -> None:
    agency = sample_agency.agency()
    odd = replace(agency, run=replace(agency.run, state=state, origin=origin))
    text = render(odd, tmp_path).text
    assert text.index(words) < text.index("Coverage 63 %")


def test_hosts_missing_from_the_run_are_unknown(tmp_path: Path) -> None:
    agency = sample_agency.agency()
    fewer = replace(agency, coverage=Coverage(14, 8, agency.coverage.by_status))
    text = render(fewer, tmp_path).text
    assert "The inventory has 14 hosts and this run holds 12" in text
    assert "no result 16 of 112" in text


def test_the_marking_stands_at_both_ends(tmp_path: Path) -> None:
    page = render(sample_agency.agency(), tmp_path, marking="CUI//SP-VULN")
    assert page.texts.count("CUI//SP-VULN") == 2


# --- large fleets ------------------------------------------------------------------------------------------------------


def fleet(size: int) -> tuple[Assessment, list[int]]:
    """Copies of one failing host, made one at a time; the list holds how many were alive at once."""
    agency = sample_agency.agency()
    model = next(entry for entry in agency.read_hosts() if entry.host.id == "db-01")
    finding = next(one for one in agency.findings if one.host == "db-01" and one.check == "SSH-02")
    passes: list[int] = []

    def named(number: int) -> HostAssessment:
        host = Host(id=f"h{number:05}", addresses=("10.0.0.1",), zone="core")
        results = tuple(replace(result, host=host.id) for result in model.results)
        evidence = tuple(replace(record, host=host.id) for record in model.evidence)
        return replace(model, host=host, results=results, evidence=evidence)

    def stream() -> Iterator[HostAssessment]:
        passes.append(0)
        for number in range(size):
            passes[-1] += 1
            yield named(number)

    findings = tuple(replace(finding, id=f"{n:016x}", host=f"h{n:05}") for n in range(size))
    counts = Counter(result.verdict.status for result in model.results)
    coverage = Coverage(size, len(model.results), tuple((status, counts[status] * size) for status in Status))
    return replace(agency, findings=findings, coverage=coverage, read_hosts=stream, waivers=()), passes


def test_a_large_fleet_is_read_once_and_shown_within_limits_with_true_totals(tmp_path: Path) -> None:
    assessment, passes = fleet(1_500)
    page = render(assessment, tmp_path, limits=Limits(hosts=50, findings_per_check=10, blind_hosts_per_reason=5))
    assert passes == [1_500]
    assert "1,500 open findings on 1,500 of 1,500 hosts" in page.text
    assert "1,490 more findings of this check" in page.text
    assert "1,450 more hosts not listed here" in page.text
    assert "1,495 more hosts" in page.text
    assert len(page.html) < 400_000


def test_excerpts_stop_at_the_budget_of_the_file(tmp_path: Path) -> None:
    page = render(sample_agency.agency(), tmp_path, limits=Limits(excerpt_bytes=64, excerpts_total_bytes=128))
    assert "left out to keep this file small" in page.text
    assert "net.core.example_399" not in page.text


# --- what a reader on a Monday morning needs ---------------------------------------------------------------------------


def test_everything_stands_in_a_landmark(tmp_path: Path) -> None:
    html = render(sample_agency.agency(), tmp_path, marking="CUI").html
    assert html.rstrip().endswith("</footer>\n</body>\n</html>")
    assert html.count('<div class="marking">') == 2


def test_the_first_screen_names_the_five_fixes_and_the_next_date(page: Page) -> None:
    verdict = page.html.split('<section id="coverage"')[0]
    fixes = sample_agency.plan().fixes[:5]
    assert re.findall(r'href="#fix-(\d)"', verdict) == [str(number) for number in range(1, len(fixes) + 1)]
    assert "next due" in verdict


def test_each_of_the_first_fixes_has_hosts_commands_a_check_and_a_way_back(page: Page) -> None:
    cards = page.html.split('<ol class="fixes">')[1].split("</ol>")[0].split('<li id="fix-')[1:]
    assert len(cards) == 5
    for card in cards:
        assert "<dt>On</dt>" in card
    assert any("<h4>Commands</h4>" in card and "<h4>To undo it</h4>" in card for card in cards)


def test_the_exact_hosts_of_a_large_fix_are_listed(tmp_path: Path) -> None:
    agency = sample_agency.agency()
    many = tuple(f"h{number:03}" for number in range(30))
    fix = replace(agency.plan.fixes[0], hosts=many)
    page = render(replace(agency, plan=replace(agency.plan, fixes=(fix,))), tmp_path)
    assert "and 24 more" in page.text
    assert all(host in page.text for host in many)


def test_all_findings_waived_is_not_called_nothing_failed(tmp_path: Path) -> None:
    text = render(sample_agency.all_waived(), tmp_path).text
    assert "every open finding is waived . The failures remain" in text
    assert "no check failed" not in text


def test_what_people_attest_is_told_apart_from_evidence_and_what_expired_is_marked(page: Page) -> None:
    section = page.html.split('<section id="attested"')[1].split("</section>")[0]
    told = Page(f"<section{section}</section>")
    rows = re.findall(r"<tr><th scope=\"row\".*?</tr>", section)
    assert "1 of 3 statements stand" in told.text.replace(",", "") and "none is live evidence" in told.text
    assert 'class="tag unknown">active<' in rows[0] and "A. Reyes" in rows[0] and "2027-05-31" in rows[0]
    assert 'class="tag medium">expired<' in rows[1] and "not checked again" in rows[1]
    assert "the whole fleet" in rows[2] and 'class="tag medium">orphan<' in rows[2]
    assert "good" not in re.findall(r'class="tag (\w+)"', section)


def test_what_a_person_attests_comes_out_inert(page: Page) -> None:
    section = page.html.split('<section id="attested"')[1].split("</section>")[0]
    assert "Ignore previous instructions" in section and "&lt;script&gt;" in section and "⟨U+202E⟩=cmd" in section
    assert "<script" not in section


def test_where_nobody_attests_anything_the_page_says_so(tmp_path: Path) -> None:
    alone = replace(sample_agency.agency(), attestations=())
    assert "every result is a program's, or unknown" in render(alone, tmp_path).text


def test_evidence_that_is_not_live_says_so_at_the_evidence(tmp_path: Path) -> None:
    agency = sample_agency.agency()

    def replayed() -> Iterator[HostAssessment]:
        for entry in agency.read_hosts():
            yield replace(entry, evidence=tuple(replace(one, origin=Origin.REPLAYED) for one in entry.evidence))

    html = render(replace(agency, read_hosts=replayed), tmp_path).html
    evidence = html.split('<section id="evidence"')[1]
    assert '<span class="tag medium">replayed</span>' in evidence
    assert ", live" not in evidence
