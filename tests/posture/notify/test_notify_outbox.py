"""The outbox: whoever is killed, wherever, loses no notice; and a file that is not whole is never called so."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posture.doctor import Health, _notices
from posture.errors import StoreError
from posture.inputs.config import Config
from posture.notify import outbox
from posture.notify.events import Event, EventKind
from posture.notify.outbox import Line, Step

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)


def event(id_: str, sentence: str = "1 open finding newly overdue") -> Event:
    return Event(id_, EventKind.OVERDUE, "run-1", AT, sentence, 1, ("f1",), ("web-01",), "95.0 % (19 of 20)")


def step(which: Step, **more: Any) -> Line:
    return Line(at=AT, step=which, **more)


def waits(id_: str, **more: Any) -> Line:
    return step(Step.WAITS, target="webhook soc", event=id_, notice=event(id_, **more))


LIFE = (
    step(Step.TO_TELL, run="run-1"),
    waits("a"),
    waits("b"),
    waits("c"),
    step(Step.TOLD, run="run-1"),
    step(Step.ROUND),
    step(Step.DELIVERED, target="webhook soc", event="a", attempts=1),
    step(Step.TRIED, target="webhook soc", event="b", attempts=4, reached=("x@example.gov",), why="it answers 503"),
    step(Step.GIVEN_UP, target="webhook soc", event="c", why="too many"),
    step(Step.TO_TELL, run="run-2"),
)


def healths(folder: Path) -> set[Health]:
    config = Config(folder / "posture.db", folder / "known_hosts")
    return {one.health for one in _notices(config, AT)}


def test_the_lines_together_say_what_is_left_to_do(tmp_path: Path) -> None:
    outbox.note(tmp_path, *LIFE)
    found = outbox.read(tmp_path)
    assert found.to_tell == {"run-2": AT} and found.round_at == AT
    (left,) = found.waiting.values()
    assert (left.event, left.attempts, left.reached) == (event("b"), 4, ("x@example.gov",))
    assert found.ended == {("webhook soc", "a"): Step.DELIVERED, ("webhook soc", "c"): Step.GIVEN_UP}
    assert [one.why for one in found.given_up] == ["too many"] and not (found.bad or found.torn)
    assert (tmp_path / outbox.NAME).stat().st_mode & 0o077 == 0


def test_wherever_a_writer_is_killed_what_stood_before_stands_and_the_next_line_is_whole(tmp_path: Path) -> None:
    outbox.note(tmp_path, *LIFE)
    path = tmp_path / outbox.NAME
    content = path.read_bytes()
    for at in range(1, len(content)):
        path.write_bytes(content[:at])
        found, whole = outbox.read(tmp_path), b"\n" in content[at - 1 : at + 1]
        assert not found.bad
        assert found.torn is not whole
        if at % 37 == 0:
            assert whole or Health.OK not in healths(tmp_path)
        if at % 97 == 0:
            outbox.note(tmp_path, waits("z"))
            after = outbox.read(tmp_path)
            assert not (after.bad or after.torn)
            assert {**found.waiting, ("webhook soc", "z"): after.waiting["webhook soc", "z"]} == after.waiting
            assert (after.to_tell, after.ended) == (found.to_tell, found.ended)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=40), st.integers(0, len(LIFE)))
def test_whatever_stands_between_the_lines_hides_none_of_them_and_is_never_ok(
    tmp_path: Path, junk: bytes, at: int
) -> None:
    lines = [msgspec.json.encode(one) for one in LIFE[:7]]
    (tmp_path / outbox.NAME).write_bytes(b"\n".join([*lines[:at], junk, *lines[at:], b""]))
    found = outbox.read(tmp_path)
    assert set(found.waiting) == {("webhook soc", "b"), ("webhook soc", "c")}
    junk_lines = [one for one in junk.split(b"\n") if one.strip()]
    assert len(found.bad) == len(junk_lines)
    assert (Health.TROUBLE in healths(tmp_path)) is bool(junk_lines)


@pytest.mark.parametrize(
    "line",
    [
        '{"at":"2026-11-27T12:00:00","step":"to-tell","run":"r"}',
        '{"at":"2026-11-27T12:00:00Z","step":"to-tell"}',
        '{"at":"2026-11-27T12:00:00Z","step":"waits","target":"t","event":"e"}',
        '{"at":"2026-11-27T12:00:00Z","step":"delivered","target":"t"}',
        '{"at":"2026-11-27T12:00:00Z","step":"round","more":1}',
        '{"at":"2026-11-27T12:00:00Z","target":"t","event":"e","delivered":true,"attempts":1,"why":"delivered"}',
        "[" * 100_000,
    ],
    ids=["no time zone", "no run", "no notice", "no event", "unknown", "an older form", "deep"],
)
def test_a_line_that_does_not_say_all_it_must_is_bad(tmp_path: Path, line: str) -> None:
    (tmp_path / outbox.NAME).write_text(line + "\n")
    assert outbox.read(tmp_path).bad == [1]
    assert healths(tmp_path) == {Health.TROUBLE}


def test_what_cannot_be_read_is_trouble_and_said(tmp_path: Path) -> None:
    (tmp_path / outbox.NAME).mkdir()
    with pytest.raises(StoreError, match="is no file"):
        outbox.read(tmp_path)
    with pytest.raises(StoreError, match="cannot be written"):
        outbox.note(tmp_path, *LIFE)
    assert healths(tmp_path) == {Health.TROUBLE}
    with pytest.raises(StoreError, match="cannot be read: File name too long"):
        outbox.read(tmp_path / ("x" * 300))


@pytest.mark.parametrize("sentence", ["<b>\u202e\x1b[2J\r\nBcc: x", "=HYPERLINK(1)", "\ud7ff\u2028\U0001f4a3"])
def test_a_notice_that_waits_comes_back_as_it_was(tmp_path: Path, sentence: str) -> None:
    outbox.note(tmp_path, waits("a", sentence=sentence), waits("b"))
    found = outbox.read(tmp_path)
    assert found.waiting["webhook soc", "a"].event == event("a", sentence)
    assert len(found.waiting) == 2


def test_writers_beside_each_other_and_beside_a_sender_lose_no_line(tmp_path: Path) -> None:
    def write(name: str) -> None:
        for number in range(10):
            outbox.note(tmp_path, step(Step.TO_TELL, run=f"{name}-{number}"))

    with outbox.alone(tmp_path):
        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    found = outbox.read(tmp_path)
    assert len(found.to_tell) == 30 and not found.bad


def test_what_was_given_up_is_told_for_a_month(tmp_path: Path) -> None:
    outbox.note(tmp_path, waits("c"), LIFE[8])
    config = Config(tmp_path / "posture.db", tmp_path / "known_hosts")
    (line,) = _notices(config, AT + timedelta(days=29))
    assert line.health is Health.WARNING and line.why == "1 given up in 30 days, the last webhook soc: too many"
    (later,) = _notices(config, AT + timedelta(days=31))
    assert later.health is Health.OK
