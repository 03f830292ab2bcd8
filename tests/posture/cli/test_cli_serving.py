"""``posture serve`` as a process: it prints its address and token, answers, logs no secret, and ends when it is told to."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from posture.cli.prepare import now
from posture.demo import run_demo
from posture.inputs import config
from posture.store import Store

PROGRAM = str(Path(sys.executable).parent / "posture")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_dashboard_starts_prints_its_token_answers_and_stops(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Store.open(out / "posture.db") as store:
        run_demo(store, config.default(out), now())
    port = free_port()
    argv = (PROGRAM, "serve", "--out", str(out), "--port", str(port), "--log-json")
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, text=True, cwd=tmp_path) as served,
    ):
        assert served.stdout is not None
        assert served.stdout.readline() == f"dashboard: http://127.0.0.1:{port}/\n"
        assert re.fullmatch(r"one-time token of the first administrator: [\w-]{32}\n", served.stdout.readline())
        page = ""
        for _ in range(100):
            try:
                page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30).read().decode()
                break
            except urllib.error.URLError:  # it prints first, and listens then
                time.sleep(0.2)
        assert "One-time token" in page
        secret = f"http://127.0.0.1:{port}/sign-in/oidc/back?code=hush-1&state=hush-2&hush-3&hush=4"
        with pytest.raises(urllib.error.HTTPError, match="404"):  # no single sign-on is configured
            urllib.request.urlopen(secret, timeout=30)
        served.send_signal(signal.SIGTERM)
        assert served.wait(timeout=60) in (0, -signal.SIGTERM)
    logged = (tmp_path / "log").read_text()
    assert "/sign-in/oidc/back?code&state&\\u2026&hush HTTP" in logged
    assert not re.search(r"hush-\d|hush=", logged)


@pytest.mark.parametrize(("started", "later_s"), [(False, 0.3), (True, 0.0), (True, 0.4)])
def test_told_to_end_while_it_starts_it_ends(tmp_path: Path, started: bool, later_s: float) -> None:
    """Whatever it is at then: the delays only spread the tries, and no answer depends on them."""
    with Store.open(tmp_path / "out" / "posture.db"):
        pass
    argv = (PROGRAM, "serve", "--out", str(tmp_path / "out"), "--port", str(free_port()))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path) as served:
        assert served.stdout is not None
        if started:
            assert served.stdout.readline().startswith("dashboard: ")
        time.sleep(later_s)
        served.send_signal(signal.SIGTERM)
        try:
            assert served.wait(timeout=60) in (0, -signal.SIGTERM)
        finally:
            served.kill()


def test_other_machines_are_served_behind_a_certificate_only(tmp_path: Path) -> None:
    done = subprocess.run(
        (PROGRAM, "serve", "--listen", "0.0.0.0"), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert "--tls-certificate" in done.stderr
