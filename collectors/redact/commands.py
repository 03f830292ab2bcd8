"""Command lines: one-letter options of programs known to take a secret there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.redact.spans import GONE, Span, already


def command_lines(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find ``mysql -pSECRET``, ``curl -u name:SECRET``, ``sshpass -p SECRET`` and their like."""
    for hints, program, option in PROGRAM_OPTIONS:
        if not any(hint in lower for hint in hints):
            continue
        for found in program.finditer(lower):
            for value in option.finditer(raw, found.end(), _end_of_command(raw, found.end())):
                if not already(value[1]):
                    yield value.start(1), value.end(1), GONE


def _end_of_command(raw: bytes, at: int) -> int:
    ends = [end for mark in (b"\n", b";", b"|", b"&&") if (end := raw.find(mark, at, at + _COMMAND_BYTES)) >= 0]
    return min(ends, default=min(len(raw), at + _COMMAND_BYTES))


_COMMAND_BYTES = 1000  # of one command; every program's name costs at most that much looking
_QUOTED_OR_BARE = rb"[ \t\0=]{0,8}([\"'][^\"'\n]{1,400}[\"']?|[^\s\0\"';|&-][^\s\0\"';|&]{0,400})"
PROGRAM_OPTIONS: tuple[tuple[tuple[bytes, ...], re.Pattern[bytes], re.Pattern[bytes]], ...] = (
    # Without a blank: `mysql -p database` asks for the password.
    (
        (b"mysql", b"mariadb"),
        re.compile(rb"\b(?:mysql|mariadb)[a-z_-]{0,20}(?=[ \t\0])"),
        re.compile(rb"[ \t\0]-p([^\s\0]{1,400})"),
    ),
    (
        (b"curl",),
        re.compile(rb"\bcurl(?=[ \t\0])"),
        re.compile(rb"[ \t\0](?:-u|--user|-U|--proxy-user)[ \t\0=]{0,8}[\"']?[^\s\0:\"']{0,200}:([^\s\0\"']{1,400})"),
    ),
    ((b"sshpass",), re.compile(rb"\bsshpass(?=[ \t\0])"), re.compile(rb"[ \t\0]-p" + _QUOTED_OR_BARE)),
    ((b"redis-cli",), re.compile(rb"\bredis-cli(?=[ \t\0])"), re.compile(rb"[ \t\0]-a" + _QUOTED_OR_BARE)),
    ((b"ldap",), re.compile(rb"\bldap[a-z]{3,10}(?=[ \t\0])"), re.compile(rb"[ \t\0]-w" + _QUOTED_OR_BARE)),
    (
        (b"smbclient", b"rpcclient"),
        re.compile(rb"\b(?:smbclient|rpcclient)(?=[ \t\0])"),
        re.compile(rb"[ \t\0]-U[ \t\0]{0,8}[\"']?[^\s\0%\"']{1,200}%([^\s\0\"']{1,400})"),
    ),
    ((b"openssl",), re.compile(rb"\bopenssl(?=[ \t\0])"), re.compile(rb"[ \t\0]pass:([^\s\0\"']{1,400})")),
)
