"""The section on attack paths: sentences, a picture that is also a table, what ends them, and what nobody knows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sample_agency
from sample_paths import ATTACK

from posture.model.assessment import Assessment
from reports.headline import headline
from reports.html_report import build_view, environment, stylesheet
from reports.sections.paths import NO_EXTRA, NO_RULES, build_paths, shortest_words
from reports.survey import survey


def page(assessment: Assessment) -> str:
    view = build_view(survey(assessment))
    text = environment().get_template("report.html.j2").render(page=view, css=stylesheet())
    return text[text.index('<section id="paths"') :].partition("</section>")[0]


@pytest.fixture(scope="module")
def section() -> str:
    return page(sample_agency.agency())


def test_the_worst_way_is_told_step_by_step_and_confirmed_ones_are_told_apart(section: str) -> None:
    assert (
        section.index("zone dmz is untrusted")
        < section.index("the key logs in as deploy")
        < section.index("deploy becomes root")
    )
    assert ">confirmed<" in section and ">possible<" in section
    assert "It starts from a breach that is only assumed." in section


def test_the_picture_has_a_title_a_description_and_the_same_content_as_a_table(section: str) -> None:
    assert re.search(r'<svg[^>]*role="img"[^>]*aria-labelledby="zones-title zones-words"', section)
    assert "from dmz to core over tcp/22" in section
    assert re.search(r'<tr><th scope="row">dmz</th><td data-label="To">core</td>', section)
    assert 'class="hop hop-possible"' in section and 'class="hop hop-confirmed"' in section


def test_what_ends_it_and_what_it_is_worth_stands_there(section: str) -> None:
    assert "Any one of these ends it" in section
    assert "refuse tcp/22 from dmz" in section
    assert re.search(r"38\.0%.*?2\.0%", section, re.DOTALL)


def test_it_says_what_is_not_known_and_never_unreachable(section: str) -> None:
    assert "No path found in the evidence collected: what db-01 holds, what files holds" in section
    assert "could not be asked everywhere" in section and "no collector asks it" in section
    assert "is it a crown jewel?" in section
    assert "Disputed by ops" in section
    assert "unreachable" not in section.lower()


def test_foreign_text_in_a_step_is_inert(section: str) -> None:
    assert "<script" not in section and "\x1b" not in section


def test_a_waiver_that_keeps_a_step_open_is_named() -> None:
    agency = sample_agency.agency()
    waived = next(one for one in agency.findings if one.waiver and one.id in survey(agency).waived)
    conditions = tuple(
        replace(one, finding=waived.id) if one.check == "SUD-01" else one for one in ATTACK.named_conditions
    )
    text = page(replace(agency, attack=replace(ATTACK, named_conditions=conditions)))
    assert f"Waiver {waived.waiver} keeps 77aa0000bbbb1111 open" in text


def test_without_rules_or_without_the_extra_it_says_why_there_is_nothing() -> None:
    agency = sample_agency.agency()
    assert build_paths(survey(replace(agency, attack=None))).why_none == NO_RULES
    assert build_paths(survey(replace(agency, attack=replace(ATTACK, analysis=None)))).why_none == NO_EXTRA
    assert shortest_words(None) == ""


def test_the_terminal_says_the_shortest_way_in_one_line() -> None:
    words = shortest_words(ATTACK)
    assert words == "Shortest way in: an attacker in dmz to what app-01 holds, 6 steps, confirmed"
    assert headline(survey(sample_agency.agency())).open
    none = replace(ATTACK, analysis=replace(ATTACK.analysis, outlooks=()), assumed=())  # type: ignore[type-var]
    assert "no path found in the evidence collected" in shortest_words(none)
