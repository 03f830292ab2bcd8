"""Cron: which job files exist, who may write them, and which users have a table of their own."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.listed import Entry, entries_of, list_paths
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class CronFile:
    """One file or directory cron reads."""

    path: str
    kind: str
    """file, directory, link or other."""
    mode: str
    """Octal, four digits, such as ``0644``."""
    owner: str
    group: str
    writable_by_others: bool
    """A group other than root's, or everybody, may write it; or somebody else owns it."""


@dataclass(frozen=True, slots=True)
class CronFacts:
    """The job files of the host; their text is not read."""

    present: bool
    files: Listing[CronFile]
    """/etc/crontab, /etc/anacrontab, /etc/cron.d and /etc/cron.{hourly,daily,weekly,monthly}; sorted by path."""
    user_tables: Listing[str]
    """Users with a crontab of their own, sorted."""
    allow_list: bool
    """/etc/cron.allow exists."""
    deny_list: bool


COMMANDS = (
    list_paths(
        "cron.files",
        "/etc/crontab",
        "/etc/anacrontab",
        "/etc/cron.d",
        "/etc/cron.hourly",
        "/etc/cron.daily",
        "/etc/cron.weekly",
        "/etc/cron.monthly",
        "/etc/cron.allow",
        "/etc/cron.deny",
        sudo=True,
    ),
    list_paths("cron.tables", "/var/spool/cron", depth=2, sudo=True),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return the job files and whose tables there are.

    Source: crontab(5), cron(8); RHEL keeps user tables in /var/spool/cron, Debian in /var/spool/cron/crontabs.
    """
    listed = entries_of(answers.get("cron.files"))
    if isinstance(listed, Hole):
        return listed
    holes: list[Hole] = []
    tables = entries_of(answers.get("cron.tables"))
    if isinstance(tables, Hole):
        holes.append(Hole("user_tables", tables.reason, tables.detail))
    if not listed.complete:
        detail = "; ".join(listed.unreadable)[:200]
        holes += [Hole(path, Blind.COMMAND_REFUSED, detail) for path in ("present", "allow_list", "deny_list")]
    users = [] if isinstance(tables, Hole) else sorted(_users(tables.found))
    facts = CronFacts(
        present=listed.at("/etc/crontab") is not None or listed.at("/etc/cron.d") is not None,
        files=Listing([_file(entry) for entry in listed.found if entry.path not in _LISTS], listed.complete),
        user_tables=Listing(users, not isinstance(tables, Hole) and tables.complete),
        allow_list=listed.at("/etc/cron.allow") is not None,
        deny_list=listed.at("/etc/cron.deny") is not None,
    )
    return Facts(facts, tuple(holes))


_LISTS = frozenset({"/etc/cron.allow", "/etc/cron.deny"})


def _file(entry: Entry) -> CronFile:
    mode = int(entry.mode, 8)
    # A link's own mode is always 0777 and means nothing.
    open_to_others = entry.kind != "link" and (bool(mode & 0o002) or (bool(mode & 0o020) and entry.gid != 0))
    return CronFile(entry.path, entry.kind, entry.mode, entry.owner, entry.group, open_to_others or entry.uid != 0)


def _users(found: tuple[Entry, ...]) -> set[str]:
    return {entry.path.rsplit("/", 1)[1] for entry in found if entry.kind == "file"}


COLLECTOR = Collector(topic="cron", version=1, commands=COMMANDS, facts=CronFacts, parse=parse)
