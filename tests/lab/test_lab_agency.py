"""The agency comes up quickly, answers as its hosts should, and hands over the files a scan needs."""

from __future__ import annotations

import shlex
import socket
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.ssh_key_search import KEY_FILES
from posture.inputs import inventory as inventories
from posture.inputs.config import read as read_config
from tests.lab.agency import Agency
from tests.lab.faults import MARKUP
from tests.lab.fleet import Fleet
from tests.lab.host import Host
from tests.lab.hostile import Personality
from tests.lab.network import ZONES, LabError, Network, run
from tests.lab.places import ACCOUNT, PLACES, blank

pytestmark = pytest.mark.lab

SEED = 20261122
UP_WITHIN_S = 60
"""A guard against a lab that waits for something; on an idle machine it takes two to four."""
JUDGED = [place.id for place in PLACES if place.condition in ("faulty", "firewalled", "hardened")]


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    begun = time.monotonic()
    with Agency(SEED, tmp_path_factory.mktemp("agency"), hostile=(Personality.ENDLESS_OUTPUT,)) as lab:
        assert time.monotonic() - begun < UP_WITHIN_S
        yield lab


def ssh(agency: Agency, host: str, command: str, *, user: str = ACCOUNT) -> subprocess.CompletedProcess[str]:
    options = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "ConnectTimeout": "3",
        "UserKnownHostsFile": str(agency.work / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
    }
    argv = [
        "ssh",
        "-F",
        "none",
        "-i",
        str(agency.work / "scanner_ed25519"),
        *(f"-o{key}={value}" for key, value in options.items()),
    ]
    return agency.run_in_scanner(
        [*argv, f"{user}@{agency.builds[host].addresses[0]}", command], capture_output=True, text=True, timeout=120
    )


def open_ports(agency: Agency, address: str, ports: str) -> dict[int, str]:
    argv = [
        "nmap",
        "-n",
        "-Pn",
        "-sS",
        "-T4",
        "--max-retries",
        "1",
        "-p",
        ports,
        "-oX",
        "-",
        *(["-6"] if ":" in address else []),
        address,
    ]
    found = ET.fromstring(agency.run_in_scanner(argv, capture_output=True, text=True, timeout=120).stdout)
    listed = {int(port.get("portid", "")): port.find("state").get("state") for port in found.iter("port")}
    rest = {extra.get("state"): int(extra.get("count", "")) for extra in found.iter("extraports")}
    return listed | {-count: state for state, count in rest.items()}


@pytest.mark.parametrize("host", JUDGED)
def test_sshd_lets_the_scanner_in_with_its_key_and_sudo_lets_it_read_and_no_more(agency: Agency, host: str) -> None:
    said = ssh(agency, host, "hostname && sudo -n /usr/sbin/sshd -T && sudo -n /usr/bin/id")
    assert said.stdout.startswith(f"{host}\nport 22\n"), said.stderr
    assert "a password is required" in said.stderr


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        (("/usr/sbin/sshd", "-T", "-C", "user=a,host=b"), True),
        (("/usr/sbin/sshd", "-T", "-C", "user=a", "-f", "/etc/shadow"), False),
        (("/usr/bin/find", "-H", "/bin/.ssh", "/var/lib/redis/.ssh", "-maxdepth", "2", *KEY_FILES), True),
        (("/usr/bin/find", "-H", "/bin/../root/.ssh", "-maxdepth", "2", *KEY_FILES), False),
        (("/usr/bin/find", "-H", "/bin/.ssh", "-delete", "-maxdepth", "2", *KEY_FILES), False),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, tuple) else "",
)
def test_the_sudo_rules_as_shipped_allow_the_second_batch_and_no_more(
    agency: Agency, command: tuple[str, ...], allowed: bool
) -> None:
    said = ssh(agency, "vault1", f"sudo -n -l -- {shlex.join(command)}")
    assert (said.returncode == 0) is allowed, said.stderr


def test_the_host_that_refuses_sudo_lets_the_scanner_in_all_the_same(agency: Agency) -> None:
    said = ssh(agency, "app2", "hostname; sudo -n id -u")
    assert said.stdout.split() == ["app2"]
    assert "a password is required" in said.stderr


