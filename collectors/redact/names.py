"""Values with a telling name: ``password=…``, ``"token": "…"``, ``--api-key …``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.redact.spans import GONE, Span, already


def assignments(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find values of names that promise a secret: ``password=…``, ``"token": "…"``, ``--api-key …``."""
    at = 0
    while found := _ASSIGNMENT.search(lower, at):
        at = found.end()
        if _SHORT.match(found[0]) and not _stands_alone(lower, found):
            continue
        start, end = value(raw, found.end())
        if _NAME_BEFORE.fullmatch(
            lower, lower.rfind(b"\n", max(0, found.start() - 80), found.start()) + 1, found.start()
        ):
            end = _rest_of_line(raw, found, start, end)
        if not harmless(found[0], raw[start:end]) and not _names_more(lower, found):
            yield start, end, GONE
            at = end  # a value may hold names of its own: looking at each again would take quadratic time
    at = 0
    while found := _OPTION.search(lower, at):
        start, end = value(raw, found.end())
        at = found.end()
        if not harmless(found[0], raw[start:end]) and raw[start : start + 1] != b"-":
            yield start, end, GONE
            at = end


_NAMES = (
    rb"(?:pass(?:word|wd|phrase|code)|secret|token|api[_-]?key|a(?:ccess|ccount|uth)[_-]?key|private[_-]?key|preshared[_-]?key"
    rb"|s(?:hared|igning|ession)[_-]?key|encryption[_-]?key|master[_-]?key|bindpw|rootpw|requirepass|masterauth|community"
    rb"|authpass|privpass|authtok|setcredential|connection[_-]?string|tcp_fastopen_key|pwd|pass|psk|pw)"
)
_SHORT = re.compile(rb"(?:pwd|psk|pw|pass(?!word|wd|phrase|code))")
_ASSIGNMENT = re.compile(_NAMES + rb"[\w.\[\]-]{0,40}\\?[\"']?[ \t]{0,40}[:=]>?[ \t]{0,40}")
_OPTION = re.compile(rb"--(?:[a-z0-9]{1,20}-){0,4}" + _NAMES + rb"[ \t\0]{1,8}")
_QUOTED = {b'"': re.compile(rb'(?:[^"\\\n]|\\.)*'), b"'": re.compile(rb"(?:[^'\\\n]|\\.)*")}


def _stands_alone(lower: bytes, found: re.Match[bytes]) -> bool:
    """Return whether a short name such as ``pass`` is a word of its own: ``bypass=`` and ``passive=`` are none."""
    name = _SHORT.match(found[0])
    tail = found[0][name.end() : name.end() + 1] if name else b""
    return not lower[max(0, found.start() - 1) : found.start()].isalnum() and not (
        tail.isalnum() or tail in (b"-", b".")
    )


def _rest_of_line(raw: bytes, found: re.Match[bytes], start: int, end: int) -> int:
    """Return where an unquoted value of a configuration line ends: ``password = two words``."""
    if start != found.end() or not found[0].endswith((b" ", b"\t")) or end == start:
        return end
    line = raw.find(b"\n", start)
    rest = raw[end : line if line >= 0 else len(raw)]
    return end if rest.lstrip()[:1] in (b"", b"#", b";") or rest.startswith((b"(", b";")) else end + len(rest.rstrip())


_NAME_BEFORE = re.compile(rb"[ \t]{0,40}(?:#[ \t]{0,8})?[\w.$-]{0,40}")


def value(raw: bytes, at: int) -> tuple[int, int]:
    """Return where the value begins and ends; a quoted value without its closing quote ends with the line."""
    escaped = raw[at : at + 2] in (b'\\"', b"\\'")
    if escaped:
        close = raw.find(raw[at : at + 2], at + 2)
        line = raw.find(b"\n", at)
        line = len(raw) if line < 0 else line
        return at + 2, close if 0 <= close < line else line
    quoted = _QUOTED.get(raw[at : at + 1])
    if quoted is not None:
        found = quoted.match(raw, at + 1)
        return at + 1, found.end() if found else at + 1
    bare = _UNTIL_SPACE.match(raw, at)
    return at, bare.end() if bare else at


_UNTIL_SPACE = re.compile(rb"[^\s\0\"']+(?:[\"'][^\s\0]*)?")
_STATES = frozenset(
    b"yes no true false on off none null nil enabled disabled required requisite sufficient optional never always"
    b" x * ! !! *locked* done ignore bad die ok reset default prompt ask unset empty set hidden masked public private"
    b" md5 sha256 sha512 yescrypt scram-sha-256 bcrypt {} []".split()
)
_COUNTS = re.compile(
    rb"tries|timeout|max|min|len|age|days|warn|histor|remember|expir|retr|ttl|life|size|count|reuse|interval|period|change|inactive|rounds|cost|number"
)
_KINDS = re.compile(
    rb"[_-]?(?:type|policy|mode|algorithm|scheme|method|format|encryption|authentication|store|agent|tohashes)\b"
)
_PLACES = re.compile(
    rb"/(?:etc|usr|var|opt|home|root|run|srv|tmp|mnt|dev|proc|sys|boot|lib|bin|sbin)(?:/[\w./@%+~-]{0,400})?"
)
_REFERENCES = re.compile(rb"\$\{?[A-Za-z_]\w{0,80}\}?|%[a-zA-Z]|\$\(|<[a-z_-]{1,40}>")


def harmless(name: bytes, value: bytes) -> bool:
    """Return whether the value says a state, a count, a place or a reference and no secret."""
    bare = value.strip(b" \t,;\"')}]")
    if already(bare) or len(bare) < 2 or bare.lower() in _STATES or not bare.strip(b"0:-"):
        return True
    if _KINDS.search(name) and bare.isalpha():
        return True
    if bare.lstrip(b"-").isdigit() and len(bare) <= 6 and _COUNTS.search(name):
        return True
    return bool(_PLACES.fullmatch(bare) or _REFERENCES.fullmatch(bare))


def _names_more(lower: bytes, found: re.Match[bytes]) -> bool:
    """Return whether this is a word of another grammar: sudoers tags, nsswitch databases, units, packages, paths."""
    name, before = found[0], lower[max(0, found.start() - 2) : found.start()]
    if name.startswith(b"passwd:") and (before == b"no" or _SUDO_TAG.match(lower, max(0, found.start() - 1))):
        return True
    if name.startswith(b"passwd:") and _NSSWITCH.match(lower, found.end()):
        return True
    if name.rstrip().endswith(b":") and (before.endswith(b"/") or _ARCHITECTURE.match(lower, found.end())):
        return True
    return bool(_UNIT_NAME.search(name))


_SUDO_TAG = re.compile(rb"[ \t:)]passwd:[ \t]{0,8}(?:all\b|/|[a-z_]{1,40}:|!|sudoedit)")
_NSSWITCH = re.compile(
    rb"(?:(?:files|systemd|compat|sss|nis|nisplus|ldap|db|winbind|altfiles|dns|cache|extrausers|\[[^\]\n]{1,60}\])"
    rb"[ \t]{0,20})+$",
    re.MULTILINE,
)
_ARCHITECTURE = re.compile(rb"(?:amd64|arm64|armhf|armel|i386|ppc64el|riscv64|s390x|mips64el|all|any|native)\b")
_UNIT_NAME = re.compile(rb"\.(?:service|path|socket|timer|target|mount|slice|scope|so)\b")
