"""The routes that ask nobody who they are: signing in and out, the style sheet, whether the process answers."""

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

    def drawn(wrong: str = "", *, first: bool = False) -> str:
        if settings.sign_on is None:
            return rooms.sign_in(wrong, first=first)
        silent = settings.sign_on.provider.silence()
        if silent:
            local = "Until then an account with a password gets in below." if door.opens_with_passwords() else _NOBODY
            silent = f"{settings.sign_on.name} {silent}. {local}"
        return rooms.sign_in(wrong, first=first, other=settings.sign_on.name, silent=silent)

    def enter(answer: Response, token: str) -> None:
        age = int(SESSION.total_seconds())
        answer.set_cookie(
            settings.cookie, token, max_age=age, secure=settings.secure, httponly=True, samesite="strict", path="/"
        )

    def let_in(token: str) -> Response:
        answer = see_other("/")
        enter(answer, token)
        return answer

    class Around:
        def session(self, request: Request) -> str:
            return request.cookies.get(settings.cookie, "")

        def enter(self, place: str, token: str = "") -> Response:
            answer = HTMLResponse(rooms.onward(place), headers={"Refresh": f"0; url={place}"})
            if token:
                enter(answer, token)
            return answer

        def refuse(self, wrong: str) -> Response:
            return HTMLResponse(drawn(wrong), status_code=HTTPStatus.FORBIDDEN)

    add_single_sign_on(app, settings.sign_on, door, Around())

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/favicon.ico")
    def no_icon() -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT)  # every browser asks

    @app.get(rooms.style)
    def stylesheet() -> Response:
        cached = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(style, media_type="text/css", headers=cached)

    @app.get("/sign-in")
    def sign_in_page(request: Request) -> Response:
        name = settings.proxy.account(request)
        if token := door.sign_in_as(name, by="client certificate, checked by the proxy") if name else "":
            return let_in(token)
        return HTMLResponse(drawn(first=bool(door.first_token())))

    @app.post("/sign-in")
    def sign_in(fields: Annotated[dict[str, str], Depends(Form())]) -> Response:
        token = door.sign_in(fields.get("name", ""), fields.get("password", ""))
        if not token:
            wrong = "Account or password is wrong, or the account rests after too many tries."
            return HTMLResponse(drawn(wrong), status_code=HTTPStatus.UNAUTHORIZED)
        return let_in(token)

    @app.post("/first")
    def first(fields: Annotated[dict[str, str], Depends(Form())]) -> Response:
        name, password = fields.get("name", ""), fields.get("password", "")
        try:
            door.make_first(fields.get("token", ""), name, password)
        except UsageError as error:
            wrong = f"{error}: {error.hint}"
            return HTMLResponse(drawn(wrong, first=True), status_code=HTTPStatus.BAD_REQUEST)
        return let_in(door.sign_in(name, password))

    @app.post("/sign-out", dependencies=[Depends(Form(settings.cookie))])
    def sign_out(request: Request) -> Response:
        door.sign_out(request.cookies.get(settings.cookie, ""))
        answer = see_other("/sign-in")
        answer.delete_cookie(settings.cookie, secure=settings.secure, httponly=True, samesite="strict", path="/")
        return answer
