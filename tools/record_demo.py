"""Makes the recordings of ``posture demo`` again: real answers of lab hosts, under made-up names and addresses.

Needs root and the lab (tests/lab/prepare.sh); takes some minutes: ``.venv/bin/python -m tools.record_demo``.

Two agencies of the lab are scanned by the program itself. What their hosts answered is taken out of the store, names
and addresses are replaced (documentation prefixes of RFC 5737 and RFC 3849), and the rest is kept byte for byte.
Waivers are written beside it: one in force, one that ran out ten days before the recording.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from collectors.base import Answer, Transcript
from collectors.transports.replay import write_transcript
from posture.cli.replaying import file_name
from posture.demo import HOME
from posture.model.assessment import RunState
from posture.store import Store
from tests.lab.agency import Agency
from tests.lab.network import PREFIX4, ZONES

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Part:
    """A host of the made-up agency, and the lab host that answers for it."""

    seed: int
    lab_id: str
    id: str
    owner: str
    system: str
    role: str
    mission: str


PARTS = (
    Part(7, "web1", "portal-web1", "web-team", "citizen-portal", "web", "essential"),
    Part(7, "web2", "portal-web2", "web-team", "citizen-portal", "web", "supporting"),
    Part(7, "app1", "grants-app1", "grants-team", "grants", "application", "vital"),
    Part(7, "app2", "grants-app2", "grants-team", "grants", "application", "essential"),
    Part(7, "db1", "grants-db1", "database-team", "grants", "database", "vital"),
    Part(7, "desk1", "analyst-ws1", "desktop-team", "workstations", "workstation", "supporting"),
    Part(7, "desk2", "analyst-ws2", "desktop-team", "workstations", "workstation", "none"),
    Part(7, "vault1", "records-vault1", "records-team", "records", "vault", "crown_jewel"),
    Part(7, "ghost1", "records-archive1", "records-team", "records", "archive", "essential"),
    Part(178, "web1", "ai-gateway1", "ai-team", "ai-pilot", "ai-gateway", "essential"),
    Part(178, "app1", "hr-app1", "hr-systems", "personnel", "application", "essential"),
    Part(178, "desk1", "analyst-ws3", "desktop-team", "workstations", "workstation", "supporting"),
)

NETWORKS = {
    "outside": "198.51.100.64",
    "dmz": "203.0.113.0",
    "users": "198.51.100.0",
    "servers": "192.0.2.0",
    "restricted": "192.0.2.64",
    "mgmt": "192.0.2.128",
}
"""Zones of the lab to /26 networks of RFC 5737."""
IPV6 = ("fd77:705:74c1:", "2001:db8:74c1:")  # RFC 3849
SECOND_SEED_SHIFT = 20  # both agencies number their hosts from 10
PACKETS_PER_S = 8_000  # without loss on two cores: a recording shall not hold our own haste


def main() -> int:
    """Record both agencies and write everything the demo replays."""
    seeds = tuple(dict.fromkeys(part.seed for part in PARTS))
    transcripts, hosts, expected = [], [], set[tuple[str, str]]()
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="posture-demo-") as work:
            renamed = Renaming(seed, SECOND_SEED_SHIFT * seeds.index(seed))
            print(f"scanning the lab agency of seed {seed}")
            with Agency(seed, Path(work)) as agency:
                inventory = _scan(agency)
                expected |= {(renamed.text(host), check) for host, check in agency.expected if host in renamed.ids}
            with Store.open(agency.work / "posture.db") as store:
                if store.load_run("latest").run.state is not RunState.COMPLETE:
                    raise SystemExit("the scan did not end well: its words stand above")
                found = [one for one in store.read_transcripts("latest") if one.session.host in renamed.ids]
            transcripts += [renamed.transcript(one) for one in found]
            hosts += list(renamed.hosts(inventory))
    _write(transcripts, hosts, expected)
    return 0


def _scan(agency: Agency) -> dict[str, Any]:
    """Return the inventory that was scanned: the agency's own, IPv4 only, which halves the time."""
    inventory: dict[str, Any] = yaml.safe_load(agency.inventory.read_text())
    for host in inventory["hosts"]:
        host["addresses"] = [address for address in host["addresses"] if ":" not in address]
    agency.inventory.write_text(yaml.safe_dump(inventory))
    scope = yaml.safe_load(agency.scope.read_text())
    scope["rates"] |= {"packets_per_s": PACKETS_PER_S, "packets_per_s_per_host": PACKETS_PER_S}
    agency.scope.write_text(yaml.safe_dump(scope))
    program = str(Path(sys.executable).with_name("posture"))
    options = ["-i", str(agency.inventory), "-c", str(agency.config), "--out", str(agency.work / "out"), "--exit-zero"]
    agency.run_in_scanner([program, "scan", *options], cwd=ROOT)
    return inventory


