"""The `accounts` topic: local users and groups, the state of their passwords (never a hash), and the login defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from collectors.base import Answer, Answers, Collector, Command, Facts, Listing, hole
from collectors.records import blind, garbled, lines, settled
from posture.model.observation import Hole

Password = Literal["hash", "locked", "none", "empty"]


@dataclass(frozen=True, slots=True)
class User:
    """One line of /etc/passwd, with what /etc/shadow says of it."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    interactive: bool
    """The shell lets somebody work; an empty shell means /bin/sh, so it counts."""
    system: bool
    """Its uid is below UID_MIN of login.defs (1000 when it says nothing) and not 0."""
    password: Password | None
    """``hash``: somebody knows one; ``locked``: by a `!`; ``none``: nothing can match; ``empty``: needs no password."""
    scheme: str | None
    """``yescrypt``, ``sha512``, ``sha256``, ``bcrypt``, ``md5``, ``des``, …; absent without a hash."""
    last_change: date | None
    """Absent when never recorded; 1970-01-01 means "must change at next login"."""
    max_days: int | None
    """Days a password lasts; absent when it never ages (empty, -1 or 99999 and more)."""
    inactive_days: int | None
    """Days after expiry until the account is disabled; absent when never."""
    expires: date | None
    """Day the account ends; absent when never."""


@dataclass(frozen=True, slots=True)
class Group:
    """One line of /etc/group."""

    name: str
    gid: int
    members: list[str]
    """By name in the line or by primary group, sorted."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Who exists on this host; accounts of a directory (LDAP, AD) are not in it, see ``sources``."""

    users: Listing[User]
    """In the order of /etc/passwd."""
    groups: Listing[Group]
    uid_zero: Listing[str]
    """Names with uid 0, sorted."""
    interactive: Listing[str]
    """Names with a shell to work in, sorted."""
    empty_passwords: Listing[str]
    """Names that need no password, sorted."""
    weak_hashes: Listing[str]
    """Names whose hash, locked ones too, is of a scheme that is not in ``STRONG``; sorted."""
    sources: list[str]
    """Where users come from beside the files, from nsswitch.conf: ``sss``, ``ldap``, ``winbind``, …"""
    login_defs: dict[str, int | str]
    """Keys of /etc/login.defs as written: ``ENCRYPT_METHOD``, ``PASS_MAX_DAYS``, ``UMASK`` (text, octal), …"""
    inactive_default: int | None
    """`INACTIVE` for new accounts, days; absent when accounts never become inactive (-1)."""


# Field 2 of passwd and shadow may hold a hash: its first three characters tell scheme and lock, its length tells DES.
PASSWD_COLUMNS = (
    "/usr/bin/awk",
    "-F:",
    "{print $1 FS substr($2,1,3) FS length($2) FS $3 FS $4 FS $6 FS $7}",
    "/etc/passwd",
)
SHADOW_COLUMNS = (
    "/usr/bin/awk",
    "-F:",
    "{print $1 FS substr($2,1,3) FS length($2) FS $3 FS $5 FS $7 FS $8}",
    "/etc/shadow",
)

