"""Three-valued logic: unknown is never good, and a counterexample decides even in a list we saw only in part."""

from __future__ import annotations

from typing import Any

import pytest
from evaluating import doc, param, unseen, verdict

from posture.model.check import All, AnyOf, Assertion, Condition, FactRef, Not, OnAbsent, ParamRef, When
from posture.model.finding import Outcome, Status
from posture.model.observation import Blind

PASS, FAIL, NA, UNKNOWN = Status.PASS, Status.FAIL, Status.NOT_APPLICABLE, Status.NOT_CHECKED

T = Assertion("t", "t.x", "eq", "1")
F = Assertion("f", "t.x", "eq", "2")
U = Assertion("u", "lost.x", "eq", "1")
N = Assertion("n", "t.none", "eq", "1", on_absent=OnAbsent.NOT_APPLICABLE)
DOCS = (doc("t", {"x": "1"}), unseen("lost", Blind.TIMED_OUT))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (All((T, T)), PASS), (All((T, F)), FAIL), (All((T, U)), UNKNOWN), (All((F, U)), FAIL), (All((U, F)), FAIL), (All((T, N)), PASS),
        (All((N, U)), UNKNOWN), (All((N, N)), NA),
        (AnyOf((T, U)), PASS), (AnyOf((U, T)), PASS), (AnyOf((F, U)), UNKNOWN), (AnyOf((F, F)), FAIL), (AnyOf((F, N)), FAIL), (AnyOf((N,)), NA),
        (Not(T), FAIL), (Not(F), PASS), (Not(U), UNKNOWN), (Not(N), NA),
        (Not(AnyOf((F, U))), UNKNOWN), (All((AnyOf((F, U)), F)), FAIL), (All((AnyOf((T, U)), T)), PASS),
    ],
)  # fmt: skip
def test_groups_follow_the_three_valued_tables(condition: Condition, expected: Status) -> None:
    assert verdict(condition, *DOCS).status is expected


def test_unknown_says_why() -> None:
    assert verdict(All((T, U)), *DOCS).reason == "timed_out"
    assert verdict(U).reason == "not_attempted"


@pytest.mark.parametrize(
    ("op", "facts", "expected"),
    [
        ("exists", {"x": "1"}, PASS), ("exists", {}, FAIL), ("exists", {"x": None}, FAIL), ("exists", {"x": []}, PASS),
        ("absent", {"x": "1"}, FAIL), ("absent", {}, PASS),
    ],
)  # fmt: skip
def test_existence_is_decided_only_when_looked_for(op: str, facts: Any, expected: Status) -> None:
    assertion = Assertion("a", "t.x", op)
    assert verdict(assertion, doc("t", facts)).status is expected
    assert verdict(assertion, doc("t", facts, ("x", Blind.COMMAND_REFUSED))).status is UNKNOWN
    assert verdict(assertion, unseen("t")).status is UNKNOWN


@pytest.mark.parametrize(
    ("on", "expected"), [(OnAbsent.FAIL, FAIL), (OnAbsent.PASS, PASS), (OnAbsent.NOT_APPLICABLE, NA)]
)
def test_absent_means_what_the_check_says_but_unseen_stays_unknown(on: OnAbsent, expected: Status) -> None:
    assertion = Assertion("a", "t.x", "eq", "1", on_absent=on)
    assert verdict(assertion, doc("t", {})).status is expected
    assert verdict(assertion, doc("t", {}, ("x", Blind.TRUNCATED))).status is UNKNOWN
    assert verdict(assertion, unseen("t")).status is UNKNOWN


BAD = Assertion("", ".", "eq", "bad")


def quantified(
    op: str, items: list[Any], complete: bool, value: Any = None, on_empty: OnAbsent = OnAbsent.NOT_APPLICABLE
) -> Status:
    assertion = Assertion("a", "t.list", op, value, on_empty=on_empty, where=BAD)
    return verdict(assertion, doc("t", {"list": {"complete": complete, "items": items}})).status


