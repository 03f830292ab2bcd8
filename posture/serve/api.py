"""The API: what the pages show, for programs; it reads and changes nothing.

Every answer has an ETag over its bytes; every route asks for one act, of the account that a token counts as.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from functools import cache
from http import HTTPStatus
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import ConfigDict, TypeAdapter
from starlette.exceptions import HTTPException

from posture import __version__
from posture.model.account import Account, Act
from posture.serve import api_rooms
from posture.serve.api_rooms import Answer, ApiRooms, AuditLines, Cut, HostLine, Overview, Page
from posture.serve.tokens import Tokens
from reports import view
from reports.dashboard import views
from reports.dashboard.queue import Wanted
from reports.dashboard.views.ai import AiPage
from reports.dashboard.views.calendar import CalendarPage
from reports.dashboard.views.evidence import EvidencePage
from reports.dashboard.views.finding import FindingPage
from reports.dashboard.views.fixed import FixedView
from reports.dashboard.views.host import AnswerLine, HostPage
from reports.dashboard.views.paths import PathPage
from reports.dashboard.views.scans import RunLine
from reports.dashboard.views.what_if import WhatIfPage
from reports.dashboard.views.work import WorkLine
from reports.view import CheckView, PathsView, PlanView

PREFIX = "/api/v1"
_DESCRIPTION = (
    "What the dashboard's pages show, for programs. It reads and changes nothing. A token counts as an account of one "
    "role that sees the systems it was made for; `posture account token` or the page of accounts makes one. What was "
    "not seen is never counted as good: read `coverage` and `decided` beside every number. Lists are read on with "
    "`cursor`; an answer that did not change is 304 when its ETag comes back as `If-None-Match`."
)
_BEARER = HTTPBearer(auto_error=False, description="A token of this server, `posture_…`.")
_ETAG = {"ETag": {"description": "Digest of the answer's bytes.", "schema": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer, and what to do."""

    what: str
    hint: str


def _with_field_docs(*modules: Any) -> None:
    """Let the description carry what stands below each field of the contexts."""
    for module in modules:
        for found in vars(module).values():
            if isinstance(found, type) and is_dataclass(found) and found.__module__.startswith(module.__name__):
                found.__pydantic_config__ = ConfigDict(use_attribute_docstrings=True)  # type: ignore[attr-defined]


_with_field_docs(
    view, *(import_module(one.name) for one in iter_modules(views.__path__, f"{views.__name__}.")), api_rooms
)
_TOLD: dict[int | str, dict[str, Any]] = {
    200: {"headers": _ETAG},
    304: {"description": "Not changed since the ETag that was sent.", "headers": _ETAG},
    400: {"model": Trouble, "description": "The cursor, or another parameter, is none of ours."},
    401: {"model": Trouble, "description": "No token, or one that opens nothing any more."},
    403: {"model": Trouble, "description": "The token's role may not read this."},
    404: {"model": Trouble, "description": "Not there, or not for the systems that the token sees."},
    429: {"model": Trouble, "description": "Too many requests: `Retry-After` says how many seconds to wait."},
    422: {"model": Trouble, "description": "A parameter is not as it should be."},
}


def is_api(request: Request) -> bool:
    """Return whether a program asks, which wants its refusals as JSON."""
    return request.url.path.startswith(f"{PREFIX}/") or request.url.path == "/metrics"


def trouble_json(status: int, what: str, hint: str) -> Response:
    """Return a refusal for a program."""
    body = json.dumps({"what": what, "hint": hint})
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return Response(body, status_code=status, media_type="application/json", headers=headers)


class NeedsToken:
    """A dependency: yields the account that a request's token counts as, if it may do the one act."""

    def __init__(self, act: Act, tokens: Tokens) -> None:
        self.act, self._tokens = act, tokens

    def __call__(self, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Account:
        account = self._tokens.who(shown.credentials) if shown else None
        if account is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "this needs a token that is good")
        if not account.may(self.act):
            raise HTTPException(HTTPStatus.FORBIDDEN, f"the role {account.role.value} may not read this")
        return account


def _cut(
    cursor: Annotated[str, Query(max_length=200, description="`next` of the answer before.")] = "",
    limit: Annotated[int, Query(ge=1, le=200, description="Items in one answer.")] = 50,
    run: Annotated[
        str, Query(max_length=100, description="A run's id; the one that the dashboard leads with when left out.")
    ] = "latest",
) -> Cut:
    return Cut(cursor, limit, run)


