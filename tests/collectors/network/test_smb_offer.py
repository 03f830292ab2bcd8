"""SMB as strangers are offered it: a real Samba, lax and strict, asked by a real nmap."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.base import Transcript, observe
from collectors.network import smb_offer
from collectors.network.exposure_scan import scan_exposure
from collectors.network.nmap import ALL_TCP, Probe, Reply, run_nmap
from collectors.network.probe_log import ProbeLog
from posture.catalogue.load import load
from posture.evaluate.judge import Memo, judge_host
from posture.inputs.scope import Rates, Scope, Window
from posture.model.finding import Status
from posture.model.host import Host, Trust, Vantage
from posture.model.observation import FactDocument, Observation
from tests.collectors.own_network import need_root, own_network

NOW = datetime.now(UTC)
OUTSIDE = Vantage("probe-1", "internet")
HOSTS = LAX, STRICT, MUTE, NONE = [
    Host(name, (f"127.0.0.{number}",), "dmz") for number, name in enumerate(("lax", "strict", "mute", "none"), 2)
]
GLOBAL = """[global]
 interfaces = {address}/8
 bind interfaces only = yes
 private dir = {folder}
 lock directory = {folder}
 state directory = {folder}
 cache directory = {folder}
 pid directory = {folder}
 ncalrpc dir = {folder}/ncalrpc
 load printers = no
 disable spoolss = yes
 smb ports = 445
"""


@contextlib.contextmanager
def samba(folder: Path, address: str, *lines: str) -> Iterator[None]:
    folder.mkdir()
    config = folder / "smb.conf"
    config.write_text(GLOBAL.format(folder=folder, address=address) + "".join(f" {line}\n" for line in lines))
    server = subprocess.Popen(["smbd", "-F", "--no-process-group", "--debug-stdout", "-s", str(config)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True)  # fmt: skip  # smbd ends its whole process group with itself
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection((address, 445), 1):
                break
            assert time.monotonic() < deadline and server.poll() is None, "smbd did not start"
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


def scope(*probes: str) -> Scope:
    return Scope(
        "AUTH-7", "o", Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1)), ("127.0.0.0/8",),
        rates=Rates(packets_per_s=1_000, packets_per_s_per_host=1_000, timing=4), udp_ports=(), probes=probes,
    )  # fmt: skip


def few(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
    """Run the real nmap on the ports of file sharing in place of all of them."""
    fewer = replace(probe, tcp_ports=(22, 139, 445)) if probe.tcp_ports == ALL_TCP else probe
    return run_nmap(fewer, targets, timeout_s=timeout_s, stop=stop)


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Observation]]:
    """What is known of each host, and as ``unasked`` of one where the scope allows no greeting of this kind."""
    need_root()
    if shutil.which("smbd") is None:
        pytest.skip("no smbd on this machine")
    work = tmp_path_factory.mktemp("smb")
    with own_network(), contextlib.ExitStack() as stack:
        stack.enter_context(samba(work / "lax", "127.0.0.2", "server min protocol = NT1", "server signing = auto"))
        strict = ("server min protocol = SMB2_10", "server signing = mandatory")
        stack.enter_context(samba(work / "strict", "127.0.0.3", *strict))
        stack.enter_context(socket.create_server(("127.0.0.4", 445)))
        log = stack.enter_context(ProbeLog(work / "probes.jsonl", "AUTH-7"))

        def look(hosts: Sequence[Host], *probes: str) -> list[Transcript]:
            found = scan_exposure(hosts, scope(*probes), OUTSIDE, trust_of_zone={"internet": Trust.UNTRUSTED}, log=log,
                                  stop=threading.Event(), run=few)  # fmt: skip
            return list(found)

        # Waiting for the mute port is most of it; a thread of ours is in the same network.
        with ThreadPoolExecutor(1) as beside:
            unasked = beside.submit(look, [STRICT])
            found = {one.session.host: observe(smb_offer.COLLECTOR, one) for one in look(HOSTS, "smb")}
            found["unasked"] = observe(smb_offer.COLLECTOR, unasked.result()[0])
    yield found


def servers(observed: Observation) -> dict[str, Any]:
    assert isinstance(observed, FactDocument), observed
    said: dict[str, Any] = msgspec.json.decode(observed.content)["facts"]["servers"]
    return said


def judged(host: str, observed: Observation) -> Status:
    (found,) = judge_host(host, [load(None).checks["EXP-05"]], {"smb_offer": observed}, as_of=NOW, memo=Memo())
    return found.verdict.status


def test_a_lax_server_takes_smb1_and_asks_for_no_signature(looked: dict[str, Observation]) -> None:
    (server,) = servers(looked["lax"])["items"]
    assert (server["endpoint"], server["smb1"], server["signing"], server["outside"]) == (
        "127.0.0.2:445",
        True,
        "optional",
        True,
    )
    assert judged("lax", looked["lax"]) is Status.FAIL


def test_a_strict_server_passes(looked: dict[str, Observation]) -> None:
    (server,) = servers(looked["strict"])["items"]
    assert (server["smb1"], server["signing"]) == (False, "required")
    assert server["dialects"] == ["210", "300", "302", "311"]
    assert judged("strict", looked["strict"]) is Status.PASS


def test_a_port_that_gives_no_answer_is_a_question(looked: dict[str, Observation]) -> None:
    assert servers(looked["mute"]) == {"items": [], "complete": False}
    assert judged("mute", looked["mute"]) is Status.NOT_CHECKED


def test_where_nothing_is_shared_there_is_nothing_to_fail(looked: dict[str, Observation]) -> None:
    assert servers(looked["none"]) == {"items": [], "complete": True}
    assert judged("none", looked["none"]) is Status.PASS


def test_a_scope_without_the_greeting_leaves_it_unknown(looked: dict[str, Observation]) -> None:
    assert judged("strict", looked["unasked"]) is Status.NOT_CHECKED
