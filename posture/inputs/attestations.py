"""What people attest of checks that no program could decide: one JSON line each, in a file beside the database."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import msgspec

from posture.errors import ConfigError, UsageError
from posture.inputs.json_lines import add_line, read_lines
from posture.model.attestation import Attestation

NAME = "attestations.jsonl"
MAX_BYTES = 16_000_000  # some thirty thousand statements
MAX_FILE_BYTES = 500_000_000  # a scanned document, or an export of another tool
MAX_DAYS = 366  # what a person states is looked at again once a year (SP 800-53A asks for current evidence)
_TEXT_CHARS = 1000
_CHUNK = 1 << 20


def read_attestations(folder: Path) -> tuple[Attestation, ...]:
    """Return the last word on each check and host, sorted; none when there is no file.

    Raises:
        ConfigError: a line is none.
    """
    path = folder / NAME
    found: dict[tuple[str, str], Attestation] = {}
    for number, one in read_lines(path, Attestation, MAX_BYTES):
        if one.id != _id(one):
            raise ConfigError(
                f"{path}:{number}: the statement was changed after it was made",
                hint="take the line out, and let its author attest again",
            )
        found[one.check, one.host] = one
    return tuple(sorted(found.values()))


def new_attestation(
    check: str, host: str, *, author: str, reason: str, made_at: datetime, expires: date, document: Path | None = None
) -> Attestation:
    """Return the statement with its id; of a document only name and digest are kept.

    Raises:
        UsageError: author or reason is empty or too long, the last day is past or too far off, or the document cannot
            be read.
    """
    for what, text in (("author", author), ("reason", reason)):
        if not text.strip():
            raise UsageError(f"an attestation needs its {what}", hint=f"--{what} says who, or why it can be believed")
        if len(text) > _TEXT_CHARS:
            raise UsageError(f"the {what} has more than {_TEXT_CHARS} characters", hint="put the rest into a document")
    days = (expires - made_at.date()).days
    if not 0 <= days <= MAX_DAYS:
        when = "past" if days < 0 else f"more than {MAX_DAYS} days off"
        raise UsageError(f"{expires} is {when}", hint="give the day until which somebody answers for it")
    name, digest = ("", "") if document is None else (document.name, _digest(document))
    bare = Attestation("", check, host, author.strip(), reason.strip(), made_at, expires, name, digest)
    return replace(bare, id=_id(bare))


def add_attestation(folder: Path, attestation: Attestation) -> Path:
    """Return the file, with one more line at its end.

    Raises:
        OSError: it cannot be written.
    """
    return add_line(folder / NAME, attestation)


def _id(one: Attestation) -> str:
    return hashlib.sha256(msgspec.json.encode(replace(one, id=""), order="sorted")).hexdigest()[:16]


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            left = MAX_FILE_BYTES
            while chunk := file.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise UsageError(f"{path} is larger than {MAX_FILE_BYTES} bytes", hint="name the part that matters")
                digest.update(chunk)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="name a file") from None
    return digest.hexdigest()