def test_the_changed_host_key_is_noticed(agency: Agency) -> None:
    assert "has changed" in ssh(agency, "desk2", "true").stderr


def test_nobody_is_at_home_at_the_unreachable_host(agency: Agency) -> None:
    said = ssh(agency, "ghost1", "true")
    assert said.returncode == 255
    assert "timed out" in said.stderr or "No route to host" in said.stderr


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_the_firewalled_host_drops_a_ping_and_everything_but_ssh(agency: Agency, family: int) -> None:
    address = agency.builds["db1"].addresses[family]
    ping = agency.run_in_scanner(["ping", "-n", "-c1", "-W1", address], capture_output=True)
    assert ping.returncode != 0
    assert open_ports(agency, address, "1-200") == {22: "open", -199: "filtered"}


def test_other_hosts_answer_a_ping(agency: Agency) -> None:
    for address in agency.builds["vault1"].addresses:
        assert agency.run_in_scanner(["ping", "-n", "-c1", "-W2", address], capture_output=True).returncode == 0


def test_redis_answers_the_scanner_without_a_password(agency: Agency) -> None:
    host = next(host for host, faults in agency.planted.items() if "redis-open" in faults)
    script = "import socket,sys; s=socket.create_connection((sys.argv[1],6379),3); s.sendall(b'PING\\r\\n'); print(s.recv(99))"
    for address in agency.builds[host].addresses:
        said = agency.run_in_scanner(["/usr/bin/python3", "-c", script, address], capture_output=True, text=True)
        assert "+PONG" in said.stdout, said.stderr


def test_the_planted_private_key_opens_another_host(agency: Agency) -> None:
    host, neighbour = next(
        (host, other) for (host, fault), other in agency.neighbours.items() if fault == "ssh-plain-private-key"
    )
    argv = [
        "ssh",
        "-F",
        "none",
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "-oConnectTimeout=5",
    ]
    target = f"deployed@{agency.builds[neighbour].addresses[0]}"
    said = agency.hosts[host].run([*argv, "-i", "/home/deploy/.ssh/id_ed25519", target, "hostname"])
    assert said.stdout.split() == [neighbour], said.stderr


def test_the_attacker_sees_no_ssh_from_outside(agency: Agency) -> None:
    script = "import socket,sys; socket.create_connection((sys.argv[1],22),1)"
    for host in JUDGED:
        said = agency.run_in_attacker(
            ["/usr/bin/python3", "-c", script, agency.builds[host].addresses[0]], capture_output=True, text=True
        )
        assert "timed out" in said.stderr


def test_nothing_the_scanner_sends_leaves(agency: Agency) -> None:
    script = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    for run_there in (agency.run_in_scanner, agency.run_in_attacker):
        said = run_there(["/usr/bin/python3", "-c", script], capture_output=True, text=True)
        assert "Network is unreachable" in said.stderr


def test_the_machine_itself_cannot_reach_a_host_of_the_lab(agency: Agency) -> None:
    for address in agency.builds["web1"].addresses:
        with pytest.raises(OSError, match=r"Invalid argument|unreachable"):
            socket.create_connection((address, 22), timeout=2)


def test_a_host_sees_its_own_world_only(agency: Agency) -> None:
    said = agency.hosts["vault1"].run(["ps", "-eo", "args="]).stdout
    assert "posture" not in said
    assert "sshd" in said
    assert agency.hosts["vault1"].run(["hostname"]).stdout.strip() == "vault1"
    assert agency.hosts["vault1"].run(["ls", "/run/posture-lab"]).returncode != 0


def test_root_of_a_host_cannot_touch_what_the_machine_shares(agency: Agency) -> None:
    """Read from the capability sets, never by trying: a test that fails must not set the machine's clock."""
    clock, modules, reboot, audit = 25, 16, 22, 30  # linux/capability.h
    for pid in ("1", "self"):
        status = agency.hosts["web1"].run(["cat", f"/proc/{pid}/status"]).stdout
        bounds = int(status.split("CapBnd:")[1].split()[0], 16)
        assert not any(bounds >> capability & 1 for capability in (clock, modules, reboot, audit))
    read_only = agency.hosts["web1"].run(["findmnt", "-no", "OPTIONS", "/proc/sys"]).stdout
    assert read_only.startswith("ro,")


