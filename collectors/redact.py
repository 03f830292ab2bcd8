"""Takes secrets out of what hosts say, before anything else sees it; names, modes, schemes and states stay.

Every rule finds spans in the original bytes; overlapping spans are merged and replaced in one pass. Rules run only on
text that has one of their hints, and every pattern is linear: it starts with a literal and every repetition either
excludes what follows it or has an upper bound.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

GONE = b"<redacted>"


@dataclass(frozen=True, slots=True)
class Redacted:
    """Bytes that may be kept, and how many values were taken out of them."""

    content: bytes
    count: int


def redact(raw: bytes) -> Redacted:
    """Return the bytes without secrets; doing it again changes nothing."""
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


_Span = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class _Rule:
    hints: tuple[bytes, ...]
    """Lower-case; one of them stands in every text the rule could change."""
    find: Callable[[bytes, bytes], Iterator[_Span]]
    """From the raw bytes and the same in lower case."""


def _merged(raw: bytes, spans: list[_Span]) -> Iterator[_Span]:
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


def _already(value: bytes) -> bool:
    return not value or bool(_GONE_ALREADY.fullmatch(value))


_GONE_ALREADY = re.compile(rb"<redacted(?: cipher=[a-z0-9@.-]{1,40})?>")


# -- private keys -------------------------------------------------------------------------------------------------


def _key_blocks(raw: bytes, lower: bytes) -> Iterator[_Span]:
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


def _putty_keys(raw: bytes, lower: bytes) -> Iterator[_Span]:
    for found in re.finditer(rb"private-lines: \d{1,5}", lower):
        end = lower.find(b"private-mac:", found.end())
        end = len(raw) if end < 0 else end
        if not _already(raw[found.end() : end].strip()):
            yield found.end(), end, b"\n" + GONE + b"\n"


# -- password hashes ----------------------------------------------------------------------------------------------


def _shadow_lines(raw: bytes, lower: bytes) -> Iterator[_Span]:
    """Find the second field of shadow(5), passwd(5) and gshadow(5) lines unless it only says a state."""
    for pattern in (_SHADOW, _PASSWD, _SECOND):
        for found in pattern.finditer(raw):
            yield from _hash_field(found.start(1), found[1])


_SHADOW = re.compile(rb"^[^:\s]{1,256}:([^:\n]{4,1024}):(?:-?\d{0,10}:){6}[^:\n]{0,20}$", re.MULTILINE)
_PASSWD = re.compile(rb"^[^:\s]{1,256}:([^:\n]{4,1024}):\d{1,10}:\d{1,10}:[^:\n]{0,1024}:[^:\n]{0,1024}:", re.MULTILINE)
_SECOND = re.compile(rb"^[^:\n]{1,256}:([!*]{0,3}\$[a-z0-9-]{1,16}\$[^:\n]{1,1024})", re.MULTILINE)
_STATE = re.compile(rb"([!*]{0,3})(\$[a-z0-9-]{1,16}\$|_)?")


def _hash_field(start: int, value: bytes) -> Iterator[_Span]:
    if not value.strip(b"!*x"):
        return
    kept = _STATE.match(value)
    skip = kept.end() if kept else 0
    if not _already(value[skip:]):
        yield start + skip, start + len(value), GONE


def _crypt_hashes(raw: bytes, lower: bytes) -> Iterator[_Span]:
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


# -- values with a telling name -----------------------------------------------------------------------------------


def _assignments(raw: bytes, lower: bytes) -> Iterator[_Span]:
    """Find values of names that promise a secret: ``password=…``, ``"token": "…"``, ``--api-key …``."""
    at = 0
    while found := _ASSIGNMENT.search(lower, at):
        at = found.end()
        if _SHORT.match(found[0]) and not _stands_alone(lower, found):
            continue
        start, end = _value(raw, found.end())
        if _NAME_BEFORE.fullmatch(
            lower, lower.rfind(b"\n", max(0, found.start() - 80), found.start()) + 1, found.start()
        ):
            end = _rest_of_line(raw, found, start, end)
        if not _harmless(found[0], raw[start:end]) and not _names_more(lower, found):
            yield start, end, GONE
            at = end  # a value may hold names of its own: looking at each again would take quadratic time
    at = 0
    while found := _OPTION.search(lower, at):
        start, end = _value(raw, found.end())
        at = found.end()
        if not _harmless(found[0], raw[start:end]) and raw[start : start + 1] != b"-":
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


def _value(raw: bytes, at: int) -> tuple[int, int]:
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


def _harmless(name: bytes, value: bytes) -> bool:
    """Return whether the value says a state, a count, a place or a reference and no secret."""
    bare = value.strip(b" \t,;\"')}]")
    if _already(bare) or len(bare) < 2 or bare.lower() in _STATES or not bare.strip(b"0:-"):
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


# -- directives: name, white space, value -------------------------------------------------------------------------


def _directives(raw: bytes, lower: bytes) -> Iterator[_Span]:
    for pattern in _DIRECTIVES:
        for found in pattern.finditer(lower):
            start, end = found.span(1)
            if pattern is not _CREATE_USER and raw[start : start + 1] in (b'"', b"'"):
                start, end = _value(raw, start)
            if not _harmless(b"", raw[start:end]):
                yield start, end, GONE


_WORD = rb"(\"[^\"\n]{0,1000}\"?|'[^'\n]{0,1000}'?|[^\s;\"']+)"
_CREATE_USER = re.compile(
    rb"\bcreateuser[ \t]{1,40}(?:-e[ \t]{1,40}\S{1,100}[ \t]{1,40})?\S{1,200}[ \t]{1,40}\S{1,20}[ \t]{1,40}(.+)$",
    re.M,
)
_DIRECTIVES = (
    re.compile(
        rb"^[ \t]{0,40}(?:requirepass|masterauth|sentinel auth-pass \S{1,100}"
        rb"|rootpw|bindpw|rootbindpw|auth_pass|wpa-psk|psk)"
        rb"[ \t]{1,40}" + _WORD,
        re.M,
    ),
    re.compile(
        rb"^[ \t]{0,40}(?:password|secret|passphrase|token)[ \t]{1,40}" + _WORD + rb"[ \t]{0,40};?[ \t]{0,40}$",
        re.M,
    ),
    re.compile(rb"\blogin[ \t\n]{1,40}\S{1,200}[ \t\n]{1,40}password[ \t]{1,40}(\S+)"),
    re.compile(rb"(?:ro|rw|trap|snmp|auth)community6?[ \t]{1,40}" + _WORD),
    re.compile(rb"\bsnmp-server community[ \t]{1,40}" + _WORD),
    re.compile(
        rb"^[ \t]{0,40}com2sec6?[ \t]{1,40}(?:-cn[ \t]{1,40}\S{1,100}[ \t]{1,40})?"
        rb"\S{1,200}[ \t]{1,40}\S{1,200}[ \t]{1,40}" + _WORD,
        re.M,
    ),
    re.compile(rb"^[ \t]{0,40}(?:trap2?sink|informsink)[ \t]{1,40}\S{1,200}[ \t]{1,40}" + _WORD, re.M),
    _CREATE_USER,
    re.compile(rb"^[ \t]{0,40}user[ \t]{1,40}\S{1,200}[ \t][^\n]{0,400}?[ \t][>#](\S+)", re.M),
    re.compile(rb"\b(?:secret|password|key)[ \t]{1,40}(?:\d[ \t]{1,8})?(\"[^\"\n]{1,1000}\"?)"),
    re.compile(rb"\b(?:enable|username \S{1,64}) (?:secret|password)(?: \d)?[ \t]{1,8}(\S+)"),
    re.compile(rb"\bcrypto[ \t]{1,8}pw[ \t]{1,40}" + _WORD),  # ntp.conf(5)
    re.compile(rb":om(?:mysql|pgsql):[^,\n]{1,200},[^,\n]{0,200},[^,\n]{0,200},([^;\s]+)"),  # rsyslog, the old way
    re.compile(rb"\bhttpheadervalue[ \t]{0,8}=[ \t]{0,8}(\"[^\"\n]{1,1000}\"?|'[^'\n]{1,1000}'?)"),
    re.compile(rb"^[^\s:#]{1,100}[ \t]{0,10}:[ \t]{0,10}psk[ \t]{1,40}" + _WORD, re.M),
)


# -- command lines: one-letter options of programs known to take a secret there ------------------------------------


def _command_lines(raw: bytes, lower: bytes) -> Iterator[_Span]:
    """Find ``mysql -pSECRET``, ``curl -u name:SECRET``, ``sshpass -p SECRET`` and their like."""
    for program, option in _PROGRAM_OPTIONS:
        for found in program.finditer(lower):
            for value in option.finditer(raw, found.end(), _end_of_command(raw, found.end())):
                if not _already(value[1]):
                    yield value.start(1), value.end(1), GONE


def _end_of_command(raw: bytes, at: int) -> int:
    ends = [end for mark in (b"\n", b";", b"|", b"&&") if (end := raw.find(mark, at, at + _COMMAND_BYTES)) >= 0]
    return min(ends, default=min(len(raw), at + _COMMAND_BYTES))


_COMMAND_BYTES = 1000  # of one command; every program's name costs at most that much looking
_QUOTED_OR_BARE = rb"[ \t\0=]{0,8}([\"'][^\"'\n]{1,400}[\"']?|[^\s\0\"';|&-][^\s\0\"';|&]{0,400})"
_PROGRAM_OPTIONS = (
    # Without a blank: `mysql -p database` asks for the password.
    (re.compile(rb"\b(?:mysql|mariadb)[a-z_-]{0,20}(?=[ \t\0])"), re.compile(rb"[ \t\0]-p([^\s\0]{1,400})")),
    (
        re.compile(rb"\bcurl(?=[ \t\0])"),
        re.compile(rb"[ \t\0](?:-u|--user|-U|--proxy-user)[ \t\0=]{0,8}[\"']?[^\s\0:\"']{0,200}:([^\s\0\"']{1,400})"),
    ),
    (re.compile(rb"\bsshpass(?=[ \t\0])"), re.compile(rb"[ \t\0]-p" + _QUOTED_OR_BARE)),
    (re.compile(rb"\bredis-cli(?=[ \t\0])"), re.compile(rb"[ \t\0]-a" + _QUOTED_OR_BARE)),
    (re.compile(rb"\bldap[a-z]{3,10}(?=[ \t\0])"), re.compile(rb"[ \t\0]-w" + _QUOTED_OR_BARE)),
    (
        re.compile(rb"\b(?:smbclient|rpcclient)(?=[ \t\0])"),
        re.compile(rb"[ \t\0]-U[ \t\0]{0,8}[\"']?[^\s\0%\"']{1,200}%([^\s\0\"']{1,400})"),
    ),
    (re.compile(rb"\bopenssl(?=[ \t\0])"), re.compile(rb"[ \t\0]pass:([^\s\0\"']{1,400})")),
)


# -- tokens by their shape ----------------------------------------------------------------------------------------


def _tokens(raw: bytes, lower: bytes) -> Iterator[_Span]:
    for found in _TOKEN.finditer(raw):
        yield found.start(1), found.end(1), GONE
    for found in _AUTHORIZATION.finditer(lower):
        start, end = found.span(1)
        if not _already(raw[start:end]) and not lower[start:end].strip(b".,").isalpha():
            yield start, end, GONE
    for found in _AUTHORIZATION_LINE.finditer(lower):
        if not _already(found[1]):
            yield found.start(1), found.end(1), GONE


# `sk-ssh-…` and `sk-ecdsa-…` are FIDO key types of sshd, not API keys.
_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9_-])((?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{12,}|gh[pousr]_[A-Za-z0-9]{12,}|github_pat_[A-Za-z0-9_]{12,}"
    rb"|glpat-[A-Za-z0-9_-]{12,}|xox[abeprs]-[A-Za-z0-9-]{10,}|sk-(?!ssh-|ecdsa-)[A-Za-z0-9_-]{16,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"
    rb"|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{12,}|npm_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_-]{30,}"
    rb"|SG\.[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+)?|hv[sb]\.[A-Za-z0-9_-]{16,}|dop_v1_[0-9a-f]{16,}"
    rb"|AGE-SECRET-KEY-1[A-Z0-9]{8,}"
    rb"|nvapi-[A-Za-z0-9_-]{16,}|gsk_[A-Za-z0-9]{16,}"
    rb"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*)"
)
_AUTHORIZATION_LINE = re.compile(
    rb"authorization[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?"
    rb"(?:(?:bearer|basic|digest|negotiate|token|apikey|key)[ \t]{1,8})?+"
    rb"([^\s\"'<]{4,})"
)
_AUTHORIZATION = re.compile(rb"\b(?:bearer|basic|digest|negotiate)[ \t]{1,8}([a-z0-9._~+/=-]{8,})")


def _user_in_url(raw: bytes, lower: bytes) -> Iterator[_Span]:
    """Find the password of ``scheme://user:password@host``, and a user part long enough to be a token."""
    for found in _URL_USER.finditer(raw):
        if not _already(found[1]):
            yield found.start(1), found.end(1), GONE
    for found in _URL_TOKEN.finditer(raw):
        if not _already(found[1]):
            yield found.start(1), found.end(1), GONE


