"""The two routes of single sign-on: out to the identity provider, and back; and what its groups come to here."""

import hashlib
import hmac
import logging
import os
import re
import secrets
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from posture.errors import PostureError, StoreError, UsageError
from posture.inputs.serve_file import OidcEntry
from posture.model.account import Role
from posture.serve.door import NAME, Door, Vouched, digest
from posture.serve.limits import Kind, Limits
from posture.serve.oidc import Asked, Client, Provider, RefusedError, SilentError

_LOG = logging.getLogger("posture.serve")
VARIABLE = "POSTURE_OIDC_SECRET"
OUT, BACK = "/sign-in/oidc", "/sign-in/oidc/back"
_WAIT = timedelta(minutes=10)  # for somebody who must find a card first
_BEGUN = 10_000  # sign-ins that are open at once; the oldest is forgotten
_MAX_CODE = 4096  # characters; Microsoft's have some 1,200
_MAX_GROUPS = 5000
_PATIENCE = timedelta(minutes=5)  # between two times that one session sends its browser to the provider
_PLACE = re.compile(r"/(?![/\\])[!-~]{0,2000}")  # a page of this server


@dataclass(frozen=True, slots=True)
class Place:
    """What the members of a group are here."""

    role: Role
    systems: tuple[str, ...] = ()
    """The only systems they see; empty means all of them."""


