"""Takes secrets out of what hosts say, before anything else sees it; names, modes, schemes and states stay.

Every rule finds spans in the original bytes; overlapping spans are merged and replaced in one pass. Rules run only on
text that has one of their hints, and every pattern is linear: it starts with a literal and every repetition either
excludes what follows it or has an upper bound.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from collectors.redact.commands import PROGRAM_OPTIONS, command_lines
from collectors.redact.directives import DIRECTIVES, directives
from collectors.redact.environments import environments
from collectors.redact.hashes import crypt_hashes, shadow_lines
from collectors.redact.keys import key_blocks, putty_keys
from collectors.redact.names import assignments
from collectors.redact.spans import GONE, Span
from collectors.redact.tokens import tokens, user_in_url


@dataclass(frozen=True, slots=True)
class Redacted:
    """Bytes that may be kept, and how many values were taken out of them."""

    content: bytes
    count: int


def redact(raw: bytes) -> Redacted:
    """Return the bytes without secrets; doing it again changes nothing.

    Hosts of one make say the same, so the result is remembered, under a keyed digest of what came. Safe to call from
    several threads.
    """
    key = hashlib.blake2b(raw, key=_REMEMBERED.key).digest()
    return _REMEMBERED.get(key) or _REMEMBERED.put(key, _without_secrets(raw))


@dataclass(slots=True)
class _Memory:
    """The results used last, as many as fit: only what may be kept, under digests that no host can foresee."""

    limit_bytes: int
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _held: OrderedDict[bytes, Redacted] = field(default_factory=OrderedDict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: bytes) -> Redacted | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: bytes, redacted: Redacted) -> Redacted:
        """Return the result that is held from now on; the ones not used for longest make room for it."""
        with self._lock:
            if key not in self._held:
                self._held[key] = redacted
                self._size += _ENTRY_BYTES + len(redacted.content)
            while self._size > self.limit_bytes:
                _, dropped = self._held.popitem(last=False)
                self._size -= _ENTRY_BYTES + len(dropped.content)
            return redacted


_ENTRY_BYTES = 400  # digest, result and their place in the table
_REMEMBERED = _Memory(limit_bytes=8_000_000)


def _without_secrets(raw: bytes) -> Redacted:
    lower = raw.lower()
    spans = [span for rule in _RULES if any(hint in lower for hint in rule.hints) for span in rule.find(raw, lower)]
    if not spans:
        return Redacted(raw, 0)
    pieces: list[bytes] = []
    at = count = 0
    for start, end, instead in _merged(raw, spans):
        pieces += (raw[at:start], instead)
        at = end
        count += 1
    pieces.append(raw[at:])
    return Redacted(b"".join(pieces), count)


@dataclass(frozen=True, slots=True)
class _Rule:
    hints: tuple[bytes, ...]
    """Lower-case; one of them stands in every text the rule could change."""
    find: Callable[[bytes, bytes], Iterator[Span]]
    """From the raw bytes and the same in lower case."""


def _merged(raw: bytes, spans: list[Span]) -> Iterator[Span]:
    """Yield disjoint spans in order; where two overlap nothing of either is kept."""
    spans.sort(key=lambda span: (span[0], -span[1]))
    start, end, instead = spans[0]
    for following in spans[1:]:
        if following[0] >= end:
            yield start, end, instead
            start, end, instead = following
        elif following[1] > end:
            end, instead = following[1], GONE
    yield start, end, instead


_RULES = (
    _Rule((b"private key",), key_blocks),
    _Rule((b"private-lines",), putty_keys),
    _Rule((b":",), shadow_lines),
    _Rule((b"$", b"}", b"grub.pbkdf2", b"scram-sha", b":["), crypt_hashes),
    _Rule(
        (
            b"pass",
            b"secret",
            b"token",
            b"key",
            b"pw",
            b"auth",
            b"community",
            b"psk",
            b"connection",
            b"credential",
        ),
        assignments,
    ),
    _Rule(tuple({hint for hints, _ in DIRECTIVES for hint in hints}), directives),
    _Rule(
        (
            b"akia",
            b"asia",
            b"abia",
            b"acca",
            b"gh",
            b"glpat",
            b"xox",
            b"sk-",
            b"k_",
            b"aiza",
            b"ya29",
            b"hf_",
            b"npm_",
            b"pypi-",
            b"sg.",
            b"hv",
            b"dop_",
            b"age-",
            b"eyj",
            b"nvapi",
            b"bearer",
            b"basic",
            b"digest",
            b"negotiate",
            b"authorization",
        ),
        tokens,
    ),
    _Rule((b"://",), user_in_url),
    _Rule((b"environment=", b'"env"'), environments),
    _Rule(tuple({hint for hints, _, _ in PROGRAM_OPTIONS for hint in hints}), command_lines),
)
