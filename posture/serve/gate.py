"""Who may pass: the account behind a request, the one act that a route asks for, and forms of our own pages only."""

import hmac
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from posture.model.account import Account, Act
from posture.serve.door import Door, form_token
from posture.serve.proxy import Proxy
from posture.serve.single_sign_on import SingleSignOn

_MAX_FORM = 16_384  # bytes; the largest form is a page of ticks with a comment
_MAX_FIELDS = 100  # a page of ticks, and the rest


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server is reached."""

    secure: bool
    """True behind TLS: cookies travel over nothing else."""
    marking: str = ""
    proxy: Proxy = field(default_factory=Proxy)
    sign_on: SingleSignOn | None = None

    @property
    def cookie(self) -> str:
        """The session's cookie; the prefix makes browsers refuse it from anybody but this host, over TLS."""
        return "__Host-posture" if self.secure else "posture"


class SignInError(Exception):
    """Nobody is signed in."""


class AskAgainError(Exception):
    """It is time to ask the identity provider whether somebody may still be here."""


class Needs:
    """A dependency: yields the account that asks, if it may do the one act; the route table is read from it."""

    def __init__(self, act: Act, door: Door, cookie: str, sign_on: SingleSignOn | None) -> None:
        self.act, self._door, self._cookie, self._sign_on = act, door, cookie, sign_on

    def __call__(self, request: Request) -> Account:
        token = request.cookies.get(self._cookie, "")
        account = self._door.who(token)
        if account is None:
            raise SignInError
        # Only a page that is opened: a form that was filled in must not be lost.
        page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if page and self._sign_on is not None and self._sign_on.asks_again(self._door, token):
            raise AskAgainError
        if not account.may(self.act):
            raise HTTPException(HTTPStatus.FORBIDDEN, f"the role {account.role.value} may not do this")
        return account


@dataclass(frozen=True, slots=True)
class Gate:
    door: Door
    cookie: str
    sign_on: SingleSignOn | None

    def __call__(self, act: Act) -> Needs:
        return Needs(act, self.door, self.cookie, self.sign_on)

    def token(self, request: Request) -> str:
        return request.cookies.get(self.cookie, "")


class Form:
    """A dependency: yields the fields of a form that came from one of this session's own pages.

    A field that was sent several times (a list of ticks) has one value on each line.
    """

    def __init__(self, cookie: str = "") -> None:
        self._cookie = cookie

    async def __call__(self, request: Request) -> dict[str, str]:
        if not _from_here(request):
            raise HTTPException(HTTPStatus.FORBIDDEN, "the form came from another site")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the form is too large")
        try:
            parsed = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MAX_FIELDS)
        except ValueError:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the form has too many fields") from None
        fields = {key: "\n".join(values) for key, values in parsed.items()}
        token = request.cookies.get(self._cookie, "") if self._cookie else ""
        if not hmac.compare_digest(fields.get("form", "").encode(), form_token(token).encode()):
            raise HTTPException(HTTPStatus.FORBIDDEN, "the form did not come from this session: load the page again")
        return fields


def _from_here(request: Request) -> bool:
    """Return whether the browser says that one of our pages sent this; programs send neither header."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    if origin == "null" and request.headers.get("sec-fetch-site") == "same-origin":
        origin = ""  # browsers hide it on pages that send no referrer, as ours; the other header they cannot be made to
    return site in ("same-origin", "none") and (
        not origin or urlsplit(origin).netloc == request.headers.get("host", "")
    )


def see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)
