"""Laws of the topics read by grep, find and the tools: hostile bytes never raise, and what is withheld is never good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import (
    audit,
    browsers,
    containers,
    cron,
    exports,
    firewall,
    integrity,
    interpreters,
    listeners,
    mac,
    mail,
    mounts,
    package_indexes,
    pam,
    python_startup,
    secret_files,
    services,
    sudo,
    syslog,
    timesync,
    updates,
)
from collectors.ai import host as ai_host
from collectors.base import Answer, Collector, Facts, schema_of
from collectors.redact import redact
from posture.model.observation import Hole
from tests.collectors.transcripts import FIXTURES, as_declared, recorded, refused

MODULES = (
    ai_host,
    audit,
    browsers,
    containers,
    cron,
    exports,
    firewall,
    integrity,
    interpreters,
    listeners,
    mac,
    mail,
    mounts,
    package_indexes,
    pam,
    python_startup,
    secret_files,
    services,
    sudo,
    syslog,
    timesync,
    updates,
)
COLLECTORS = tuple(module.COLLECTOR for module in MODULES)
BY_TOPIC = {collector.topic: collector for collector in COLLECTORS}
NAMES = sorted(path.stem for path in FIXTURES.glob("*.json"))


def _collector(name: str) -> Collector | None:
    topics = [topic for topic in BY_TOPIC if f"_{topic}_" in f"{name}_"]
    return BY_TOPIC[max(topics, key=len)] if topics else None


RECORDED = [(collector, name) for name in NAMES if (collector := _collector(name)) is not None]
recordings = pytest.mark.parametrize(("collector", "name"), RECORDED, ids=[name for _, name in RECORDED])
topics = pytest.mark.parametrize("collector", COLLECTORS, ids=[collector.topic for collector in COLLECTORS])


def _answers(collector: Collector, name: str) -> dict[str, Answer]:
    return as_declared(collector, recorded(name))


def _incomplete(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if value.keys() == {"complete", "items"} and value["complete"] is False:
            yield value
        for below in value.values():
            yield from _incomplete(below)
    elif isinstance(value, list):
        for below in value:
            yield from _incomplete(below)


def _says_less(parsed: Facts | Hole) -> bool:
    if isinstance(parsed, Hole):
        return True
    return bool(parsed.holes) or any(_incomplete(msgspec.to_builtins(parsed.value)))


def _bits(answer: Answer, **changes: Any) -> Answer:
    return replace(answer, **changes)


@topics
def test_facts_have_a_schema(collector: Collector) -> None:
    assert schema_of(collector)["$ref"].endswith(collector.facts.__name__)


@topics
def test_a_topic_nobody_answered_is_unseen(collector: Collector) -> None:
    parsed = collector.parse({})
    assert _says_less(parsed)


@topics
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_random_bytes_never_raise(collector: Collector, data: st.DataObject) -> None:
    shapes = st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from(_SHARDS), max_size=12).map(b"".join),
    )
    answers = {
        command.id: Answer(
            command, data.draw(shapes), data.draw(shapes), data.draw(st.sampled_from([0, 1, 2, 127, None])), 1
        )
        for command in collector.commands
    }
    assert isinstance(collector.parse(answers), Facts | Hole)


_SHARDS = [
    b"\0",
    b"\n",
    b"/etc/sudoers\x001:",
    b"/etc/pam.d/su\x003:",
    b"@include x",
    b"auth include su",
    b"User_Alias A=A,A",
    b"alice ALL=(ALL:ALL) NOPASSWD: ALL",
    b"Defaults",
    b"\\",
    b"(",
    b'"',
    b"=",
    b"{",
    b'{"nftables":[{"rule":{"expr":[{"match":{}}]}},7]}',
    b'{"filesystems":[{"target":"/"}]}',
    b"*filter\n:INPUT DROP [0:0]\n-A INPUT -j ",
    b"tcp LISTEN 0 1 [::]:99999 *:* users:((",
    b"0644 f 0 0 1.5 root root /x",
    b"\xff\xfe",
    b"enabled 99999999999",
    b"action(type=",
    b"server x maxpoll",
    b"[main]\n",
    b"Inst a [1] (2 b [",
]


@recordings
def test_a_recording_is_read_in_full(collector: Collector, name: str) -> None:
    assert isinstance(collector.parse(_answers(collector, name)), Facts | Hole)


@recordings
def test_reading_twice_gives_the_same(collector: Collector, name: str) -> None:
    answers = _answers(collector, name)
    assert collector.parse(answers) == collector.parse(dict(reversed(answers.items())))


@recordings
def test_what_sudo_refuses_is_never_absent(collector: Collector, name: str) -> None:
    answers = _answers(collector, name)
    for id_ in answers:
        withheld = collector.parse(refused(answers, id_))
        assert _says_less(withheld) or withheld == collector.parse(answers), id_


@recordings
def test_what_timed_out_is_never_absent(collector: Collector, name: str) -> None:
    answers = _answers(collector, name)
    for id_, answer in answers.items():
        late = _bits(answer, stdout=b"", timed_out=True, exit_code=None)
        withheld = collector.parse({**answers, id_: late})
        assert _says_less(withheld) or withheld == collector.parse(answers), id_


@recordings
def test_what_was_cut_off_is_never_complete(collector: Collector, name: str) -> None:
    answers = _answers(collector, name)
    for id_, answer in answers.items():
        if len(answer.stdout) < 2:
            continue
        cut = _bits(answer, stdout=answer.stdout[: len(answer.stdout) // 2], truncated=True, exit_code=141)
        withheld = collector.parse({**answers, id_: cut})
        assert _says_less(withheld) or withheld == collector.parse(answers), id_


@recordings
def test_half_an_answer_never_raises(collector: Collector, name: str) -> None:
    answers = _answers(collector, name)
    for id_, answer in answers.items():
        for part in (3, 7):
            half = _bits(answer, stdout=answer.stdout[: len(answer.stdout) * part // 10])
            assert isinstance(collector.parse({**answers, id_: half}), Facts | Hole)


@recordings
def test_redaction_takes_nothing_a_parser_needs(collector: Collector, name: str) -> None:
    answers = _answers(collector, name)
    plain = collector.parse(answers)
    cleaned = {
        id_: _bits(answer, stdout=redact(answer.stdout).content, stderr=redact(answer.stderr).content)
        for id_, answer in answers.items()
    }
    assert collector.parse(cleaned) == plain
