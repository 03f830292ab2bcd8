"""Transcripts on disk: what was written comes back, marked as replayed, and nothing else is taken for one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.base import Answer, Command, Session, Transcript
from collectors.transports import replay
from posture.errors import CollectError, ConfigError
from posture.model.host import Host
from posture.model.observation import Blind, Hole, Origin

LIVE = Session(
    "web", "scan", "lab", Origin.LIVE, datetime(2026, 11, 1, 12, tzinfo=UTC), host_key="SHA256:x", transport="ssh"
)
UNAME = Command("os.uname", ("/bin/uname", "-a"), sudo=True, timeout_s=7, max_bytes=99, ok_exit=(0, 1))


@settings(max_examples=40, deadline=None)
@given(stdout=st.binary(max_size=60), stderr=st.binary(max_size=60), exit_code=st.none() | st.integers(0, 255))
def test_a_transcript_comes_back_as_it_was_but_for_its_origin(
    tmp_path_factory: pytest.TempPathFactory, stdout: bytes, stderr: bytes, exit_code: int | None
) -> None:
    answer = Answer(
        UNAME, stdout, stderr, exit_code, 12, truncated=True, timed_out=True, redactions=3, ran_as_root=True
    )
    path = tmp_path_factory.mktemp("t") / "web.json"
    replay.write_transcript(path, Transcript(LIVE, {"os.uname": answer}, Hole("", Blind.TIMED_OUT, "why")))
    read = replay.read_transcript(path)
    assert read.answers == {"os.uname": answer}
    assert read.failure == Hole("", Blind.TIMED_OUT, "why")
    assert (read.session.origin, read.session.host_key, read.session.started_at) == (
        Origin.REPLAYED,
        "",
        LIVE.started_at,
    )


def test_a_written_live_transcript_never_reads_as_live(tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    replay.write_transcript(path, Transcript(LIVE))
    path.write_text(path.read_text().replace('"host"', '"origin": "live", "host"'))
    with pytest.raises(ConfigError):
        replay.read_transcript(path)


def test_secrets_in_a_file_written_by_hand_are_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    replay.write_transcript(path, Transcript(LIVE, {"os.uname": Answer(UNAME, b"password = CANARY", b"", 0, 1)}))
    answer = replay.read_transcript(path).answers["os.uname"]
    assert (b"CANARY" in answer.stdout, answer.redactions) == (False, 1)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "x"}', "\x00", "[" * 100_000], ids=ascii)
def test_a_file_that_is_no_transcript_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ConfigError):
        replay.read_transcript(path)


def test_a_replayed_host_answers_the_recorded_questions_and_no_others(tmp_path: Path) -> None:
    replay.write_transcript(tmp_path / "web.json", Transcript(LIVE, {"os.uname": Answer(UNAME, b"Linux", b"", 0, 1)}))
    link = replay.connect(Host("web", (), "z"), tmp_path)
    assert link.run((UNAME,))["os.uname"].text == "Linux"
    assert link.run((Command("os.uname", ("/bin/uname", "-r")), Command("os.other", ("/bin/true",)))) == {}


@pytest.mark.parametrize("name", ["absent", "../web", "renamed"])
def test_a_host_without_a_transcript_of_its_own_is_unseen(tmp_path: Path, name: str) -> None:
    (tmp_path / "inner").mkdir()
    replay.write_transcript(tmp_path / "web.json", Transcript(LIVE))
    replay.write_transcript(tmp_path / "inner" / "renamed.json", Transcript(LIVE))
    with pytest.raises(CollectError):
        replay.connect(Host(name, (), "z"), tmp_path / "inner")


def test_a_recorded_failure_fails_again(tmp_path: Path) -> None:
    replay.write_transcript(tmp_path / "web.json", Transcript(LIVE, failure=Hole("", Blind.LOGIN_REFUSED, "no")))
    with pytest.raises(CollectError) as caught:
        replay.connect(Host("web", (), "z"), tmp_path)
    assert caught.value.reason is Blind.LOGIN_REFUSED
