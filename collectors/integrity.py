"""Whether changed files would be noticed: AIDE installed, its database there, its run scheduled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from collectors.base import Answers, Collector, Facts
from collectors.listed import Entries, Entry, entries_of, list_paths
from collectors.textfiles import TextFiles, files_of, read_files
from posture.model.observation import Blind, Hole


@dataclass(frozen=True, slots=True)
class IntegrityFacts:
    """AIDE on this host."""

    installed: bool
    configured: bool
    """A configuration file exists."""
    database: str | None
    """Path of the reference database; ``None`` when there is none."""
    database_at: str | None
    """Day it was written, ``2026-06-20``."""
    scheduled: list[str]
    """Cron files and enabled timers that run it, sorted."""
    reported: bool
    """The configuration, or the job, names a report target or a mail address."""


COMMANDS = (
    list_paths(
        "integrity.paths",
        "/usr/bin/aide",
        "/usr/sbin/aide",
        "/etc/aide.conf",
        "/etc/aide/aide.conf",
        "/var/lib/aide",
        "/etc/systemd/system/timers.target.wants",
        sudo=True,
    ),
    read_files(
        "integrity.jobs",
        "/etc/crontab",
        "/etc/cron.d",
        "/etc/cron.daily",
        "/etc/cron.weekly",
        "/var/spool/cron/root",
        "/var/spool/cron/crontabs/root",
        "/etc/aide.conf",
        "/etc/aide/aide.conf",
        "/etc/default/aide",
        sudo=True,
    ),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return whether AIDE watches this host.

    Source: aide(1), aide.conf(5); Debian's dailyaidecheck.timer and /etc/cron.daily/aide.
    """
    listed = entries_of(answers.get("integrity.paths"))
    if isinstance(listed, Hole):
        return listed
    jobs = files_of(answers.get("integrity.jobs"))
    database = max(
        (entry for entry in listed.found if entry.path in _DATABASES),
        key=lambda entry: entry.modified_s,
        default=None,
    )
    timers = [entry.path for entry in listed.found if entry.path.startswith(_TIMERS) and "aide" in entry.path]
    facts = IntegrityFacts(
        installed=any(listed.at(path) is not None for path in ("/usr/bin/aide", "/usr/sbin/aide")),
        configured=any(listed.at(path) is not None for path in _CONFIGURATION),
        database=database.path if database is not None else None,
        database_at=_day(database) if database is not None else None,
        scheduled=sorted({*timers, *([] if isinstance(jobs, Hole) else _mentions(jobs))}),
        reported=not isinstance(jobs, Hole) and _reported(jobs),
    )
    return Facts(facts, tuple(_holes(listed, jobs, facts)))


def _holes(listed: Entries, jobs: TextFiles | Hole, facts: IntegrityFacts) -> Iterator[Hole]:
    why = jobs if isinstance(jobs, Hole) else jobs.hole("")
    if why is not None:
        claims = {"scheduled": bool(facts.scheduled), "reported": facts.reported}
        yield from (Hole(path, why.reason, why.detail) for path, seen in claims.items() if not seen)
    if not listed.complete:
        detail = "; ".join(listed.unreadable)[:200]
        for path, seen in {"database": facts.database, "installed": facts.installed}.items():
            if not seen:
                yield Hole(path, Blind.COMMAND_REFUSED, detail)


_DATABASES = frozenset({"/var/lib/aide/aide.db", "/var/lib/aide/aide.db.gz"})
_CONFIGURATION = ("/etc/aide.conf", "/etc/aide/aide.conf")
_TIMERS = "/etc/systemd/system/timers.target.wants/"
_RUN = re.compile(r"(?:^|[\s/;&|=])aide(?:\.wrapper)?\s+(?:.*\s)?(?:--check|-C|--update|-u)\b|dailyaidecheck")


def _day(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.modified_s, tz=UTC).strftime("%Y-%m-%d")


def _mentions(jobs: TextFiles) -> set[str]:
    """Return cron files that run it; a commented line runs nothing."""
    lines = [line for line in jobs.lines if line.path not in _CONFIGURATION and line.path != "/etc/default/aide"]
    return {line.path for line in lines if not line.text.lstrip().startswith("#") and _RUN.search(line.text)}


_MAIL = re.compile(r"\bmailx?\b|\bsendmail\b|^MAIL(?:TO|SUBJ)?\s*=\s*[^\s\"']|^\s*report_url\s*=\s*(?!stdout\b)\S")


def _reported(jobs: TextFiles) -> bool:
    running = {*_mentions(jobs), *_CONFIGURATION, "/etc/default/aide"}
    lines = [line for line in jobs.lines if line.path in running and not line.text.lstrip().startswith("#")]
    return any(_MAIL.search(line.text) for line in lines)


COLLECTOR = Collector(topic="integrity", version=1, commands=COMMANDS, facts=IntegrityFacts, parse=parse)
