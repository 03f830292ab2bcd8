"""Tokens with which programs read the API: made once, shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from posture.errors import UsageError
from posture.model.account import Account, ApiToken, Role
from posture.store import Store

PREFIX = "posture_"
"""So that scanners for leaked secrets know one when they see it."""
LONGEST_DAYS = 365
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes tokens, and knows whose request one came with."""

    store: Store
    now: Callable[[], datetime]

    def make(self, name: str, role: Role, systems: tuple[str, ...], days: int, *, by: str) -> str:
        """Return a new token; nobody can read it again.

        Raises:
            UsageError: name or days will not do.
            StoreError: the name is taken.
        """
        if not 1 <= len(name) <= 64 or not _NAME.issuperset(name):
            raise UsageError("this is no name for a token", hint="lower-case letters, digits and . - _, at most 64")
        if not 1 <= days <= LONGEST_DAYS:
            raise UsageError(f"a token cannot live {days} days", hint=f"1 to {LONGEST_DAYS}")
        token, now = PREFIX + secrets.token_urlsafe(32), self.now()
        self.store.tokens.add(ApiToken(name, digest(token), role, systems, by, now, now + timedelta(days=days)))
        return token

    def who(self, token: str) -> Account | None:
        """Return the account that a request with this token counts as; ``None`` when it opens nothing."""
        found = self.store.tokens.by_digest(digest(token)) if token.startswith(PREFIX) else None
        return found.account() if found and found.good(self.now()) else None


def digest(token: str) -> str:
    """Return what the store keeps of a token; it is random and long, so a plain hash will do."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
