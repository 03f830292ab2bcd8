"""assessment.json and its published schema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import sample_agency

from posture.model.assessment import Assessment
from reports import wire
from reports.assessment_json import schema, schema_bytes
from reports.formats import write_json
from reports.inert import original

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas" / "assessment-1.schema.json"
ALL = {
    "agency": sample_agency.agency(),
    "clean": sample_agency.clean(blind=False),
    "blind": sample_agency.clean(blind=True),
    "nothing": sample_agency.nothing_assessed(),
}


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    write_json(sample_agency.agency(), tmp_path / "a.json")
    loaded: dict[str, Any] = json.loads((tmp_path / "a.json").read_bytes())
    return loaded


def test_the_published_schema_is_the_generated_one() -> None:
    assert PUBLISHED.read_bytes() == schema_bytes()


@pytest.mark.parametrize("assessment", ALL.values(), ids=ALL)
def test_every_file_fits_the_schema(assessment: Assessment, tmp_path: Path) -> None:
    write_json(assessment, tmp_path / "a.json")
    raw = (tmp_path / "a.json").read_bytes()
    jsonschema.Draft202012Validator(schema()).validate(json.loads(raw))
    msgspec.json.decode(raw, type=wire.Assessment)


def test_the_schema_refuses_what_it_does_not_know(document: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    for broken in ({**document, "extra": 1}, {**document, "schema": "posture.assessment/2"}):
        assert not validator.is_valid(broken)
    del document["coverage"]["possible"]
    assert not validator.is_valid(document)


def test_keys_are_sorted_everywhere(tmp_path: Path) -> None:
    write_json(sample_agency.agency(), tmp_path / "a.json")

    def ordered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert [key for key, _ in pairs] == sorted(key for key, _ in pairs)
        return dict(pairs)

    json.loads((tmp_path / "a.json").read_bytes(), object_pairs_hook=ordered)


def test_counts_agree_with_the_results(document: dict[str, Any]) -> None:
    statuses = [result["status"] for host in document["hosts"] for result in host["results"]]
    assert document["coverage"]["by_status"] == {
        word: statuses.count(word) for word in document["coverage"]["by_status"]
    }
    assert document["coverage"]["possible"] == len(statuses)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    findings = {finding["id"] for finding in document["findings"]}
    checks = {check["id"] for check in document["baseline"]["checks"]}
    assert all(set(fix["findings"]) <= findings for fix in document["plan"])
    assert all(set(waiver["findings"]) <= findings for waiver in document["waivers"])
    for host in document["hosts"]:
        commands = {record["command_id"] for record in host["evidence"]}
        for result in host["results"]:
            assert result["check"] in checks
            assert set(result["evidence"]) <= commands


def test_every_due_date_can_be_computed_again(document: dict[str, Any]) -> None:
    dates = [due for finding in document["findings"] for due in finding["due"]]
    assert dates
    assert all(due["clock_start"] and due["row"] and due["inputs"] and due["clock_version"] for due in dates)


def test_hostile_text_is_inert_and_can_be_had_back(tmp_path: Path) -> None:
    write_json(sample_agency.agency(), tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert "\\u001b" not in text
    assert "<" not in text and ">" not in text and "&" not in text
    hostile = next(host for host in json.loads(text)["hosts"] if host["id"] == "hostile")
    assert original(hostile["platform"]) == sample_agency.TERMINAL
    assert original(hostile["name"]) == sample_agency.READING_ORDER


def test_hostile_keys_are_inert_too(tmp_path: Path) -> None:
    agency = replace(sample_agency.agency(), taxonomy={f"AIT{sample_agency.ESC}": "x"})
    write_json(agency, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_bytes())["taxonomy"] == {"AIT⟨U+001B⟩": "x"}
