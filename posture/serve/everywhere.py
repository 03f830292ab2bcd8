"""What holds for every answer: headers, limits, and what a refusal looks like."""

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from posture.errors import PostureError, StoreError
from posture.serve.api import is_api, trouble_json
from posture.serve.door import Door
from posture.serve.gate import AskAgainError, Settings, SignInError, see_other
from posture.serve.limits import Kind, Limits
from posture.serve.rooms import Rooms
from posture.serve.single_sign_on import BACK, OUT

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


def add_everywhere(app: FastAPI, rooms: Rooms, settings: Settings, door: Door, limits: Limits) -> None:
    """Add the headers, the limits and the pages of refusals."""

    def trouble(request: Request, status: int, what: str, hint: str) -> Response:
        if is_api(request):
            return trouble_json(status, what, hint)
        token = request.cookies.get(settings.cookie, "")
        return HTMLResponse(rooms.trouble(door.who(token), token, what, hint), status_code=status)

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        wait_s = limits.wait_s(_kind(request), settings.proxy.caller(request))
        response = _later(request, wait_s) if wait_s else await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    @app.exception_handler(SignInError)
    def sign_in_first(_request: Request, _error: Exception) -> Response:
        return see_other("/sign-in")

    @app.exception_handler(AskAgainError)
    def ask_again(request: Request, _error: Exception) -> Response:
        # No redirect: after a form of ours a browser follows none to another site (`form-action` of the policy).
        query = f"?{request.url.query}" if request.url.query else ""
        onward = f"{OUT}?{urlencode({'to': f'{quote(request.url.path)}{query}'})}"
        other = settings.sign_on.name if settings.sign_on else ""
        return HTMLResponse(rooms.onward(onward, asks=other), headers={"Refresh": f"0; url={onward}"})

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        detail = str(error.detail) if isinstance(error, HTTPException) else ""
        return trouble(request, status, HTTPStatus(status).phrase, detail)

    @app.exception_handler(RequestValidationError)
    def misread(request: Request, error: Exception) -> Response:
        faults = error.errors() if isinstance(error, RequestValidationError) else ()
        named = ", ".join(str(one["loc"][-1])[:60] for one in faults)
        return trouble(request, HTTPStatus.UNPROCESSABLE_ENTITY, f"these are not as they should be: {named}", "")

    @app.exception_handler(PostureError)
    def told(request: Request, error: Exception) -> Response:
        status = HTTPStatus.NOT_FOUND if isinstance(error, StoreError) else HTTPStatus.BAD_REQUEST
        return trouble(request, status, str(error), error.hint if isinstance(error, PostureError) else "")


def _kind(request: Request) -> Kind:
    if is_api(request):
        return Kind.API
    path, sent = request.url.path, request.method == "POST"
    if path in (OUT, BACK):
        return Kind.PROVIDER
    return Kind.SIGN_IN if sent and path in ("/sign-in", "/first") else Kind.PAGE


def _later(request: Request, wait_s: float) -> Response:
    what, headers = "too many requests", {"Retry-After": str(max(1, math.ceil(wait_s)))}
    status = HTTPStatus.TOO_MANY_REQUESTS
    if is_api(request):
        told = trouble_json(status, what, "wait as long as `Retry-After` says")
    else:
        told = Response(f"{what}\n", status, media_type="text/plain")
    told.headers.update(headers)
    return told