@dataclass(frozen=True, slots=True)
class Again:
    """A session that is open here, of which the provider is asked again, and the page that is wanted meanwhile."""

    session: str
    """Digest of its token."""
    account: str
    place: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in on its way."""

    browser: str
    asked: Asked
    again: Again | None


@dataclass
class SingleSignOn:
    """Sign-ins by way of one identity provider."""

    provider: Provider
    places: Mapping[str, Place]
    """By group; the first that somebody is in counts."""
    account_claim: str = "preferred_username"
    groups_claim: str = "groups"
    secure: bool = True
    life: timedelta = timedelta(hours=1)
    """Of a session; the provider is asked again when half of it is over."""
    refusals: Limits = field(default_factory=Limits)
    """How many of people of whom nothing is known the audit log takes."""
    _begun: OrderedDict[str, Begun] = field(default_factory=OrderedDict)
    _asked_again: OrderedDict[str, datetime] = field(default_factory=OrderedDict)
    """When the provider was last asked again, by session."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """What the sign-in page calls it."""
        return self.provider.client.issuer

    @property
    def cookie(self) -> str:
        """Binds a sign-in to the browser that began it."""
        return "__Host-posture-oidc" if self.secure else "posture-oidc"

    def sessions(self) -> str:
        """Return in words how long its sessions live, and what ends them."""
        life, half = (round(one.total_seconds() / 60) for one in (self.life, self.life / 2))
        return (
            f"A session of single sign-on lives {life} minutes; a page that is opened after {half} of them has "
            f"{self.name} asked again. What is taken away there is gone here after {life} minutes at most; Disable "
            "ends the sessions of an account at once, and so does another role."
        )

    def begin(self, browser: str, again: Again | None = None) -> str:
        """Return where a browser is sent.

        Raises:
            RefusedError: the provider cannot be reached, or is not the one that is configured.
        """
        if again is not None:
            self._note(again.session)
        asked = self.provider.ask(unseen=again is not None)
        with self._lock:
            self._begun[asked.state] = Begun(_digest(browser), asked, again)
            while len(self._begun) > _BEGUN:
                self._begun.popitem(last=False)
        return asked.address

    def asks_again(self, door: Door, token: str) -> bool:
        """Return whether it is time to ask the provider again of a session; now and then only if it gives no answer."""
        if not door.half_over(token) or self.provider.silence():
            return False
        with self._lock:
            at = self._asked_again.get(digest(token))
        return at is None or self.provider.now() - at >= _PATIENCE

    def _note(self, session: str) -> None:
        with self._lock:
            self._asked_again[session] = self.provider.now()
            self._asked_again.move_to_end(session)
            while len(self._asked_again) > _BEGUN:
                self._asked_again.popitem(last=False)

    def take(self, asked_for: Mapping[str, str], browser: str) -> Begun:
        """Return the sign-in that comes back; each ends here, well or not.

        Raises:
            RefusedError: there is none of this browser.
        """
        with self._lock:
            begun = self._begun.pop(asked_for.get("state", ""), None)
        if begun is None or not hmac.compare_digest(begun.browser, _digest(browser)):
            raise RefusedError("this sign-in was not begun in this browser", hint="begin again, in one window")
        return begun

    def redeem(self, begun: Begun, asked_for: Mapping[str, str]) -> Mapping[str, Any]:
        """Return what the provider vouches for.

        Raises:
            RefusedError: it does not.
        """
        if self.provider.now() - begun.asked.at > _WAIT:
            raise RefusedError("this sign-in took too long", hint="begin again")
        if asked_for.get("iss", self.name) != self.name:
            raise RefusedError("the answer came from another identity provider", hint="begin again")  # RFC 9207
        code = asked_for.get("code", "")
        if not code or len(code) > _MAX_CODE:
            what = "lets you in no longer" if begun.again else "did not let you in"
            raise RefusedError(f"the identity provider {what}", hint="begin again")
        return self.provider.redeem(code, begun.asked)

    def vouched(self, claims: Mapping[str, Any]) -> Vouched:
        """Return who somebody is here.

        Raises:
            RefusedError: the person has no place here.
        """
        name = self.account(claims)
        if not name:
            hint = f"the claim `{self.account_claim}` needs lower-case letters, digits and . - _ @, at most 64"
            raise RefusedError("the identity provider gives no name that an account can have", hint=hint)
        if self.account_claim == "email" and claims.get("email_verified") is not True:
            raise RefusedError("the identity provider has not verified the address", hint="have it verified there")
        said = claims.get(self.groups_claim, [])
        groups = {said} if isinstance(said, str) else {one for one in _listed(said) if isinstance(one, str)}
        place = next((place for group, place in self.places.items() if group in groups), None)
        if place is None:
            hint = "an administrator names your group under `serve: oidc: roles`, or puts you into one that has a role"
            raise RefusedError(f"you are signed in there as {name}, and none of your groups has a role here", hint=hint)
        owner = _digest(f"{self.name}\0{claims['sub']}")
        return Vouched(name, owner, place.role, place.systems, by=f"OIDC, {self.name}", lasts=self.life)

    def account(self, claims: Mapping[str, Any]) -> str:
        """Return the name of somebody's account here; empty when it is none that an account can have."""
        named = claims.get(self.account_claim)
        name = named.lower() if isinstance(named, str) else ""
        return name if 1 <= len(name) <= 64 and NAME.issuperset(name) else ""

    def tell(self, door: Door, error: PostureError, account: str | None) -> None:
        """Write a refusal into the audit log; strangers, of whom nothing is known, cannot make it grow for ever."""
        if account is None and self.refusals.wait_s(Kind.REFUSAL, ""):
            _LOG.warning("sign-in refused, and not in the audit log since there are too many: %s", error)
            return
        door.store.people.refuse(account or "", by=f"OIDC, {self.name}", why=str(error), at=door.now())


class Ways(Protocol):
    """What the pages around are asked for."""

    def session(self, request: Request) -> str:
        """Return the token of the session that a request came with."""

    def enter(self, place: str, token: str = "") -> Response:
        """Return a page that leads on, with the cookie of a new session if there is one."""

    def refuse(self, wrong: str) -> Response:
        """Return the sign-in page that says what is wrong."""


