"""The routes of pages: each asks for the one act that its page takes."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from posture.model.account import Account, Act
from posture.serve.ahead import AheadRooms
from posture.serve.everywhere import HEADERS
from posture.serve.gate import Form, Gate
from posture.serve.host_room import HostRoom
from posture.serve.rooms import Rooms
from posture.serve.scripts import POLICY, Scripts
from posture.serve.work_room import WorkRoom
from reports.calendar_csv import csv_of
from reports.calendar_ics import ics
from reports.dashboard.queue import Wanted

_MAX_FIXES = 100  # ticked in one what-if


def wanted(
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


Asked = Annotated[Wanted, Depends(wanted)]


def add_reading(app: FastAPI, rooms: Rooms, room: WorkRoom, hosts: HostRoom, gate: Gate) -> None:
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
    def fixed(request: Request, account: Reader, run: str = "latest") -> Response:
        return HTMLResponse(rooms.fixed(account, gate.token(request), run))

    @app.get("/scans")
    def scans(request: Request, account: Reader) -> Response:
        return HTMLResponse(rooms.scans(account, gate.token(request), gate.door.now()))


def add_assets(app: FastAPI, scripts: Scripts) -> None:
    """Add the scripts of the one page that loads any; where there are none, there is nothing at their address."""

    @app.get("/assets/{name}")
    def asset(name: str) -> Response:
        if name not in scripts.contents:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such script")
        cached = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(scripts.contents[name], media_type="text/javascript", headers=cached)


def add_ahead(app: FastAPI, rooms: AheadRooms, gate: Gate) -> None:
    """Add the pages of what lies ahead: the overview, attack paths, what-ifs, the calendar."""
    Reader = Annotated[Account, Depends(gate(Act.READ_POSTURE))]  # noqa: N806 - a type

    @app.get("/")
    def overview(request: Request, account: Reader, run: str = "latest") -> Response:
        return HTMLResponse(rooms.overview(account, gate.token(request), run))

    @app.get("/paths")
    def paths(request: Request, account: Reader, run: str = "latest", zone: str = "") -> Response:
        page = HTMLResponse(rooms.paths(account, gate.token(request), run, zone[:200]))
        if rooms.scripted:
            page.headers["Content-Security-Policy"] = f"{HEADERS['Content-Security-Policy']}; {POLICY}"
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


def add_evidence_and_audit(app: FastAPI, rooms: Rooms, gate: Gate) -> None:
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

    @app.post("/audit", dependencies=[Depends(Form(gate.cookie))])
    def whole_chain(request: Request, account: AuditReader) -> Response:
        """Nothing is changed: all of the chain is read again, which takes its time."""
        return HTMLResponse(rooms.audit(account, gate.token(request), 0, whole=True))
