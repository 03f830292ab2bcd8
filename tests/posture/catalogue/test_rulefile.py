"""The rules of attack paths as they are written: what loads, what is refused with its line, and what lint proves."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from posture.catalogue.load import load
from posture.catalogue.rulefile import lint_rules, read_rulebook
from posture.errors import BaselineError
from posture.model.path import Tier

SHIPPED = Path(__file__).parents[3] / "baselines" / "graph"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "graph"))


def change(rules: Path, file: str, old: str, new: str) -> str:
    text = (rules / file).read_text("utf-8")
    assert old in text
    (rules / file).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BaselineError) as refused:
        read_rulebook(rules)
    return f"{refused.value} {refused.value.hint}"


def test_every_rule_says_what_it_needs_what_it_rests_on_and_what_ends_it() -> None:
    book = load().rulebook
    for rule in book.rules:
        assert rule.title and rule.tier_source and rule.minutes_source and rule.remedy
        assert rule.facts or rule.why_not
    assert [one.tier for one in book.tiers] == sorted(Tier)


def test_a_typing_error_names_file_line_and_key(rules: Path) -> None:
    assert "rules.yaml:" in change(rules, "rules.yaml", "    maturity: stable", "    maturity: stabel")


def test_two_rules_of_one_id_are_refused(rules: Path) -> None:
    assert "used by" in change(rules, "rules.yaml", "- id: endpoint", "- id: reach")


def test_a_confidence_that_tiers_do_not_know_is_refused_with_the_near_one(rules: Path) -> None:
    told = change(rules, "rules.yaml", "confidence: [seen-both,", "confidence: [seen-bot,")
    assert "seen-bot" in told and "seen-both" in told


def test_a_path_that_is_none_is_refused(rules: Path) -> None:
    assert "facts" in change(rules, "rules.yaml", "facts: [sudo.rules,", "facts: [sudo..rules,")


def test_a_share_over_one_is_refused(rules: Path) -> None:
    assert "tiers.yaml:" in change(rules, "tiers.yaml", "p: 0.95", "p: 9.5")


def test_without_rules_there_is_no_graph_to_speak_of(tmp_path: Path) -> None:
    assert read_rulebook(tmp_path / "none").rules == ()


def test_lint_finds_facts_no_collector_has_and_checks_there_are_none_of() -> None:
    book = load().rulebook
    bad = replace(book.rule("sudo-nopasswd"), facts=("sudo.rulez",), checks=("IDN-99",))
    problems = lint_rules(
        replace(book, rules=(bad,)), ["IDN-07"], {"sudo": {"type": "object", "properties": {"rules": {}}}}
    )
    assert [one.place for one in problems] == ["checks IDN-99", "facts sudo.rulez"]
