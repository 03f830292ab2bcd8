"""The hosts that are measured: equal ones of the lab, and the files that three programs need to reach them."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.timing import Ran, run
from tests.lab.fleet import Fleet
from tests.lab.network import enter
from tests.lab.places import ACCOUNT

HOME = Path(__file__).parent.parent


@contextlib.contextmanager
def fleet_of(size: int) -> Iterator[Fleet]:
    """Yield a fleet that is up, with files for ssh and Ansible beside ours, and as many logins at once as hosts."""
    with tempfile.TemporaryDirectory(prefix="posture-bench-") as place, Fleet(size, Path(place) / "fleet") as fleet:
        _change(fleet.work / "scope.yaml", lambda scope: scope["rates"].update(_as_many(size)))
        (fleet.work / "ssh_config").write_text(_ssh_config(fleet))
        (fleet.work / "ansible.cfg").write_text(_ansible_config(fleet))
        (fleet.work / "hosts.ini").write_text("".join(f"{address}\n" for address in fleet.addresses))
        yield fleet


def in_scanner(fleet: Fleet, argv: Sequence[str], **options: Any) -> Ran:
    """Run a program where the scanner stands, to its end."""
    return run(enter(fleet.network.namespace("scanner"), argv), cwd=HOME, **options)


def visited_often(fleet: Fleet, hosts: int) -> Path:
    """Return an inventory that names the hosts of the fleet over and over, until it has so many entries."""
    path = fleet.work / f"inventory-{hosts}.yaml"
    content = yaml.safe_load(fleet.inventory.read_text())
    content["hosts"] = [
        {**content["hosts"][at % fleet.size], "id": f"visit{at:03}", "addresses": [address]}
        for at in range(hosts)
        for address in [fleet.addresses[at % fleet.size]]
    ]
    # By way of JSON nothing is shared: YAML would write aliases, which our reader refuses.
    path.write_text(yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False))
    return path


def _change(path: Path, change: Any) -> None:
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def _as_many(size: int) -> dict[str, int]:
    return {"parallel_logins": size, "parallel_logins_per_zone": size}


def _ssh_config(fleet: Fleet) -> str:
    lines = ["Host *", f"User {ACCOUNT}", f"IdentityFile {fleet.key}", f"UserKnownHostsFile {fleet.known_hosts}"]
    return "\n  ".join([*lines, "IdentitiesOnly yes", "StrictHostKeyChecking yes", "BatchMode yes"]) + "\n"


def _ansible_config(fleet: Fleet) -> str:
    ssh = f"-F {fleet.work / 'ssh_config'} -o ControlMaster=auto -o ControlPersist=60s"
    return (
        f"[defaults]\nremote_user = {ACCOUNT}\nprivate_key_file = {fleet.key}\ninterpreter_python = /usr/bin/python3\n"
        f"[ssh_connection]\nssh_args = {ssh}\n"
    )
