"""An authority's timestamp (RFC 3161) over the digests of a bundle: asked for, read, and checked with OpenSSL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509

from posture.errors import UsageError
from posture.proof.programs import run_program

MAX_REPLY_BYTES = 1_000_000  # a reply with its chain of certificates is about 6 kB
# The first that stands there: nothing before it in OpenSSL's text is a word of the authority's own.
_MADE_AT = re.compile(r"^Time stamp: (\w{3} [ \d]\d \d\d:\d\d:\d\d)(?:\.\d+)? (\d{4}) GMT$", re.MULTILINE)
_REASON = re.compile(r"(?:Verify error:|time stamp routines:\w+:)([^:\n]+)")
_REFUSED = re.compile(r"^(?:Status|Status description|Failure info): (?!unspecified)(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a reply says of itself; true only as far as the authority's signature holds."""

    made_at: datetime
    by: str
    """Subject of the certificate that signed it."""
    valid_from: datetime
    valid_until: datetime

    @property
    def words(self) -> str:
        """When and by whom, in words."""
        return f"made {self.made_at:%Y-%m-%d %H:%M:%S} UTC by {self.by}"


def query_of(message: bytes) -> bytes:
    """Return the query that asks an authority to stamp a message; it holds a digest and a nonce only.

    Raises:
        UsageError: OpenSSL fails.
    """
    with _files(data=message) as place:
        done = run_program(["openssl", "ts", "-query", "-data", f"{place}/data", "-sha256", "-cert"])
    if done.returncode != 0 or not done.stdout:
        raise UsageError("openssl wrote no query for a timestamp", hint="see `openssl version`: 1.1 or later")
    return done.stdout


def stamped_by(program: Path, message: bytes) -> bytes:
    """Return the reply of a program that takes a query to an authority, once it is known to answer that very query.

    Whether the authority is one to trust is asked when the bundle is verified: nobody named its certificate yet.

    Raises:
        UsageError: OpenSSL or the program fails, or the reply is refused, damaged, or about another query.
    """
    query = query_of(message)
    done = run_program([str(program)], query)
    if done.returncode != 0 or not done.stdout:
        raise UsageError(f"{program} gave no timestamp", hint="it reads the query on its input and prints the reply")
    if why := _no_answer(query, done.stdout):
        raise UsageError(
            f"{program} gave no timestamp of these digests: {why}",
            hint="nothing was added: it has to print the authority's reply to the query it was given, unchanged",
        )
    return done.stdout


def stamp_of(reply: bytes) -> Stamp | None:
    """Return what a reply says of itself; ``None`` when it holds no timestamp, or none that can be read."""
    with _files(reply=reply) as place:
        if not _opened(place):
            return None
        done = run_program(["openssl", "ts", "-reply", "-token_in", "-in", f"{place}/token", "-text"])
        said = _MADE_AT.search(done.stdout.decode("utf-8", "replace"))
        if said is None:
            return None
        try:
            signer = x509.load_pem_x509_certificate((place / "signer").read_bytes())
            made_at = datetime.strptime(f"{said[1]} {said[2]}", "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
            by = signer.subject.rfc4514_string()
        except ValueError:
            return None
    return Stamp(made_at, by or "a certificate without a name", signer.not_valid_before_utc, signer.not_valid_after_utc)


def why_not(message: bytes, reply: bytes, authority: Path, at: datetime) -> str:
    """Return why a reply is no stamp of the message by the authority, judged as of ``at``; empty when it is one."""
    with _files(data=message, reply=reply) as place:
        asked = ["-data", f"{place}/data", "-in", f"{place}/reply", "-CAfile", str(authority)]
        return _verified([*asked, "-attime", str(int(at.timestamp()))])


def _no_answer(query: bytes, reply: bytes) -> str:
    if len(reply) > MAX_REPLY_BYTES:
        return f"it is longer than {MAX_REPLY_BYTES:,} bytes"
    with _files(query=query, reply=reply) as place:
        if not _opened(place):
            done = run_program(["openssl", "ts", "-reply", "-in", f"{place}/reply", "-text"])
            refused = _REFUSED.findall(done.stdout.decode("utf-8", "replace"))
            return "; ".join(refused)[:200] or "it is no reply of a timestamp authority, or damaged"
        # Digest, nonce, signature and purpose are checked by the certificate that came with it, trusted for this only.
        asked = ["-queryfile", f"{place}/query", "-in", f"{place}/reply", "-CAfile", f"{place}/signer"]
        return _verified([*asked, "-partial_chain"]) or ("" if stamp_of(reply) else "its date cannot be read")


def _opened(place: Path) -> bool:
    """Take the token out of the reply, and the certificate of whoever signed it out of the token."""
    token, signer = f"{place}/token", f"{place}/signer"
    taken = run_program(["openssl", "ts", "-reply", "-in", f"{place}/reply", "-token_out", "-out", token])
    if taken.returncode != 0:
        return False
    command = ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", token, "-signer", signer]
    return run_program([*command, "-out", f"{place}/info"]).returncode == 0


def _verified(asked: list[str]) -> str:
    done = run_program(["openssl", "ts", "-verify", *asked])
    if done.returncode == 0:
        return ""
    said = _REASON.search(done.stderr.decode("utf-8", "replace"))
    return said[1].strip() if said else "another authority, or other bytes"


@contextmanager
def _files(**contents: bytes) -> Iterator[Path]:
    with TemporaryDirectory(prefix="posture-timestamp-") as name:
        for file_name, content in contents.items():
            (Path(name) / file_name).write_bytes(content)
        yield Path(name)
