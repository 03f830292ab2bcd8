"""Every operator: true, false, and unknown when the fact is of the wrong kind."""

from __future__ import annotations

from typing import Any

import pytest
from evaluating import doc, verdict

from posture.evaluate.operators import OPERATORS, expectation, value_fault
from posture.model.check import Assertion, OnAbsent
from posture.model.finding import Status

PASS, FAIL, UNKNOWN = Status.PASS, Status.FAIL, Status.NOT_CHECKED


def status(op: str, fact: Any, value: Any, scheme: str = "") -> Status:
    assertion = Assertion("a", "t.x", op, value, scheme=scheme, on_empty=OnAbsent.FAIL)
    return verdict(assertion, doc("t", {"x": fact})).status


CASES = [
    ("eq", "no", "no", PASS),
    ("eq", "yes", "no", FAIL),
    ("eq", "No", "no", FAIL),
    ("eq", 0, "0", UNKNOWN),
    ("eq", "600", 600, PASS),
    ("eq", "600s", 600, UNKNOWN),
    ("eq", True, True, PASS),
    ("eq", 1, True, UNKNOWN),
    ("eq", True, 1, UNKNOWN),
    ("eq", "true", True, UNKNOWN),
    ("eq", ["no"], "no", UNKNOWN),
    ("eq", {"a": 1}, "no", UNKNOWN),
    ("ne", "a", "b", PASS),
    ("ne", "b", "b", FAIL),
    ("ne", 7, "b", UNKNOWN),
    ("in", "a", ["a", "b"], PASS),
    ("in", "c", ["a", "b"], FAIL),
    ("in", 3, ["a", "b"], UNKNOWN),
    ("not_in", "c", ["a", "b"], PASS),
    ("not_in", "a", ["a", "b"], FAIL),
    ("not_in", None, ["a"], FAIL),
    ("not_in", 3, ["a"], UNKNOWN),
    ("lt", 3, 4, PASS),
    ("lt", 4, 4, FAIL),
    ("le", "4", 4, PASS),
    ("le", "four", 4, UNKNOWN),
    ("le", "", 4, UNKNOWN),
    ("le", " 4", 4, UNKNOWN),
    ("le", "٤", 4, UNKNOWN),
    ("le", "4\n", 4, UNKNOWN),
    ("le", True, 4, UNKNOWN),
    ("gt", 5, 4, PASS),
    ("gt", 4, 4, FAIL),
    ("ge", 4, 4, PASS),
    ("ge", -1, 4, FAIL),
    ("between", 5, [1, 5], PASS),
    ("between", 0, [1, 5], FAIL),
    ("between", "x", [1, 5], UNKNOWN),
    ("contains", ["a", "b"], "a", PASS),
    ("contains", ["b"], "a", FAIL),
    ("contains", "a b", "a", UNKNOWN),
    ("not_contains", ["b"], "a", PASS),
    ("not_contains", ["a"], "a", FAIL),
    ("not_contains", [1], "a", UNKNOWN),
    ("subset_of", ["a"], ["a", "b"], PASS),
    ("subset_of", ["a", "c"], ["a", "b"], FAIL),
    ("subset_of", [], ["a"], FAIL),
    ("subset_of", "a", ["a"], UNKNOWN),
    ("superset_of", ["a", "b", "c"], ["a", "b"], PASS),
    ("superset_of", ["a"], ["a", "b"], FAIL),
    ("disjoint", ["c"], ["a", "b"], PASS),
    ("disjoint", ["c", "a"], ["a", "b"], FAIL),
    ("disjoint", ["c", 1], ["a"], UNKNOWN),
    ("matches", "publickey,password", "^publickey,.*$", PASS),
    ("matches", "password,publickey,x", "^publickey,.*$", FAIL),
    ("matches", "publickey,\nx", "^publickey,.*$", PASS),
    ("matches", 7, "^[1-9]$", PASS),
    ("matches", "none", "^[1-9]$", FAIL),
    ("matches", True, "^.*$", UNKNOWN),
    ("matches", ["7"], "^.*$", UNKNOWN),
    ("matches", "x" * 3000, "^x*$", UNKNOWN),
    ("not_matches", "fine", "^.*NOPASSWD.*$", PASS),
    ("not_matches", "a\nNOPASSWD", "^.*NOPASSWD.*$", FAIL),
    ("not_matches", "x" * 3000, "^y$", UNKNOWN),
    ("within_cidr", "127.0.0.1", "127.0.0.0/8", PASS),
    ("within_cidr", "0.0.0.0", "127.0.0.0/8", FAIL),
    ("within_cidr", "::1", ["127.0.0.0/8", "::1/128"], PASS),
    ("within_cidr", "::ffff:127.0.0.1", "127.0.0.0/8", PASS),
    ("within_cidr", "fe80::1%eth0", "fe80::/10", PASS),
    ("within_cidr", "*", "127.0.0.0/8", UNKNOWN),
    ("within_cidr", ["127.0.0.1", "10.0.0.1"], "127.0.0.0/8", FAIL),
    ("within_cidr", ["127.0.0.1", "x"], "127.0.0.0/8", UNKNOWN),
    ("within_cidr", [], "127.0.0.0/8", FAIL),
    ("before_days", "2026-05-01", 30, PASS),
    ("before_days", "2026-05-16", 30, FAIL),
    ("before_days", "2026-05-16T23:00:00-05:00", 29, FAIL),
    ("before_days", "16.05.2026", 30, UNKNOWN),
    ("before_days", "2026-05-16T10:00:00", 30, UNKNOWN),
    ("before_days", 20260516, 30, UNKNOWN),
    ("after_days", "2026-08-01", 30, PASS),
    ("after_days", "2026-07-15", 30, FAIL),
    ("after_days", "2026-06-10", -14, PASS),
]


