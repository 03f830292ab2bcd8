"""The YAML reader refuses what could be misread, and every error names file, line and key."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.errors import BaselineError, ConfigError
from posture.yamlfile import MAX_DEPTH, MAX_FILE_BYTES, convert, dotted, plain, read, read_bytes


class Door(msgspec.Struct, frozen=True):
    name: str
    port: int = 22
    kind: Literal["front", "back"] = "front"
    since: date | None = None
    limits: dict[str, int] = {}


class House(msgspec.Struct, frozen=True):
    doors: list[Door]
    rooms: dict[str, Door] = {}


def value(text: str, **options: Any) -> Any:
    return plain(read_bytes(text.encode(), "f.yaml", **options))


def refusal(text: str, type_: Any = House) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        convert(read_bytes(text.encode(), "f.yaml"), type_)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1", {"a": 1}),
        ("a: -7", {"a": -7}),
        ("a: 0o600", {"a": 0o600}),
        ("a: 1.5", {"a": 1.5}),
        ("a: true", {"a": True}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 'no'", {"a": "no"}),
        ("a: 22:30", {"a": "22:30"}),
        ("a: 2026-01-31", {"a": "2026-01-31"}),
        ("a: 1.2.3", {"a": "1.2.3"}),
        ("1: x", {"1": "x"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("[]", []),
        ("", None),
    ],
)
def test_plain_values_read_the_same_in_every_yaml_version(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "No", "ON", "0600", "-007", "1e3", "12E4", ".5", "1_000", ".inf", ".nan", "0b1"]
)
def test_what_yaml_versions_read_differently_is_refused_with_the_hint_to_quote_it(word: str) -> None:
    error = refusal(f"x: 1\na: {word}\n")
    assert str(error).startswith("f.yaml:2: bare `")
    assert f'"{word}"' in error.hint
    assert value(f"a: '{word}'") == {"a": word}


def test_a_bare_on_is_refused_as_a_key_too() -> None:
    assert "quote" in refusal("on: push").hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\nb: *x", "f.yaml:1: anchors"),
        ("a: !!python/name:os.system x", "f.yaml:1: the tag"),
        ("a: 1\nb: 2\na: 3", "f.yaml:3: key `a` was already given on line 1"),
        ("a: 1\n---\nb: 2", "f.yaml:2: a second document"),
        ("a: [1", "f.yaml:"),
        ("? [a]\n: 1", "f.yaml:1: a key must be plain text"),
        ("a: \x07", "f.yaml: not YAML"),
        ("a: 99999999999999999999", "f.yaml:1:"),
    ],
)
def test_unsafe_or_broken_yaml_is_refused(text: str, message: str) -> None:
    assert str(refusal(text)).startswith(message)


def test_deep_nesting_and_large_files_are_refused(tmp_path: Path) -> None:
    assert "levels" in str(refusal("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2)))
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigError, match="bytes"):
        read(large)


def test_a_missing_file_and_bad_encoding_are_ours_to_explain(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="No such file"):
        read(tmp_path / "none.yaml", raises=BaselineError)
    with pytest.raises(ConfigError, match=r"f\.yaml:2: not UTF-8"):
        read_bytes(b"a: 1\nb: \xff\n", "f.yaml")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("doors:\n - name: x\n   prot: 1", "f.yaml:3: key `doors[0].prot`: unknown key", "did you mean `port`?"),
        ("doors:\n - name: x\n   port: many", "f.yaml:3: key `doors[0].port`: expected a whole number, got text", ""),
        ("doors:\n - name: 1.10", "f.yaml:2: key `doors[0].name`: expected text, got a number", "quote it"),
        ("doors:\n - port: 1", "f.yaml:2: key `doors[0]`: missing key `name`", ""),
        (
            "doors: []\nrooms:\n  a: {name: x}\n  b:\n    name: y\n    limits: {m: 1, n: z}",
            "f.yaml:6: key `rooms.b.limits.n`",
            "",
        ),
        ("doors: []\nrooms:\n  a: {nme: x}", "f.yaml:3: key `rooms.a.nme`: unknown key", "did you mean `name`?"),
        ("doors:\n - {name: x, since: 2026-02-30}", "f.yaml:2: key `doors[0].since`", ""),
        ("[]", "f.yaml:1: expected a mapping, got a list", ""),
    ],
)
def test_errors_of_shape_name_file_line_and_key(text: str, message: str, hint: str) -> None:
    error = refusal(text)
    assert str(error).startswith(message)
    assert hint in error.hint


def test_dates_become_dates_where_a_type_asks_for_them() -> None:
    house = convert(read_bytes(b"doors: [{name: a, since: 2026-02-28}]", "f.yaml"), House)
    assert house.doors[0].since == date(2026, 2, 28)


def test_a_mapping_that_came_from_elsewhere_is_checked_as_well() -> None:
    assert convert({"doors": []}, House) == House([])
    with pytest.raises(ConfigError, match=r"^key `windows`: unknown key"):
        convert({"windows": []}, House)


def test_files_of_other_programs_keep_ambiguous_words_as_text() -> None:
    assert value("become: yes\nmode: 0644\npw: !vault x\n", foreign=True) == {
        "become": "yes",
        "mode": "0644",
        "pw": "x",
    }


def test_parts_of_a_file_know_their_place() -> None:
    located = read_bytes(b"doors:\n  - name: a\n  - name: b\n", "f.yaml")
    assert located.at("doors", 1).where("name") == "f.yaml:3"
    assert str(located.at("doors", 1).error("shut", "name")) == "f.yaml:3: key `doors[1].name`: shut"
    assert dotted(("a", 0, "b")) == "a[0].b"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        convert(read_bytes(content, "f.yaml"), House)
    except ConfigError as error:
        assert str(error)
