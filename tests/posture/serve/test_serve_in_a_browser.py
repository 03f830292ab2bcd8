"""The dashboard in a real browser over real HTTP, signed in: axe-core finds nothing, nothing scrolls sideways.

Needs node, chromium and the npm packages axe-core and playwright-core, which tests/browser.sh installs under ``AXE_HOME``.
With ``SHOTS`` set, a picture of every page is kept in that folder.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from crooked_provider import CLIENT, SECRET, crooked
from served import COOKIE, PASSWORD, Clock, Served, served

from posture.attack import attack_of
from posture.model.account import Role
from posture.serve.app import _STATIC, create_app
from posture.serve.door import Door
from posture.serve.gate import Settings
from posture.serve.oidc import Client, Provider
from posture.serve.scripts import Scripts
from posture.serve.single_sign_on import BACK, Place, SingleSignOn
from posture.store import Store

DRIVER = Path(__file__).parent / "browser.cjs"
SIGN_ON = Path(__file__).parent / "sign_on.cjs"
MODULES = Path(os.environ.get("AXE_HOME", "/var/tmp/posture-axe")) / "node_modules"
NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = [
    name
    for name, there in (
        ("node", NODE),
        ("chromium", CHROMIUM),
        ("axe-core", (MODULES / "axe-core").is_dir()),
        ("playwright-core", (MODULES / "playwright-core").is_dir()),
    )
    if not there
]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not here: {', '.join(MISSING)}; `sh tests/browser.sh` installs it"
)
PATH = "/paths/PATH"
PAGES = ("/", "/work", "/plan", "/paths", PATH, "/what-if", "/burndown", "/vulnerabilities", "/ai", "/fixed", "/hosts",
         "/hosts/grants-app1", "/checks", "/coverage", "/fleet", "/waivers", "/waivers/requests", "/baseline",
         "/evidence", "/scans", "/audit", "/method", "/accounts")  # fmt: skip


@dataclass
class Said:
    """What the browser says of all pages, and of a reader's way through them."""

    looks: dict[str, list[dict[str, Any]]]
    strict: dict[str, dict[str, Any]]
    journey: dict[str, Any]
    base: str


def free_door() -> socket.socket:
    """Return a free port of this machine."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    return door


def listening(agency: Served, door: socket.socket | None = None) -> tuple[uvicorn.Server, threading.Thread, str]:
    """Return the application on a free port of this machine."""
    door = door or free_door()
    server = uvicorn.Server(uvicorn.Config(agency.app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    while not server.started:
        time.sleep(0.05)
    return server, thread, f"http://127.0.0.1:{door.getsockname()[1]}"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Said]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as agency:
        attack = attack_of(agency.store, "latest")
        assert attack is not None
        first = f"/paths/{attack.paths()[0].id}"
        cookie = agency.signed_in(Role.ADMIN).cookies.get(COOKIE)
        agency.signed_in(Role.VIEWER)
        server, thread, base = listening(agency)
        asked = [first if path == PATH else path for path in PAGES]
        argv = [str(NODE), str(DRIVER), str(CHROMIUM), base, f"{COOKIE}={cookie}", *asked]
        env = {**os.environ, "NODE_PATH": str(MODULES), "NAME": "viewer", "PASSWORD": PASSWORD}
        try:
            done = subprocess.run(
                argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1500, check=True
            )
        finally:
            server.should_exit = True
            thread.join(timeout=20)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = Said({}, {}, next(one for one in lines if "journey" in one), base)
    for one in lines:
        name = PATH if one.get("path") == first else one.get("path", "")
        if "strict" in one:
            found.strict[name] = one
        elif "violations" in one:
            found.looks.setdefault(name, []).append(one)
    yield found


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation_in_light_dark_and_narrow(said: Said, name: str) -> None:
    looks = said.looks[name]
    assert [(one["scheme"], one["width"]) for one in looks] == [("light", 1280), ("dark", 1280), ("light", 320)]
    for look in looks:
        assert look["status"] == 200
        assert look["violations"] == [], f"{look['scheme']}, {look['width']} px"
        assert look["passes"] >= (1 if look["scheme"] == "dark" else 15)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_scrolls_sideways_and_nothing_comes_from_elsewhere(said: Said, name: str) -> None:
    for look in said.looks[name]:
        assert look["wide"] <= look["width"]
        assert all(one.startswith(f"{said.base}/") for one in look["requests"])
        assert look["errors"] == []
    assert said.strict[name]["complaints"] == []


def test_the_map_is_drawn_where_the_library_was_brought_and_the_page_is_whole_without(said: Said) -> None:
    brought = bool(Scripts.read(_STATIC).contents)
    assert bool(said.strict["/paths"]["canvases"]) is brought
    assert all(one["canvases"] == 0 for name, one in said.strict.items() if name != "/paths")


def test_the_head_of_security_gets_from_the_overview_to_a_fix_without_scripts(said: Said) -> None:
    told = said.journey["journey"]
    assert [(what, path) for what, path, _ in told if what != "a path"] == [
        ("signed in", "/"), ("what if", "/what-if"), ("one more", "/what-if"), ("signed out", "/sign-in")
    ]  # fmt: skip
    assert "1 fix made together" in told[2][2]
    assert "2 fixes made together" in told[3][2]
    assert said.journey["then"] != said.journey["more"]


def test_single_sign_on_leads_in_and_its_renewal_loses_no_form(tmp_path: Path) -> None:
    """The provider is another site than the dashboard here, so cookies and policy count as they do in the world."""
    with crooked() as provider, Store.open(tmp_path / "posture.db") as store:
        socket_, clock = free_door(), Clock()
        public = f"http://localhost:{socket_.getsockname()[1]}"
        client = Client(provider.issuer, CLIENT, SECRET, public + BACK)
        sign_on = SingleSignOn(Provider(client, clock), {"admins": Place(Role.ADMIN)}, secure=False)
        door, now = Door(store, clock, fips=False), int(clock().timestamp())
        provider.claims = {"iss": provider.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 7200}
        provider.claims |= {"preferred_username": "jane.doe", "groups": ["admins"]}
        provider.later = lambda: clock.pass_by(timedelta(minutes=31))
        app = create_app(store, door, Settings(secure=False, sign_on=sign_on))
        server, thread, _ = listening(Served(store, door, clock, app), socket_)
        argv = [str(NODE), str(SIGN_ON), str(CHROMIUM), public, provider.issuer, PASSWORD]
        env = {**os.environ, "NODE_PATH": str(MODULES)}
        try:
            done = subprocess.run(
                argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=True
            )
        finally:
            server.should_exit = True
            thread.join(timeout=20)
        told = json.loads(done.stdout)
        assert [place for place, _ in told] == ["/", "/accounts"]
        assert "jane.doe" in told[0][1]
        assert "second" in told[1][1]
        assert provider.prompts == ["", "none"]
        assert [one.name for one in store.people.accounts()] == ["jane.doe", "second"]
