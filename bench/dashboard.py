"""The dashboard over a large fleet with history: size of its store, first sight of a page, and every sight after it.

    .venv/bin/python -m bench.dashboard [--hosts 20000] [--checks 130] [--scans 60] [--fails 0.03]

Hosts differ in every check; from one scan to the next one result in two thousand changes. `posture serve` runs in a
process of its own and is asked over loopback by one browser, signed in as administrator.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

from bench.store_size import NOW, Fleet, run
from bench.timing import table
from posture.catalogue.load import load
from posture.judged import Circumstances, keep_circumstances
from posture.model.clock import Campaign
from posture.store import Store
from posture.vulnerabilities.topic import of_vulnerabilities

STORE_BYTES, P95_S = 2_000_000_000, 0.2
PAGES = ("/", "/work", "/work?severity=high&sort=host", "/plan", "/paths", "/hosts", "/hosts/h00017", "/checks",
         "/coverage", "/fleet", "/waivers", "/scans", "/audit", "/fixed")  # fmt: skip
CHANGED = 0.0005
TIMES = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """How long one page took, in seconds."""

    page: str
    status: int
    first: float
    later: tuple[float, ...]
    size: int

    @property
    def p95(self) -> float:
        """All but one in twenty took no longer."""
        return sorted(self.later)[int(0.95 * (len(self.later) - 1))]


def main() -> int:
    """Print sizes and times; 1 when the store is too large or a page too slow."""
    options = _options()
    place = Path(tempfile.mkdtemp(prefix="dashboard-", dir=options.dir))
    try:
        size = filled(options, place)
        with _server(place) as browser:
            asked = [_ask(browser, page) for page in PAGES]
    finally:
        shutil.rmtree(place)
    rows = [(one.page, str(one.status), f"{one.first:.2f}", f"{statistics.median(one.later) * 1000:.0f}",
             f"{one.p95 * 1000:.0f}", f"{one.size / 1000:.0f}") for one in asked]  # fmt: skip
    table(("page", "answer", "first s", "median ms", "p95 ms", "kB"), rows)
    kept = size <= STORE_BYTES
    slow = [one.page for one in asked if one.p95 > P95_S]
    print(f"  store {size / 1e6:,.0f} MB of {STORE_BYTES / 1e6:,.0f}: {'reached' if kept else 'MISSED'}; p95 below "
          f"{P95_S * 1000:.0f} ms: {'reached' if not slow else 'MISSED by ' + ', '.join(slow)}")  # fmt: skip
    return 0 if kept and not slow else 1


def filled(options: argparse.Namespace, place: Path) -> int:
    """Return the bytes of a store with all scans in it."""
    fleet, begun, catalogue = Fleet(options), time.monotonic(), load(None)
    circumstances = Circumstances(
        campaign=Campaign(NOW.date()),
        clocks=catalogue.clocks,
        waivers=(),
        weights=catalogue.weights,
        taxonomy=dict(catalogue.taxonomy),
        rulebook=catalogue.rulebook,
    )
    real = catalogue.baseline("fceb")
    checks = [one for one in real.checks if not of_vulnerabilities(one)][: options.checks]
    named = (replace(check, id=f"C-{number:03d}") for number, check in enumerate(checks))
    fleet.baseline = replace(real, checks=tuple(named))
    path = place / "posture.db"
    with Store.open(path) as store:
        for number in range(options.scans):
            fleet.change(CHANGED if number else 1.0, number)
            at = NOW + number * timedelta(days=1)
            this = run(number, at=at)
            store.begin_run(this, fleet.inventory, fleet.baseline)
            keep_circumstances(store, this.id, circumstances)
            store.save_results(this.id, fleet.results())
            store.save_findings(this.id, fleet.findings(at), at)
            store.finish_run(this.id, at)
            print(f"  scan {number + 1} of {options.scans}, {time.monotonic() - begun:.0f} s", flush=True)
    return sum(one.stat().st_size for one in place.iterdir())


class Browser:
    """A signed-in session."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, page: str) -> tuple[int, bytes]:
        """Return status and body."""
        try:
            with self._opener.open(self._base + page, timeout=1800) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def begin(self, token: str) -> None:
        """Become the first administrator."""
        form = dict(
            re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', self.get("/sign-in")[1].decode())
        )
        fields = {**form, "token": token, "name": "bench", "password": "twelve measured horses"}
        asked = urllib.request.Request(self._base + "/first", urllib.parse.urlencode(fields).encode(),
                                       {"Origin": self._base})  # fmt: skip
        self._opener.open(asked, timeout=1800).close()


@contextmanager
def _server(place: Path) -> Iterator[Browser]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = (
        str(Path(sys.executable).with_name("posture")),
        "serve",
        "--out",
        str(place),
        "--port",
        str(port),
        "--no-schedules",
    )
    with subprocess.Popen(argv, cwd=place, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = iter(server.stdout)
        base = next(line for line in said if line.startswith("dashboard")).split()[1].rstrip("/")
        token = next(line for line in said if "token" in line).split()[-1]
        browser = Browser(base)
        for _ in range(100):
            try:
                browser.begin(token)
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        try:
            yield browser
            (peak,) = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())
            print(f"\nmemory of the server, at most: {int(peak) / 1000:,.0f} MB")
        finally:
            server.terminate()


def _ask(browser: Browser, page: str) -> Asked:
    begun = time.monotonic()
    status, body = browser.get(page)
    first, later = time.monotonic() - begun, []
    print(f"  {page}: {status}, first {first:.2f} s", flush=True)
    if status != HTTPStatus.OK:
        words = re.sub(r"<[^>]+>|\s+", " ", body.decode())
        raise SystemExit(f"{page} answered {status}: {words[-800:]}")
    for _ in range(TIMES):
        begun = time.monotonic()
        browser.get(page)
        later.append(time.monotonic() - begun)
    return Asked(page, status, first, tuple(later), len(body))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=20_000)
    parser.add_argument("--checks", type=int, default=130)
    parser.add_argument("--scans", type=int, default=60)
    parser.add_argument("--fails", type=float, default=0.03)
    parser.add_argument("--unique", type=float, default=0.005)
    parser.add_argument("--dir", default=None, help="where the store is made; a temporary directory by default")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
