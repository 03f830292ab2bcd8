"""The lab waits for what it waits for: an answer that never came is no refusal, a port is taken when it is free."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import pytest

from tests.lab.host import Host
from tests.lab.logins import gets_a_shell
from tests.lab.network import LabError
from tests.lab.planted import LISTEN

Done = subprocess.CompletedProcess[str]
SHELL = Done([], 0, "let-in\n", "")
REFUSED = Done([], 255, "", "alice@10.77.4.31: Permission denied (publickey).")
CLOSED = Done([], 255, "", "Connection closed by 10.77.4.31 port 22")
SILENT = {
    "timeout(1) ended it": Done([], 124, "", ""),
    "sshd said nothing": Done([], 255, "", "Connection timed out during banner exchange"),
    "too many at a time": Done([], 255, "", "kex_exchange_identification: Connection closed by remote host"),
}


class Client:
    """A host on which ssh says these things, one after another."""

    def __init__(self, *said: Done) -> None:
        self.said = list(said)

    def run(self, _: Sequence[str]) -> Done:
        return self.said.pop(0)


def shell(said: Iterable[Done]) -> bool:
    return gets_a_shell(cast(Host, Client(*said)), "/srv/key", "10.77.4.31", "alice")


@pytest.mark.parametrize("why", SILENT)
def test_silence_is_asked_again_and_then_raised_but_never_a_refusal(why: str) -> None:
    assert shell([SILENT[why], SHELL])
    assert not shell([SILENT[why], SILENT[why], REFUSED])
    with pytest.raises(LabError, match="alice"):
        shell([SILENT[why]] * 3)


def test_a_refusal_is_believed_at_once_and_a_closed_connection_when_it_is_closed_each_time() -> None:
    assert not shell([REFUSED])
    assert shell([CLOSED, SHELL])
    assert not shell([CLOSED] * 3)


def test_a_listener_takes_its_port_as_soon_as_it_is_free(tmp_path: Path) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    threading.Timer(0.5, taken.close).start()
    script = LISTEN.replace("/run/", f"{tmp_path}/")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([sys.executable, "-c", script, f"127.0.0.1:{port}"], check=True, timeout=60, **quiet)
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    finally:
        os.kill(int((tmp_path / f"listen-{port}.pid").read_text()), signal.SIGKILL)
