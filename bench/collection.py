"""How long it takes to read 20 hosts: ours, plain ssh with the same script, and Ansible's fact gathering."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.fleet import HOME, in_scanner
from bench.timing import Ran, interleaved, ratio, table
from tests.lab.fleet import Fleet

POSTURE = Path(sys.executable).parent / "posture"
ANSIBLE = HOME / ".venv-bench" / "bin" / "ansible"
OURS, SCAN = "ours: log in and read", "ours: posture scan --no-network"
SCRIPT, TRUE = "ssh HOST sudo sh < the same script", "ssh HOST true"  # as ours: root's part is no sudo each
SETUP, SETUP_PIPELINED = "ansible -m setup", "ansible -m setup, pipelining"
AIM_ANSIBLE, AIM_SSH = 7.0, 1.2


def measure(fleet: Fleet, rounds: int) -> None:
    """Print the times, the ratios with their aims, and what the hosts spent their time on."""
    print(f"\nReading {fleet.size} lab hosts, {fleet.size} logins at once, {rounds} rounds in turn")
    told = _first_visit(fleet)
    taken = interleaved(_contestants(fleet), rounds)
    wall = {name: [took.wall_s for took in rounds_of] for name, rounds_of in taken.items()}
    own = {name: [took.scanner_cpu_s for took in rounds_of] for name, rounds_of in taken.items()}
    both = {name: [took.all_cpu_s for took in rounds_of] for name, rounds_of in taken.items()}
    rows = [
        (name, f"{min(wall[name]):.2f} .. {max(wall[name]):.2f}", *_against_ours(name, wall),
         *_against_ours(name, own), *_against_ours(name, both))
        for name in taken
    ]  # fmt: skip
    columns = ("", "wall s, range", "median", "x ours", "scanner CPU s", "x ours", "all CPU s", "x ours")
    table(columns, rows)
    print("  all CPU: the scanner's and the hosts', which share its cores here and have their own elsewhere")
    if SETUP in taken:
        verdict("Ansible takes at least 7 times as long", ratio(wall[SETUP], wall[OURS]), at_least=AIM_ANSIBLE)
    verdict("ours within 1.2 times plain ssh, same script", ratio(wall[OURS], wall[SCRIPT]), at_most=AIM_SSH)
    _where_the_time_goes(told, fleet.size)


def _against_ours(name: str, cost: Mapping[str, Sequence[float]]) -> tuple[str, str]:
    return f"{statistics.median(cost[name]):.2f}", f"{ratio(cost[name], cost[OURS]):.2f}"


def verdict(aim: str, value: float, *, at_least: float = 0.0, at_most: float = float("inf"), unit: str = "x") -> bool:
    """Print whether an aim was reached; return it."""
    reached = at_least <= value <= at_most
    print(f"  {'pass' if reached else 'FAIL'}: {aim}: {value:.2f} {unit}", flush=True)
    return reached


def _first_visit(fleet: Fleet) -> dict[str, Any]:
    """Warm the hosts up, and write the script each of them was sent."""
    scripts = fleet.work / "scripts"
    scripts.mkdir()
    told: dict[str, Any] = json.loads(_ok(in_scanner(fleet, (*_collect_only(fleet), str(scripts)))).output)
    return told


def _contestants(fleet: Fleet) -> dict[str, Callable[[], Ran]]:
    out = fleet.work / "out"

    def scan() -> Ran:
        shutil.rmtree(out, ignore_errors=True)
        (fleet.work / "posture.db").unlink(missing_ok=True)
        files = ("-i", str(fleet.inventory), "-c", str(fleet.work / "posture.yaml"), "--out", str(out))
        argv = (str(POSTURE), "scan", "--no-network", "--exit-zero", *files)
        return _ok(in_scanner(fleet, argv))

    found: dict[str, Callable[[], Ran]] = {
        OURS: lambda: _ok(in_scanner(fleet, _collect_only(fleet))),
        SCAN: scan,
        SCRIPT: lambda: _ok(in_scanner(fleet, _ssh(fleet, f'sudo -n -- /bin/sh -s <"{fleet.work}/scripts/$1"'))),
        TRUE: lambda: _ok(in_scanner(fleet, _ssh(fleet, "true"))),
    }
    if ANSIBLE.exists():
        found[SETUP] = lambda: _ansible(fleet, pipelining=False)
        found[SETUP_PIPELINED] = lambda: _ansible(fleet, pipelining=True)
    else:
        print(f"  no {ANSIBLE}: `make bench` installs it")
    return found


def _collect_only(fleet: Fleet) -> Sequence[str]:
    return (sys.executable, "-m", "bench.collect_only", str(fleet.work))


def _ssh(fleet: Fleet, what: str) -> Sequence[str]:
    """Return a command that runs the system's ssh to all hosts at once."""
    one = f'ssh -F "{fleet.work}/ssh_config" "$1" {what} >/dev/null 2>&1'
    hosts = fleet.work / "hosts.ini"
    return ("xargs", "-a", str(hosts), "-P", str(fleet.size), "-I", "{}", "sh", "-c", one, "sh", "{}")


def _ansible(fleet: Fleet, *, pipelining: bool) -> Ran:
    sockets = Path(str(fleet.work / "ansible"))
    shutil.rmtree(sockets, ignore_errors=True)  # every round logs in anew
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(fleet.work / "ansible.cfg"),
        "ANSIBLE_HOME": str(sockets),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets / "cp"),
        "ANSIBLE_PIPELINING": str(pipelining),
        "ANSIBLE_SSH_ARGS": f"-F {fleet.work / 'ssh_config'} -o ControlMaster=auto -o ControlPersist=2s",
    }
    argv = (str(ANSIBLE), "-i", str(fleet.work / "hosts.ini"), "-f", str(fleet.size), "-m", "setup", "all")
    return _ok(in_scanner(fleet, argv, env=environment))


def _ok(ran: Ran) -> Ran:
    if ran.code:
        raise SystemExit(f"a program that is measured failed with {ran.code}:\n{ran.output[-2000:]}")
    return ran


def _where_the_time_goes(told: dict[str, Any], size: int) -> None:
    total = sum(spent for _, spent in told["spent_ms"])
    print(f"  each host: {told['answers'] / size:.0f} commands, {told['bytes'] / size / 1000:.0f} kB, "
          f"{total / size / 1000:.2f} s of its own; {told['failed']} hosts failed")  # fmt: skip
    most = ", ".join(f"{name} {spent / max(total, 1):.0%}" for name, spent in told["spent_ms"][:6])
    print(f"  of that: {most}")
