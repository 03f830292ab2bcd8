"""``posture serve`` as a process: it prints its address and token, answers, and ends when it is told to."""

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

from posture import config
from posture.cli.prepare import now
from posture.demo import run_demo
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
    argv = (PROGRAM, "serve", "--out", str(out), "--port", str(port))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as served:
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
        served.send_signal(signal.SIGTERM)
        assert served.wait(timeout=60) in (0, -signal.SIGTERM)


def test_other_machines_are_served_behind_a_certificate_only(tmp_path: Path) -> None:
    done = subprocess.run(
        (PROGRAM, "serve", "--listen", "0.0.0.0"), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert "--tls-certificate" in done.stderr
