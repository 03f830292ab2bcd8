"""Password hashes: scheme and state stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.redact.spans import GONE, Span, already


def shadow_lines(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find the second field of shadow(5), passwd(5) and gshadow(5) lines unless it only says a state."""
    for pattern in (_SHADOW, _PASSWD, _SECOND):
        for found in pattern.finditer(raw):
            yield from _hash_field(found.start(1), found[1])


_SHADOW = re.compile(rb"^[^:\s]{1,256}:([^:\n]{4,1024}):(?:-?\d{0,10}:){6}[^:\n]{0,20}$", re.MULTILINE)
_PASSWD = re.compile(rb"^[^:\s]{1,256}:([^:\n]{4,1024}):\d{1,10}:\d{1,10}:[^:\n]{0,1024}:[^:\n]{0,1024}:", re.MULTILINE)
_SECOND = re.compile(rb"^[^:\n]{1,256}:([!*]{0,3}\$[a-z0-9-]{1,16}\$[^:\n]{1,1024})", re.MULTILINE)
_STATE = re.compile(rb"([!*]{0,3})(\$[a-z0-9-]{1,16}\$|_)?")


def _hash_field(start: int, value: bytes) -> Iterator[Span]:
    if not value.strip(b"!*x"):
        return
    kept = _STATE.match(value)
    skip = kept.end() if kept else 0
    if not already(value[skip:]):
        yield start + skip, start + len(value), GONE


def crypt_hashes(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find salt and hash of crypt(5), LDAP, GRUB, SCRAM and Samba password hashes; the scheme stays."""
    for pattern in (_CRYPT, _LDAP, _PBKDF2, _SCRAM, _SMB):
        for found in pattern.finditer(raw):
            yield found.start(1), found.end(1), GONE


# crypt(5): the scheme between dollar signs stays, parameters, salt and hash go.
_CRYPT = re.compile(
    rb"\$(?:y|gy|7|6|5|3|1|2[abxy]?|md5|sha1|apr1|P|H|argon2(?:id?|d)|scrypt|pbkdf2(?:-sha\d{1,3})?|bcrypt-sha256)\$"
    rb"([A-Za-z0-9./=,+$_-]{8,})"
)
_LDAP = re.compile(
    rb"\{(?:S?SHA(?:224|256|384|512)?|S?MD5|CRYPT|ARGON2|PBKDF2[A-Z0-9-]{0,12})\}([A-Za-z0-9./=,+$_-]{6,})"
)
_PBKDF2 = re.compile(rb"grub\.pbkdf2\.sha\d{1,3}\.\d{1,9}\.([0-9A-Fa-f.]{8,})")
_SCRAM = re.compile(rb"SCRAM-SHA-(?:1|256|512)\$([A-Za-z0-9./=,+$:_-]{8,})")
_SMB = re.compile(rb":((?:[0-9A-FX]{32}:){2})\[")
