"""A real PostgreSQL server of the tests' own: in a directory, on a Unix socket, ended with them."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

_NOBODY = 65534  # PostgreSQL refuses to run as root


@dataclass
class Server:
    """A running server."""

    place: Path
    template: str = ""
    """URL of a database at the newest schema; copying it takes a tenth of the migrations' time."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_database(self, template: str = "") -> str:
        """Return the URL of an empty database, or of a copy of another one that nobody is connected to."""
        name = f"t{next(self._numbers)}"
        self._say(f'CREATE DATABASE "{name}" TEMPLATE "{_name(template) if template else "template0"}"')
        return f"postgresql+psycopg://nobody@/{name}?host={self.place}"

    def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._say(f'DROP DATABASE "{_name(url)}" WITH (FORCE)')

    def _say(self, statement: str) -> None:
        with psycopg.connect(host=str(self.place), user="nobody", dbname="postgres", autocommit=True) as conn:
            conn.execute(statement.encode())


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def programs() -> Path | None:
    """Return the newest installed server's directory of programs; ``None`` without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Yield a server; it loses everything at its end, so it need not sync."""
    programs_ = programs()
    assert programs_ is not None
    place = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_nobody: tuple[str, ...] = ()
    if os.geteuid() == 0:
        os.chown(place, _NOBODY, _NOBODY)
        as_nobody = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
    data = place / "data"
    init = (
        str(programs_ / "initdb"),
        "-D",
        str(data),
        "-U",
        "nobody",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
    )
    subprocess.run((*as_nobody, *init), check=True, capture_output=True, cwd=place)
    options = (
        "-k",
        str(place),
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
        "-c",
        "full_page_writes=off",
        "-c",
        "max_connections=60",
    )
    server = subprocess.Popen(
        (*as_nobody, str(programs_ / "postgres"), "-D", str(data), *options),
        cwd=place, stdout=subprocess.DEVNULL, stderr=(place / "log").open("wb"),
    )  # fmt: skip
    try:
        ready = (str(programs_ / "pg_isready"), "-q", "-h", str(place), "-t", "1")
        for _ in range(200):
            if subprocess.run(ready, check=False).returncode == 0:
                break
            if server.poll() is not None:
                raise RuntimeError((place / "log").read_text())
            subprocess.run(("sleep", "0.05"), check=True)
        yield Server(place)
    finally:
        server.terminate()
        server.wait(timeout=20)
        shutil.rmtree(place, ignore_errors=True)
