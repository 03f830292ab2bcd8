"""The two routes of single sign-on: out to the identity provider, and back; and what its groups come to here."""

import hashlib
import hmac
import logging
import os
import secrets
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from posture.errors import PostureError, StoreError, UsageError
from posture.model.account import Role
from posture.serve.door import NAME, Door, Vouched
from posture.serve.limits import Kind, Limits
from posture.serve.oidc import Asked, Client, Provider, RefusedError
from posture.serve_file import OidcEntry

_LOG = logging.getLogger("posture.serve")
VARIABLE = "POSTURE_OIDC_SECRET"
OUT, BACK = "/sign-in/oidc", "/sign-in/oidc/back"
_WAIT = timedelta(minutes=10)  # for somebody who must find a card first
_BEGUN = 10_000  # sign-ins that are open at once; the oldest is forgotten
_MAX_CODE = 4096  # characters; Microsoft's have some 1,200
_MAX_GROUPS = 5000


@dataclass(frozen=True, slots=True)
class Place:
    """What the members of a group are here."""

    role: Role
    systems: tuple[str, ...] = ()
    """The only systems they see; empty means all of them."""


@dataclass
class SingleSignOn:
    """Sign-ins by way of one identity provider."""

    provider: Provider
    places: Mapping[str, Place]
    """By group; the first that somebody is in counts."""
    account_claim: str = "preferred_username"
    groups_claim: str = "groups"
    secure: bool = True
    refusals: Limits = field(default_factory=Limits)
    """How many of people of whom nothing is known the audit log takes."""
    _begun: OrderedDict[str, tuple[str, Asked]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """What the sign-in page calls it."""
        return self.provider.client.issuer

    @property
    def cookie(self) -> str:
        """Binds a sign-in to the browser that began it."""
        return "__Host-posture-oidc" if self.secure else "posture-oidc"

    def begin(self, browser: str) -> str:
        """Return where a browser is sent."""
        asked = self.provider.ask()
        with self._lock:
            self._begun[asked.state] = (_digest(browser), asked)
            while len(self._begun) > _BEGUN:
                self._begun.popitem(last=False)
        return asked.address

    def come_back(self, asked_for: Mapping[str, str], browser: str) -> Mapping[str, Any]:
        """Return what the provider vouches for; each begun sign-in ends here, well or not.

        Raises:
            RefusedError: it does not.
        """
        with self._lock:
            held, asked = self._begun.pop(asked_for.get("state", ""), ("", None))
        if asked is None or not hmac.compare_digest(held, _digest(browser)):
            raise RefusedError("this sign-in was not begun in this browser", hint="begin again, in one window")
        if self.provider.now() - asked.at > _WAIT:
            raise RefusedError("this sign-in took too long", hint="begin again")
        if asked_for.get("iss", self.name) != self.name:
            raise RefusedError("the answer came from another identity provider", hint="begin again")  # RFC 9207
        code = asked_for.get("code", "")
        if not code or len(code) > _MAX_CODE:
            raise RefusedError("the identity provider did not let you in", hint="begin again")
        return self.provider.redeem(code, asked)

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
        return Vouched(name, owner, place.role, place.systems, by=f"OIDC, {self.name}")

    def account(self, claims: Mapping[str, Any]) -> str:
        """Return the name of somebody's account here; empty when it is none that an account can have."""
        named = claims.get(self.account_claim)
        name = named.lower() if isinstance(named, str) else ""
        return name if 1 <= len(name) <= 64 and NAME.issuperset(name) else ""

    def tell(self, door: Door, error: PostureError, claims: Mapping[str, Any] | None) -> None:
        """Write a refusal into the audit log; strangers, of whom nothing is known, cannot make it grow for ever."""
        if claims is None and self.refusals.wait_s(Kind.REFUSAL, ""):
            _LOG.warning("sign-in refused, and not in the audit log since there are too many: %s", error)
            return
        account = self.account(claims) if claims else ""
        door.store.people.refuse(account, by=f"OIDC, {self.name}", why=str(error), at=door.now())


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
    return SingleSignOn(Provider(client, now), places, entry.account_claim, entry.groups_claim, secure)


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


def add_single_sign_on(
    app: FastAPI,
    sign_on: SingleSignOn | None,
    door: Door,
    let_in: Callable[[Response, str], None],
    page: Callable[[str], str],
) -> None:
    """Add both routes; without configuration they are not there."""

    @app.get(OUT)
    def out() -> Response:
        if sign_on is None:
            raise StoreError("there is no single sign-on here", hint="sign in with a password")
        browser = secrets.token_urlsafe(32)
        try:
            answer: Response = RedirectResponse(sign_on.begin(browser), status_code=HTTPStatus.SEE_OTHER)
        except RefusedError as error:
            return refused(sign_on, error)
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
        claims = None
        try:
            claims = sign_on.come_back(request.query_params, request.cookies.get(sign_on.cookie, ""))
            token = door.sign_in_vouched(sign_on.vouched(claims))
        except PostureError as error:
            return refused(sign_on, error, claims)
        # No redirect: a browser sends a strict cookie to no page that another site led to.
        answer = HTMLResponse(page(""), headers={"Refresh": "0; url=/"})
        answer.delete_cookie(sign_on.cookie, secure=sign_on.secure, httponly=True, samesite="lax", path="/")
        let_in(answer, token)
        return answer

    def refused(sign_on: SingleSignOn, error: PostureError, claims: Mapping[str, Any] | None = None) -> Response:
        sign_on.tell(door, error, claims)
        return HTMLResponse(page(f"{error}: {error.hint}."), status_code=HTTPStatus.FORBIDDEN)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _listed(said: object) -> list[object]:
    return said[:_MAX_GROUPS] if isinstance(said, list) else []
