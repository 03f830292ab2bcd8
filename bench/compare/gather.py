"""Runs every tool on every host, one after the other, and keeps what each said."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.compare import lynis, openscap, ours, ssh_audit
from bench.compare.lab import Lab


def gather(raw: Path, only: Sequence[str] = ()) -> None:
    """Fill a directory with one directory per host, and `versions.json`."""
    with Lab(raw / "lab", only) as lab:
        for id_ in lab.hosts:
            (raw / id_).mkdir(parents=True, exist_ok=True)
        _say("our own scan")
        ours.run(lab, raw)
        versions: dict[str, str] = {}
        for id_, host in lab.hosts.items():
            _say(f"{id_}: ssh-audit, OpenSCAP, Lynis")
            ssh_audit.run(lab, host, raw / id_)
            openscap.run(host, raw / id_)
            lynis.run(host, raw / id_)
            packages = host.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *_PACKAGES])
            versions |= {f"{id_.partition('-')[0]} {line.partition(' ')[0]}": line.partition(' ')[2]
                         for line in packages.stdout.splitlines()}  # fmt: skip
    versions["date"] = datetime.now(UTC).strftime("%Y-%m-%d")
    versions["ssh-audit"] = ssh_audit.VERSION
    (raw / "versions.json").write_text(json.dumps(versions, indent=1, sort_keys=True))


_PACKAGES = ("openssh-server", "lynis", "openscap-scanner", "ssg-debian")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
