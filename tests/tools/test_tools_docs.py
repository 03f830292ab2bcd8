"""The generated pages: the same bytes every time, whatever the terminal, and complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from collectors.base import Listing
from collectors.registry import COLLECTORS
from posture.catalogue.load import load
from tools import docs, page_facts
from tools.markdown import block, code, flowed, table


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return {name: write() for name, write in docs.pages().items()}


def test_writing_twice_gives_the_same_bytes_on_any_terminal(
    written: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "31")
    monkeypatch.setenv("TERM", "dumb")
    assert {name: write() for name, write in docs.pages().items()} == written


def test_what_was_written_is_not_stale_and_what_was_changed_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert docs.main(check=True, home=tmp_path) == 1
    assert docs.main(check=False, home=tmp_path) == 0
    assert docs.main(check=True, home=tmp_path) == 0
    capsys.readouterr()
    with (tmp_path / "docs" / "cli.md").open("a") as page:
        page.write("by hand\n")
    assert docs.main(check=True, home=tmp_path) == 1
    assert "-by hand" in capsys.readouterr().out


def test_the_schema_of_a_topic_that_is_gone_is_stale(tmp_path: Path) -> None:
    docs.main(check=False, home=tmp_path)
    old = tmp_path / docs.SCHEMAS / "gone.schema.json"
    old.write_text("{}")
    assert docs.main(check=True, home=tmp_path) == 1
    docs.main(check=False, home=tmp_path)
    assert not old.exists()


def test_every_check_has_its_section_and_an_untried_fix_says_so(written: dict[str, str]) -> None:
    page = written["docs/checks.md"]
    checks, unproven = load().checks, load().unproven
    for check in checks.values():
        section = page.split(f"\n### {check.id} {check.title}\n")[1].split("\n### ")[0]
        assert check.remediation.verify.strip() in section
        assert ("**Remediation not proven by a test**" in section) == (check.id in unproven)


def test_every_command_of_a_collector_stands_on_the_page_of_facts(written: dict[str, str]) -> None:
    page = written["docs/facts.md"]
    for collector in COLLECTORS:
        section = page.split(f"\n## {collector.topic}\n")[1].split("\n## ")[0]
        for command in collector.commands:
            assert command.argv[0] in section


def test_every_schema_is_a_json_schema(written: dict[str, str]) -> None:
    schemas = [text for name, text in written.items() if name.endswith(".json")]
    assert len(schemas) > len(COLLECTORS)
    for text in schemas:
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_code_and_blocks_hold_what_would_end_them() -> None:
    assert code("a `b` c") == "``a `b` c``"
    assert code("`x`") == "`` `x` ``"
    assert block("```\nx\n```", "sh").startswith("````sh\n")
    assert flowed("a\n  <b>") == "a &lt;b>"
    assert table(("one",), [("a | b\nc",)]).splitlines()[-1] == "| a \\| b c |"


def _paths(kind: type) -> Iterator[str]:
    yield from (path for path, _, _ in page_facts._walk("topic", kind, ()))


def test_paths_of_facts_are_those_of_checks() -> None:
    from collectors.sshd import SshdFacts

    paths = set(_paths(SshdFacts))
    assert {"topic.present", "topic.effective", "topic.contexts", "topic.contexts[*].match"} <= paths
    assert page_facts._element(Listing[int]) is int
