"""Small agencies of recorded hosts: the demo's transcripts, edited where a test needs a host to say something else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec

from collectors.base import Transcript, observe
from collectors.ssh_keys import COLLECTOR as SSH_KEYS
from collectors.transports.replay import read_transcripts, write_transcript
from posture.catalogue.load import load
from posture.demo import HOME
from posture.evaluate.fleet import fleet_documents
from posture.gather import Job
from posture.inputs import inventory as inventories
from posture.inputs.config import default
from posture.inputs.scope import Scope, Window
from posture.judged import Circumstances
from posture.model.clock import Campaign
from posture.model.finding import Waiver
from posture.model.host import FLEET, Vantage
from posture.model.observation import FactDocument, Observation

PROGRAM = str(Path(sys.executable).with_name("posture"))
"""The command line as a process of its own."""
HARDENED, FAULTY = "records-vault1", "grants-app1"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PASSWORDS = ("sshd.effective", "passwordauthentication no", "passwordauthentication yes")
"""The edit that makes SSH-02 fail on the hardened host."""

_HOST = """
  - id: {id}
    addresses: [{address}]
    zone: servers
    owner: team-{id}
"""


@cache
def _recorded() -> dict[str, Transcript]:
    logins = (one for one in read_transcripts(HOME / "transcripts") if one.session.transport != "nmap")
    return {one.session.host: one for one in logins}


def recorded(host: str, *, called: str = "", at: datetime = START) -> Transcript:
    """Return what a host of the demo answered over its login, under another name and at another time."""
    said = _recorded()[host]
    return replace(said, session=replace(said.session, host=called or host, started_at=at))


@cache
def travelling_pair() -> tuple[str, str]:
    """Return a recorded host that holds an open private key, and one that the key opens."""
    keys: dict[str, Observation] = {host: observe(SSH_KEYS, said) for host, said in _recorded().items()}
    document = fleet_documents({"ssh_keys": keys}, as_of=START)[FLEET]
    assert isinstance(document, FactDocument)
    for key in msgspec.json.decode(document.content)["facts"]["private_keys"]["items"]:
        if not key["encrypted"]:
            return key["held_on"][0].split(":")[0], key["opens"][0]
    raise AssertionError("no recorded host holds a key to another: record the demo again")


def edited(said: Transcript, *edits: tuple[str, str, str]) -> Transcript:
    """Return the transcript with other words in some answers; an edit that finds nothing is a mistake of the test."""
    answers = dict(said.answers)
    for id_, old, new in edits:
        assert old.encode() in answers[id_].stdout, f"{id_} does not say {old}"
        answers[id_] = replace(answers[id_], stdout=answers[id_].stdout.replace(old.encode(), new.encode()))
    return replace(said, answers=answers)


def save(directory: Path, *transcripts: Transcript) -> Path:
    """Write transcripts to a directory that holds nothing else, and return it."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    for said in transcripts:
        write_transcript(directory / f"{said.session.host}.json", said)
    return directory


def write_inventory(path: Path, *hosts: str, extra: str = "") -> Path:
    """Write an inventory of hosts in one zone, and return its path."""
    entries = "".join(_HOST.format(id=id_, address=f"192.0.2.{n}") for n, id_ in enumerate(hosts, start=10))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "schema: posture.inventory/1\n"
        "zones: [{name: servers, trust: internal, cidrs: [192.0.2.0/24]}]\n"
        "vantages: [{name: scanner, zone: servers}]\n"
        f"hosts:{entries or ' []'}{extra}"
    )
    return path


def job(path: Path, out: Path, *, waivers: Sequence[Waiver] = ()) -> Job:
    """Return the job of replaying an inventory."""
    catalogue = load(None)
    read = inventories.read(path)
    return Job(
        inventory=replace(read, name=str(path)),
        scope=Scope("TEST-1", "tests", Window(START, START + DAY), ("192.0.2.0/24",)),
        config=default(out),
        baseline=catalogue.baseline("fceb"),
        circumstances=Circumstances(
            campaign=Campaign(START.date()),
            clocks=catalogue.clocks,
            waivers=tuple(waivers),
            weights=catalogue.weights,
            taxonomy=dict(catalogue.taxonomy),
            families=catalogue.families,
        ),
        vantage=Vantage("scanner", "servers"),
    )
