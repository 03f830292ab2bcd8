"""The `logins` topic: when each local account last logged in; apart from `accounts`, as every login changes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from collectors.accounts import PASSWD_COLUMNS, SHADOW_COLUMNS, Secret, can_work, rows_of, shadow_of
from collectors.base import Answers, Collector, Command, Facts, Listing, hole
from collectors.records import garbled, lines
from posture.model.observation import Hole


@dataclass(frozen=True, slots=True)
class Login:
    """The last login of one account, as lastlog(8) keeps it."""

    name: str
    interactive: bool
    """It has a shell to work in."""
    enabled: bool | None
    """Its password is not locked by `!`; a key may still let a locked account in."""
    never: bool
    last_at: datetime | None
    """UTC; absent when never."""


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """Last logins."""

    accounts: Listing[Login]
    """Every local account, by name."""


COMMANDS = (
    Command("logins.lastlog", ("/usr/bin/lastlog",), sudo=True, max_bytes=4_000_000),
    Command("logins.passwd", PASSWD_COLUMNS, max_bytes=2_000_000),
    Command("logins.shadow", SHADOW_COLUMNS, sudo=True, max_bytes=2_000_000),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the last login of every account.

    Source: lastlog(8); it prints a line for each account of /etc/passwd, and dates as `Mon Jan  2 15:04:05 +0000 2006`.
    """
    answer = answers.get("logins.lastlog")
    unseen = hole(answer) or hole(answers.get("logins.passwd"))
    if unseen is not None:
        return unseen
    shells = {row[0]: row[6] for row in rows_of(answers.get("logins.passwd"), 7)}
    told = lines(answer)
    if not told or not told[0].startswith("Username"):
        return garbled("", "lastlog: no table")
    secrets, _ = shadow_of(answers.get("logins.shadow"))
    read = [_login(line, shells, secrets) for line in told[1:]]
    logins = sorted((login for login in read if login is not None), key=lambda login: login.name)
    refused = hole(answers.get("logins.shadow"), "accounts[*].enabled")
    complete = None not in read and {login.name for login in logins} >= shells.keys()
    return Facts(LoginFacts(Listing(logins, complete)), (refused,) if refused else ())


COLLECTOR = Collector("logins", 1, COMMANDS, LoginFacts, parse, volatile=True)

_NEVER = "**Never logged in**"
_WHEN = re.compile(
    r"[A-Z][a-z]{2} "
    r"(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<time>\d\d:\d\d:\d\d) (?P<zone>[+-]\d{4}) (?P<year>\d{4})",
    re.ASCII,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _login(line: str, shells: dict[str, str], secrets: dict[str, Secret]) -> Login | None:
    words = line.split()
    when = _WHEN.search(line)
    never = line.rstrip().endswith(_NEVER)
    last_at = _moment(when) if when else None
    if not words or (last_at is None and not never):
        return None
    name = words[0]
    secret = secrets.get(name)
    enabled = secret.password != "locked" if secret else None  # noqa: S105 - a state
    return Login(name, can_work(shells.get(name, "/nologin")), enabled, never, last_at)


def _moment(when: re.Match[str]) -> datetime | None:
    month = _MONTHS.index(when["month"]) + 1 if when["month"] in _MONTHS else 0
    text = f"{when['year']}-{month:02}-{int(when['day']):02}T{when['time']}{when['zone'][:3]}:{when['zone'][3:]}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
