"""Who may look at the posture, and what each may do there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Act(StrEnum):
    """One kind of thing that can be done; every route asks for exactly one."""

    READ_POSTURE = "read-posture"
    """Numbers, findings, plan: no raw answers of hosts."""
    READ_EVIDENCE = "read-evidence"
    """Raw answers of hosts."""
    READ_AUDIT = "read-audit"
    """Who did what."""
    WORK_ON_FINDINGS = "work-on-findings"
    """Assign, write tickets and comments, ask for waivers."""
    DECIDE_WAIVERS = "decide-waivers"
    """Grant, refuse, take back; never what one asked for oneself."""
    MANAGE_SCHEDULES = "manage-schedules"
    """Pause what runs by itself, let it go on, and ask for it out of turn."""
    MANAGE_ACCOUNTS = "manage-accounts"


class Role(StrEnum):
    """What an account is for."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    APPROVER = "approver"
    ADMIN = "admin"


ALLOWED: dict[Role, frozenset[Act]] = {
    Role.VIEWER: frozenset({Act.READ_POSTURE}),
    Role.ANALYST: frozenset({Act.READ_POSTURE, Act.READ_EVIDENCE, Act.WORK_ON_FINDINGS}),
    Role.AUDITOR: frozenset({Act.READ_POSTURE, Act.READ_EVIDENCE, Act.READ_AUDIT}),
    Role.APPROVER: frozenset({Act.READ_POSTURE, Act.READ_EVIDENCE, Act.DECIDE_WAIVERS}),
    Role.ADMIN: frozenset(Act),
}


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in."""

    name: str
    role: Role
    systems: tuple[str, ...]
    """The only systems it sees; empty means all of them."""
    password: str
    """The hash, with its algorithm and parameters in front."""
    made_at: datetime
    disabled: bool = False
    failures: int = 0
    """Wrong passwords since the last right one."""
    locked_until: datetime | None = None

    def may(self, act: Act) -> bool:
        """Return whether the account may do this."""
        return not self.disabled and act in ALLOWED[self.role]

    def sees(self, system: str) -> bool:
        """Return whether hosts of this system are shown to the account."""
        return not self.systems or system in self.systems


@dataclass(frozen=True, slots=True)
class Login:
    """A session in a browser; the cookie holds the token, the store only its digest."""

    token_digest: str
    account: str
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What a program shows to read the API; the store keeps only the digest of it."""

    name: str
    token_digest: str
    role: Role
    systems: tuple[str, ...]
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def good(self, now: datetime) -> bool:
        """Return whether it still opens anything."""
        return self.revoked_at is None and now < self.expires_at

    def account(self) -> Account:
        """Return the account that a request with it counts as; it has no password and can sign in nowhere."""
        return Account(f"token {self.name}", self.role, self.systems, "", self.made_at)