Run = Annotated[
    str, Query(max_length=100, description="A run's id; the one that the dashboard leads with when left out.")
]
Asked = Annotated[Cut, Depends(_cut)]


def _wanted(
    words: Annotated[str, Query(max_length=100, description="Every word must be in title, host, subject …")] = "",
    severity: Annotated[str, Query(max_length=20)] = "",
    owner: Annotated[str, Query(max_length=200)] = "",
    zone: Annotated[str, Query(max_length=200)] = "",
    late: Annotated[bool, Query(description="Overdue only.")] = False,
    clock: Annotated[str, Query(max_length=64, description="Only what this clock dates.")] = "",
    assignee: Annotated[str, Query(max_length=64, description="`-` for nobody.")] = "",
    state: Annotated[str, Query(max_length=20, description="waived, unwaived, requested or reopened.")] = "",
    sort: Annotated[str, Query(max_length=20, description="due when left out.")] = "",
) -> Wanted:
    return Wanted(words, severity, owner, zone, late, 1, clock, assignee, state, sort)


_Route = Callable[[str, Any], Callable[[Callable[..., Response]], Callable[..., Response]]]


def add_api(app: FastAPI, rooms: ApiRooms, tokens: Tokens) -> None:
    """Add the API's routes to the application."""
    Reader = Annotated[Account, Depends(NeedsToken(Act.READ_POSTURE, tokens))]  # noqa: N806 - a type

    def route(path: str, model: Any) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
        return app.get(f"{PREFIX}{path}", response_model=model, responses=_TOLD)

    @route("/overview", Answer[Overview])
    def api_overview(request: Request, account: Reader, run: Run = "latest") -> Response:
        """Days left by clock, burn-down, coverage, scores as bands, and the fixes that cut most."""
        return _told(request, Answer[Overview], rooms.overview(account, run))

    @route("/findings", Page[WorkLine])
    def api_findings(
        request: Request, account: Reader, cut: Asked, wanted: Annotated[Wanted, Depends(_wanted)]
    ) -> Response:
        """Open findings, the earliest due date first unless asked otherwise."""
        return _told(request, Page[WorkLine], rooms.findings(account, wanted, cut))

    @route("/findings/{finding}", Answer[FindingPage])
    def api_finding(request: Request, finding: str, account: Reader) -> Response:
        """The life of a finding, its dates with their reasons, and what people did about it."""
        return _told(request, Answer[FindingPage], rooms.finding(account, finding))

    @route("/hosts", Page[HostLine])
    def api_hosts(request: Request, account: Reader, cut: Asked) -> Response:
        """Hosts of the inventory, with how much of each was seen."""
        return _told(request, Page[HostLine], rooms.hosts(account, cut))

    @route("/hosts/{host}", Answer[HostPage])
    def api_host(request: Request, host: str, account: Reader, run: Run = "latest") -> Response:
        """Every result of a host, what was not seen and why, and the digests of its answers."""
        return _told(request, Answer[HostPage], rooms.host(account, host, run))

    @route("/checks", Page[CheckView])
    def api_checks(request: Request, account: Reader, cut: Asked) -> Response:
        """Checks that fail somewhere, with their remediation and the first of their findings."""
        return _told(request, Page[CheckView], rooms.checks(account, cut))

    @route("/plan", Answer[PlanView])
    def api_plan(request: Request, account: Reader, run: Run = "latest") -> Response:
        """What to fix first, by dates before weights, each with its reason."""
        return _told(request, Answer[PlanView], rooms.plan(account, run))

    @route("/fixed", Answer[FixedView])
    def api_fixed(request: Request, account: Reader, run: Run = "latest") -> Response:
        """Receipts of what was mended, and the attack paths that the run before still had."""
        return _told(request, Answer[FixedView], rooms.fixed(account, run))

    @route("/scans", Page[RunLine])
    def api_scans(request: Request, account: Reader, cut: Asked) -> Response:
        """Stored runs, the newest first."""
        return _told(request, Page[RunLine], rooms.scans(account, cut))

    _looking_ahead(route, rooms, tokens)
    _guarded(app, route, rooms, tokens)


