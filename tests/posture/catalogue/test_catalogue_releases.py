"""Hosts recorded on other releases of Debian: every check is judged on them, and what differs is what differs there."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from collectors.base import observe
from collectors.registry import COLLECTORS
from collectors.transports.replay import read_transcript
from posture.catalogue.load import load
from posture.evaluate.judge import judge, topics_of
from posture.model.finding import Status
from posture.model.observation import FactDocument, Observation

HOSTS = Path(__file__).parents[2] / "collectors/fixtures/hosts"
CHECKS = load().checks
LATER = {"ai_host", "interfaces"}
"""Topics that are younger than the recordings: nobody asked, so they are unseen and not empty."""
UNSEEN = {"debian11": {"services", *LATER}, "debian13": {"services", "logins", *LATER}}
"""A namespace host runs no systemd, and Debian 13 has no lastlog any more."""


@cache
def seen(name: str) -> dict[str, Observation]:
    transcript = read_transcript(HOSTS / f"recorded_{name}.json.xz")
    return {collector.topic: observe(collector, transcript) for collector in COLLECTORS}


def fact(name: str, topic: str, *path: str) -> Any:
    document = seen(name)[topic]
    assert isinstance(document, FactDocument), document
    value = json.loads(document.content)["facts"]
    for key in path:
        value = value[key]
    return value


@cache
def verdicts(name: str) -> dict[str, Status]:
    moment = read_transcript(HOSTS / f"recorded_{name}.json.xz").session.started_at
    return {
        check.id: judge(check, seen(name), as_of=moment).status
        for check in CHECKS.values()
        if check.scope != "fleet" and set(topics_of(check)) <= {*seen(name), "declared"}
    }


@pytest.mark.parametrize("name", UNSEEN)
def test_every_topic_is_read_but_those_the_host_cannot_answer(name: str) -> None:
    unseen = {topic for topic, one in seen(name).items() if not isinstance(one, FactDocument)}
    assert unseen == UNSEEN[name]
    documents = [one for one in seen(name).values() if isinstance(one, FactDocument)]
    holes = {one.topic for one in documents if json.loads(one.content)["holes"]}
    younger = {"packages"}  # recorded before projects of Python and npm were asked for
    assert holes == _NOT_OF_A_NAMESPACE | younger | (
        {"mail"} if name == "debian11" else set()
    )  # exim, which is not read


@pytest.mark.parametrize(("name", "release"), [("debian11", "11"), ("debian13", "13")])
def test_the_recording_is_of_that_release(name: str, release: str) -> None:
    assert fact(name, "os", "version_id") == release


@pytest.mark.parametrize("name", UNSEEN)
def test_every_check_comes_to_a_verdict_on_a_recorded_release(name: str) -> None:
    said = verdicts(name)
    assert len(said) > 70
    assert {id_ for id_, status in said.items() if status is Status.FAIL} >= _FAIL_ON_ANY_FRESH_DEBIAN
    assert {id_ for id_, status in said.items() if status is Status.PASS} >= _PASS_ON_ANY_FRESH_DEBIAN


def test_nothing_that_needs_systemd_passes_where_systemd_does_not_run() -> None:
    for name in UNSEEN:
        assert {verdicts(name)[id_] for id_ in ("HRD-19", "LOG-06")} == {Status.NOT_CHECKED}


def test_the_releases_differ_where_their_software_does() -> None:
    old, new = verdicts("debian11"), verdicts("debian13")
    # Debian 11 left long-term support on 2026-08-31.
    assert (old["PAT-01"], new["PAT-01"]) == (Status.FAIL, Status.PASS)
    # OpenSSH 9.8 brought penalties for those who guess; 8.4 has none, and whether fail2ban runs was not seen.
    assert (old["SSH-07"], new["SSH-07"]) == (Status.NOT_CHECKED, Status.PASS)


_FAIL_ON_ANY_FRESH_DEBIAN = {"SSH-02", "SSH-03", "HRD-14", "HRD-15", "IDN-01", "IDN-03", "LOG-03", "LOG-05"}
_PASS_ON_ANY_FRESH_DEBIAN = {"SSH-04", "SSH-11", "SSH-12", "SSH-17", "IDN-05", "IDN-06", "IDN-07", "PAT-07", "PAT-08"}
_NOT_OF_A_NAMESPACE = {"audit", "kernel", "listeners", "mac", "timesync", "updates"}
"""What a namespace host has no part in: audit subsystem, securityfs, systemd, a clock of its own; package lists."""
