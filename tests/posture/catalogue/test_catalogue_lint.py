"""Lint: a check is checked before any scan, against the schemas that collectors publish, and by running its examples."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, Literal

import msgspec
import pytest

import collectors
from collectors.base import Collector, Listing, schema_of
from posture.catalogue.lint import lint, run_example
from posture.catalogue.load import load
from posture.evaluate.fleet import fleet_schema
from posture.evaluate.scanning import scanning_schema
from posture.model.check import All, Assertion, Check, Example, FactRef, OnAbsent, Reference, References, Risk
from posture.model.finding import Status
from posture.observe import DERIVED_COLLECTORS, MATCHED_COLLECTORS


@dataclass(frozen=True)
class Row:
    name: str
    uid: int
    state: Literal["open", "shut"] | None
    seen: date | None


@dataclass(frozen=True)
class TopicFacts:
    present: bool
    version: str | None
    count: int
    settings: dict[str, int | str] | None
    rows: Listing[Row] | None
    names: list[str]


SCHEMAS: dict[str, Any] = {"t": msgspec.json.schema(TopicFacts)}
OWN = load()


def problems(assertion: Assertion, **changes: Any) -> list[str]:
    check = replace(
        OWN.checks["SSH-01"], applicability=None, condition=assertion, requires=(), evidence_keep=(), **changes
    )
    return [p.message for p in lint([check], SCHEMAS) if "example" not in p.place]


def own(op: str, fact: str, value: Any = None, where: Assertion | None = None, **more: Any) -> list[str]:
    return problems(Assertion("a", fact, op, value, where=where, on_empty=OnAbsent.FAIL if where else None, **more))


def each(fact: str, op: str, value: Any) -> Assertion:
    return Assertion("", fact, op, value)


@pytest.mark.parametrize(
    "assertion",
    [
        Assertion("a", "t.present", "eq", True), Assertion("a", "t.settings.any_key", "le", 4), Assertion("a", 't.settings["a.b"]', "eq", "x"),
        Assertion("a", "t.rows[name=root].uid", "eq", 0), Assertion("a", "t.rows[*].name", "disjoint", ["x"]), Assertion("a", "t.names", "contains", "x"),
        Assertion("a", "t.rows", "every", where=each(".state", "eq", "open")), Assertion("a", "t.rows[*].seen", "every", where=each(".", "before_days", 3)),
        Assertion("a", "t.version", "version_ge", "9.8", scheme="dotted"), Assertion("a", "declared.anything", "eq", True),
        Assertion("a", "t.names", "subset_of", FactRef("declared.names")), Assertion("a", "t.count", "count", {"le": 1}, where=each(".", "eq", "x"))
        if False else Assertion("a", "t.rows", "exists"),
    ],
)  # fmt: skip
def test_paths_and_operators_that_fit_are_quiet(assertion: Assertion) -> None:
    assert problems(assertion) == []


@pytest.mark.parametrize(
    ("found", "part"),
    [
        (own("eq", "nowhere.x", "1"), "no topic `nowhere`"),
        (own("eq", "t.presnt", True), "did you mean `present`"),
        (own("eq", "t.present.deeper", True), "no field `deeper`"),
        (own("eq", "t.present", "yes"), "the value is text, the fact is bool"),
        (own("eq", "t.count", "1"), "the value is text, the fact is number"),
        (own("le", "t.present", 4), "`le` compares number or text"),
        (own("matches", "t.count", "^1$"), "`matches` compares text"),
        (own("eq", "t.names", "x"), "the fact is list"),
        (own("contains", "t.version", "x"), "is not a list"),
        (own("contains", "t.names", 3), ""),
        (own("contains", "t.rows", "x"), "`contains` compares"),
        (own("every", "t.version", where=each(".", "eq", "x")), "is not a list"),
        (own("every", "t.rows", where=each(".nme", "eq", "x")), "did you mean `name`"),
        (own("every", "t.rows", where=each(".state", "eq", "opne")), "the fact is never `opne`"),
        (own("every", "t.rows", where=each(".state", "in", ["open", "closed"])), "the fact is never `closed`"),
        (own("eq", "t.rows[nam=root].uid", 0), "did you mean `name`"),
        (own("eq", "t.version", FactRef("t.verson")), "did you mean `version`"),
    ],
)
def test_what_cannot_work_is_told_before_any_scan(found: list[str], part: str) -> None:
    assert not part or (found and part in found[0])


def test_numbers_may_be_asked_of_text() -> None:
    assert own("contains", "t.names", 3) == []
    assert own("le", "t.version", 3) == []


BASE = replace(
    OWN.checks["SSH-01"],
    applicability=None,
    condition=All((Assertion("a", "t.present", "eq", True), Assertion("b", "t.count", "le", 4))),
    requires=(),
    evidence_keep=(),
    examples=(
        Example("good", {"t": {"present": True, "count": 1}}, "pass"),
        Example("absent", {"t": {"present": False, "count": 1}}, "fail"),
        Example("many", {"t": {"present": True, "count": 9}}, "fail"),
        Example("blind", {"t": {}}, "not_checked", holes=(("t", "timed_out"),)),
    ),
)


def messages(check: Check) -> str:
    return "\n".join(map(str, lint([check], SCHEMAS)))


def test_a_complete_check_has_no_problem() -> None:
    assert messages(BASE) == ""


@pytest.mark.parametrize("missing", ["pass", "fail", "not_checked"])
def test_each_status_needs_an_example(missing: str) -> None:
    check = replace(BASE, examples=tuple(e for e in BASE.examples if e.expect != missing))
    assert f"none expects {missing}" in messages(check)


def test_with_applicability_not_applicable_needs_one_too() -> None:
    check = replace(BASE, applicability=Assertion("applies-1", "t.present", "exists"))
    assert "none expects not_applicable" in messages(check)


def test_examples_are_run_and_must_come_out_as_they_say() -> None:
    wrong = Example("wrong", {"t": {"present": True, "count": 5}}, "pass")
    assert "example `wrong`: expects pass, is fail (t.count is 5, expected at most 4)" in messages(
        replace(BASE, examples=(*BASE.examples, wrong))
    )


def test_every_assertion_must_fail_in_some_example() -> None:
    assert "assertion `b`" in messages(replace(BASE, examples=tuple(e for e in BASE.examples if e.name != "many")))


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        ({"t": {"presnt": True}}, "did you mean `present`"), ({"u": {}}, "no topic `u`"), ({"t": {"present": "yes"}}, "text where the topic has bool"),
        ({"t": {"rows": [{"state": "ajar"}]}}, "`ajar` is not one of"), ({"t": {"names": "x"}}, "text where the topic has list"),
        ({"t": {"names": [1]}}, "a number where the topic has text"), ({"t": {"present": [True]}}, "a list where the topic has bool"),
    ],
)  # fmt: skip
def test_facts_of_examples_must_be_facts_the_topic_can_have(facts: dict[str, Any], part: str) -> None:
    assert part in messages(replace(BASE, examples=(*BASE.examples, Example("odd", facts, "not_checked"))))


def test_holes_of_examples_must_name_what_exists() -> None:
    odd = Example("odd", {"t": {}}, "not_checked", holes=(("t.presnt", "timed_out"),))
    assert "hole t.presnt" in messages(replace(BASE, examples=(*BASE.examples, odd)))


def test_sources_and_a_way_back_are_asked_for() -> None:
    assert "no source" in messages(replace(BASE, references=References()))
    assert "no source" not in messages(replace(BASE, references=References(other=(Reference("us"),))))
    assert "needs a rollback" in messages(replace(BASE, remediation=replace(BASE.remediation, rollback="")))
    assert "needs a precondition" in messages(replace(BASE, remediation=replace(BASE.remediation, precondition="")))
    assert (
        messages(replace(BASE, remediation=replace(BASE.remediation, risk=Risk.NONE, rollback="", precondition="")))
        == ""
    )


def test_a_topic_an_example_does_not_name_is_unseen() -> None:
    assert run_example(BASE, Example("x", {}, "not_checked")).status is Status.NOT_CHECKED


@cache
def _published() -> dict[str, Any]:
    schemas: dict[str, Any] = {"fleet": fleet_schema(), "scanning": scanning_schema()}
    schemas |= {collector.topic: schema_of(collector) for collector in (*DERIVED_COLLECTORS, *MATCHED_COLLECTORS)}
    for module in pkgutil.walk_packages(collectors.__path__, "collectors."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Collector):
                schemas[value.topic] = schema_of(value)
    return schemas


@pytest.mark.parametrize("check", [pytest.param(check, id=check.id) for check in OWN.checks.values()])
def test_every_shipped_check_passes_lint(check: Check) -> None:
    assert [str(problem) for problem in lint([check], _published())] == []