def _looking_ahead(route: _Route, rooms: ApiRooms, tokens: Tokens) -> None:
    """Add attack paths, what-ifs, the calendar and AI services."""
    Reader = Annotated[Account, Depends(NeedsToken(Act.READ_POSTURE, tokens))]  # noqa: N806 - a type

    @route("/paths", Answer[PathsView])
    def api_paths(request: Request, account: Reader, run: Run = "latest") -> Response:
        """Attack paths, what ends them, and what nobody could ask."""
        return _told(request, Answer[PathsView], rooms.paths(account, run))

    @route("/paths/{path}", Answer[PathPage])
    def api_path(request: Request, path: str, account: Reader) -> Response:
        """One attack path of the newest run, step by step, with what ends it."""
        return _told(request, Answer[PathPage], rooms.path(account, path))

    @route("/what-if", Answer[WhatIfPage])
    def api_what_if(
        request: Request,
        account: Reader,
        fix: Annotated[list[str], Query(max_length=100, description="Ids of fixes of the plan.")] = [],  # noqa: B006 - FastAPI copies it
    ) -> Response:
        """What fixes would come to together: paths, scores and dates before and after."""
        return _told(request, Answer[WhatIfPage], rooms.what_if(account, [one[:200] for one in fix]))

    @route("/calendar", Answer[CalendarPage])
    def api_calendar(
        request: Request,
        account: Reader,
        run: Run = "latest",
        owner: Annotated[str, Query(max_length=200, description="One owner's work only.")] = "",
    ) -> Response:
        """Thirty days of work within each owner's hours."""
        return _told(request, Answer[CalendarPage], rooms.calendar(account, run, owner))

    @route("/ai", Answer[AiPage])
    def api_ai(request: Request, account: Reader, run: Run = "latest") -> Response:
        """AI services: those of the register against those that were found."""
        return _told(request, Answer[AiPage], rooms.ai(account, run))


def _guarded(app: FastAPI, route: _Route, rooms: ApiRooms, tokens: Tokens) -> None:
    """Add what not every role may read, and the description of it all."""
    EvidenceReader = Annotated[Account, Depends(NeedsToken(Act.READ_EVIDENCE, tokens))]  # noqa: N806 - a type
    AuditReader = Annotated[Account, Depends(NeedsToken(Act.READ_AUDIT, tokens))]  # noqa: N806 - a type
    Reader = Annotated[Account, Depends(NeedsToken(Act.READ_POSTURE, tokens))]  # noqa: N806 - a type

    @route("/evidence", Page[AnswerLine])
    def api_evidence(
        request: Request,
        account: EvidenceReader,
        cut: Asked,
        host: Annotated[str, Query(max_length=300, description="The host's id.")],
        words: Annotated[str, Query(max_length=200, description="In the command or the digest.")] = "",
    ) -> Response:
        """Answers of a host: what was asked, as whom, from where, when, and the digest of what it said."""
        return _told(request, Page[AnswerLine], rooms.evidence(account, host, words, cut))

    @route("/evidence/{digest}", Answer[EvidencePage])
    def api_answer(request: Request, digest: str, account: EvidenceReader) -> Response:
        """The bytes behind a digest, as lines that can do nothing, and where they were used."""
        return _told(request, Answer[EvidencePage], rooms.answer(account, digest))

    @route("/audit", AuditLines)
    def api_audit(
        request: Request,
        account: AuditReader,
        cursor: Annotated[str, Query(max_length=200, description="`next` of the answer before.")] = "",
        limit: Annotated[int, Query(ge=1, le=200, description="Rows in one answer.")] = 50,
    ) -> Response:
        """Rows of the audit chain, the newest first, and whether the whole of it holds."""
        return _told(request, AuditLines, rooms.audit(account, Cut(cursor, limit)))

    @app.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    def api_description(request: Request, _account: Reader) -> Response:
        return _sent(request, json.dumps(description(app), sort_keys=True).encode())


def description(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description of the API's own routes."""
    routes = [one for one in app.routes if isinstance(one, APIRoute) and one.path.startswith(f"{PREFIX}/")]
    return get_openapi(title="posture", version=__version__, description=_DESCRIPTION, routes=routes)


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _told(request: Request, model: Any, found: Any) -> Response:
    return _sent(request, _adapter(model).dump_json(found))


def _sent(request: Request, body: bytes) -> Response:
    """Return the answer, or that it is the one the program has."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if known & {etag, "*"}:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