def test_one_host_has_escapes_and_markup_in_its_names(agency: Agency) -> None:
    assert MARKUP in agency.hosts["web2"].run(["getent", "passwd", "guest"]).stdout
    assert "<script>" in agency.hosts["web2"].run(["ls", "/etc/cron.d"]).stdout
    assert ssh(agency, "web2", "tail -n1 .ssh/authorized_keys").stdout.endswith(f"{MARKUP}\n")


def test_the_hostile_host_is_there(agency: Agency) -> None:
    argv = ["ssh-keyscan", "-T", "3", agency.builds["evil-endless-output"].addresses[0]]
    said = agency.run_in_scanner(argv, capture_output=True, text=True)
    assert agency.builds["evil-endless-output"].host_key in said.stdout


def test_the_inventory_is_one_of_ours(agency: Agency) -> None:
    read = inventories.read(agency.inventory)
    assert [host.id for host in read.hosts] == sorted(place.id for place in agency.places)
    assert {zone.name for zone in read.zones} == {zone.name for zone in ZONES}
    vault = next(host for host in read.hosts if host.id == "vault1")
    assert vault.zone == "restricted"
    assert vault.access.user == ACCOUNT
    assert vault.mission.name == "CROWN_JEWEL"


def test_the_configuration_names_the_key(agency: Agency) -> None:
    config = read_config(agency.config)
    assert Path(config.credentials["lab"].path).stat().st_mode & 0o777 == 0o600
    assert config.known_hosts.exists()


def test_expected_findings_follow_from_what_is_planted(agency: Agency) -> None:
    assert agency.expected <= agency.allowed
    assert {host for host, _ in agency.expected} == {*agency.planted, "fleet"}
    assert agency.hardened not in agency.planted
    assert ("SSH-02" in {check for _, check in agency.expected}) and (
        "EXP-07" in {check for _, check in agency.expected}
    )
    assert agency.blind == {"app2": "command_refused", "desk2": "host_key_mismatch", "ghost1": "unreachable"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agencies_of_other_seeds_come_up_and_leave_nothing(seed: int, tmp_path: Path) -> None:
    with Agency(seed, tmp_path) as agency:
        pids = [host.pid for host in agency.hosts.values() if host.pid]
        assert len(pids) == len(PLACES) - 1
        assert agency.network.name in run(["ip", "netns", "list"])
    assert agency.network.name not in run(["ip", "netns", "list"])
    assert agency.network.name not in Path("/proc/self/mountinfo").read_text()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_host_that_cannot_come_up_says_why_and_takes_the_lab_down() -> None:
    with pytest.raises(LabError, match=r"broken did not come up.*port number"), Network() as network:
        build = blank(network, "broken", "dmz", 20)
        build.sshd["Port"] = "no-number"
        with Host(build, network):
            pass
    assert network.name not in run(["ip", "netns", "list"])


def test_a_fleet_of_twenty_is_up_in_seconds(tmp_path: Path) -> None:
    begun = time.monotonic()
    with Fleet(20, tmp_path) as fleet:
        assert time.monotonic() - begun < UP_WITHIN_S
        argv = [
            "ssh",
            "-F",
            "none",
            "-oBatchMode=yes",
            f"-oUserKnownHostsFile={fleet.known_hosts}",
            "-oStrictHostKeyChecking=yes",
            "-i",
            str(fleet.key),
        ]
        for address in (fleet.addresses[0], fleet.addresses[-1]):
            said = fleet.run_in_scanner(
                [*argv, f"{ACCOUNT}@{address}", "sudo -n id -u"], capture_output=True, text=True
            )
            assert said.stdout == "0\n", said.stderr
        assert len(inventories.read(fleet.inventory).hosts) == 20