_URL_USER = re.compile(rb"://[^\s/@:\"'<>]{0,256}:([^\s/\"']{1,1024})@")
_URL_TOKEN = re.compile(rb"://([^\s/@:\"'<>]{20,1024})@")


# -- environments: names stay, values go --------------------------------------------------------------------------


def _environments(raw: bytes, lower: bytes) -> Iterator[_Span]:
    for line in _ENVIRONMENT.finditer(raw):
        for word in _UNIT_WORD.finditer(raw, line.start(1), line.end(1)):
            yield from _variable(word.start(), word[0])
    for found in _DOCKER_ENV.finditer(raw):
        for word in _JSON_STRING.finditer(raw, found.start(1), found.end(1)):
            yield from _variable(word.start(), word[0])


_ENVIRONMENT = re.compile(rb"^[ \t]{0,40}(?:Default|Manager)?Environment=((?:[^\n\\]|\\[\s\S])*)", re.MULTILINE)
_UNIT_WORD = re.compile(
    rb"\"(?:[^\"\\]|\\[\s\S])*\"?|'(?:[^'\\]|\\[\s\S])*'?|(?:[^\s\"'\\]|\\[^\n])(?:[^\s\\]|\\[^\n])*"
)
_DOCKER_ENV = re.compile(rb"\"Env\"\s{0,8}:\s{0,8}\[((?:\s{0,80}\"(?:[^\"\\]|\\.)*\"\s{0,80},?)*)")
_JSON_STRING = re.compile(rb"\"(?:[^\"\\]|\\.)*\"?")


