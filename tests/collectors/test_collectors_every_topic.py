"""Laws that hold for each topic of this half: no bytes break a parser, and every command keeps the house rules."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import accounts, clock, identity, kernel, logins, os_release, packages, ssh_keys, sshd
from collectors.base import Answer, Collector, Facts, schema_of
from collectors.transports.script import build, check
from posture.model.observation import Hole
from tests.collectors.transcripts import as_declared, recorded, refused

TOPICS = tuple(
    one.COLLECTOR for one in (accounts, clock, identity, kernel, logins, os_release, packages, ssh_keys, sshd)
)
each_topic = pytest.mark.parametrize("collector", TOPICS, ids=lambda collector: collector.topic)


def answers_of(collector: Collector) -> dict[str, Answer]:
    return as_declared(collector, recorded(f"recorded_debian12_{collector.topic}"))


@each_topic
@settings(max_examples=40, deadline=None)
@given(seed=st.data())
def test_random_bytes_end_as_facts_or_a_hole(collector, seed):
    said = st.binary(max_size=400)
    answers = {
        command.id: Answer(
            command, seed.draw(said), seed.draw(said), seed.draw(st.sampled_from((0, 1, 2, 255, 127, None))), 1
        )
        for command in collector.commands
    }
    if collector.follow_up is not None:
        build(collector.follow_up(answers), "0" * 32)
    assert isinstance(collector.parse(answers), Facts | Hole)


@each_topic
@settings(max_examples=40, deadline=None)
@given(seed=st.data())
def test_a_real_answer_with_a_hole_in_it_ends_as_facts_or_a_hole(collector, seed):
    answers = answers_of(collector)
    id_ = seed.draw(st.sampled_from(sorted(answers)))
    said = answers[id_].stdout
    start, end = seed.draw(st.tuples(st.integers(0, len(said)), st.integers(0, len(said))))
    spoiled = said[:start] + seed.draw(st.binary(max_size=30)) + said[end:]
    answers[id_] = _with(answers[id_], spoiled)
    parsed = collector.parse(answers)
    assert isinstance(parsed, Facts | Hole)
    if isinstance(parsed, Facts):
        msgspec.json.encode(parsed.value)


def _with(one: Answer, stdout: bytes) -> Answer:
    return Answer(one.command, stdout, one.stderr, one.exit_code, one.duration_ms)


@each_topic
def test_nothing_answered_is_never_facts_without_holes(collector):
    parsed = collector.parse({})
    assert isinstance(parsed, Hole) or parsed.holes


@each_topic
def test_each_cut_answer_leaves_a_hole_or_an_incomplete_list(collector):
    answers = answers_of(collector)
    for id_, one in answers.items():
        if one.command.id not in {command.id for command in collector.commands} or not one.stdout:
            continue
        cut = {**answers, id_: Answer(one.command, one.stdout[:-3], one.stderr, one.exit_code, 1, truncated=True)}
        before, after = collector.parse(answers), collector.parse(cut)
        assert isinstance(before, Facts)
        whole = isinstance(after, Facts) and after == before
        assert not whole or id_ in REDUNDANT, id_


REDUNDANT = frozenset(
    {
        "kernel.sysctl_root",  # root sees what everybody sees
        "kernel.sysctl",
        "os.release_vendor",
        "sshd.effective",  # refused on this host; the stranger's answer counts
        "sshd.anyone",  # the running server has options, so it is asked again
        "sshd.version",
        "sshd.version_server",
        "sshd.passwd",
        "sshd.pid",
        "ssh_keys.effective",
        "ssh_keys.mounts",
        "ssh_keys.there",
    }
)


@each_topic
def test_a_host_that_refuses_every_sudo_never_looks_complete(collector):
    answers = answers_of(collector)
    privileged = [
        id_ for id_, one in answers.items() if one.command.sudo and id_ not in ("kernel.sysctl_root", "ssh_keys.links")
    ]
    for id_ in privileged:
        before, after = collector.parse(answers), collector.parse(refused(answers, id_))
        assert before != after or id_ in REDUNDANT | {
            "sshd.running",
            "ssh_keys.lines",
            "ssh_keys.elsewhere",
            "ssh_keys.links",
        }, id_


@each_topic
def test_every_command_follows_the_argument_grammar(collector):
    for command in collector.commands:
        assert command.id.split(".")[0] == collector.topic
        assert check(command) is command
        if command.sudo:
            assert not set("*?[") & set(" ".join(command.argv)), command.id


@each_topic
def test_the_facts_have_a_published_schema(collector):
    assert "$defs" in schema_of(collector) or "properties" in schema_of(collector)
    value = collector.parse(answers_of(collector))
    assert isinstance(value, Facts)
    assert msgspec.convert(msgspec.to_builtins(value.value), collector.facts) == value.value
