"""Who may sign in, and the tokens of programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports.dashboard.views.common import Choice


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account."""

    name: str
    role: str
    sees: str
    made_at: datetime
    state: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class TokenLine:
    """What one program reads the API with."""

    name: str
    role: str
    sees: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    state: str
    """``good``, ``revoked`` or ``ended``."""


@dataclass(frozen=True, slots=True)
class AccountsView:
    """Who may sign in, and the form that makes another."""

    lines: tuple[AccountLine, ...]
    tokens: tuple[TokenLine, ...]
    made: str
    """A token that was just made; it is shown this once. Empty otherwise."""
    roles: tuple[Choice, ...]
    wrong: str
    sessions: str = ""
    """How long sessions of single sign-on live, and what ends them; empty without it."""