@pytest.mark.parametrize(
    ("op", "value", "items", "whole", "part"),
    [
        ("every", None, ["bad", "bad"], PASS, UNKNOWN), ("every", None, ["bad", "ok"], FAIL, FAIL), ("every", None, [], NA, UNKNOWN),
        ("none_of", None, ["ok", "ok"], PASS, UNKNOWN), ("none_of", None, ["bad", "ok"], FAIL, FAIL), ("none_of", None, [], NA, UNKNOWN),
        ("some", None, ["ok", "bad"], PASS, PASS), ("some", None, ["ok"], FAIL, UNKNOWN), ("some", None, [], NA, UNKNOWN),
        ("count", {"le": 1}, ["bad", "ok"], PASS, UNKNOWN), ("count", {"le": 1}, ["bad", "bad"], FAIL, FAIL),
        ("count", {"ge": 1}, ["bad"], PASS, PASS), ("count", {"ge": 2}, ["bad"], FAIL, UNKNOWN),
        ("count", {"eq": 1}, ["bad"], PASS, UNKNOWN), ("count", {"eq": 1}, ["bad", "bad"], FAIL, FAIL),
        ("count", {"ge": 1, "le": 2}, ["bad"], PASS, UNKNOWN), ("count", {"ge": 0}, ["ok"], PASS, PASS), ("count", {"eq": 0}, [], NA, UNKNOWN),
    ],
)  # fmt: skip
def test_quantifiers_over_whole_and_partial_lists(
    op: str, value: Any, items: list[Any], whole: Status, part: Status
) -> None:
    assert quantified(op, items, True, value) is whole
    assert quantified(op, items, False, value) is part


def test_an_element_nobody_could_judge_is_doubt_not_agreement() -> None:
    assert quantified("every", ["bad", 7], True) is UNKNOWN
    assert quantified("none_of", ["ok", 7], True) is UNKNOWN
    assert quantified("some", ["ok", 7], True) is UNKNOWN
    assert quantified("count", ["ok", 7], True, {"le": 0}) is UNKNOWN
    assert quantified("none_of", ["bad", 7], True) is FAIL


def test_elements_to_which_where_does_not_apply_are_left_out() -> None:
    where = Assertion("", ".age", "le", 10, on_absent=OnAbsent.NOT_APPLICABLE)
    every = Assertion("a", "t.list", "every", on_empty=OnAbsent.PASS, where=where)
    assert verdict(every, doc("t", {"list": [{"age": 3}, {"age": None}]})).status is PASS
    assert verdict(every, doc("t", {"list": [{"age": None}]})).status is PASS
    assert verdict(every, doc("t", {"list": [{"age": 30}, {}]})).status is FAIL


def test_a_list_that_is_absent_follows_on_absent() -> None:
    every = Assertion("a", "t.list", "every", on_empty=OnAbsent.PASS, where=BAD)
    assert verdict(every, doc("t", {})).status is FAIL
    assert verdict(every, doc("t", {"list": "text"})).status is UNKNOWN


def test_where_reaches_into_lists_of_elements() -> None:
    inner = Assertion("", ".groups", "none_of", on_empty=OnAbsent.PASS, where=Assertion("", ".", "eq", "docker"))
    every = Assertion("a", "t.users", "every", on_empty=OnAbsent.FAIL, where=inner)
    assert (
        verdict(every, doc("t", {"users": [{"name": "a", "groups": []}, {"name": "b", "groups": ["x"]}]})).status
        is PASS
    )
    failed = verdict(every, doc("t", {"users": [{"name": "a", "groups": []}, {"name": "b", "groups": ["docker"]}]}))
    assert failed.status is FAIL
    assert failed.assertions[0].actual == "1 of 2: b (groups=docker)"


@pytest.mark.parametrize(
    ("op", "value", "items", "whole", "part"),
    [
        ("contains", "a", ["a"], PASS, PASS), ("contains", "a", ["b"], FAIL, UNKNOWN),
        ("not_contains", "a", ["b"], PASS, UNKNOWN), ("not_contains", "a", ["a"], FAIL, FAIL), ("not_contains", "a", [], NA, UNKNOWN),
        ("subset_of", ["a"], ["a"], PASS, UNKNOWN), ("subset_of", ["a"], ["b"], FAIL, FAIL), ("subset_of", ["a"], [], NA, UNKNOWN),
        ("superset_of", ["a"], ["a", "b"], PASS, PASS), ("superset_of", ["a"], ["b"], FAIL, UNKNOWN),
        ("disjoint", ["a"], ["b"], PASS, UNKNOWN), ("disjoint", ["a"], ["a"], FAIL, FAIL),
        ("within_cidr", "10.0.0.0/8", ["10.0.0.1"], PASS, UNKNOWN), ("within_cidr", "10.0.0.0/8", ["11.0.0.1"], FAIL, FAIL),
    ],
)  # fmt: skip
@pytest.mark.parametrize("through", ["t.list", "t.rows[*].v"])
def test_set_operators_on_lists_and_on_places(
    op: str, value: Any, items: list[str], whole: Status, part: Status, through: str
) -> None:
    assertion = Assertion("a", through, op, value, on_empty=OnAbsent.NOT_APPLICABLE)
    for complete, expected in ((True, whole), (False, part)):
        rows = {"complete": complete, "items": [{"v": item} for item in items]}
        document = doc("t", {"list": {"complete": complete, "items": items}, "rows": rows})
        assert verdict(assertion, document).status is expected


