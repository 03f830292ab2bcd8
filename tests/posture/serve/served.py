"""The demo agency behind the real application, and a browser for each role."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from fastapi import FastAPI
from starlette.testclient import TestClient

from posture.demo import run_demo
from posture.inputs import config
from posture.model.account import Account, Role
from posture.serve.app import create_app
from posture.serve.door import Door, form_token
from posture.serve.gate import Settings
from posture.serve.passwords import hash_password
from posture.serve.tokens import Tokens
from posture.store import Store

PASSWORD = "eleven green kettles sing"
COOKIE = "posture"


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, span: timedelta) -> None:
        self.moment += span


@dataclass
class Served:
    """The application over a store with one run."""

    store: Store
    door: Door
    clock: Clock
    app: FastAPI
    tokens: dict[str, str] = field(default_factory=dict)

    def browser(self) -> TestClient:
        """Return a browser that nobody has signed in with."""
        return TestClient(self.app, base_url="http://127.0.0.1:8443", follow_redirects=False)

    def signed_in(self, role: Role, *, systems: tuple[str, ...] = ()) -> TestClient:
        """Return a browser in which an account of this role is signed in."""
        name = "-".join((role.value, *systems)).lower()
        if self.store.people.account(name) is None:
            now = self.clock()
            self.store.people.add(Account(name, role, systems, hashed(), now), by="test", at=now)
        browser = self.browser()
        browser.cookies.set(COOKIE, self.door.sign_in_as(name, by="test"))
        return browser

    def program(self, role: Role, *, systems: tuple[str, ...] = ()) -> TestClient:
        """Return a program that shows a token of this role to the API."""
        name = "-".join((role.value, *systems)).lower()
        if name not in self.tokens:
            self.tokens[name] = Tokens(self.store, self.clock).make(name, role, systems, 30, by="test")
        program = self.browser()
        program.headers["authorization"] = f"Bearer {self.tokens[name]}"
        return program


@cache
def hashed() -> str:
    """Return what is kept of the password; hashing is slow on purpose, so once is enough."""
    return hash_password(PASSWORD, fips=False)


def form(browser: TestClient, **fields: str) -> dict[str, str]:
    """Return the fields as our own page would send them."""
    return {"form": form_token(browser.cookies.get(COOKIE) or ""), **fields}


def make_demo(place: Path) -> Path:
    """Return the file of a store that holds the demo agency's run."""
    path = place / "posture.db"
    with Store.open(path) as store:
        run_demo(store, config.default(place), Clock()())
        store.database.checkpoint()
    return path


@contextmanager
def served(place: Path, demo: Path) -> Iterator[Served]:
    """Yield a copy of the demo agency, served."""
    clock = Clock()
    shutil.copy(demo, place / "posture.db")
    with Store.open(place / "posture.db") as store:
        door = Door(store, clock, fips=False)
        yield Served(store, door, clock, create_app(store, door, Settings(secure=False)))
