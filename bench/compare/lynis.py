"""Lynis: its tests, and the single values of those tests that look at many, read from its log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bench.compare.answers import Answer
from tests.lab.host import Host
from tests.lab.network import LabError

_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")
_BEGIN = re.compile(r"^Performing test ID ([A-Z]+-\d+)")
_BLAME = re.compile(r"^(?:Warning|Suggestion): .*\[test:([A-Z]+-\d+)\]")
_SSHD = re.compile(r"OpenSSH option (\w+) is (.*)$")
_SYSCTL = re.compile(r"sysctl key (\S+) (contains equal|has a different)")
_MOUNT = re.compile(r"marked (/\S*) as (.*)$")
_PROTOCOL = re.compile(r"now checking module '(\w+)'")


def run(host: Host, raw: Path) -> None:
    """Write its log of the host into the directory."""
    done = host.run(["lynis", "audit", "system", "--quick", "--no-colors"])
    if done.returncode != 0:
        raise LabError(f"lynis on {host.build.id}: {(done.stderr or done.stdout)[-300:]}")
    (raw / "lynis.log").write_text(host.run(["cat", "/var/log/lynis.log"]).stdout)


def read(raw: Path) -> dict[str, Answer]:
    """Return its answers by test id, and by ``TEST:value`` where a test looks at many values.

    A test passes when it gave every point it has to give and neither warned nor suggested anything. One that says
    nothing at all has no word yet: `settle` finds out what its silence means.
    """
    path = raw / "lynis.log"
    if not path.exists():
        return {}
    answers: dict[str, Answer] = {}
    for test, lines in _tests(path.read_text(errors="replace")):
        parts = dict(_parts(lines))
        answers |= {f"{test}:{part}": answer for part, answer in parts.items()}
        answers[test] = _whole(test, lines)
    return answers


def settle(hosts: dict[str, dict[str, Answer]]) -> dict[str, dict[str, Answer]]:
    """Return the answers with silence as a pass for each test that complains on another host; other silence stays."""
    judging = {rule for answers in hosts.values() for rule, answer in answers.items() if answer.word == "fail"}

    def settled(rule: str, answer: Answer) -> Answer:
        silent = answer.word == "none" and rule in judging and "kipping" not in answer.said
        return Answer("pass", answer.said) if silent else answer

    return {host: {rule: settled(rule, answer) for rule, answer in answers.items()} for host, answers in hosts.items()}


def _tests(log: str) -> Iterator[tuple[str, list[str]]]:
    test = ""
    lines: list[str] = []
    for stamped in log.splitlines():
        line = _STAMP.sub("", stamped)
        begun = _BEGIN.match(line)
        if begun or line.startswith(("Skipped test", "Action: Performing tests")):
            if test:
                yield test, lines
            test, lines = (begun[1] if begun else ""), []
        lines.append(line)
    if test:
        yield test, lines


def _parts(lines: list[str]) -> Iterator[tuple[str, Answer]]:
    protocol = ""
    for number, line in enumerate(lines):
        if found := _SSHD.search(line):
            yield (
                found[1],
                Answer("pass" if "very well" in found[2] else "fail", f"{_value(lines, number)}: {found[2]}"),
            )
        elif found := _SYSCTL.search(line):
            yield found[1], Answer("pass" if found[2].startswith("contains") else "fail", line.partition("Result: ")[2])
        elif found := _MOUNT.search(line):
            yield found[1], Answer("pass" if "fully" in found[2] or found[2] == "hardened" else "fail", line)
        elif found := _PROTOCOL.search(line):
            if protocol:
                yield protocol, Answer("pass", "no suggestion")
            protocol = found[1]
        elif protocol and line.startswith("Suggestion:"):
            yield protocol, Answer("fail", line.partition(" [")[0])
            protocol = ""
    if protocol:
        yield protocol, Answer("pass", "no suggestion")


def _value(lines: list[str], number: int) -> str:
    return next((line[8:] for line in reversed(lines[:number]) if " value is " in line), "")


def _whole(test: str, lines: list[str]) -> Answer:
    blamed = [line for line in lines if (found := _BLAME.match(line)) and found[1] == test]
    partial = any("assigned partial number" in line for line in lines)
    full = any("assigned maximum number" in line for line in lines)
    said = next(iter(blamed), "") or next((line for line in reversed(lines) if line.startswith("Result: ")), "")
    if blamed or partial:
        return Answer("fail", said.partition(" [test:")[0])
    return Answer("pass" if full else "none", said)
