"""Verdicts: applicability, age, memo, subjects, and the laws that hold for every check and every set of documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from evaluating import NOW, doc, make_check, param, unseen, verdict
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.evaluate.judge import FLEET, Memo, asserted_digest, checks_for, judge, judge_host, topics_of
from posture.model.check import All, AnyOf, Assertion, Check, Condition, FactRef, Not, OnAbsent, ParamRef
from posture.model.finding import Status
from posture.model.observation import Blind, FactDocument, Observation, Origin

PASS, FAIL, NA, UNKNOWN, ERROR = Status.PASS, Status.FAIL, Status.NOT_APPLICABLE, Status.NOT_CHECKED, Status.ERROR
LINUX = Assertion("applies-1", "os.family", "eq", "linux")
X = Assertion("x", "t.x", "eq", "1")


def test_applicability_false_is_not_applicable_and_unknown_is_not_checked() -> None:
    good = doc("t", {"x": "1"})
    assert verdict(X, doc("os", {"family": "linux"}), good, applicability=LINUX).status is PASS
    assert verdict(X, doc("os", {"family": "freebsd"}), good, applicability=LINUX).status is NA
    assert verdict(X, doc("os", {}), good, applicability=LINUX).status is NA
    blind = verdict(X, unseen("os", Blind.UNREACHABLE), good, applicability=LINUX)
    assert (blind.status, blind.reason) == (UNKNOWN, "unreachable")
    assert blind.topics == ("os", "t")


def test_a_host_where_nothing_applies_for_lack_of_facts_is_not_decided() -> None:
    assert verdict(X, doc("t", {"x": "1"}), applicability=LINUX).reason == "not_attempted"


def test_old_evidence_is_stale_from_the_moment_it_is_older() -> None:
    check = make_check(X)
    for age, expected in ((14 * 24, PASS), (14 * 24 + 1, UNKNOWN)):
        old = doc("t", {"x": "1"}, taken_at=NOW - timedelta(hours=age))
        assert judge(check, {"t": old}, as_of=NOW, max_age_days=14).status is expected
    assert judge(check, {"t": old}, as_of=NOW, max_age_days=14).reason == "stale"
    assert judge(check, {"t": old}, as_of=NOW).status is PASS


def test_a_stale_document_never_shares_the_verdict_of_a_fresh_one() -> None:
    memo, check = Memo(max_age_days=14), make_check(X)
    fresh, old = doc("t", {"x": "1"}), doc("t", {"x": "1"}, taken_at=NOW - timedelta(days=20))
    assert fresh.digest == old.digest
    assert [memo.judge(check, {"t": d}, as_of=NOW).status for d in (fresh, old, fresh)] == [PASS, UNKNOWN, PASS]


def test_documents_of_two_hosts_are_an_error_never_a_verdict() -> None:
    mixed = verdict(All((X, Assertion("y", "u.y", "eq", "1"))), doc("t", {"x": "1"}), doc("u", {"y": "1"}, host="h2"))
    assert (mixed.status, mixed.reason) == (ERROR, "documents of several hosts: h1, h2")


def test_a_damaged_document_is_unseen() -> None:
    for content in (
        b"",
        b"{",
        b"[]",
        b'{"facts":{}}',
        b'{"facts":{"x":"1"},"holes":[["x","nonsense",""]]}',
        b'{"facts":{"x":"1"},"holes":[1]}',
    ):
        broken = replace(doc("t", {}), content=content, digest="d" + content.hex())
        assert verdict(X, broken).reason == "unparseable"


def test_a_faulty_check_is_an_error_of_that_check() -> None:
    broken = verdict(Assertion("x", "t.x", "every", on_empty=OnAbsent.FAIL), doc("t", {"x": ["1"]}))
    assert broken.status is ERROR and "needs `where`" in broken.reason
    assert verdict(Assertion("x", "t.x", "le", ParamRef("gone")), doc("t", {"x": 1})).status is ERROR


def test_equal_questions_are_answered_once_for_all_hosts() -> None:
    memo, check = Memo(), make_check(X)
    for host in ("h1", "h2", "h3"):
        (result,) = judge_host(host, [check], {"t": doc("t", {"x": "1"}, host=host)}, as_of=NOW, memo=memo)
        assert (result.host, result.verdict.status, result.evidence) == (host, PASS, ("t.x",))
    assert (memo.hits, memo.misses) == (2, 1)


def test_the_memo_tells_apart_what_can_change_a_verdict() -> None:
    memo = Memo()
    document = {"t": doc("t", {"x": "5", "day": "2026-06-01"})}
    for limit, expected in ((4, FAIL), (6, PASS)):
        check = make_check(Assertion("a", "t.x", "le", ParamRef("n")), params=(param("n", limit),))
        assert memo.judge(check, document, as_of=NOW).status is expected
    dated = make_check(Assertion("a", "t.day", "before_days", 30))
    assert memo.judge(dated, document, as_of=NOW).status is FAIL
    assert memo.judge(dated, document, as_of=NOW + timedelta(days=30)).status is PASS
    hole = {"t": doc("t", {"x": "5"}, ("x", Blind.BUG))}
    assert memo.judge(make_check(X), hole, as_of=NOW).status is UNKNOWN


def test_the_memo_forgets_what_was_not_used_for_longest() -> None:
    memo, check = Memo(max_documents=2, max_verdicts=2), make_check(X)
    for n in range(5):
        memo.judge(check, {"t": doc("t", {"x": str(n)})}, as_of=NOW)
    memo.judge(check, {"t": doc("t", {"x": "4"})}, as_of=NOW)
    memo.judge(check, {"t": doc("t", {"x": "0"})}, as_of=NOW)
    assert (memo.hits, memo.misses) == (1, 6)


def test_fleet_checks_are_asked_of_the_fleet_only() -> None:
    ours, fleets = make_check(X), make_check(X, id="TST-02", scope="fleet")
    assert checks_for("h1", [ours, fleets]) == (ours,)
    assert checks_for(FLEET, [ours, fleets]) == (fleets,)


def test_every_topic_a_check_may_read_is_known_before() -> None:
    where = Assertion("", ".name", "in", FactRef("declared.accounts"))
    check = make_check(
        All((X, Assertion("e", "accounts.users", "every", on_empty=OnAbsent.FAIL, where=where))),
        applicability=LINUX,
        subject="keys.list[*].name",
    )
    assert topics_of(check) == ("accounts", "declared", "keys", "os", "t")


KEYS = Assertion("k", "keys.list", "none_of", on_empty=OnAbsent.PASS, where=Assertion("", ".open", "eq", True))


def keys(*rows: tuple[str, bool | None], complete: bool = True) -> FactDocument:
    return doc(
        "keys", {"list": {"complete": complete, "items": [{"path": path, "open": is_open} for path, is_open in rows]}}
    )


def test_each_failing_element_is_a_subject_and_the_others_are_not() -> None:
    failed = verdict(KEYS, keys(("/a", True), ("/b", False), ("/c", True)), subject="keys.list[*].path")
    assert (failed.subjects, failed.subjects_complete) == (("/a", "/c"), True)


def test_subjects_are_not_complete_when_something_was_out_of_sight() -> None:
    assert not verdict(KEYS, keys(("/a", True), complete=False), subject="keys.list[*].path").subjects_complete
    condition = All((KEYS, Assertion("u", "lost.x", "eq", "1")))
    assert not verdict(condition, keys(("/a", True)), unseen("lost"), subject="keys.list[*].path").subjects_complete


def test_subjects_follow_set_operators_on_places() -> None:
    condition = Assertion("k", "keys.list[*].open", "not_contains", True, on_empty=OnAbsent.PASS)
    assert verdict(condition, keys(("/a", True), ("/b", False)), subject="keys.list[*].path").subjects == ("/a",)


def test_a_failure_of_the_whole_has_one_subject() -> None:
    assert verdict(X, doc("t", {"x": "2", "name": "n"}), subject="t.name").subjects == ("n",)
    assert verdict(X, doc("t", {"x": "2"}), subject="t.name").subjects == ("",)
    assert verdict(X, doc("t", {"x": "2"})).subjects == ()


def test_subjects_from_hosts_are_short_and_printable() -> None:
    failed = verdict(KEYS, keys(("\x1b" * 50 + "p" * 5000, True)), subject="keys.list[*].path")
    assert len(failed.subjects[0]) <= 200 and failed.subjects[0].isprintable()


def test_the_digest_of_the_asserted_facts_changes_with_them_only() -> None:
    one = verdict(X, doc("t", {"x": "2", "other": 1}))
    assert asserted_digest(one) == asserted_digest(verdict(X, doc("t", {"x": "2", "other": 2})))
    assert asserted_digest(one) != asserted_digest(verdict(X, doc("t", {"x": "3"})))


# Laws -----------------------------------------------------------------------------------------------------------------

_FACTS = st.fixed_dictionaries(
    {},
    optional={
        "x": st.sampled_from(["1", "2", 1, True, None]),
        "list": st.builds(
            lambda items, complete: {"complete": complete, "items": items},
            st.lists(st.sampled_from(["1", "2", 3, None]), max_size=3),
            st.booleans(),
        ),
    },
)
_ELEMENT = st.sampled_from(["1", "2"]).map(lambda value: Assertion("", ".", "eq", value))
_ON = st.sampled_from(list(OnAbsent))
_LEAVES = st.one_of(
    st.builds(lambda topic, value, on: Assertion("a", f"{topic}.x", "eq", value, on_absent=on), st.sampled_from("tu"), st.sampled_from(["1", "2"]), _ON),
    st.builds(lambda topic, op: Assertion("a", f"{topic}.x", op), st.sampled_from("tu"), st.sampled_from(["exists", "absent"])),
    st.builds(
        lambda topic, op, on, empty, where: Assertion("a", f"{topic}.list", op, on_absent=on, on_empty=empty, where=where),
        st.sampled_from("tu"), st.sampled_from(["every", "some", "none_of"]), _ON, _ON, _ELEMENT,
    ),
    st.builds(
        lambda topic, op, on, empty: Assertion("a", f"{topic}.list", op, "1", on_absent=on, on_empty=empty),
        st.sampled_from("tu"), st.sampled_from(["contains", "not_contains"]), _ON, _ON,
    ),
)  # fmt: skip
_CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda m: All(tuple(m))),
        st.lists(inner, min_size=1, max_size=3).map(lambda m: AnyOf(tuple(m))),
        inner.map(Not),
    ),
    max_leaves=5,
)
_HOLE = st.sampled_from(["", "x", "list", "list[*]"])


def _decide(check: Check, t: Any, u: Any, holes: tuple[tuple[str, Blind], ...] = ()) -> Status:
    documents: dict[str, Observation] = {"t": doc("t", t, *holes), "u": doc("u", u)}
    return judge(check, documents, as_of=NOW).status


@settings(max_examples=150, deadline=None)
@given(_CONDITIONS)
def test_where_nothing_was_seen_nothing_is_decided(condition: Condition) -> None:
    check = make_check(condition)
    assert judge(check, {}, as_of=NOW).status is UNKNOWN
    assert judge(check, {"t": unseen("t"), "u": unseen("u")}, as_of=NOW).status is UNKNOWN


@settings(max_examples=300, deadline=None)
@given(_CONDITIONS, _FACTS, _FACTS, _HOLE)
def test_seeing_more_never_takes_a_decision_back(condition: Condition, t: Any, u: Any, hole: str) -> None:
    """A verdict given in spite of a hole is the verdict given without it: adding an observation never lowers coverage."""
    check = make_check(condition)
    with_hole = _decide(check, t, u, ((hole, Blind.TIMED_OUT),))
    assert not with_hole.decided or _decide(check, t, u) is with_hole


@settings(max_examples=300, deadline=None)
@given(
    _CONDITIONS,
    st.lists(st.sampled_from(["1", "2", 3, None]), max_size=3),
    st.lists(st.sampled_from(["1", "2"]), max_size=2),
    _FACTS,
)
def test_what_a_partial_list_decides_no_further_element_undoes(
    condition: Condition, some: list[Any], more: list[Any], u: Any
) -> None:
    check = make_check(condition)
    partial = _decide(check, {"x": "1", "list": {"complete": False, "items": some}}, u)
    whole = _decide(check, {"x": "1", "list": {"complete": True, "items": some + more}}, u)
    assert not partial.decided or whole is partial


@settings(max_examples=200, deadline=None)
@given(_CONDITIONS, _FACTS, _FACTS)
def test_a_whole_topic_out_of_sight_never_changes_fail_to_pass_or_back(condition: Condition, t: Any, u: Any) -> None:
    check = make_check(condition)
    full, partial = _decide(check, t, u), judge(check, {"t": doc("t", t), "u": unseen("u")}, as_of=NOW).status
    assert not partial.decided or partial is full


@settings(max_examples=100, deadline=None)
@given(_CONDITIONS, _FACTS, _FACTS)
def test_judging_again_gives_the_same_verdict_whatever_was_judged_between(condition: Condition, t: Any, u: Any) -> None:
    check, memo = make_check(condition), Memo()
    a, b = {"t": doc("t", t), "u": doc("u", u)}, {"t": doc("t", u, host="h2"), "u": doc("u", t, host="h2")}
    first = memo.judge(check, a, as_of=NOW)
    memo.judge(check, b, as_of=NOW)
    assert memo.judge(check, a, as_of=NOW) == first == judge(check, dict(reversed(a.items())), as_of=NOW)


def test_origin_does_not_enter_a_verdict_but_stays_with_the_document() -> None:
    assert verdict(X, replace(doc("t", {"x": "1"}), origin=Origin.REPLAYED)).status is PASS
