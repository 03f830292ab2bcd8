"""The application: every route with the one act it asks for, and what holds for every answer."""

import hashlib
import hmac
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from posture.errors import PostureError, StoreError, UsageError
from posture.model.account import Account, Act, Role
from posture.model.finding import Finding
from posture.model.host import Host
from posture.serve import timetable
from posture.serve.ahead import AheadRooms
from posture.serve.api import add_api, is_api, trouble_json
from posture.serve.api_rooms import ApiRooms
from posture.serve.desk import Desk
from posture.serve.door import SESSION, Door, form_token
from posture.serve.host_room import HostRoom
from posture.serve.limits import Kind, Limits
from posture.serve.proxy import Proxy
from posture.serve.rooms import Rooms
from posture.serve.scripts import POLICY, Scripts
from posture.serve.single_sign_on import BACK, OUT, SingleSignOn, add_single_sign_on
from posture.serve.tokens import Tokens
from posture.serve.watch import Ready, add_watch
from posture.serve.work_room import WorkRoom
from posture.store import Store
from reports import dashboard as dashboard_package
from reports.calendar_csv import csv_of
from reports.calendar_ics import ics
from reports.dashboard.pages import finding_path
from reports.dashboard.queue import Wanted
from reports.html_report import TEMPLATES

_STATIC = Path(dashboard_package.__file__).parent / "static"
_MAX_FORM = 16_384  # bytes; the largest form is a page of ticks with a comment
_MAX_FIELDS = 100  # a page of ticks, and the rest
_MAX_FIXES = 100  # ticked in one what-if
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


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


class _SignInError(Exception):
    """Nobody is signed in."""


class Needs:
    """A dependency: yields the account that asks, if it may do the one act; the route table is read from it."""

    def __init__(self, act: Act, door: Door, cookie: str) -> None:
        self.act, self._door, self._cookie = act, door, cookie

    def __call__(self, request: Request) -> Account:
        account = self._door.who(request.cookies.get(self._cookie, ""))
        if account is None:
            raise _SignInError
        if not account.may(self.act):
            raise HTTPException(HTTPStatus.FORBIDDEN, f"the role {account.role.value} may not do this")
        return account


