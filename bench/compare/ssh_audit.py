"""ssh-audit: what it says of the algorithms and keys a host offers, one rule for each complaint it knows."""

from __future__ import annotations

import json
from pathlib import Path

from bench.compare.answers import Answer
from bench.compare.lab import CACHE, Lab
from tests.lab.host import Host
from tests.lab.network import LabError

VERSION = "3.9.0"
KINDS = {"kex": "key exchange", "key": "host key", "enc": "cipher", "mac": "message authentication"}
PROGRAM = CACHE / f"ssh-audit-{VERSION}" / "bin" / "ssh-audit"


def run(lab: Lab, host: Host, raw: Path) -> None:
    """Write what it says of the host into the directory; it looks from the scanner's place in the lab."""
    done = lab.in_scanner([str(PROGRAM), "--json", "--skip-rate-test", host.build.addresses[0]])
    if not done.stdout.startswith("{"):
        raise LabError(f"ssh-audit on {host.build.id}: {(done.stderr or done.stdout)[-300:]}")
    (raw / "ssh-audit.json").write_text(done.stdout)


def read(raw: Path) -> dict[str, Answer]:
    """Return its complaints by ``kind: reason``; `complete` adds the ones it knows and did not make."""
    path = raw / "ssh-audit.json"
    if not path.exists():
        return {}
    seen: dict[str, list[str]] = {}
    found = json.loads(path.read_text())
    for kind in KINDS:
        for offered in found[kind]:
            for level in ("fail", "warn"):
                for reason in offered["notes"].get(level, []):
                    seen.setdefault(f"{kind}: {reason}", []).append(offered["algorithm"])
    return {rule: Answer("fail", f"offers {', '.join(names)}") for rule, names in seen.items()}


def complete(answers: dict[str, Answer], known: set[str]) -> dict[str, Answer]:
    """Return the answers with a pass for each complaint that is known and was not made."""
    return {rule: answers.get(rule, Answer("pass", "not offered")) for rule in sorted(known)}
