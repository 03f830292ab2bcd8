"""The files a scan of the lab needs: inventory, scope, configuration, known host keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.lab.host import Build
from tests.lab.network import PREFIX4, PREFIX6, Network
from tests.lab.places import ACCOUNT, Place


def write_files(work: Path, network: Network, places: Sequence[Place], builds: dict[str, Build]) -> None:
    """Write them all into the work directory; the scanner's private key is there already."""
    (work / "known_hosts").write_text("".join(known_hosts_line(builds[place.id]) for place in places))
    contents = {"inventory": inventory(network, places, builds), "scope": scope(), "posture": config(work)}
    for name, content in contents.items():
        with (work / f"{name}.yaml").open("w") as file:
            yaml.safe_dump(content, file, sort_keys=False)


def known_hosts_line(build: Build) -> str:
    """Return what the scanner knows of the host's key: nothing for a host that never ran, the old one for a changed one."""
    key = build.stale_host_key or build.host_key
    return f"{','.join(build.addresses)} {key}\n" if key and not build.silent else ""


def inventory(network: Network, places: Sequence[Place], builds: dict[str, Build]) -> dict[str, Any]:
    """Return the inventory file."""
    groups = [
        {
            "name": zone.name,
            "zone": zone.name,
            "system": "portal",
            "access": {"transport": "ssh", "user": ACCOUNT, "credential": "lab"},
        }
        for zone in network.zones
    ]
    return {
        "schema": "posture.inventory/1",
        "zones": [
            {"name": zone.name, "trust": zone.trust, "cidrs": [zone.cidr4, zone.cidr6]} for zone in network.zones
        ],
        "vantages": [{"name": "scanner", "zone": "mgmt"}],
        "groups": groups,
        "hosts": [_host_entry(place, builds[place.id]) for place in places],
    }


def _host_entry(place: Place, build: Build) -> dict[str, Any]:
    exposure = "public" if place.zone == "dmz" else "internal"
    return {
        "id": place.id,
        "groups": [place.zone],
        "addresses": list(build.addresses),
        "owner": place.owner,
        "mission": place.mission,
        "roles": ["server"],
        "tags": {"organisation": "lab", "environment": "prod", "exposure": exposure, "asset_type": "server"},
        "declared": {
            "services": build.services_declared,
            "accounts": sorted(build.accounts_declared),
            "isolation": "switch port shut by the SOC, run book 12",
        },
        **build.inventory,
    }


def scope(now: datetime | None = None) -> dict[str, Any]:
    """Return the scope file: the whole lab and nothing else, for a day around now."""
    now = now or datetime.now(UTC)
    moments = {"opens": now - timedelta(days=1), "closes": now + timedelta(days=1)}
    return {
        "schema": "posture.scope/1",
        "authorisation": "LAB-0001",
        "owner": "the lab",
        "window": {name: moment.strftime("%Y-%m-%dT%H:%M:%SZ") for name, moment in moments.items()},
        "cidrs": [PREFIX4, PREFIX6],
        "excluded": [],
        "rates": {
            "packets_per_s": 80_000,
            "packets_per_s_per_host": 40_000,
            "parallel_logins": 8,
            "parallel_logins_per_zone": 8,
            "hosts_per_batch": 16,
            "timing": 4,
        },
        # Each port that stays silent costs seconds, and there is nothing on UDP here.
        "udp_ports": [53, 123, 161],
        "probes": ["tls", "ssh", "smb", "page"],
        "allow_passphrase_test": True,
        "ai_services": {"requests_per_port": 8},
    }


def config(work: Path) -> dict[str, Any]:
    """Return the configuration file."""
    return {
        "schema": "posture.config/1",
        "database": str(work / "posture.db"),
        "known_hosts": str(work / "known_hosts"),
        "credentials": {"lab": {"kind": "key", "path": str(work / "scanner_ed25519")}},
    }


def private_file(path: Path, text: str) -> None:
    """Write a file nobody else may read."""
    path.touch(mode=0o600)
    path.write_text(text)
    path.chmod(0o600)
