"""The application: all its routes, put together; nothing is served that is not in one of them."""

import hashlib
from pathlib import Path

from fastapi import FastAPI

from posture.serve.ahead import AheadRooms
from posture.serve.api import add_api
from posture.serve.api_rooms import ApiRooms
from posture.serve.desk import Desk
from posture.serve.doing_routes import add_accounts, add_schedules, add_working
from posture.serve.door import Door
from posture.serve.everywhere import add_everywhere
from posture.serve.gate import Gate, Settings
from posture.serve.host_room import HostRoom
from posture.serve.limits import Limits
from posture.serve.reading_routes import add_ahead, add_assets, add_evidence_and_audit, add_reading
from posture.serve.rooms import Rooms
from posture.serve.scripts import Scripts
from posture.serve.tokens import Tokens
from posture.serve.watch import Ready, add_watch
from posture.serve.ways_in import add_ways_in
from posture.serve.work_room import WorkRoom
from posture.store import Store
from reports import dashboard as dashboard_package
from reports.html_report import TEMPLATES

_STATIC = Path(dashboard_package.__file__).parent / "static"


def create_app(
    store: Store, door: Door, settings: Settings, ready: Ready = lambda: True, limits: Limits | None = None
) -> FastAPI:
    """Return the application over a store; nothing is served that none of these adds.

    ``ready`` says whether what runs beside it, such as the scheduler, is well.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    style = (TEMPLATES / "report.css").read_bytes() + (_STATIC / "dashboard.css").read_bytes()
    rooms = Rooms(store, settings.marking, f"/style-{hashlib.sha256(style).hexdigest()[:16]}.css")
    add_everywhere(app, rooms, settings, door, limits or Limits())
    add_ways_in(app, rooms, settings, door, style)
    gate = Gate(door, settings.cookie, settings.sign_on)
    room = WorkRoom(rooms, store, door.now)
    hosts = HostRoom(rooms, store)
    add_reading(app, rooms, room, hosts, gate)
    scripts = Scripts.read(_STATIC)
    ahead = AheadRooms(store, rooms, scripts)
    add_ahead(app, ahead, gate)
    add_assets(app, scripts)
    add_evidence_and_audit(app, rooms, gate)
    add_working(app, room, gate, Desk(store, door.now))
    add_schedules(app, store, gate)
    tokens = Tokens(store, door.now)
    add_accounts(app, rooms, gate, door, tokens)
    add_watch(app, tokens, lambda account: rooms.metrics(account, door.now()), ready)
    add_api(app, ApiRooms(store, rooms, room, ahead, hosts), tokens)
    return app
