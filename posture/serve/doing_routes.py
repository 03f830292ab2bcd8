"""The routes that change something: work on findings, waivers, schedules, accounts and tokens."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from posture.errors import PostureError, StoreError, UsageError
from posture.model.account import Account, Act, Role
from posture.model.finding import Finding
from posture.model.host import Host
from posture.serve import timetable
from posture.serve.desk import Desk
from posture.serve.door import Door
from posture.serve.gate import Form, Gate, see_other
from posture.serve.reading_routes import wanted
from posture.serve.rooms import Rooms
from posture.serve.tokens import Tokens
from posture.serve.work_room import WorkRoom
from posture.store import Store
from reports.dashboard.pages import finding_path
from reports.dashboard.queue import Wanted


def add_working(app: FastAPI, room: WorkRoom, gate: Gate, desk: Desk) -> None:
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
            return see_other(_back(fields))

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
        return see_other("/waivers/requests")


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
    return wanted(**known, page=int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1)


_WORDS = ("words", "severity", "owner", "zone", "late", "clock", "assignee", "state", "sort", "group")


def add_schedules(app: FastAPI, store: Store, gate: Gate) -> None:
    """Add what administrators do to what runs by itself."""
    Managing = Annotated[Account, Depends(gate(Act.MANAGE_SCHEDULES))]  # noqa: N806 - a type
    Fields = Annotated[dict[str, str], Depends(Form(gate.cookie))]  # noqa: N806 - a type

    def change(path: str, do: Callable[..., None]) -> None:
        @app.post(path)
        def changed(account: Managing, fields: Fields) -> Response:
            do(store, fields.get("name", ""), gate.door.now(), by=account)
            return see_other("/scans")

    for path, do in (("pause", timetable.pause), ("resume", timetable.resume), ("run-now", timetable.run_now)):
        change(f"/schedules/{path}", do)


def _systems(fields: dict[str, str]) -> tuple[str, ...]:
    return tuple(sorted({one.strip() for one in fields.get("systems", "").split(",") if one.strip()}))


def add_accounts(app: FastAPI, rooms: Rooms, gate: Gate, door: Door, tokens: Tokens) -> None:
    """Add the pages on which administrators make and disable accounts, and the tokens of programs."""
    Managing = Annotated[Account, Depends(gate(Act.MANAGE_ACCOUNTS))]  # noqa: N806 - a type
    Fields = Annotated[dict[str, str], Depends(Form(gate.cookie))]  # noqa: N806 - a type

    def drawn(request: Request, account: Account, wrong: str = "", made: str = "") -> str:
        sessions = gate.sign_on.sessions() if gate.sign_on else ""
        return rooms.accounts(account, gate.token(request), door.now(), wrong, made, sessions)

    @app.get("/accounts")
    def accounts(request: Request, account: Managing) -> Response:
        return HTMLResponse(drawn(request, account))

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
        page = drawn(request, account, wrong, made)
        return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK)

    @app.post("/accounts/tokens/revoke")
    def revoke_token(request: Request, account: Managing, fields: Fields) -> Response:
        try:
            tokens.store.tokens.revoke(fields.get("name", "")[:64], by=account.name, at=door.now())
        except StoreError as error:
            page = drawn(request, account, f"{error}: {error.hint}")
            return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST)
        return see_other("/accounts")

    @app.post("/accounts")
    def make(request: Request, account: Managing, fields: Fields) -> Response:
        try:
            role = Role(fields.get("role", ""))
            door.make(fields.get("name", ""), fields.get("password", ""), role, _systems(fields), by=account.name)
        except (PostureError, ValueError) as error:
            hint = error.hint if isinstance(error, PostureError) else "choose one of the roles"
            page = drawn(request, account, f"{error}: {hint}")
            return HTMLResponse(page, status_code=HTTPStatus.BAD_REQUEST)
        return see_other("/accounts")

    @app.post("/accounts/disable")
    def disable(account: Managing, fields: Fields) -> Response:
        door.disable(fields.get("name", ""), by=account.name)
        return see_other("/accounts")
