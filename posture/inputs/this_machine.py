"""This machine as an inventory of one host, with a scope that covers nothing else."""

from __future__ import annotations

import getpass
import ipaddress
import json
import platform
import shutil
import subprocess
from datetime import datetime, timedelta

from posture.inputs.scope import PROBE_CLASSES, AiQuestions, Rates, Scope, Window
from posture.model.host import SELF_VANTAGE, Access, Host, Inventory, TransportKind, Trust, Zone

_PACKETS_PER_S = 5000  # over the loopback device only: no network carries them
_REQUESTS_PER_PORT = 32  # the whole table: on one's own machine nothing need be left undecided


def inventory() -> Inventory:
    """Return this machine as the only host, read locally, in a zone of its own."""
    name = platform.node() or "this-machine"
    id_ = "".join(char if char.isalnum() or char in "._-" else "-" for char in name).lstrip(".-") or "this-machine"
    host = Host(id_, own_addresses(), "self", name=name, access=Access(transport=TransportKind.LOCAL))
    return Inventory((host,), (Zone("self", Trust.INTERNAL),), (SELF_VANTAGE,), f"this machine, {id_}")


def scope(addresses: tuple[str, ...], now: datetime) -> Scope:
    """Return the authorisation to look at these addresses of one's own for a day."""
    return Scope(
        authorisation="self",
        owner="whoever runs this on their own machine",
        window=Window(now, now + timedelta(days=1)),
        cidrs=addresses,
        rates=Rates(packets_per_s=_PACKETS_PER_S, packets_per_s_per_host=_PACKETS_PER_S, timing=4),
        ai_services=AiQuestions(_REQUESTS_PER_PORT),
        probes=PROBE_CLASSES,
    )


def operator() -> str:
    """Return the account this program runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def own_addresses() -> tuple[str, ...]:
    """Return the addresses of this machine that others could use, loopback when there are none; sorted."""
    found: set[str] = set()
    program = shutil.which("ip") or "/usr/sbin/ip"
    try:
        done = subprocess.run(
            (program, "-json", "address"), capture_output=True, timeout=10, check=True, stdin=subprocess.DEVNULL
        )
        interfaces = [one for one in json.loads(done.stdout) if isinstance(one, dict)]
        found = {entry["local"] for one in interfaces for entry in one.get("addr_info", ()) if "local" in entry}
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        found = set()  # without iproute2 loopback is all we know of
    usable = [ip for ip in map(ipaddress.ip_address, found) if not ip.is_loopback and not ip.is_link_local]
    return tuple(str(ip) for ip in sorted(usable, key=lambda ip: (ip.version, ip))) or ("127.0.0.1",)
