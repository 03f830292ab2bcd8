"""The first law, end to end: take evidence away from a host that was read, and no verdict may get better.

Every recorded answer is refused, cut off, killed, lost, thinned and garbled in turn; all collectors read what is left
and every check judges it. A second law finds what the first cannot: where some other answer to a question would have
made a check fail, the check does not pass without an answer to that question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from collectors.base import Answer, Command, Session, Transcript, document, observe
from collectors.registry import COLLECTORS
from posture.catalogue.load import load
from posture.evaluate.judge import Memo, topics_of
from posture.model.check import Check
from posture.model.finding import Status
from posture.model.observation import Observation, Origin, Unseen
from tests.collectors.transcripts import FIXTURES, as_declared, recorded

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SESSION = Session("host", "root", "self", Origin.REPLAYED, NOW)
TOPICS = {collector.topic: collector for collector in COLLECTORS}
GOOD = frozenset({Status.PASS, Status.NOT_APPLICABLE})
HARDENED = Path(__file__).parent / "degraded" / "recorded_hardened_host.json"

Answers = Mapping[str, Answer]

SAME_QUESTION = {
    "kernel.sysctl": "kernel.sysctl_root asks for the same values; where they differ, it counts",
    "kernel.sysctl_root": "kernel.sysctl asks for the same values, and a key only root may read is a hole of its own",
    "sshd.effective": "sshd.anyone asks for the same settings; where only one answers, it counts",
    "sshd.anyone": "sshd.effective asks for the same settings, and every Match block is asked about by itself",
}
"""Questions that another one repeats. In the second law the other still tells the truth that the changed answer left."""


@dataclass(frozen=True, slots=True)
class World:
    """The answers of one host about one topic."""

    topic: str
    name: str
    answers: Answers


def _worlds() -> Iterator[World]:
    for path in sorted(FIXTURES.glob("*.json")):
        for topic, collector in TOPICS.items():
            answers = recorded(path.stem) if re.search(rf"_{topic}(_|$)", path.stem) else {}
            if answers and all(id_.startswith(f"{topic}.") for id_ in answers):
                yield World(topic, path.stem, as_declared(collector, answers))
    for topic, collector in TOPICS.items():
        yield World(topic, f"hardened {topic}", as_declared(collector, _hardened(topic)))


@cache
def _hardened(topic: str) -> dict[str, Answer]:
    rows = json.loads(HARDENED.read_text())
    return {
        id_: Answer(Command(id_, tuple(row["argv"])), row["stdout"].encode(), row["stderr"].encode(), row["exit"], 3)
        for id_, row in rows.items()
        if id_.startswith(f"{topic}.")
    }


WORLDS = tuple(_worlds())
CHECKS = tuple(check for check in load().checks.values() if check.scope != "fleet")
MEMO = Memo()


@cache
def _elsewhere() -> dict[str, Observation]:
    """Return what else is known of the host, so that no check waits for another topic."""
    facts = {"addresses": ["10.0.0.1"], "roles": [], "tcp_ports": [22], "udp_ports": [], "accounts": ["root"]}
    said = document(host="host", topic="declared", facts=facts, evidence=(), taken_at=NOW, origin=Origin.ATTESTED)
    known = {topic: _observed(topic, _hardened(topic)) for topic in TOPICS}
    return {**known, "declared": said}


def _observed(topic: str, answers: Answers) -> Observation:
    collector = TOPICS[topic]
    return observe(collector, Transcript(SESSION, as_declared(collector, answers)))


def _checks_of(topic: str) -> tuple[Check, ...]:
    return tuple(check for check in CHECKS if topic in topics_of(check))


def _statuses(topic: str, answers: Answers) -> dict[str, Status]:
    observation = _observed(topic, answers)
    assert not (isinstance(observation, Unseen) and observation.reason == "bug"), observation
    documents = {**_elsewhere(), topic: observation}
    return {check.id: MEMO.judge(check, documents, as_of=NOW).status for check in _checks_of(topic)}


def _taken_away(one: Answer) -> Iterator[tuple[str, Answer | None]]:
    """Yield the ways in which a whole answer is lost or broken."""
    program = one.command.argv[0].encode()
    half = one.stdout[: len(one.stdout) // 2]
    yield "never sent", None
    yield "sudo refuses", replace(one, stdout=b"", stderr=b"sudo: a password is required\n", exit_code=1)
    for code in (1, 2):
        yield f"denied, {code}", _said(one, b"", program + b": /etc/x: Permission denied\n", code)
    yield "find is denied", _said(one, b"", program + b": '/etc/x': Permission denied\n", 1)
    yield "cut off", replace(one, stdout=half, truncated=True)
    yield "timed out", replace(one, stdout=half, exit_code=None, timed_out=True)
    yield "killed", replace(one, stdout=half, exit_code=137)
    yield "missing", _said(one, b"", b"", 127)
    yield "an unnamed error", _said(one, b"", b"", 2)
    yield "garbled", _said(one, b"\xff\xfe garbage \x00 zzz\n" * 5, b"", 0)


def _withheld(one: Answer) -> Iterator[tuple[str, Answer]]:
    """Yield the answer with single files or rows kept back, as a program complains of them."""
    program = one.command.argv[0].encode()
    if "-RHaZn" in one.command.argv:
        rows = one.stdout.split(b"\n")
        for path in sorted({row.split(b"\0")[0] for row in rows if b"\0" in row})[:30]:
            kept = b"\n".join(row for row in rows if row.split(b"\0")[0] != path)
            yield (
                f"{path!r} denied",
                _said(one, kept, one.stderr + program + b": " + path + b": Permission denied\n", 2),
            )
    if program.endswith(b"find"):
        separator = b"\0" if one.stdout.count(b"\0") > one.stdout.count(b"\n") else b"\n"
        rows = one.stdout.split(separator)
        for at in range(0, len(rows), max(1, len(rows) // 20)):
            kept = separator.join(rows[:at] + rows[at + 1 :])
            denied = one.stderr + program + b": '/etc/somewhere': Permission denied\n"
            yield f"row {at} denied", _said(one, kept, denied, 1)
            if "-exec" in one.command.argv:
                denied = one.stderr + b"/usr/bin/grep: /etc/somewhere: Permission denied\n"
                yield f"row {at} not read by -exec", replace(one, stdout=kept, stderr=denied)


def _said(one: Answer, stdout: bytes, stderr: bytes, code: int) -> Answer:
    return replace(one, stdout=stdout, stderr=stderr, exit_code=code)


def _judged_with(world: World, id_: str, other: Answer | None) -> list[tuple[str, Status]]:
    return sorted(_statuses(world.topic, _instead(world.answers, id_, other)).items())


def _instead(answers: Answers, id_: str, other: Answer | None) -> Answers:
    rest = {key: answer for key, answer in answers.items() if key != id_}
    return rest if other is None else {**rest, id_: other}


each_world = pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)


@each_world
def test_taking_evidence_away_never_makes_a_verdict_better(world):
    before = _statuses(world.topic, world.answers)
    better = [
        (check, id_, how, before[check].name, after.name)
        for id_, one in world.answers.items()
        for how, other in (*_taken_away(one), *_withheld(one))
        for check, after in _judged_with(world, id_, other)
        if after in GOOD and before[check] not in GOOD
    ]
    assert not better


SWAPS = (
    *((b"yes", b"no"), (b" no", b" yes"), (b"=0", b"=1"), (b"= 0", b"= 1"), (b"= 1", b"= 0"), (b"= 2", b"= 0")),
    *((b"noexec", b"exec"), (b"enforce", b"complain"), (b"drop", b"accept"), (b"enabled", b"disabled")),
    *((b"0644", b"0666"), (b"0600", b"0666"), (b"none", b"all"), (b"1", b"9"), (b"files", b"files ldap")),
)


def _otherwise(one: Answer) -> Iterator[Answer]:
    """Yield complete answers that the host could have given instead: a line less, a word changed."""
    separator = b"\0" if one.stdout.count(b"\0") > one.stdout.count(b"\n") else b"\n"
    rows = one.stdout.split(separator)
    for at in range(0, len(rows), max(1, len(rows) // 10)):
        yield replace(one, stdout=separator.join(rows[:at] + rows[at + 1 :]))
    for old, new in SWAPS:
        if old in one.stdout:
            yield replace(one, stdout=one.stdout.replace(old, new))


@each_world
def test_what_an_answer_could_refute_never_passes_without_it(world):
    claimed = []
    for id_, one in world.answers.items():
        lost = {
            how: [check for check, status in _judged_with(world, id_, other) if status in GOOD]
            for how, other in _taken_away(one)
            if how not in ("cut off", "timed out", "killed")  # the half that is left may have decided
        }
        if id_ in SAME_QUESTION or not any(lost.values()):
            continue
        refuted = {
            check
            for other in _otherwise(one)
            for check, status in _judged_with(world, id_, other)
            if status is Status.FAIL
        }
        claimed += [(check, id_, how) for how, checks in lost.items() for check in checks if check in refuted]
    assert not claimed


BAD_NEWS = {
    "sudo.nsswitch": (b"/etc/nsswitch.conf\x001:sudoers: files sss\n", "IDN-07"),
    "secret_files.accounts": (b"app:x:1001:1001::/data/app:/bin/bash\n", "IDN-11"),
    "secret_files.mounts": (b"/\n/home/alice\n", "IDN-11"),
    "containers.groups": (b"docker:x:998:alice\n", "IDN-13"),
    "containers.daemon": (b'/etc/docker/daemon.json\x001:{"hosts": ["tcp://0.0.0.0:2375"]}\n', "EXP-14"),
    "exports.active": (b"/var/lib/nfs/etab\x001:/srv\t*(rw,no_root_squash)\n", "EXP-09"),
    "accounts.shadow": (b"root::0:19000:99999::\n", "IDN-04"),
}
"""Answers nobody's recording had, each with a check that it spoils."""
ORDINARY = {("containers.groups", "an unnamed error")}
"""getent(1) ends with 2 and says nothing where none of the groups exists."""


@pytest.mark.parametrize("id_", BAD_NEWS)
def test_bad_news_that_did_not_arrive_is_not_good_news(id_):
    stdout, check = BAD_NEWS[id_]
    topic = id_.split(".", 1)[0]
    answers = _hardened(topic)
    assert _statuses(topic, {**answers, id_: _said(answers[id_], stdout, b"", 0)})[check] not in GOOD
    for how, other in _taken_away(answers[id_]):
        if (id_, how) not in ORDINARY:
            assert _statuses(topic, _instead(answers, id_, other))[check] not in GOOD, how


def test_the_hardened_host_passes_enough_for_these_laws_to_bite():
    judged = [MEMO.judge(check, _elsewhere(), as_of=NOW).status for check in CHECKS]
    assert judged.count(Status.PASS) >= 40
