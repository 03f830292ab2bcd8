"""When something is to be run by itself, and what became of each time it was due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a schedule runs."""

    DISCOVERY = "discovery"
    """``posture discover``: who answers in the authorised networks; BOD 23-01 asks for every 7 days (as reported)."""
    CREDENTIALED = "credentialed"
    """``posture scan``: logs in, and looks from the network; every 14 days (as reported)."""
    EXPOSURE = "exposure"
    """``posture scan --no-login``: looks from the network only."""
    FEEDS = "feeds"
    """``posture feeds update``; at most 24 hours old (as reported)."""
    PRUNE = "prune"
    """``posture store prune``: raw answers go that are older than the policy."""

    @property
    def needs_scope(self) -> bool:
        """Whether it touches hosts, and so runs under an authorisation only."""
        return self not in (Kind.FEEDS, Kind.PRUNE)


class Missed(StrEnum):
    """What is done with a time that passed while nothing could be run."""

    ONCE = "once"
    """Run once as soon as it can be, however many times were missed."""
    SKIP = "skip"
    """Leave it, and wait for the next time."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is run, and when."""

    name: str
    kind: Kind
    since: datetime
    """Times after this moment count; set when it is added and when it is resumed. Intervals are counted from it."""
    seed: str
    """Makes the jitter of this schedule its own, and the same every time it is worked out."""
    cron: str = ""
    """Five fields; empty for an interval."""
    every_s: int = 0
    time_zone: str = "UTC"
    """Where the cron expression's clock hangs."""
    jitter_s: int = 0
    missed: Missed = Missed.ONCE
    inventory: str = ""
    """Absolute path; empty for this machine."""
    scope: str = ""
    """Absolute path of the scope file; empty for this machine and for what touches no host."""
    profile: str = ""
    paused: bool = False
    removed: bool = False


class Outcome(StrEnum):
    """How far an occurrence has come."""

    ASKED = "asked"
    """Somebody wants it now; nobody has begun it."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """An operator ended it on purpose: it is not taken up again."""
    INTERRUPTED = "interrupted"
    """Its process went away; it is taken up again, or was overtaken by the next time."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time of a schedule; there is at most one of each, whoever looks."""

    schedule: str
    due: datetime
    planned: bool
    """``False`` when somebody asked for it."""
    outcome: Outcome
    attempts: int = 0
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    run: str = ""
    exit_code: int | None = None
    why: str = ""
    authorisation: str = ""
    """Two that share it never run at the same time."""
    machine: str = ""
    """Where it runs or ran."""
    pid: int = 0
