"""The routes that ask nobody who they are: signing in and out, the style sheet, whether the process answers."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from posture.errors import UsageError
from posture.serve.door import SESSION, Door
from posture.serve.gate import Form, Settings, see_other
from posture.serve.rooms import Rooms
from posture.serve.single_sign_on import add_single_sign_on

_NOBODY = "No account here has a password, so nobody gets in until then; what went wrong stands in the server's log."


def add_ways_in(app: FastAPI, rooms: Rooms, settings: Settings, door: Door, style: bytes) -> None:
    """Add the routes that ask nobody who they are."""
    entrance = _Entrance(rooms, settings, door)
    _add_plain(app, rooms.style, style)
    _add_sign_in(app, entrance)
    _add_first(app, entrance)
    add_single_sign_on(app, settings.sign_on, door, entrance)
    _add_sign_out(app, entrance)


@dataclass(frozen=True, slots=True)
class _Entrance:
    """The sign-in page, and the cookie of who comes in."""

    rooms: Rooms
    settings: Settings
    door: Door

    def page(self, wrong: str = "", *, first: bool = False) -> str:
        """Return the sign-in page; ``first`` asks for the token of the first administrator."""
        sign_on = self.settings.sign_on
        if sign_on is None:
            return self.rooms.sign_in(wrong, first=first)
        silent = sign_on.provider.silence()
        if silent:
            opens = self.door.opens_with_passwords()
            local = "Until then an account with a password gets in below." if opens else _NOBODY
            silent = f"{sign_on.name} {silent}. {local}"
        return self.rooms.sign_in(wrong, first=first, other=sign_on.name, silent=silent)

    def let_in(self, token: str) -> Response:
        """Return the way to the overview, with the cookie of a new session."""
        answer = see_other("/")
        self._keep(answer, token)
        return answer

    def session(self, request: Request) -> str:
        """Return the token of the session that a request came with."""
        return request.cookies.get(self.settings.cookie, "")

    def enter(self, place: str, token: str = "") -> Response:
        """Return a page that leads on, with the cookie of a new session if there is one."""
        answer = HTMLResponse(self.rooms.onward(place), headers={"Refresh": f"0; url={place}"})
        if token:
            self._keep(answer, token)
        return answer

    def refuse(self, wrong: str) -> Response:
        """Return the sign-in page that says what is wrong."""
        return HTMLResponse(self.page(wrong), status_code=HTTPStatus.FORBIDDEN)

    def _keep(self, answer: Response, token: str) -> None:
        name, age, secure = self.settings.cookie, int(SESSION.total_seconds()), self.settings.secure
        answer.set_cookie(name, token, max_age=age, secure=secure, httponly=True, samesite="strict", path="/")


def _add_plain(app: FastAPI, address: str, style: bytes) -> None:
    """Add what is the same for everybody."""

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/favicon.ico")
    def no_icon() -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT)  # every browser asks

    @app.get(address)
    def stylesheet() -> Response:
        cached = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(style, media_type="text/css", headers=cached)


def _add_sign_in(app: FastAPI, entrance: _Entrance) -> None:
    """Add the sign-in page, which a certificate passes by, and its form."""
    door = entrance.door

    @app.get("/sign-in")
    def sign_in_page(request: Request) -> Response:
        name = entrance.settings.proxy.account(request)
        if token := door.sign_in_as(name, by="client certificate, checked by the proxy") if name else "":
            return entrance.let_in(token)
        return HTMLResponse(entrance.page(first=bool(door.first_token())))

    @app.post("/sign-in")
    def sign_in(fields: Annotated[dict[str, str], Depends(Form())]) -> Response:
        token = door.sign_in(fields.get("name", ""), fields.get("password", ""))
        if not token:
            wrong = "Account or password is wrong, or the account rests after too many tries."
            return HTMLResponse(entrance.page(wrong), status_code=HTTPStatus.UNAUTHORIZED)
        return entrance.let_in(token)


def _add_first(app: FastAPI, entrance: _Entrance) -> None:
    """Add the form that makes the first administrator by the token that was printed."""
    door = entrance.door

    @app.post("/first")
    def first(fields: Annotated[dict[str, str], Depends(Form())]) -> Response:
        name, password = fields.get("name", ""), fields.get("password", "")
        try:
            door.make_first(fields.get("token", ""), name, password)
        except UsageError as error:
            wrong = f"{error}: {error.hint}"
            return HTMLResponse(entrance.page(wrong, first=True), status_code=HTTPStatus.BAD_REQUEST)
        return entrance.let_in(door.sign_in(name, password))


def _add_sign_out(app: FastAPI, entrance: _Entrance) -> None:
    """Add the way out, which ends the session of the form that asks."""
    settings = entrance.settings

    @app.post("/sign-out", dependencies=[Depends(Form(settings.cookie))])
    def sign_out(request: Request) -> Response:
        entrance.door.sign_out(entrance.session(request))
        answer = see_other("/sign-in")
        answer.delete_cookie(settings.cookie, secure=settings.secure, httponly=True, samesite="strict", path="/")
        return answer
