"""Scans from the command line: of this machine, of real sshd servers on loopback, stopped, killed and taken up again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posture.errors import StoreError
from posture.store import Store
from tests.collectors.real_sshd import SSHD, USER, RealSshd, make_key, running_sshd
from tests.lab.hostile import HostileServer, Personality, framed
from tests.posture.replays import PROGRAM

Call = Callable[..., Any]
needs_sshd = pytest.mark.skipif(not SSHD or os.getuid() != 0, reason="needs sshd and root")

SCOPE = """\
schema: posture.scope/1
authorisation: TEST-7
owner: tests
window: {{opens: '{opens}', closes: '{closes}'}}
cidrs: [127.0.0.1/32, 127.0.0.2/32]
"""
CONFIG = """\
schema: posture.config/1
database: out/posture.db
known_hosts: known_hosts
deadlines: {{connect_s: 3, session_s: {session_s}}}
credentials:
  good: {{kind: key, path: {key}}}
"""


def write_files(
    here: Path, *hosts: str, key: Path | None = None, session_s: int = 30, closes: str = "2100-01-01"
) -> None:
    (here / "inventory.yaml").write_text(
        "schema: posture.inventory/1\nzones: [{name: lab, trust: internal, cidrs: [127.0.0.0/8]}]\nhosts:\n"
        + "".join(hosts)
    )
    (here / "scope.yaml").write_text(SCOPE.format(opens="2020-01-01T00:00:00Z", closes=f"{closes}T00:00:00Z"))
    (here / "posture.yaml").write_text(CONFIG.format(key=key or here / "user", session_s=session_s))


def entry(id_: str, port: int, key: str, address: str = "127.0.0.1") -> str:
    access = f"{{port: {port}, user: {USER}, credential: good, host_keys: ['{key}']}}"
    return f"  - {{id: {id_}, addresses: [{address}], zone: lab, access: {access}}}\n"


def refusing(id_: str) -> str:
    """A host that nobody answers for: a port of loopback that is closed."""
    return entry(id_, 1, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7cN0tN0tN0tN0tN0tN0tN0tN0tN0tN0tN0tN0tN0tN")


LOCAL = "  - {id: self, addresses: [127.0.0.2], zone: lab, access: {transport: local}}\n"


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


def probes(here: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (here / "out/probes.jsonl").read_text().splitlines()]


# What goes well


def test_a_scan_of_this_machine_reads_it_and_writes_the_reports(posture: Call, here: Path) -> None:
    said = posture("scan", "--self", "--no-network")
    assert said.code in (1, 4, 5), said.err
    assert "Coverage" in said.out
    assert (here / "out/report.html").exists()
    [run] = posture("runs", "--json").json
    assert (run["run"]["origin"], run["run"]["state"], run["hosts"]) == ("live", "complete", 1)
    assert run["run"]["finished_at"] > run["run"]["started_at"]
    fingerprint = posture("evaluate", "--json").json["fingerprint"]
    assert fingerprint == run["fingerprint"]


@needs_sshd
def test_a_fleet_is_read_over_ssh_and_every_login_is_in_the_probe_log(
    posture: Call, here: Path, sshd: RealSshd
) -> None:
    write_files(here, entry("real", sshd.port, sshd.host_key), refusing("closed"), key=sshd.home / "user")
    said = posture("scan", "-i", "inventory.yaml", "--no-network")
    assert said.code == 5, said.err
    assert posture("show", "host", "real", "--json").json["session"] == sshd.fingerprint
    assert {one["reason"] for one in posture("show", "host", "closed", "--json").json["unseen"]} >= {"unreachable"}
    sent = [(one["event"], one["targets"], one["ports"], one["authorisation"]) for one in probes(here)]
    assert sorted(sent) == sorted(
        [("sent", ["127.0.0.1"], str(sshd.port), "TEST-7"), ("sent", ["127.0.0.1"], "1", "TEST-7")]
    )


@needs_sshd
def test_exit_zero_is_zero_whatever_is_found(posture: Call, here: Path) -> None:
    write_files(here, refusing("closed"))
    make_key(here / "user")
    assert posture("scan", "-i", "inventory.yaml", "--no-network").code == 3
    assert posture("scan", "-i", "inventory.yaml", "--no-network", "--exit-zero").code == 0


@needs_sshd
def test_a_partial_scan_closes_no_finding_of_the_hosts_left_out(posture: Call, here: Path, sshd: RealSshd) -> None:
    hosts = (entry("one", sshd.port, sshd.host_key), entry("two", sshd.port, sshd.host_key), refusing("three"))
    write_files(here, *hosts, key=sshd.home / "user")
    posture("scan", "-i", "inventory.yaml", "--no-network")
    before = {row[0] for row in posture("findings").rows if row[3] in ("two", "three")}
    for host in ("one", "three"):
        posture("scan", "-i", "inventory.yaml", "--no-network", "--host", host)
    assert before
    assert {row[0] for row in posture("findings").rows} >= before


# What the operator can mend


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("scan", "say what to scan", "--self"),
        ("scan --self -i inventory.yaml", "say what to scan", "--self"),
        ("scan --self --host web1", "`--self` takes no host", "-i inventory.yaml"),
        ("scan --self --no-network --no-login", "nothing is left to do", "not both"),
        ("scan -i nowhere.yaml --scope scope.yaml", "nowhere.yaml: no such inventory", "posture init"),
        ("scan -i inventory.yaml --scope nowhere.yaml", "nowhere.yaml: no scope file", "posture init"),
        ("scan -i inventory.yaml -c nowhere.yaml", "nowhere.yaml: no such configuration", "posture init"),
        ("scan -i inventory.yaml --host closet", "no host `closet`", "did you mean `closed`?"),
        ("scan -i inventory.yaml --vantage moon", "no vantage `moon`", ""),
        ("scan -i inventory.yaml --profile fbec", "fbec", ""),
        ("scan -i inventory.yaml --resume 1999", "no run", ""),
        ("trust -i nowhere.yaml", "nowhere.yaml: no such inventory", "posture init"),
        ("manifest -i nowhere.yaml", "nowhere.yaml: no such inventory", "posture init"),
    ],
)
def test_a_mistake_is_answered_with_a_hint_and_nothing_is_sent(
    posture: Call, here: Path, words: str, message: str, hint: str
) -> None:
    write_files(here, refusing("closed"))
    said = posture(*words.split())
    assert said.code == 2
    assert message in said.err
    assert hint in said.err
    assert not (here / "out/probes.jsonl").exists()


def test_nothing_is_sent_outside_the_window(posture: Call, here: Path) -> None:
    write_files(here, refusing("closed"), closes="2021-01-01")
    said = posture("scan", "-i", "inventory.yaml")
    assert said.code == 2
    assert "outside the window" in said.err
    assert not (here / "out/probes.jsonl").exists()


def test_an_inventory_without_scope_beside_it(posture: Call, here: Path) -> None:
    write_files(here, refusing("closed"))
    (here / "scope.yaml").unlink()
    said = posture("scan", "-i", "inventory.yaml")
    assert (said.code, "nothing is touched without one" in said.err) == (2, True)


def test_a_host_may_not_be_called_fleet(posture: Call, here: Path) -> None:
    write_files(here, refusing("fleet"))
    said = posture("scan", "-i", "inventory.yaml")
    assert (said.code, "inventory.yaml:4" in said.err) == (2, True)


@needs_sshd
def test_a_host_outside_the_scope_is_refused_and_logged_and_not_touched(posture: Call, here: Path) -> None:
    make_key(here / "user")
    write_files(here, refusing("closed").replace("127.0.0.1", "127.0.0.9"))
    assert posture("scan", "-i", "inventory.yaml").code == 3
    unseen = posture("show", "host", "closed", "--json").json["unseen"]
    touched = {one["topic"]: one["reason"] for one in unseen if one["topic"] in ("exposure", "sshd", "packages")}
    assert touched == dict.fromkeys(("exposure", "sshd", "packages"), "out_of_scope")
    assert {one["event"] for one in probes(here)} == {"refused"}


@needs_sshd
def test_a_host_that_shows_another_key_is_a_blind_spot(posture: Call, here: Path, sshd: RealSshd) -> None:
    other = " ".join((sshd.home / "stranger.pub").read_text().split()[:2])
    write_files(here, entry("real", sshd.port, other), key=sshd.home / "user")
    assert posture("scan", "-i", "inventory.yaml", "--no-network").code == 3
    assert {one["reason"] for one in posture("show", "host", "real", "--json").json["unseen"]} >= {"host_key_mismatch"}


@needs_sshd
def test_a_credential_that_is_refused_is_stopped_and_the_run_says_so(posture: Call, here: Path, sshd: RealSshd) -> None:
    hosts = [entry(f"h{n}", sshd.port, sshd.host_key) for n in range(5)]
    write_files(here, *hosts, key=sshd.home / "stranger")
    assert posture("scan", "-i", "inventory.yaml", "--no-network").code == 3
    assert "credential `good` was refused too often" in posture("runs", "--json").json[0]["notes"][0]


def test_a_directory_that_cannot_be_written_is_no_bug(posture: Call, here: Path) -> None:
    (here / "file").write_text("not a directory")
    said = posture("scan", "--self", "--no-network", "--out", "file/out")
    assert said.code == 2
    assert "error:" in said.err


# Stopped, killed, taken up again


def slowly(script: bytes) -> Iterator[bytes]:
    """Yield an empty answer to each question, one every four seconds: minutes go by, and no limit is ever reached."""
    for piece in framed(script, lambda argv: b""):
        yield piece
        time.sleep(2)


@pytest.fixture
def dawdling() -> Iterator[HostileServer]:
    with HostileServer(Personality.HANG_AFTER_OUTPUT, forge=slowly) as server:
        yield server


def begin(here: Path, *words: str) -> subprocess.Popen[str]:
    argv = (PROGRAM, "scan", "-i", "inventory.yaml", "--no-network", *words)
    return subprocess.Popen(argv, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(seen: Callable[[], bool], process: subprocess.Popen[str], within_s: float = 300) -> None:
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not seen():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        pause.wait(0.1)


def has_read(here: Path, host: str) -> bool:
    if not (here / "out/posture.db").exists():
        return False
    with contextlib.suppress(StoreError), Store.open(here / "out/posture.db", create=False) as store:
        return any(one.session.host == host and one.answers for one in store.read_transcripts("latest"))
    return False


@pytest.fixture
def half_way(here: Path, dawdling: HostileServer) -> Iterator[subprocess.Popen[str]]:
    """A scan that has read one host and is busy with the other."""
    make_key(here / "user")
    write_files(here, LOCAL, entry("slow", dawdling.port, dawdling.host_key), session_s=900)
    process = begin(here)
    wait_until(lambda: has_read(here, "self"), process)
    yield process
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@needs_sshd
def test_posture_stop_ends_a_scan_cleanly_and_it_can_be_resumed(
    posture: Call, here: Path, half_way: subprocess.Popen[str], dawdling: HostileServer
) -> None:
    assert f"process {half_way.pid}" in posture("stop").out
    out, err = half_way.communicate(timeout=300)
    assert half_way.returncode in (4, 5), err
    assert "incomplete" in out
    assert posture("stop").out == "no scan is running here\n"
    [run] = posture("runs", "--json").json
    assert run["run"]["state"] == "incomplete"
    assert any(f"--resume {run['run']['id']}" in note for note in run["notes"])
    write_files(here, LOCAL, entry("slow", dawdling.port, dawdling.host_key), session_s=2)
    said = posture("scan", "-i", "inventory.yaml", "--no-network", "--resume", run["run"]["id"])
    assert said.code in (4, 5), said.err
    assert "reading hosts: 1 host\n" in said.err, "what was read is not read again"
    assert [one["run"]["state"] for one in posture("runs", "--json").json] == ["complete"]


@needs_sshd
def test_a_killed_scan_is_incomplete_keeps_what_it_read_and_can_be_resumed(
    posture: Call, here: Path, half_way: subprocess.Popen[str], dawdling: HostileServer
) -> None:
    os.kill(half_way.pid, signal.SIGKILL)
    half_way.communicate()
    [run] = posture("runs", "--json").json
    assert run["run"]["state"] == "incomplete"
    assert posture("stop").out == "no scan is running here\n"
    write_files(here, LOCAL, entry("slow", dawdling.port, dawdling.host_key), session_s=2)
    said = posture("scan", "-i", "inventory.yaml", "--no-network", "--resume", run["run"]["id"])
    assert "reading hosts: 1 host\n" in said.err
    read = posture("show", "host", "self", "--json").json
    assert read["platform"]
    assert posture("evaluate", "--json").json["fingerprint"] == posture("runs", "--json").json[0]["fingerprint"]


@needs_sshd
def test_a_complete_or_replayed_run_cannot_be_resumed(posture: Call, here: Path) -> None:
    make_key(here / "user")
    write_files(here, refusing("closed"))
    posture("scan", "-i", "inventory.yaml", "--no-network")
    said = posture("scan", "-i", "inventory.yaml", "--resume", "latest")
    assert (said.code, "is complete" in said.err) == (2, True)


@pytest.mark.skipif(shutil.which("nmap") is None, reason="needs nmap")
def test_a_look_that_was_stopped_half_way_is_repeated_when_the_run_goes_on(posture: Call, here: Path) -> None:
    make_key(here / "user")
    fragile = "  - {id: printer, addresses: [127.0.0.1], zone: lab, device_class: fragile, access: {transport: none}}\n"
    write_files(here, fragile)
    scope = (here / "scope.yaml").read_text()
    slow = f"rates: {{packets_per_s: 1}}\nnamed_ports: [{', '.join(map(str, range(1, 300)))}]\n"
    (here / "scope.yaml").write_text(scope + slow)
    argv = (PROGRAM, "scan", "-i", "inventory.yaml", "--no-login")
    process = subprocess.Popen(argv, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = here / "out/probes.jsonl"
    wait_until(lambda: log.exists() and '"sent"' in log.read_text(), process)
    posture("stop")
    _, err = process.communicate(timeout=300)
    assert process.returncode in (3, 4, 5), err
    [run] = posture("runs", "--json").json
    assert run["run"]["state"] == "incomplete"
    (here / "scope.yaml").write_text(scope + "named_ports: [1, 2]\n")
    said = posture("scan", "-i", "inventory.yaml", "--no-login", "--resume", "latest")
    assert "looking from the network: 1 host\n" in said.err
    assert posture("runs", "--json").json[0]["run"]["state"] == "complete"
    [view] = exposure(here)["views"]["items"]
    assert view["answered"]


def exposure(here: Path) -> Any:
    with Store.open(here / "out/posture.db") as store:
        [document] = [one for one in store.read_observations("latest", "printer") if one.topic == "exposure"]
    return json.loads(document.content)["facts"]