COMMANDS = (
    Command("accounts.passwd", PASSWD_COLUMNS, max_bytes=2_000_000),
    Command("accounts.shadow", SHADOW_COLUMNS, sudo=True, max_bytes=2_000_000),
    Command("accounts.group", ("/usr/bin/cut", "-d:", "-f1,3,4", "/etc/group"), max_bytes=2_000_000),
    Command(
        "accounts.sources",
        ("/usr/bin/grep", "^passwd:", "/etc/nsswitch.conf"),
        max_bytes=4_000,
        ok_exit=(0, 1),
    ),
    Command(
        "accounts.login_defs",
        ("/usr/bin/grep", "^[A-Z]", "/etc/login.defs"),
        max_bytes=64_000,
        ok_exit=(0, 1),
    ),
    Command("accounts.useradd", ("/usr/sbin/useradd", "-D"), sudo=True, max_bytes=4_000),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return users, groups and defaults.

    Source: passwd(5); shadow(5); crypt(5) for the prefixes; login.defs(5); useradd(8), -D.
    """
    passwd = answers.get("accounts.passwd")
    unseen = hole(passwd)
    if unseen is not None and not lines(passwd):
        return unseen
    holes: list[Hole] = []
    defaults = _login_defs(answers, holes)
    lowest = defaults.get("UID_MIN")
    secrets, whole = shadow_of(answers.get("accounts.shadow"))
    read = [_user(row, secrets, lowest if isinstance(lowest, int) else 1000) for row in rows_of(passwd, 7)]
    users = [user for user in read if user is not None]
    if not users:
        return garbled("", "accounts.passwd: no account in it")
    complete = unseen is None and None not in read and len(read) == len(lines(passwd))
    known = _shadow_holes(answers, users, holes)
    return Facts(
        AccountFacts(
            users=Listing(users, complete),
            groups=_groups(answers, users, complete, holes),
            uid_zero=_names((user for user in users if user.uid == 0), complete),
            interactive=_names((user for user in users if user.interactive), complete),
            empty_passwords=_names((user for user in users if user.password == _EMPTY), complete and whole and known),
            weak_hashes=_names(_weak(users), complete and whole and known),
            sources=_sources(answers, holes),
            login_defs=defaults,
            inactive_default=_inactive(answers, holes),
        ),
        tuple(holes),
    )


COLLECTOR = Collector("accounts", 1, COMMANDS, AccountFacts, parse)

_FROM_SHADOW = ("password", "scheme", "last_change", "max_days", "inactive_days", "expires")
_EMPTY: Password = "empty"
STRONG = frozenset({"yescrypt", "gost-yescrypt", "scrypt", "bcrypt", "sha512", "sha256"})
_SCHEMES = {
    "$y$": "yescrypt",
    "$gy": "gost-yescrypt",
    "$7$": "scrypt",
    "$2a": "bcrypt",
    "$2b": "bcrypt",
    "$2x": "bcrypt",
    "$2y": "bcrypt",
    "$6$": "sha512",
    "$5$": "sha256",
    "$1$": "md5",
    "$md": "sunmd5",
    "$sh": "sha1",
    "$3$": "nt",
}
_NO_WORK = frozenset({"nologin", "false", "true", "sync", "halt", "shutdown", "null"})
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Secret:
    """What one line of /etc/shadow says, without the hash."""

    password: Password
    scheme: str | None
    last_change: date | None
    max_days: int | None
    inactive_days: int | None
    expires: date | None


def rows_of(answer: Answer | None, width: int) -> list[list[str]]:
    """Return the fields of each line that has as many as it should."""
    rows = (line.split(":") for line in lines(answer))
    return [row for row in rows if len(row) == width]


def shadow_of(answer: Answer | None) -> tuple[dict[str, Secret], bool]:
    """Return what is known of each account's password, and whether that is all of /etc/shadow."""
    secrets = {row[0]: _secret(row) for row in rows_of(answer, 7)}
    return secrets, hole(answer) is None and len(secrets) == len(lines(answer))


def can_work(shell: str) -> bool:
    """Return whether a login with this shell gets somewhere; an empty one is /bin/sh (passwd(5))."""
    return shell.rpartition("/")[2] not in _NO_WORK


def _user(row: list[str], secrets: dict[str, Secret], lowest: int) -> User | None:
    name, start, length, uid, gid, home, shell = row
    if not name or not _NUMBER.fullmatch(uid) or not _NUMBER.fullmatch(gid):
        return None
    secret = secrets.get(name)
    if start != "x":
        # not shadowed: what stands in /etc/passwd is what counts
        password, scheme = _password(start, length)
        secret = Secret(password, scheme, None, None, None, None)
    return User(
        name=name,
        uid=int(uid),
        gid=int(gid),
        home=home,
        shell=shell,
        interactive=can_work(shell),
        system=0 < int(uid) < lowest,
        password=secret.password if secret else None,
        scheme=secret.scheme if secret else None,
        last_change=secret.last_change if secret else None,
        max_days=secret.max_days if secret else None,
        inactive_days=secret.inactive_days if secret else None,
        expires=secret.expires if secret else None,
    )


def _secret(row: list[str]) -> Secret:
    password, scheme = _password(row[1], row[2])
    longest = _days(row[4])
    return Secret(
        password=password,
        scheme=scheme,
        last_change=_day(row[3]),
        max_days=longest if longest is not None and longest < 99_999 else None,
        inactive_days=_days(row[5]),
        expires=_day(row[6]),
    )


def _password(start: str, length: str) -> tuple[Password, str | None]:
    """Return the state and the scheme from the first three characters of the field and its length.

    Source: shadow(5): a leading `!` locks; a field that crypt(3) can never produce lets nobody in.
    """
    size = int(length) if _NUMBER.fullmatch(length) else 0
    bare = start.lstrip("!")
    locked = start != bare
    size -= len(start) - len(bare)
    if not bare:
        return ("locked", None) if locked else ("empty", None)
    scheme = next((name for prefix, name in _SCHEMES.items() if prefix.startswith(bare[:3]) and len(bare) > 1), None)
    if scheme is None and bare[0] not in "*!x$" and size in (13, 20):
        scheme = "des"
    if scheme is None and bare[0] == "$":
        scheme = "unknown"
    if scheme is None:
        return ("locked" if locked else "none"), None
    return ("locked" if locked else "hash"), scheme


def _days(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _day(text: str) -> date | None:
    days = _days(text)
    return date(1970, 1, 1) + timedelta(days=days) if days is not None and days < 2_000_000 else None


def _shadow_holes(answers: Answers, users: list[User], holes: list[Hole]) -> bool:
    """Note what is unseen of the passwords; return whether every account's state is known."""
    unseen = hole(answers.get("accounts.shadow"))
    lost = [user.name for user in users if user.password is None]
    if unseen is None and not lost:
        return True
    which = ["*"] if unseen is not None else [f"name={name}" for name in lost]
    unseen = unseen or garbled("", "no line in /etc/shadow that we can read")
    holes += [Hole(f"users[{one}].{name}", unseen.reason, unseen.detail) for one in which for name in _FROM_SHADOW]
    if not any(user.password == _EMPTY for user in users):
        holes.append(Hole("empty_passwords", unseen.reason, unseen.detail))
    if not _weak(users):
        holes.append(Hole("weak_hashes", unseen.reason, unseen.detail))
    return False


def _weak(users: list[User]) -> list[User]:
    return [user for user in users if user.scheme is not None and user.scheme not in STRONG]


def _names(users: Iterable[User], complete: bool) -> Listing[str]:
    return Listing(sorted({user.name for user in users}), complete)


def _groups(answers: Answers, users: list[User], complete: bool, holes: list[Hole]) -> Listing[Group]:
    answer = answers.get("accounts.group")
    unseen = hole(answer, "groups")
    primary: dict[str, set[str]] = {}
    for user in users:
        primary.setdefault(str(user.gid), set()).add(user.name)
    groups = [
        Group(name, int(gid), sorted(primary.get(gid, set()) | set(filter(None, members.split(",")))))
        for name, gid, members in rows_of(answer, 3)
        if name and _NUMBER.fullmatch(gid)
    ]
    if unseen is not None and not groups:
        holes.append(unseen)
    return Listing(groups, complete and unseen is None and len(groups) == len(lines(answer)) > 0)


def _sources(answers: Answers, holes: list[Hole]) -> list[str]:
    """Return the sources beside the files; without nsswitch.conf there are none (nsswitch.conf(5))."""
    answer = answers.get("accounts.sources")
    unseen = blind(answer, "sources")
    if unseen is not None:
        holes.append(unseen)
    words = [word for line in lines(answer) for word in line.partition("#")[0].partition(":")[2].split()]
    return sorted({word for word in words if word.isalnum() and word not in ("files", "compat", "systemd")})


def _login_defs(answers: Answers, holes: list[Hole]) -> dict[str, int | str]:
    answer = answers.get("accounts.login_defs")
    unseen = blind(answer, "login_defs")
    if unseen is not None:
        holes += [unseen, Hole("users[*].system", unseen.reason, unseen.detail)]
    pairs = (line.split(None, 1) for line in lines(answer))
    return {pair[0]: settled(pair[1].partition("#")[0]) for pair in pairs if len(pair) == 2 and pair[0].isidentifier()}


def _inactive(answers: Answers, holes: list[Hole]) -> int | None:
    answer = answers.get("accounts.useradd")
    unseen = hole(answer, "inactive_default")
    told = [line.partition("=")[2] for line in lines(answer) if line.startswith("INACTIVE=")]
    value = settled(told[-1]) if told else ""
    if unseen is not None or (not isinstance(value, int) and value != ""):
        holes.append(unseen or garbled("inactive_default", "useradd -D: INACTIVE is no number"))
        return None
    return value if isinstance(value, int) and value >= 0 else None
