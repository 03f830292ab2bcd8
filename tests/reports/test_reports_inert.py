"""Foreign text: visible, reversible, and no formula."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.inert import clip, formula_safe, inert, lines_of, original

TEXT = st.text(alphabet=st.characters(), max_size=60)


@given(TEXT)
@settings(max_examples=200, deadline=None)
def test_what_comes_out_is_one_printable_line(text: str) -> None:
    assert inert(text).isprintable()


@given(TEXT)
@settings(max_examples=200, deadline=None)
def test_nothing_is_lost(text: str) -> None:
    assert original(inert(text)) == text


@given(TEXT)
@settings(max_examples=200, deadline=None)
def test_no_cell_starts_like_a_formula(text: str) -> None:
    assert formula_safe(text).lstrip(" \u00a0\u3000")[:1] not in tuple("=+-@\t\r\n＝＋－＠")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, äöü, 漢字", "plain text, äöü, 漢字"),
        ("\x1b[31mred", "⟨U+001B⟩[31mred"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u2066b", "a⟨U+2066⟩b"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("\ufeffa", "⟨U+FEFF⟩a"),
        ("a\nb", "a⟨U+000A⟩b"),
        ("a\x9bb", "a⟨U+009B⟩b"),
        ("\ud800", "⟨U+D800⟩"),
        ("a\U000e0041", "a⟨U+E0041⟩"),
        ("a\u3164", "a⟨U+3164⟩"),
        ("⟨U+202E⟩", "⟨U+27E8⟩U+202E⟩"),
        ("e\u0301\u0302", "e\u0301\u0302"),
        ("e" + "\u0301" * 4, "e\u0301\u0301⟨U+0301⟩⟨U+0301⟩"),
    ],
    ids=ascii,
)
def test_what_could_mislead_is_written_out(text: str, shown: str) -> None:
    assert inert(text) == shown


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝"], ids=ascii)
def test_a_formula_gets_an_apostrophe(start: str) -> None:
    assert formula_safe(f"{start}1") == f"'{start}1"


def test_clipping_says_how_much_is_gone() -> None:
    assert clip("abcdef", 4) == "abcd … (2 more characters)"
    assert clip("abcd", 4) == "abcd"


def test_lines_are_split_at_line_feeds_only_so_that_a_carriage_return_stays_visible() -> None:
    assert lines_of("good\r\nbad\rgood\n") == ("good\r", "bad\rgood")
    assert lines_of("") == ()
