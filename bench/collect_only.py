"""Logs in to every host of an inventory, asks everything, and keeps nothing: what a scan does before it judges.

    python -m bench.collect_only DIRECTORY [SCRIPTS]

The directory holds inventory.yaml, scope.yaml and posture.yaml. Prints one JSON object. With SCRIPTS, one shell script
for each address is written there, made of every command that was sent to the host, both batches.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from collectors.base import Transcript
from collectors.registry import COLLECTORS
from collectors.transports.batch import distinct
from collectors.transports.credentials import Credential, CredentialKind
from collectors.transports.reach import Reach
from collectors.transports.script import build
from posture.engine import collect_hosts, open_door
from posture.inputs import config as configuration
from posture.inputs import inventory as inventories
from posture.inputs import scope_file

NONCE = "0" * 32


def main(directory: Path, scripts: Path | None) -> None:
    """Collect, and print what came back and what the hosts spent their time on."""
    inventory = inventories.read(directory / "inventory.yaml")
    scope = scope_file.read(directory / "scope.yaml")
    reach = _reach(directory, inventory, scope)
    hosts = {host.id: host for host in inventory.hosts}
    spent: Counter[str] = Counter()
    answers = failed = size = 0
    for transcript in collect_hosts(
        inventory.hosts, lambda host: open_door(host, reach), COLLECTORS, scope.rates, vantage="scanner"
    ):
        failed += transcript.failure is not None
        answers += len(transcript.answers)
        for id_, answer in transcript.answers.items():
            spent[id_] += answer.duration_ms
            size += len(answer.stdout) + len(answer.stderr)
        if scripts is not None:
            (scripts / hosts[transcript.session.host].addresses[0]).write_bytes(_script(transcript))
    print(json.dumps({"failed": failed, "answers": answers, "bytes": size, "spent_ms": spent.most_common()}))


def _reach(directory: Path, inventory: Any, scope: Any) -> Reach:
    config = configuration.read(directory / "posture.yaml")
    entry = config.credentials["lab"]
    credential = Credential(name="lab", kind=CredentialKind(entry.kind), path=entry.path)
    return Reach(
        scope=scope,
        vantage="scanner",
        credentials={"lab": credential},
        hosts={host.id: host for host in inventory.hosts},
        known_hosts=config.known_hosts,
    )


def _script(transcript: Transcript) -> bytes:
    return build(distinct(answer.command for answer in transcript.answers.values()), NONCE)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