class Renaming:
    """Puts made-up names and addresses in place of those of one lab agency."""

    def __init__(self, seed: int, shift: int) -> None:
        self.parts = tuple(part for part in PARTS if part.seed == seed)
        self._shift = shift
        self.ids = {part.lab_id: part.id for part in self.parts}
        self._words = re.compile(rf"\b({'|'.join(self.ids)})\b")
        self._zones = {zone.number: zone.name for zone in ZONES}
        prefix = re.escape(PREFIX4.rsplit(".", 2)[0])
        self._addresses = re.compile(rf"\b{prefix}\.(\d+)\.(\d+)(/24)?\b")

    def text(self, text: str) -> str:
        """Return the text with every name and address replaced."""
        text = self._words.sub(lambda match: self.ids[match[1]], text).replace(*IPV6)
        return self._addresses.sub(self._address, text)

    def content(self, content: bytes) -> bytes:
        """Return bytes with every name and address replaced, and nothing else touched."""
        return self.text(content.decode("latin-1")).encode("latin-1")

    def transcript(self, said: Transcript) -> Transcript:
        """Return a transcript of the made-up host."""
        session = replace(said.session, host=self.text(said.session.host))
        failure = replace(said.failure, detail=self.text(said.failure.detail)) if said.failure else None
        answers = {self.text(id_): self._answer(answer) for id_, answer in said.answers.items()}
        return Transcript(session, answers, failure)

    def hosts(self, inventory: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the inventory entries of the made-up hosts."""
        for part in self.parts:
            entry = next(host for host in inventory["hosts"] if host["id"] == part.lab_id)
            tags = entry["tags"] | {"organisation": "sample-records"}
            yield {
                "id": part.id,
                "groups": entry["groups"],
                "addresses": [self.text(address) for address in entry["addresses"]],
                "owner": part.owner,
                "system": part.system,
                "roles": [part.role],
                "mission": part.mission,
                "tags": tags,
                "declared": yaml.safe_load(self.text(yaml.safe_dump(entry["declared"]))),
            }

    def _answer(self, answer: Answer) -> Answer:
        command = answer.command
        command = replace(command, id=self.text(command.id), argv=tuple(self.text(word) for word in command.argv))
        return replace(answer, command=command, stdout=self.content(answer.stdout), stderr=self.content(answer.stderr))

    def _address(self, match: re.Match[str]) -> str:
        number, last, whole = int(match[1]), int(match[2]), match[3]
        if number not in self._zones:
            return match[0]
        *first, base = NETWORKS[self._zones[number]].split(".")
        if last == 255:
            last = 63
        elif last >= 10:
            last += self._shift
        return f"{'.'.join(first)}.{int(base) + last}{'/26' if whole else ''}"


def _write(transcripts: list[Transcript], hosts: list[dict[str, Any]], expected: set[tuple[str, str]]) -> None:
    directory = HOME / "transcripts"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for transcript in transcripts:
        path = directory / file_name(transcript, packed=True)
        write_transcript(path, transcript)
        path.chmod(0o644)  # made up, and shipped with the program
    recorded = max(one.session.started_at for one in transcripts).date()
    inventory = {
        "schema": "posture.inventory/1",
        "zones": [
            {"name": zone.name, "trust": str(zone.trust), "cidrs": [f"{NETWORKS[zone.name]}/26"]} for zone in ZONES
        ],
        "vantages": [{"name": "scanner", "zone": "mgmt"}],
        "groups": [{"name": zone.name, "zone": zone.name, "access": {"user": "posture"}} for zone in ZONES],
        "hosts": sorted(hosts, key=lambda host: host["id"]),
    }
    head = "# The made-up agency of `posture demo`, written by tools/record_demo.py; nothing in it is real.\n"
    (HOME / "inventory.yaml").write_text(head + yaml.safe_dump(inventory, sort_keys=False, width=110))
    waivers = {"schema": "posture.waiver/1", "waivers": list(_waivers(recorded, expected))}
    (HOME / "waivers.yaml").write_text(head + yaml.safe_dump(waivers, sort_keys=False, width=110))
    size = sum(path.stat().st_size for path in HOME.rglob("*") if path.is_file())
    print(f"{len(transcripts)} transcripts of {len(hosts)} hosts, {size / 1e6:.2f} MB in {HOME}")


def _waivers(recorded: date, expected: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Yield a waiver in force and one that has run out, each for a failure that is there."""
    for id_, check, days, reason in (
        ("DEMO-W1", "SSH-02", 60, "A vendor's transfer job logs in with a password until its release in spring."),
        ("DEMO-W2", "EXP-07", -10, "The cache moves behind the proxy; accepted until the change window."),
    ):
        yield {
            "id": id_,
            "check": check,
            "scope": {"hosts": [min(host for host, failing in expected if failing == check)]},
            "expected_status": "fail",
            "reason": reason,
            "compensating": ["The port is filtered outside the zone"],
            "owner": "web-team",
            "approved_by": [{"name": "A. Example", "role": "authorizing official", "date": recorded - timedelta(40)}],
            "expires": recorded + timedelta(days=days),
        }


if __name__ == "__main__":
    sys.exit(main())
