"""Directives: a name, white space, a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.redact.names import harmless, value
from collectors.redact.spans import GONE, Span


def directives(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find the value of ``requirepass SECRET``, ``auth_pass SECRET``, ``rocommunity SECRET`` and their like."""
    for hints, pattern in DIRECTIVES:
        if not any(hint in lower for hint in hints):
            continue
        for found in pattern.finditer(lower):
            start, end = found.span(1)
            if pattern is not _CREATE_USER and raw[start : start + 1] in (b'"', b"'"):
                start, end = value(raw, start)
            if not harmless(b"", raw[start:end]):
                yield start, end, GONE


_WORD = rb"(\"[^\"\n]{0,1000}\"?|'[^'\n]{0,1000}'?|[^\s;\"']+)"
_CREATE_USER = re.compile(
    rb"\bcreateuser[ \t]{1,40}(?:-e[ \t]{1,40}\S{1,100}[ \t]{1,40})?\S{1,200}[ \t]{1,40}\S{1,20}[ \t]{1,40}(.+)$",
    re.M,
)
DIRECTIVES: tuple[tuple[tuple[bytes, ...], re.Pattern[bytes]], ...] = (
    (
        (b"requirepass", b"masterauth", b"auth-pass", b"rootpw", b"bindpw", b"auth_pass", b"psk"),
        re.compile(
            rb"^[ \t]{0,40}(?:requirepass|masterauth|sentinel auth-pass \S{1,100}"
            rb"|rootpw|bindpw|rootbindpw|auth_pass|wpa-psk|psk)"
            rb"[ \t]{1,40}" + _WORD,
            re.M,
        ),
    ),
    (
        (b"password", b"secret", b"passphrase", b"token"),
        re.compile(
            rb"^[ \t]{0,40}(?:password|secret|passphrase|token)[ \t]{1,40}" + _WORD + rb"[ \t]{0,40};?[ \t]{0,40}$",
            re.M,
        ),
    ),
    ((b"login",), re.compile(rb"\blogin[ \t\n]{1,40}\S{1,200}[ \t\n]{1,40}password[ \t]{1,40}(\S+)")),
    ((b"community",), re.compile(rb"(?:ro|rw|trap|snmp|auth)community6?[ \t]{1,40}" + _WORD)),
    ((b"snmp-server",), re.compile(rb"\bsnmp-server community[ \t]{1,40}" + _WORD)),
    (
        (b"com2sec",),
        re.compile(
            rb"^[ \t]{0,40}com2sec6?[ \t]{1,40}(?:-cn[ \t]{1,40}\S{1,100}[ \t]{1,40})?"
            rb"\S{1,200}[ \t]{1,40}\S{1,200}[ \t]{1,40}" + _WORD,
            re.M,
        ),
    ),
    (
        (b"trapsink", b"trap2sink", b"informsink"),
        re.compile(rb"^[ \t]{0,40}(?:trap2?sink|informsink)[ \t]{1,40}\S{1,200}[ \t]{1,40}" + _WORD, re.M),
    ),
    ((b"createuser",), _CREATE_USER),
    ((b"user",), re.compile(rb"^[ \t]{0,40}user[ \t]{1,40}\S{1,200}[ \t][^\n]{0,400}?[ \t][>#](\S+)", re.M)),
    (
        (b"secret", b"password", b"key"),
        re.compile(rb"\b(?:secret|password|key)[ \t]{1,40}(?:\d[ \t]{1,8})?(\"[^\"\n]{1,1000}\"?)"),
    ),
    (
        (b"secret", b"password"),
        re.compile(rb"\b(?:enable|username \S{1,64}) (?:secret|password)(?: \d)?[ \t]{1,8}(\S+)"),
    ),
    ((b"crypto",), re.compile(rb"\bcrypto[ \t]{1,8}pw[ \t]{1,40}" + _WORD)),  # ntp.conf(5)
    (
        (b":om",),  # rsyslog, the old way
        re.compile(rb":om(?:mysql|pgsql):[^,\n]{1,200},[^,\n]{0,200},[^,\n]{0,200},([^;\s]+)"),
    ),
    (
        (b"httpheadervalue",),
        re.compile(rb"\bhttpheadervalue[ \t]{0,8}=[ \t]{0,8}(\"[^\"\n]{1,1000}\"?|'[^'\n]{1,1000}'?)"),
    ),
    ((b"psk",), re.compile(rb"^[^\s:#]{1,100}[ \t]{0,10}:[ \t]{0,10}psk[ \t]{1,40}" + _WORD, re.M)),
)