def from_entry(entry: OidcEntry, now: Callable[[], datetime], *, secure: bool) -> SingleSignOn:
    """Return what the configuration asks for.

    Raises:
        UsageError: the client's secret is nowhere, or open to others.
    """
    tls = None
    if entry.authority:
        try:
            tls = ssl.create_default_context(cafile=entry.authority)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"{entry.authority}: no certificates: {error}", hint="name a PEM file") from None
    back = f"{entry.public_url.rstrip('/')}{BACK}"
    client = Client(entry.issuer, entry.client_id, _secret(entry.secret_file), back, entry.scopes, tls)
    places = {group: Place(Role(one.role), tuple(sorted(one.systems))) for group, one in entry.roles.items()}
    life = timedelta(minutes=entry.session_minutes)
    return SingleSignOn(Provider(client, now), places, entry.account_claim, entry.groups_claim, secure, life)


def _secret(named: str) -> str:
    if not named:
        if said := os.environ.get(VARIABLE, "").strip():
            return said
        raise UsageError("the secret of single sign-on is nowhere", hint=f"`secret_file`, or {VARIABLE}")
    path = Path(named)
    try:
        if path.stat().st_mode & 0o007:
            raise UsageError(f"{path} is open to others", hint=f"chmod o-rwx {path}")
        said = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {type(error).__name__}", hint="the secret alone, as text") from None
    if not said:
        raise UsageError(f"{path} is empty", hint="the secret alone, as text")
    return said


def add_single_sign_on(app: FastAPI, sign_on: SingleSignOn | None, door: Door, ways: Ways) -> None:
    """Add both routes; without configuration they are not there."""

    @app.get(OUT)
    def out(request: Request, to: str = "/") -> Response:
        if sign_on is None:
            raise StoreError("there is no single sign-on here", hint="sign in with a password")
        browser, token = secrets.token_urlsafe(32), ways.session(request)
        account, place = door.half_over(token), to if _PLACE.fullmatch(to) else "/"
        again = Again(digest(token), account, place) if account else None
        if again and not sign_on.asks_again(door, token):
            return ways.enter(place)  # another tab of the browser has just gone there
        try:
            address = sign_on.begin(browser, again)
        except RefusedError as error:
            # A session that is open lives to its end while the provider cannot be asked.
            return ways.enter(place) if again else refused(sign_on, error, None)
        answer = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
        # Lax, for the way back comes from the provider's site.
        age = int(_WAIT.total_seconds())
        answer.set_cookie(
            sign_on.cookie, browser, max_age=age, secure=sign_on.secure, httponly=True, samesite="lax", path="/"
        )
        return answer

    @app.get(BACK)
    def back(request: Request) -> Response:
        if sign_on is None:
            raise StoreError("there is no single sign-on here", hint="sign in with a password")
        again, account = None, None
        try:
            begun = sign_on.take(request.query_params, request.cookies.get(sign_on.cookie, ""))
            again = begun.again
            account = again.account if again else None
            claims = sign_on.redeem(begun, request.query_params)
            account = sign_on.account(claims)
            vouched = sign_on.vouched(claims)
            if again and again.account != vouched.name:
                raise RefusedError(f"{vouched.name} is signed in there now, and was not here", hint="begin again")
            token = door.sign_in_vouched(vouched, instead_of=again.session if again else "")
        except SilentError as error:
            return ways.enter(again.place) if again else refused(sign_on, error, account)
        except PostureError as error:
            if again:
                door.end(again.session)
            return refused(sign_on, error, account)
        # No redirect: a browser sends a strict cookie to no page that another site led to.
        answer = ways.enter(again.place if again else "/", token)
        answer.delete_cookie(sign_on.cookie, secure=sign_on.secure, httponly=True, samesite="lax", path="/")
        return answer

    def refused(sign_on: SingleSignOn, error: PostureError, account: str | None) -> Response:
        sign_on.tell(door, error, account)
        return ways.refuse(f"{error}: {error.hint}.")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _listed(said: object) -> list[object]:
    return said[:_MAX_GROUPS] if isinstance(said, list) else []
