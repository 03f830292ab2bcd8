"""Signing in: the one-time token of the first administrator, passwords, lockout, sessions."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from posture.errors import UsageError
from posture.model.account import Account, Login, Role
from posture.serve import passwords
from posture.store import Store

SESSION = timedelta(hours=8)  # a working day; signing in again is the price of a stolen cookie
_TRIES = 5  # STIG family, three to five wrong passwords; then the account rests
_REST = timedelta(minutes=15)
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b27bRJhnlJ/tzmU5cLpF6yGkoQ"
"""Held against the password of an account that is not there, so that the answer takes as long."""
_VOUCHED = "vouched "
"""Stands where a password's hash would, before the digest of who it is at the provider; no password fits it."""
NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_@")


@dataclass(frozen=True, slots=True)
class Vouched:
    """Somebody whom an identity provider vouches for, and what that makes them here."""

    name: str
    owner: str
    """Digest of issuer and subject: the name alone may pass to another person."""
    role: Role
    systems: tuple[str, ...]
    by: str
    lasts: timedelta
    """How long a session is good."""


@dataclass
class Door:
    """Lets people in, and knows who is in."""

    store: Store
    now: Callable[[], datetime]
    fips: bool = field(default_factory=passwords.fips_mode)
    _first: str = ""

    def first_token(self) -> str:
        """Return a token with which the first administrator makes an account; empty once there is one.

        It lives in this process only and is good for one account.
        """
        if any(one.role is Role.ADMIN for one in self.store.people.accounts()):
            return ""
        self._first = self._first or secrets.token_urlsafe(24)
        return self._first

    def make_first(self, token: str, name: str, password: str) -> None:
        """Make the first administrator.

        Raises:
            UsageError: the token is not the one that was printed, or name or password will not do.
        """
        first = self._first if self.first_token() else ""  # good for nothing once somebody else became one
        if not first or not hmac.compare_digest(token.encode(), first.encode()):
            raise UsageError(
                "this is not the token that was printed", hint="it stands in the terminal of `posture serve`"
            )
        self.make(name, password, Role.ADMIN, (), by="one-time token")
        self._first = ""

    def make(self, name: str, password: str, role: Role, systems: tuple[str, ...], *, by: str) -> None:
        """Make an account.

        Raises:
            UsageError: name or password will not do.
            StoreError: the name is taken.
        """
        if not 1 <= len(name) <= 64 or not NAME.issuperset(name):
            hint = "lower-case letters, digits and . - _ @, at most 64"
            raise UsageError("this is no name for an account", hint=hint)
        if wrong := passwords.fault(password, name):
            raise UsageError(wrong.rstrip("."), hint="a sentence of a few words is easy to keep in mind")
        kept = passwords.hash_password(password, fips=self.fips)
        now = self.now()
        self.store.people.add(Account(name, role, systems, kept, now), by=by, at=now)

    def disable(self, name: str, *, by: str) -> None:
        """Take an account out of use and end its sessions.

        Raises:
            UsageError: nobody has the name, or it is the last administrator.
        """
        if self.store.people.account(name) is None:
            raise UsageError(f"there is no account `{name[:64]}`", hint="the page of accounts lists them")
        if not self.store.people.disable(name, by=by, at=self.now()):
            raise UsageError("this is the last administrator", hint="make another one first")

    def sign_in(self, name: str, password: str) -> str:
        """Return the token of a new session; empty when name or password is wrong, or the account rests."""
        now, account = self.now(), self.store.people.account(name)
        if account is None or account.disabled or account.password.startswith(_VOUCHED):
            passwords.right(password, _NOBODY)
            return ""
        if _rests(account, now):
            return ""
        if not passwords.right(password, account.password):
            self.store.people.count_failure(name, most=_TRIES, rest=_REST, at=now)
            return ""
        # Trying a password takes a while; others may have guessed, or an administrator decided, meanwhile.
        account = self.store.people.account(name)
        if account is None or account.disabled or _rests(account, now):
            return ""
        if account.failures:
            self.store.people.forget_failures(name)
        token = secrets.token_urlsafe(32)
        self.store.people.sign_in(Login(digest(token), name, now, now + SESSION))
        return token

    def sign_in_as(self, name: str, *, by: str, lasts: timedelta = SESSION, instead_of: str = "") -> str:
        """Return the token of a new session of somebody whom another has checked; empty when there is no such account.

        ``by`` says in the audit chain who vouched for them; the session with the digest ``instead_of`` ends.
        """
        now, account = self.now(), self.store.people.account(name)
        if account is None or account.disabled:
            return ""
        token = secrets.token_urlsafe(32)
        self.store.people.sign_in(Login(digest(token), name, now, now + lasts), by=by, instead_of=instead_of)
        return token

    def sign_in_vouched(self, who: Vouched, *, instead_of: str = "") -> str:
        """Return the token of a new session; the account is made when it is new, and has the role it has there now.

        Raises:
            UsageError: the name is another's here, or the account is disabled.
        """
        kept, now, account = _VOUCHED + who.owner, self.now(), self.store.people.account(who.name)
        if account is not None and not hmac.compare_digest(account.password, kept):
            hint = "an account with a password, or of somebody else at the provider, has it: ask an administrator"
            raise UsageError(f"the name {who.name} is taken here", hint=hint)
        if account is not None and account.disabled:
            raise UsageError(f"the account {who.name} is disabled", hint="ask an administrator")
        if account is None:
            self.store.people.add(Account(who.name, who.role, who.systems, kept, now), by=who.by, at=now)
        elif (account.role, account.systems) != (who.role, who.systems):
            self.store.people.place(who.name, who.role, who.systems, by=who.by, at=now)
        return self.sign_in_as(who.name, by=who.by, lasts=who.lasts, instead_of=instead_of)

    def who(self, token: str) -> Account | None:
        """Return whose session a token belongs to; ``None`` when it has ended or never was."""
        return self.store.people.signed_in(digest(token), self.now()) if token else None

    def half_over(self, token: str) -> str:
        """Return whose session of single sign-on has lived for half its time; empty when it is none, or has not."""
        account = self.who(token)
        if account is None or not account.password.startswith(_VOUCHED):
            return ""
        login = self.store.people.login(digest(token))
        half = login is not None and self.now() - login.made_at >= (login.expires_at - login.made_at) / 2
        return account.name if half else ""

    def opens_with_passwords(self) -> bool:
        """Return whether any account gets in with a password."""
        return any(not one.disabled and not one.password.startswith(_VOUCHED) for one in self.store.people.accounts())

    def sign_out(self, token: str) -> None:
        """End a session."""
        self.end(digest(token))

    def end(self, session: str) -> None:
        """End the session whose token has this digest."""
        self.store.people.sign_out(session, self.now())


def _rests(account: Account, now: datetime) -> bool:
    return account.locked_until is not None and now < account.locked_until


def digest(token: str) -> str:
    """Return what the store keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def form_token(token: str) -> str:
    """Return what every form of a session must send back; who cannot read our pages cannot know it."""
    return hmac.new(token.encode("utf-8", "surrogatepass"), b"posture form", hashlib.sha256).hexdigest()