def test_an_unseen_place_among_others_is_doubt() -> None:
    rows = {"rows": [{"n": "1", "v": "a"}, {"n": "2", "v": None}]}
    hole = ("rows[n=2].v", Blind.COMMAND_REFUSED)
    fine = Assertion("a", "t.rows[*].v", "subset_of", ["a"], on_empty=OnAbsent.FAIL)
    assert verdict(fine, doc("t", rows)).status is PASS
    assert verdict(fine, doc("t", rows, hole)).reason == "command_refused"
    assert (
        verdict(Assertion("a", "t.rows[*].v", "subset_of", ["b"], on_empty=OnAbsent.FAIL), doc("t", rows, hole)).status
        is FAIL
    )


def test_a_value_with_a_hole_below_it_is_not_compared() -> None:
    assert verdict(Assertion("a", "t.m", "exists"), doc("t", {"m": {"x": 1}}, ("m.y", Blind.BUG))).status is PASS
    assert verdict(Assertion("a", "t.m", "eq", "1"), doc("t", {"m": "1"}, ("m.y", Blind.BUG))).status is UNKNOWN


def test_parameters_and_branches_that_depend_on_them() -> None:
    condition = All(
        (Assertion("a", "t.x", "le", ParamRef("limit")), When("strict", True, Assertion("b", "t.y", "eq", "1")))
    )
    document = doc("t", {"x": 5})
    assert verdict(condition, document, params=(param("limit", 6), param("strict", False))).status is PASS
    assert verdict(condition, document, params=(param("limit", 4), param("strict", False))).status is FAIL
    assert verdict(condition, document, params=(param("limit", 6), param("strict", True))).status is FAIL


def test_a_fact_is_compared_with_what_the_operator_declared() -> None:
    known = Assertion("a", "accounts.users[*].name", "subset_of", FactRef("declared.accounts"), on_empty=OnAbsent.FAIL)
    users = doc("accounts", {"users": [{"name": "a"}, {"name": "b"}]})
    assert verdict(known, users, doc("declared", {"accounts": ["a", "b", "c"]})).status is PASS
    assert verdict(known, users, doc("declared", {"accounts": ["a"]})).status is FAIL
    assert verdict(known, users, doc("declared", {"accounts": []})).status is FAIL
    assert verdict(known, users, doc("declared", {})).status is FAIL
    assert verdict(known, users, doc("declared", {"accounts": "a"})).status is UNKNOWN
    assert (
        verdict(known, users, doc("declared", {"accounts": {"complete": False, "items": ["a", "b"]}})).status is UNKNOWN
    )
    assert verdict(known, users, unseen("declared")).status is UNKNOWN


def test_the_reader_sees_expected_actual_and_message() -> None:
    where = All((Assertion("", ".uid", "eq", 0), Assertion("", ".name", "ne", "root")))
    assertion = Assertion(
        "a", "t.users", "none_of", on_empty=OnAbsent.FAIL, where=where, message="beside root: {actual}, want {expected}"
    )
    users = [{"name": "root", "uid": 0}, {"name": "toor", "uid": 0}, {"name": "www", "uid": 33}]
    row = verdict(assertion, doc("t", {"users": users})).assertions[0]
    assert (row.expected, row.actual) == ("none: (uid 0 and name anything but root)", "1 of 3: toor (uid=0)")
    assert row.message == "beside root: 1 of 3: toor (uid=0), want none: (uid 0 and name anything but root)"
    assert row.outcome is Outcome.FALSE


def test_a_hosts_own_braces_are_never_filled_in() -> None:
    assertion = Assertion("a", "t.x", "eq", "1", message="{actual} / {expected}")
    assert verdict(assertion, doc("t", {"x": "{expected}{0}"})).assertions[0].message == "{expected}{0} / 1"


def test_text_from_hosts_is_short_and_harmless() -> None:
    row = verdict(Assertion("a", "t.x", "eq", "1"), doc("t", {"x": "\x1b[2J\u202e<script>\n" + "y" * 5000})).assertions[
        0
    ]
    assert len(row.actual) <= 300 and len(row.message) < 700
    assert row.actual.isprintable() and "\\u{1b}[2J\\u{202e}<script>\\n" in row.actual
    other = verdict(
        Assertion("a", "t.x", "eq", "1"), doc("t", {"x": "\x1b[2J\u202e<script>\n" + "y" * 5000 + "z"})
    ).assertions[0]
    assert other.actual != row.actual
