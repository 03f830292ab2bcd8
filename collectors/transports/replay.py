"""Transcripts as JSON files: written by a live run or by hand, read as evidence that never passes for live."""

from __future__ import annotations

import base64
import binascii
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from collectors.base import Answer, Command, Session, Transcript
from collectors.redact import redact
from collectors.transports.batch import SessionBrokenError
from posture.errors import CollectError, ConfigError
from posture.model.host import Host
from posture.model.observation import Blind, Hole, Origin

FORMAT = "posture-transcript-1"
MAX_FILE_BYTES = 100_000_000  # a session may say 32 MB, and base64 and escapes make it longer


class _Saved(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One answer on disk: text where it is UTF-8, so that a person can read and write it."""

    argv: tuple[str, ...]
    stdout: str = ""
    stderr: str = ""
    stdout_base64: str = ""
    stderr_base64: str = ""
    exit_code: int | None = 0
    duration_ms: int = 0
    sudo: bool = False
    ran_as_root: bool = False
    truncated: bool = False
    timed_out: bool = False
    redactions: int = 0
    timeout_s: int = 20
    max_bytes: int = 4_000_000
    ok_exit: tuple[int, ...] = (0,)


class _Failure(msgspec.Struct, forbid_unknown_fields=True):
    reason: Blind
    detail: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    format: str
    host: str
    account: str
    vantage: str
    started_at: datetime
    transport: str = ""
    answers: dict[str, _Saved] = {}
    failure: _Failure | None = None


def write_transcript(path: Path, transcript: Transcript) -> None:
    """Write a transcript so that ``read_transcript`` gives it back, with its origin turned to replayed.

    Packed when the name ends in ``.xz``; readable by its owner only.
    """
    session, failure = transcript.session, transcript.failure
    saved = _File(
        format=FORMAT,
        host=session.host,
        account=session.account,
        vantage=session.vantage,
        started_at=session.started_at,
        transport=session.transport,
        answers={id_: _saved(answer) for id_, answer in sorted(transcript.answers.items())},
        failure=None if failure is None else _Failure(failure.reason, failure.detail),
    )
    content = msgspec.json.format(msgspec.json.encode(saved), indent=1) + b"\n"
    path.touch(mode=0o600)
    path.write_bytes(lzma.compress(content, preset=9) if path.suffix == ".xz" else content)


def read_transcript(path: Path) -> Transcript:
    """Return the transcript of a file, redacted once more and marked as replayed.

    Raises:
        ConfigError: the file cannot be read, or is no transcript.
    """
    try:
        saved = msgspec.json.decode(_content(path), type=_File)
        answers = {id_: _answer(id_, one) for id_, one in saved.answers.items()}
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="give the path of a transcript") from None
    except (msgspec.MsgspecError, binascii.Error, lzma.LZMAError, EOFError, RecursionError) as error:
        raise ConfigError(f"{path}:1: no transcript: {error}", hint=f"the format is `{FORMAT}`") from None
    if saved.format != FORMAT or saved.started_at.tzinfo is None:
        raise ConfigError(
            f"{path}:1: format `{saved.format}`, or a time without a zone", hint=f"expected `{FORMAT}` and UTC times"
        )
    return Transcript(
        session=Session(
            host=saved.host,
            account=saved.account,
            vantage=saved.vantage,
            origin=Origin.REPLAYED,
            started_at=saved.started_at.astimezone(UTC),
            # Looks from the network stay what they are: other topics are read from them.
            transport=saved.transport if saved.transport in ("nmap", "http") else "replay",
        ),
        answers=answers,
        failure=None if saved.failure is None else Hole("", saved.failure.reason, saved.failure.detail),
    )


def read_transcripts(directory: Path) -> Iterator[Transcript]:
    """Yield every transcript of a directory (``*.json`` and ``*.json.xz``) in the order of their names.

    Raises:
        ConfigError: there is none, or one cannot be read.
    """
    paths = sorted(path for path in directory.glob("*.json*") if path.name.endswith((".json", ".json.xz")))
    if not paths:
        raise ConfigError(f"{directory}: no transcript there", hint="`posture record` writes those of a run")
    return (read_transcript(path) for path in paths)


@dataclass(slots=True)
class ReplayTransport:
    """Answers batches from a transcript, as the host would have."""

    transcript: Transcript

    @property
    def session(self) -> Session:
        """The recorded session."""
        return self.transcript.session

    def run(self, commands: tuple[Command, ...]) -> Mapping[str, Answer]:
        """Return the recorded answers to exactly these questions; one that was asked otherwise stays unanswered.

        Raises:
            SessionBrokenError: the recorded session ended early, and one of the answers is missing because of it.
        """
        recorded = self.transcript.answers
        found = {
            one.id: recorded[one.id]
            for one in commands
            if one.id in recorded and recorded[one.id].command.argv == one.argv
        }
        failure = self.transcript.failure
        if failure is not None and len(found) < len(commands):
            raise SessionBrokenError(failure.reason, failure.detail, found)
        return found

    def close(self) -> None:
        """Nothing was opened."""


def connect(host: Host, directory: Path) -> ReplayTransport:
    """Return a transport that replays ``HOST-ID.json`` of a directory.

    Raises:
        CollectError: nothing was recorded for the host, or its session never came about.
    """
    path = directory / f"{host.id}.json"
    if path.parent != directory or not path.is_file():
        raise CollectError(Blind.NOT_ATTEMPTED, f"no transcript of {host.id} in {directory}")
    transcript = read_transcript(path)
    if transcript.session.host != host.id:
        raise CollectError(Blind.UNPARSEABLE, f"{path} is a transcript of {transcript.session.host}")
    if transcript.failure is not None and not transcript.answers:
        raise CollectError(transcript.failure.reason, transcript.failure.detail)
    return ReplayTransport(transcript)


def _content(path: Path) -> bytes:
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: longer than {MAX_FILE_BYTES} bytes", hint="no session says that much")
    return content


def _saved(answer: Answer) -> _Saved:
    command = answer.command
    stdout, stdout_base64 = _as_text(answer.stdout)
    stderr, stderr_base64 = _as_text(answer.stderr)
    return _Saved(
        argv=command.argv,
        stdout=stdout,
        stderr=stderr,
        stdout_base64=stdout_base64,
        stderr_base64=stderr_base64,
        exit_code=answer.exit_code,
        duration_ms=answer.duration_ms,
        sudo=command.sudo,
        ran_as_root=answer.ran_as_root,
        truncated=answer.truncated,
        timed_out=answer.timed_out,
        redactions=answer.redactions,
        timeout_s=command.timeout_s,
        max_bytes=command.max_bytes,
        ok_exit=command.ok_exit,
    )


def _as_text(content: bytes) -> tuple[str, str]:
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError:
        return "", base64.b64encode(content).decode()


def _answer(id_: str, saved: _Saved) -> Answer:
    stdout = redact(base64.b64decode(saved.stdout_base64, validate=True) or saved.stdout.encode("utf-8", "replace"))
    stderr = redact(base64.b64decode(saved.stderr_base64, validate=True) or saved.stderr.encode("utf-8", "replace"))
    return Answer(
        command=Command(id_, saved.argv, saved.sudo, saved.timeout_s, saved.max_bytes, saved.ok_exit),
        stdout=stdout.content,
        stderr=stderr.content,
        exit_code=saved.exit_code,
        duration_ms=saved.duration_ms,
        truncated=saved.truncated,
        timed_out=saved.timed_out,
        redactions=saved.redactions + stdout.count + stderr.count,
        ran_as_root=saved.ran_as_root,
    )