def _variable(start: int, word: bytes) -> Iterator[_Span]:
    """Find the value in ``NAME=value``, with or without quotes around both."""
    equals = word.find(b"=")
    if equals < 0:
        return
    value_at = equals + 1
    end = len(word)
    for quote in (b'"', b"'"):
        if (
            end > value_at
            and word.endswith(quote)
            and (word.startswith(quote) or word[value_at : value_at + 1] == quote)
        ):
            end -= 1
            value_at += word[value_at : value_at + 1] == quote and not word.startswith(quote)
            break
    if value_at < end and not _already(word[value_at:end]):
        yield start + value_at, start + end, GONE


_RULES = (
    _Rule((b"private key",), _key_blocks),
    _Rule((b"private-lines",), _putty_keys),
    _Rule((b":",), _shadow_lines),
    _Rule((b"$", b"}", b"grub.pbkdf2", b"scram-sha", b":["), _crypt_hashes),
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
        _assignments,
    ),
    _Rule(
        (
            b"pass",
            b"secret",
            b"auth",
            b"community",
            b"psk",
            b"pw",
            b"token",
            b"com2sec",
            b"sink",
            b"createuser",
            b"user",
            b"key",
            b":om",
            b"httpheadervalue",
        ),
        _directives,
    ),
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
        _tokens,
    ),
    _Rule((b"://",), _user_in_url),
    _Rule((b"environment=", b'"env"'), _environments),
    _Rule(
        (
            b"mysql",
            b"mariadb",
            b"curl",
            b"sshpass",
            b"redis-cli",
            b"ldap",
            b"smbclient",
            b"rpcclient",
            b"openssl",
        ),
        _command_lines,
    ),
)
