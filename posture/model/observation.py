"""What was seen, what was not, and the evidence for both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Blind(StrEnum):
    """Why we do not know."""

    UNREACHABLE = "unreachable"
    HOST_KEY_UNKNOWN = "host_key_unknown"
    HOST_KEY_MISMATCH = "host_key_mismatch"
    LOGIN_REFUSED = "login_refused"
    COMMAND_REFUSED = "command_refused"
    COMMAND_MISSING = "command_missing"
    TIMED_OUT = "timed_out"
    TRUNCATED = "truncated"
    UNPARSEABLE = "unparseable"
    NOT_ATTEMPTED = "not_attempted"
    OUT_OF_SCOPE = "out_of_scope"
    STALE = "stale"
    NOT_KEPT = "not_kept"
    BUG = "bug"


class Origin(StrEnum):
    """Where evidence comes from; replay never passes for live."""

    LIVE = "live"
    REPLAYED = "replayed"
    IMPORTED = "imported"
    ATTESTED = "attested"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One answer of one host to one question, by reference to its content-addressed bytes."""

    sha256: str
    """Hex digest of standard output after redaction; no digest of unredacted bytes is ever kept."""
    stderr_sha256: str
    """Hex digest of standard error after redaction."""
    host: str
    command_id: str
    """Stable name of the question, such as ``sshd.effective``."""
    asked: str
    """Exactly what was asked: the command line, or the probe."""
    account: str
    """As whom: the login name, followed by ``+sudo`` where root was used."""
    vantage: str
    origin: Origin
    taken_at: datetime
    duration_ms: int
    exit_code: int | None
    """``None`` when the command never ended or never ran."""
    size_bytes: int
    truncated: bool
    redactions: int
    """How many values were taken out."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A path inside a document, or a whole topic, that we asked for and do not have."""

    path: str
    """Dotted path below the topic; the empty string is the whole topic."""
    reason: Blind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FactDocument:
    """One topic of one host as canonical JSON, with its holes and the evidence it came from."""

    host: str
    topic: str
    content: bytes
    """Canonical JSON (sorted keys, no spaces, UTF-8) of ``{"facts": …, "holes": […]}``."""
    digest: str
    """Hex sha256 of ``content``: equal documents of different hosts share it."""
    evidence: tuple[str, ...]
    """Command ids of the evidence it was read from."""
    taken_at: datetime
    """The oldest evidence behind it."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Unseen:
    """A topic of a host that we asked for and do not have at all."""

    host: str
    topic: str
    reason: Blind
    detail: str = ""


Observation = FactDocument | Unseen
