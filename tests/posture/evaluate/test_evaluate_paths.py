"""Paths find values, say absent when they looked, and blank when they could not."""

from __future__ import annotations

from typing import Any

import pytest
from evaluating import doc
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.errors import BaselineError
from posture.evaluate.judge import read_document
from posture.evaluate.paths import (
    Absent,
    Blank,
    Each,
    Field,
    Found,
    Pick,
    Place,
    Spread,
    follow,
    hole_steps,
    parse_path,
    spread,
)
from posture.model.observation import Blind

USERS = {
    "complete": True,
    "items": [{"name": "root", "uid": 0, "shell": None}, {"name": "www", "uid": 33, "shell": "/bin/sh"}],
}


def at(text: str, facts: Any, *holes: tuple[str, Blind]) -> Place:
    path = parse_path(text)
    return follow(read_document(doc(path.topic, facts, *holes)), path.steps)


def all_at(text: str, facts: Any, *holes: tuple[str, Blind]) -> Any:
    path = parse_path(text)
    return spread(read_document(doc(path.topic, facts, *holes)), path.steps)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a.b.c", (Field("b"), Field("c"))),
        ('k.sysctl["kernel.kptr_restrict"]', (Field("sysctl"), Field("kernel.kptr_restrict"))),
        ("a.users[*].shell", (Field("users"), Each(), Field("shell"))),
        ("a.users[name=root].uid", (Field("users"), Pick("name", "root"), Field("uid"))),
        ("a.units[name=getty@tty1.service].on", (Field("units"), Pick("name", "getty@tty1.service"), Field("on"))),
        ("a", ()),
    ],
)
def test_the_grammar(text: str, steps: tuple[Any, ...]) -> None:
    assert parse_path(text).steps == steps


@pytest.mark.parametrize("text", ["", "a.", "a..b", "a[0]", "a b", "a.b[", "a.b[*", "[*].a", 'a["x]', ".a", "a.b]c"])
def test_what_is_not_in_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(BaselineError):
        parse_path(text)


def test_paths_inside_where_begin_with_a_dot() -> None:
    assert parse_path(".shell", relative=True).steps == (Field("shell"),)
    assert parse_path("", relative=True).steps == ()
    with pytest.raises(BaselineError):
        parse_path("shell", relative=True)


def test_values_absences_and_kinds() -> None:
    facts = {"map": {"x.y": "1"}, "none": None, "users": USERS, "text": "t"}
    assert at('t.map["x.y"]', facts) == Found("1")
    assert at("t.map.other", facts) == Absent()
    assert at("t.none", facts) == Absent()
    assert at("t.none.deeper", facts) == Absent()
    assert at("t.users[name=www].uid", facts) == Found(33)
    assert at("t.users[name=nobody]", facts) == Absent()
    assert at("t.users[name=root].shell", facts) == Absent()
    assert isinstance(at("t.text.deeper", facts), Blank)
    assert isinstance(at("t.map[name=x]", facts), Blank)


def test_a_hole_covers_everything_below_it_and_nothing_beside_it() -> None:
    facts = {"effective": {"a": "1"}, "map": {"x": "1", "y": "2"}}
    holes = (("effective", Blind.TIMED_OUT), ("map.y", Blind.TRUNCATED))
    assert at("t.effective.a", facts, *holes) == Blank(Blind.TIMED_OUT)
    assert at("t.map.x", facts, *holes) == Found("1")
    assert at("t.map.y", facts, *holes) == Blank(Blind.TRUNCATED)
    assert at("t.map", facts, *holes).holes  # type: ignore[union-attr]


def test_what_is_missing_above_a_hole_is_unseen_not_absent() -> None:
    assert at("t.effective", {}, ("effective.a", Blind.COMMAND_REFUSED)) == Blank(Blind.COMMAND_REFUSED)


def test_a_hole_over_the_whole_topic_hides_everything() -> None:
    assert at("t.a", {"a": 1}, ("", Blind.TRUNCATED)) == Blank(Blind.TRUNCATED)


def test_a_hole_that_cannot_be_read_covers_more_not_less() -> None:
    assert hole_steps("map.x[0].y") == (Field("map"), Field("x"))
    assert hole_steps("???") == ()


def test_holes_of_elements_concern_those_elements() -> None:
    every = all_at("t.users[*].shell", {"users": USERS}, ("users[name=www].shell", Blind.TIMED_OUT))
    assert [row.place for row in every.rows] == [Absent(), Blank(Blind.TIMED_OUT)]
    assert every.missing is None
    every = all_at("t.users[*].uid", {"users": USERS}, ("users[*].uid", Blind.TIMED_OUT))
    assert {type(row.place) for row in every.rows} == {Blank}


def test_a_hole_at_an_element_we_do_not_have_leaves_the_list_incomplete() -> None:
    every = all_at("t.users[*].uid", {"users": USERS}, ("users[name=ghost]", Blind.UNPARSEABLE))
    assert isinstance(every, Spread) and every.missing == Blank(Blind.UNPARSEABLE)
    assert at("t.users[name=ghost].uid", {"users": USERS}, ("users[name=ghost]", Blind.UNPARSEABLE)) == Blank(
        Blind.UNPARSEABLE
    )


def test_in_an_incomplete_list_nothing_is_absent() -> None:
    users = {"complete": False, "items": USERS["items"]}
    assert isinstance(at("t.users[name=nobody]", {"users": users}), Blank)
    assert at("t.users[name=www].uid", {"users": users}) == Found(33)


def test_lists_in_lists_are_spread_and_absent_ones_add_nothing() -> None:
    facts = {
        "groups": [{"name": "a", "members": ["x", "y"]}, {"name": "b", "members": None}, {"name": "c", "members": []}]
    }
    every = all_at("t.groups[*].members[*]", facts)
    assert [row.place for row in every.rows] == [Found("x"), Found("y")]
    assert all_at("t.none[*]", facts) == Absent()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab.[]*=", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "items", "complete"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_PATHS = st.sampled_from(["t", "t.a", "t.a.b", "t.a[*]", "t.a[*].b", "t.a[b=1].a", "t.b[*].a[*]"])
_HOLES = st.lists(
    st.tuples(st.sampled_from(["", "a", "a.b", "a[*].b", "a[b=1]", "b[*]", "??"]), st.sampled_from(list(Blind))),
    max_size=2,
)


@settings(max_examples=200, deadline=None)
@given(_PATHS, _JSON, _HOLES)
def test_whatever_a_host_says_a_path_answers(text: str, facts: Any, holes: list[tuple[str, Blind]]) -> None:
    path = parse_path(text)
    start = read_document(doc("t", facts, *holes))
    answer = spread(start, path.steps) if path.spreads else follow(start, path.steps)
    assert isinstance(answer, (Found, Absent, Blank, Spread))
