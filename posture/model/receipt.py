"""Proof that a finding was mended: it failed with one piece of evidence and passes with another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from posture.model.finding import Status
from posture.model.observation import Origin


class Force(StrEnum):
    """Whether what runs and what the files say for the next start agree."""

    AGREE = "in force"
    NOT_LOADED = "changed, not in force"
    """The files are good; what runs is not, or is older than they are."""
    NOT_KEPT = "in force, not kept"
    """What runs is good; the files say otherwise, and win at the next start."""
    UNSEEN = "not seen whether in force"
    SINGLE = "one state only"
    """What the check reads has no second state that is collected."""

    @property
    def settled(self) -> bool:
        """False when one of two states is bad or unseen."""
        return self in (Force.AGREE, Force.SINGLE)


@dataclass(frozen=True, slots=True, order=True)
class Unsettled:
    """A check on a host whose running and persistent state do not agree."""

    host: str
    check: str
    status: Status
    force: Force


@dataclass(frozen=True, slots=True)
class Sight:
    """What a check says of a host in one run, judged from the raw answers."""

    run: str
    at: datetime
    status: Status
    said: str
    """The assertions in words, or why it is unknown."""
    evidence: tuple[tuple[str, str], ...]
    """``(command id, sha256)`` of the answers it was read from."""
    origin: Origin
    force: Force = Force.SINGLE


@dataclass(frozen=True, slots=True)
class Receipt:
    """Finding F failed with evidence E1 at t1 and passes with E2 at t2, both judged by the check as it is at t2."""

    finding: str
    check: str
    host: str
    subject: str
    revision: int
    check_digest: str
    same_check: bool
    """False when the check changed in between; E1 was judged again by the present one all the same."""
    failed: Sight
    passes: Sight
    days_open: int
    """From the first sight to the run that saw it mended."""
    times_opened: int
    """2 means that it came back once."""
    holds: bool
    why: str
    """One sentence."""
    ticket: str = ""
    """The change it was mended by, where somebody wrote one beside the finding."""
    last_passing: datetime | None = None
    """The moment of the last run that saw it pass; a run that was blind is none."""

    @property
    def days_passing(self) -> int:
        """From the run that saw it mended to the last one that saw it pass."""
        return ((self.last_passing or self.passes.at) - self.passes.at).days