def create_app(
    store: Store, door: Door, settings: Settings, ready: Ready = lambda: True, limits: Limits | None = None
) -> FastAPI:
    """Return the application over a store; nothing is served that is not in a route below.

    ``ready`` says whether what runs beside it, such as the scheduler, is well.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    style = (TEMPLATES / "report.css").read_bytes() + (_STATIC / "dashboard.css").read_bytes()
    rooms = Rooms(store, settings.marking, f"/style-{hashlib.sha256(style).hexdigest()[:16]}.css")
    _everywhere(app, rooms, settings, door, limits or Limits())
    _without_account(app, rooms, settings, door, style)
    room = WorkRoom(rooms, store, door.now)
    hosts = HostRoom(rooms, store)
    _reading(app, rooms, room, hosts, _Gate(door, settings.cookie))
    scripts = Scripts.read(_STATIC)
    ahead = AheadRooms(store, rooms, scripts)
    _ahead(app, ahead, _Gate(door, settings.cookie))
    _assets(app, scripts)
    _evidence_and_audit(app, rooms, _Gate(door, settings.cookie))
    _working(app, room, _Gate(door, settings.cookie), Desk(store, door.now))
    _schedules(app, store, _Gate(door, settings.cookie))
    tokens = Tokens(store, door.now)
    _accounts(app, rooms, _Gate(door, settings.cookie), door, tokens)
    add_watch(app, tokens, lambda account: rooms.metrics(account, door.now()), ready)
    add_api(app, ApiRooms(store, rooms, room, ahead, hosts), tokens)
    return app


@dataclass(frozen=True, slots=True)
class _Gate:
    door: Door
    cookie: str

    def __call__(self, act: Act) -> Needs:
        return Needs(act, self.door, self.cookie)

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


def _see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)


def _kind(request: Request) -> Kind:
    if is_api(request):
        return Kind.API
    path, sent = request.url.path, request.method == "POST"
    return Kind.SIGN_IN if path in (OUT, BACK) or (sent and path in ("/sign-in", "/first")) else Kind.PAGE


def _later(request: Request, wait_s: float) -> Response:
    what, headers = "too many requests", {"Retry-After": str(max(1, math.ceil(wait_s)))}
    status = HTTPStatus.TOO_MANY_REQUESTS
    if is_api(request):
        told = trouble_json(status, what, "wait as long as `Retry-After` says")
    else:
        told = Response(f"{what}\n", status, media_type="text/plain")
    told.headers.update(headers)
    return told


def _everywhere(app: FastAPI, rooms: Rooms, settings: Settings, door: Door, limits: Limits) -> None:
    def trouble(request: Request, status: int, what: str, hint: str) -> Response:
        if is_api(request):
            return trouble_json(status, what, hint)
        token = request.cookies.get(settings.cookie, "")
        return HTMLResponse(rooms.trouble(door.who(token), token, what, hint), status_code=status)

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        wait_s = limits.wait_s(_kind(request), settings.proxy.caller(request))
        response = _later(request, wait_s) if wait_s else await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    @app.exception_handler(_SignInError)
    def sign_in_first(_request: Request, _error: Exception) -> Response:
        return _see_other("/sign-in")

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


def _without_account(app: FastAPI, rooms: Rooms, settings: Settings, door: Door, style: bytes) -> None:
    """Add the routes that ask nobody who they are."""

    other = settings.sign_on.name if settings.sign_on else ""

    def enter(answer: Response, token: str) -> None:
        age = int(SESSION.total_seconds())
        answer.set_cookie(
            settings.cookie, token, max_age=age, secure=settings.secure, httponly=True, samesite="strict", path="/"
        )

    def let_in(token: str) -> Response:
        answer = _see_other("/")
        enter(answer, token)
        return answer

    add_single_sign_on(
        app, settings.sign_on, door, enter, lambda wrong: rooms.sign_in(wrong, other=other, entered=not wrong)
    )

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
        return HTMLResponse(rooms.sign_in(first=bool(door.first_token()), other=other))

    @app.post("/sign-in")
    def sign_in(fields: Annotated[dict[str, str], Depends(Form())]) -> Response:
        token = door.sign_in(fields.get("name", ""), fields.get("password", ""))
        if not token:
            wrong = "Account or password is wrong, or the account rests after too many tries."
            return HTMLResponse(rooms.sign_in(wrong, other=other), status_code=HTTPStatus.UNAUTHORIZED)
        return let_in(token)

    @app.post("/first")
    def first(fields: Annotated[dict[str, str], Depends(Form())]) -> Response:
        name, password = fields.get("name", ""), fields.get("password", "")
        try:
            door.make_first(fields.get("token", ""), name, password)
        except UsageError as error:
            wrong = f"{error}: {error.hint}"
            return HTMLResponse(rooms.sign_in(wrong, first=True, other=other), status_code=HTTPStatus.BAD_REQUEST)
        return let_in(door.sign_in(name, password))

    @app.post("/sign-out", dependencies=[Depends(Form(settings.cookie))])
    def sign_out(request: Request) -> Response:
        door.sign_out(request.cookies.get(settings.cookie, ""))
        answer = _see_other("/sign-in")
        answer.delete_cookie(settings.cookie, secure=settings.secure, httponly=True, samesite="strict", path="/")
        return answer


def _wanted(
    words: str = "",
    severity: str = "",
    owner: str = "",
    zone: str = "",
    late: str = "",
    page: int = 1,
    clock: str = "",
    assignee: str = "",
    state: str = "",
    sort: str = "",
    group: str = "",
) -> Wanted:
    """Return what of the queue an address asks for."""
    narrow = (words[:100], severity[:20], owner[:200], zone[:200])
    return Wanted(*narrow, late == "1", page, clock[:64], assignee[:64], state[:20], sort[:20], group[:20])


Asked = Annotated[Wanted, Depends(_wanted)]


def _reading(app: FastAPI, rooms: Rooms, room: WorkRoom, hosts: HostRoom, gate: _Gate) -> None:
    """Add the pages of numbers, findings and the plan."""
    Reader = Annotated[Account, Depends(gate(Act.READ_POSTURE))]  # noqa: N806 - a type

    def section(path: str, name: str) -> None:
        @app.get(path, name=name)
        def page(request: Request, account: Reader, run: str = "latest") -> Response:
            return HTMLResponse(rooms.section(name, account, gate.token(request), run))

    for path, name in rooms.sections(Act.READ_POSTURE):
        section(path, name)

    @app.get("/work")
    def work(request: Request, account: Reader, asked: Asked) -> Response:
        return HTMLResponse(room.work(account, gate.token(request), asked))

    @app.get("/waivers/requests")
    def requests(request: Request, account: Reader) -> Response:
        return HTMLResponse(room.requests(account, gate.token(request)))

    @app.get("/work.csv")
    def work_csv(account: Reader, asked: Asked) -> Response:
        attached = {"Content-Disposition": 'attachment; filename="work.csv"'}
        return Response(room.work_csv(account, asked), media_type="text/csv", headers=attached)

    @app.get("/hosts/{host}")
    def host(request: Request, host: str, account: Reader) -> Response:
        return HTMLResponse(hosts.host(account, gate.token(request), host))

    @app.get("/findings/{finding}")
    def finding(request: Request, finding: str, account: Reader) -> Response:
        return HTMLResponse(room.finding(account, gate.token(request), finding))

    @app.get("/fixed")
    def fixed(request: Request, account: Reader) -> Response:
        return HTMLResponse(rooms.fixed(account, gate.token(request)))

    @app.get("/scans")
    def scans(request: Request, account: Reader) -> Response:
        return HTMLResponse(rooms.scans(account, gate.token(request), gate.door.now()))


def _assets(app: FastAPI, scripts: Scripts) -> None:
    """Add the scripts of the one page that loads any; where there are none, there is nothing at their address."""

    @app.get("/assets/{name}")
    def asset(name: str) -> Response:
        if name not in scripts.contents:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such script")
        cached = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(scripts.contents[name], media_type="text/javascript", headers=cached)


def _ahead(app: FastAPI, rooms: AheadRooms, gate: _Gate) -> None:
    """Add the pages of what lies ahead: the overview, attack paths, what-ifs, the calendar."""
    Reader = Annotated[Account, Depends(gate(Act.READ_POSTURE))]  # noqa: N806 - a type

    @app.get("/")
    def overview(request: Request, account: Reader, run: str = "latest") -> Response:
        return HTMLResponse(rooms.overview(account, gate.token(request), run))

    @app.get("/paths")
    def paths(request: Request, account: Reader, run: str = "latest", zone: str = "") -> Response:
        page = HTMLResponse(rooms.paths(account, gate.token(request), run, zone[:200]))
        if rooms.scripted:
            page.headers["Content-Security-Policy"] = f"{_HEADERS['Content-Security-Policy']}; {POLICY}"
        return page

    @app.get("/plan")
    def plan(request: Request, account: Reader, run: str = "latest", owner: str = "") -> Response:
        return HTMLResponse(rooms.plan(account, gate.token(request), run, owner[:200]))

    @app.get("/plan.ics")
    def plan_ics(account: Reader, owner: str = "") -> Response:
        attached = {"Content-Disposition": 'attachment; filename="plan.ics"'}
        return Response(ics(rooms.calendar(account, owner[:200])), media_type="text/calendar", headers=attached)

    @app.get("/plan.csv")
    def plan_csv(account: Reader, owner: str = "") -> Response:
        attached = {"Content-Disposition": 'attachment; filename="plan.csv"'}
        return Response(csv_of(rooms.calendar(account, owner[:200])), media_type="text/csv", headers=attached)

    @app.get("/ai")
    def ai(request: Request, account: Reader, run: str = "latest") -> Response:
        return HTMLResponse(rooms.ai(account, gate.token(request), run))

    @app.get("/what-if")
    def what_if(
        request: Request, account: Reader, fix: Annotated[list[str] | None, Query(max_length=_MAX_FIXES)] = None
    ) -> Response:
        return HTMLResponse(rooms.what_if(account, gate.token(request), [one[:64] for one in fix or ()]))

    @app.get("/paths/{path}")
    def path(request: Request, path: str, account: Reader) -> Response:
        return HTMLResponse(rooms.path(account, gate.token(request), path))


def _evidence_and_audit(app: FastAPI, rooms: Rooms, gate: _Gate) -> None:
    """Add the pages of raw answers, and of who did what."""
    EvidenceReader = Annotated[Account, Depends(gate(Act.READ_EVIDENCE))]  # noqa: N806 - a type
    AuditReader = Annotated[Account, Depends(gate(Act.READ_AUDIT))]  # noqa: N806 - a type

    @app.get("/evidence")
    def index(request: Request, account: EvidenceReader, run: str = "latest") -> Response:
        return HTMLResponse(rooms.section("evidence_index", account, gate.token(request), run))

    @app.get("/evidence/{digest}")
    def answer(request: Request, digest: str, account: EvidenceReader) -> Response:
        return HTMLResponse(rooms.evidence(account, gate.token(request), digest))

    @app.get("/audit")
    def chain(request: Request, account: AuditReader, before: int = 0) -> Response:
        return HTMLResponse(rooms.audit(account, gate.token(request), before))


def _working(app: FastAPI, room: WorkRoom, gate: _Gate, desk: Desk) -> None:
    """Add what analysts do about findings, and approvers about waivers; nothing here reads."""
    Working = Annotated[Account, Depends(gate(Act.WORK_ON_FINDINGS))]  # noqa: N806 - a type
    Deciding = Annotated[Account, Depends(gate(Act.DECIDE_WAIVERS))]  # noqa: N806 - a type
    Fields = Annotated[dict[str, str], Depends(Form(gate.cookie))]  # noqa: N806 - a type

    def about_findings(name: str, do: Callable[[Account, dict[str, str], Found], None]) -> None:
        @app.post(f"/work/{name}", name=f"work_{name}")
        def posted(request: Request, account: Working, fields: Fields) -> Response:
            ids = fields.get("pick", "").split()
            try:
                do(account, fields, room.ticked(account, ids))
            except StoreError:  # it is not there, or not for this account
                raise
            except UsageError as error:
                return _again(request, account, fields, f"{error}: {error.hint}")
            return _see_other(_back(fields))

    def _again(request: Request, account: Account, fields: dict[str, str], wrong: str) -> Response:
        token = gate.token(request)
        if one := fields.get("finding", ""):
            page = room.finding(account, token, one, wrong)
        else:
            page = room.work(account, token, _wanted_of(fields.get("query", "")), wrong)
        return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST)

    about_findings("assign", lambda account, fields, found: desk.assign(account, found[0], fields))
    about_findings("ticket", lambda account, fields, found: desk.ticket(account, found[0], fields))
    about_findings("comment", lambda account, fields, found: desk.comment(account, found[0], fields))
    about_findings("waiver", lambda account, fields, found: desk.request(account, found[0], fields, found[1]))

    @app.post("/waivers/decide")
    def decide(request: Request, account: Deciding, fields: Fields) -> Response:
        if not room.shows_request(account, fields.get("request", "")):
            page = room.requests(account, gate.token(request), "There is no such request: choose one of these.")
            return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST)
        try:
            desk.decide(account, fields)
        except UsageError as error:
            page = room.requests(account, gate.token(request), f"{error}: {error.hint}")
            return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST)
        return _see_other("/waivers/requests")


Found = tuple[tuple[Finding, ...], dict[str, Host]]
"""What was ticked, and the hosts that the account sees."""


def _back(fields: dict[str, str]) -> str:
    """Return the page that a form came from: one finding, or the queue as it was; never another site."""
    if one := fields.get("finding", ""):
        return finding_path(one)
    query = _wanted_of(fields.get("query", ""))
    return f"/work?{query.query(page=query.page)}"


def _wanted_of(query: str) -> Wanted:
    try:
        told = {key: values[0] for key, values in parse_qs(query[:2000], max_num_fields=20).items()}
    except ValueError:
        return Wanted()
    page = told.pop("page", "1")
    known = {key: told.get(key, "") for key in _WORDS}
    return _wanted(**known, page=int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1)


_WORDS = ("words", "severity", "owner", "zone", "late", "clock", "assignee", "state", "sort", "group")


def _schedules(app: FastAPI, store: Store, gate: _Gate) -> None:
    """Add what administrators do to what runs by itself."""
    Managing = Annotated[Account, Depends(gate(Act.MANAGE_SCHEDULES))]  # noqa: N806 - a type
    Fields = Annotated[dict[str, str], Depends(Form(gate.cookie))]  # noqa: N806 - a type

    def change(path: str, do: Callable[..., None]) -> None:
        @app.post(path)
        def changed(account: Managing, fields: Fields) -> Response:
            do(store, fields.get("name", ""), gate.door.now(), by=account)
            return _see_other("/scans")

    for path, do in (("pause", timetable.pause), ("resume", timetable.resume), ("run-now", timetable.run_now)):
        change(f"/schedules/{path}", do)


def _systems(fields: dict[str, str]) -> tuple[str, ...]:
    return tuple(sorted({one.strip() for one in fields.get("systems", "").split(",") if one.strip()}))


def _accounts(app: FastAPI, rooms: Rooms, gate: _Gate, door: Door, tokens: Tokens) -> None:
    """Add the pages on which administrators make and disable accounts, and the tokens of programs."""
    Managing = Annotated[Account, Depends(gate(Act.MANAGE_ACCOUNTS))]  # noqa: N806 - a type
    Fields = Annotated[dict[str, str], Depends(Form(gate.cookie))]  # noqa: N806 - a type

    @app.get("/accounts")
    def accounts(request: Request, account: Managing) -> Response:
        return HTMLResponse(rooms.accounts(account, gate.token(request), door.now()))

    @app.post("/accounts/tokens")
    def make_token(request: Request, account: Managing, fields: Fields) -> Response:
        days, made, wrong = fields.get("days", ""), "", ""
        try:
            if not (days.isascii() and days.isdigit() and len(days) < 6):
                raise UsageError("this is no number of days", hint="1 to 365")
            role = Role(fields.get("role", ""))
            made = tokens.make(fields.get("name", ""), role, _systems(fields), int(days), by=account.name)
        except (PostureError, ValueError) as error:
            hint = error.hint if isinstance(error, PostureError) else "choose one of the roles"
            wrong = f"{error}: {hint}"
        page = rooms.accounts(account, gate.token(request), door.now(), wrong, made)
        return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK)

    @app.post("/accounts/tokens/revoke")
    def revoke_token(request: Request, account: Managing, fields: Fields) -> Response:
        try:
            tokens.store.tokens.revoke(fields.get("name", "")[:64], by=account.name, at=door.now())
        except StoreError as error:
            page = rooms.accounts(account, gate.token(request), door.now(), f"{error}: {error.hint}")
            return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST)
        return _see_other("/accounts")

    @app.post("/accounts")
    def make(request: Request, account: Managing, fields: Fields) -> Response:
        try:
            role = Role(fields.get("role", ""))
            door.make(fields.get("name", ""), fields.get("password", ""), role, _systems(fields), by=account.name)
        except (PostureError, ValueError) as error:
            hint = error.hint if isinstance(error, PostureError) else "choose one of the roles"
            page = rooms.accounts(account, gate.token(request), door.now(), f"{error}: {hint}")
            return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST)
        return _see_other("/accounts")

    @app.post("/accounts/disable")
    def disable(account: Managing, fields: Fields) -> Response:
        door.disable(fields.get("name", ""), by=account.name)
        return _see_other("/accounts")