@pytest.mark.parametrize(("op", "fact", "value", "expected"), CASES)
def test_an_operator_decides_only_what_it_can_compare(op: str, fact: Any, value: Any, expected: Status) -> None:
    assert status(op, fact, value) is expected


@pytest.mark.parametrize(
    ("op", "fact", "value", "scheme", "expected"),
    [
        ("version_lt", "1.0~rc1", "1.0", "deb", PASS),
        ("version_ge", "9.2p1-2+deb12u10", "9.2p1-2+deb12u9", "deb", PASS),
        ("version_ge", "9.8", "9.10", "dotted", FAIL),
        ("version_ge", "nine", "9.10", "dotted", UNKNOWN),
        ("version_ge", 9, "9.10", "dotted", UNKNOWN),
        ("version_ge", "", "9.10", "dotted", UNKNOWN),
        ("version_lt", "5.14.0-70.el9", "5.14.0-427.el9", "rpm", PASS),
    ],
)
def test_versions_are_compared_by_their_scheme(op: str, fact: Any, value: str, scheme: str, expected: Status) -> None:
    assert status(op, fact, value, scheme) is expected


def test_every_operator_has_a_case_here() -> None:
    tested = {case[0] for case in CASES} | {"version_lt", "version_ge"}
    assert set(OPERATORS) - tested == {"exists", "absent", "every", "some", "none_of", "count"}


@pytest.mark.parametrize(
    ("op", "value"),
    [
        ("eq", None), ("eq", ["a"]), ("eq", {"le": 1}), ("in", []), ("in", ["a", 1]), ("in", "a"), ("in", [True]), ("lt", "4"), ("lt", True),
        ("between", [5, 1]), ("between", [1]), ("subset_of", []), ("matches", 7), ("exists", True), ("within_cidr", "10.0.0.1/8"),
        ("within_cidr", []), ("before_days", "30"), ("count", {}), ("count", {"about": 3}), ("count", {"le": -1}), ("count", 3),
    ],
)  # fmt: skip
def test_a_value_that_an_operator_cannot_use_is_refused_before_any_scan(op: str, value: Any) -> None:
    assert value_fault(op, value, "")


def test_version_operators_need_their_scheme_and_others_take_none() -> None:
    assert value_fault("version_ge", "1.0", "")
    assert value_fault("version_ge", 1, "deb")
    assert value_fault("version_ge", "1..0", "dotted")
    assert value_fault("eq", "1.0", "deb")
    assert not value_fault("version_ge", "1.0", "dotted")


def test_expectations_read_as_words() -> None:
    assert expectation("le", 4) == "at most 4"
    assert expectation("in", ["a", "b"]) == "one of a, b"
    assert expectation("between", [1, 60]) == "1 to 60"
    assert expectation("version_ge", "9.8", "dotted") == "9.8 or newer (dotted)"
