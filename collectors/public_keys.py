"""SSH public keys as text lines: what kind, how large, which fingerprint, and what an authorized_keys line allows."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key."""

    type: str
    bits: int | None
    """Absent when the type is unknown to us."""
    fingerprint: str
    """``SHA256:…`` without padding, as `ssh-keygen -l` prints it."""
    comment: str
    options: tuple[tuple[str, str], ...] = ()
    """Options before the key in lower case, each with its value (empty for plain ones)."""


def public_key(line: str) -> PublicKey | None:
    """Return the key on this line of an authorized_keys or .pub file, or ``None`` when there is none on it.

    Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT; RFC 4253, 6.6.
    """
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    key = _key(text)
    if key is not None:
        return key
    at = _end_of_options(text)
    key = _key(text[at:].strip())
    if key is None:
        return None
    return PublicKey(key.type, key.bits, key.fingerprint, key.comment, _options(text[:at]))


MAX_COMMENT = 200
_SIZES = {
    "ssh-ed25519": 256,
    "sk-ssh-ed25519@openssh.com": 256,
    "ecdsa-sha2-nistp256": 256,
    "sk-ecdsa-sha2-nistp256@openssh.com": 256,
    "ecdsa-sha2-nistp384": 384,
    "ecdsa-sha2-nistp521": 521,
}


def _key(text: str) -> PublicKey | None:
    words = text.split(None, 2)
    if len(words) < 2:
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
        fields = _fields(blob)
    except (binascii.Error, ValueError, struct.error):
        return None
    if len(fields) < 2 or fields[0].decode("ascii", "replace") != words[0]:
        return None
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    comment = words[2][:MAX_COMMENT] if len(words) == 3 else ""
    return PublicKey(words[0], _bits(words[0], fields), f"SHA256:{digest}", comment)


def _fields(blob: bytes) -> list[bytes]:
    """Return the length-prefixed strings of a key blob (RFC 4251, 5)."""
    fields = []
    at = 0
    while at < len(blob):
        (size,) = struct.unpack_from(">I", blob, at)
        if size > len(blob) - at - 4:
            raise ValueError("a field reaches beyond the blob")
        fields.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


def _bits(kind: str, fields: list[bytes]) -> int | None:
    if kind == "ssh-rsa" and len(fields) == 3:
        return int.from_bytes(fields[2], "big").bit_length()
    if kind == "ssh-dss" and len(fields) == 5:
        return int.from_bytes(fields[1], "big").bit_length()
    return _SIZES.get(kind)


def _end_of_options(text: str) -> int:
    """Return where the options end: the first blank outside of quotes."""
    quoted = False
    for at, letter in enumerate(text):
        if letter == '"' and (at == 0 or text[at - 1] != "\\"):
            quoted = not quoted
        elif letter in " \t" and not quoted:
            return at
    return len(text)


def _options(text: str) -> tuple[tuple[str, str], ...]:
    options: list[tuple[str, str]] = []
    quoted = False
    start = 0
    for at, letter in enumerate(text + ","):
        if letter == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif letter == "," and (not quoted or at == len(text)):
            name, _, value = text[start:at].partition("=")
            if name.strip():
                options.append((name.strip().lower(), value.strip().removeprefix('"').removesuffix('"')))
            start = at + 1
    return tuple(options)
