"""Private keys: their bodies go, the cipher that protects them stays."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from collectors.redact.spans import GONE, Span, already


def key_blocks(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find the body of private key blocks; one without an end goes on to the end of the text."""
    at = 0
    while found := _KEY_BEGIN.search(raw, at):
        end = raw.find(b"-----END", found.end())
        at = len(raw) if end < 0 else end
        body = raw[found.end() : at]
        if body.strip() and GONE[:-1] not in body[:40]:
            yield found.end(), at, b"\n" + _key_facts(body) + b"\n"


_KEY_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_OPENSSH_MAGIC = b"openssh-key-v1\0"


def _key_facts(body: bytes) -> bytes:
    """Return the placeholder, with the cipher's name where the block says one (``none`` is no passphrase)."""
    cipher = b""
    if b"Proc-Type: 4,ENCRYPTED" in body[:200]:
        cipher = b"legacy-pem"
    try:
        # PROTOCOL.key: the magic, then a string with the cipher's name; no key material stands in the first 60 bytes.
        head = base64.b64decode(re.sub(rb"[^A-Za-z0-9+/]", b"", body[:200])[:80])
    except binascii.Error:
        head = b""
    if head.startswith(_OPENSSH_MAGIC):
        length = int.from_bytes(head[15:19], "big")
        name = head[19 : 19 + length]
        cipher = name if length <= 40 and re.fullmatch(rb"[a-z0-9@.-]{1,40}", name) else b""
    return GONE[:-1] + b" cipher=" + cipher + b">" if cipher else GONE


def putty_keys(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find the private lines of PuTTY key files."""
    for found in re.finditer(rb"private-lines: \d{1,5}", lower):
        end = lower.find(b"private-mac:", found.end())
        end = len(raw) if end < 0 else end
        if not already(raw[found.end() : end].strip()):
            yield found.end(), end, b"\n" + GONE + b"\n"
