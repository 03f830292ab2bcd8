"""A place that did not look is a gap of every host: what only it can see is neither closed nor passed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from collectors.base import Answer, Command, Session, Transcript
from collectors.network.exposure_evidence import EVERY_TCP, Looked, evidence_of
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import RunHeader, read_bytes
from posture.asked import asked_of
from posture.assess import stored_assessment
from posture.evaluated import evaluate
from posture.gather import Job, Work
from posture.model.finding import Finding, Status
from posture.model.host import Vantage
from posture.model.observation import FactDocument, Origin
from posture.run import replay
from posture.store import Store
from reports.terminal import summary_lines
from tests.posture.replays import DAY, START, job

SCANNER, OUTPOST = Vantage("scanner", "servers"), Vantage("outpost", "outside", "probe")
WEB = "192.0.2.10"
DOOR = 8443
INVENTORY = f"""
schema: posture.inventory/1
zones:
  - {{name: servers, trust: internal, cidrs: [192.0.2.0/24]}}
  - {{name: outside, trust: untrusted, cidrs: [198.51.100.0/24]}}
vantages:
  - {{name: scanner, zone: servers}}
  - {{name: outpost, zone: outside, host: probe}}
hosts:
  - {{id: web, addresses: [{WEB}], zone: servers}}
  - {{id: probe, addresses: [198.51.100.9], zone: outside}}
"""


def look(vantage: Vantage, *doors: int, at: datetime = START) -> Transcript:
    """Return a whole look at the TCP ports of ``web``: all closed but the doors."""
    ports = "".join(
        f'<port protocol="tcp" portid="{port}"><state state="open" reason="syn-ack"/></port>' for port in doors
    )
    closed = '<extraports state="closed" count="65000"><extrareasons reason="reset" count="65000" proto="tcp"/>'
    xml = (
        f'<nmaprun ><host><status state="up" reason="user-set"/><address addr="{WEB}" addrtype="ipv4"/>'
        f"<ports>{closed}</extraports>{ports}</ports></host></nmaprun>"
    )
    (host,) = read_bytes(xml.encode())
    trust = {"servers": "internal", "outside": "untrusted"}[vantage.zone]
    evidence = evidence_of(
        Looked(vantage, trust, Phase.TCP, WEB, EVERY_TCP, host), RunHeader(version="7.93"), ("nmap",)
    )
    id_ = f"exposure.tcp/{vantage.name}/{WEB}"
    session = Session("web", "", vantage.name, Origin.LIVE, at, transport="nmap")
    return Transcript(session, {id_: Answer(Command(id_, ("nmap",)), evidence.content, b"", 0, 1)})


@pytest.fixture
def agency(tmp_path: Path) -> Job:
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    return job(path, tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    with Store.open(tmp_path / "posture.db") as opened:
        yield opened


def judged(store: Store, agency: Job, *said: Transcript, days: int = 0) -> str:
    moment = START + days * DAY
    return replay(store, said, agency, moment, Work(clock=lambda: moment), as_of=moment)


def the_door(store: Store) -> Finding:
    (found,) = (one for one in store.findings() if (one.check, one.host, one.subject) == ("EXP-01", "web", str(DOOR)))
    return found


def status(store: Store, run: str, check: str = "EXP-01") -> Status:
    return next(
        one.verdict.status for host in store.read_hosts(run) if host.host.id == "web" for one in host.results
        if one.check == check
    )  # fmt: skip


def gaps(store: Store, run: str) -> set[tuple[str, str]]:
    (document,) = (one for one in store.read_observations(run, "web") if one.topic == "exposure")
    assert isinstance(document, FactDocument)
    return {(gap["vantage"], gap["detail"]) for gap in msgspec.json.decode(document.content)["facts"]["gaps"]}


def test_a_door_that_only_another_place_sees_stays_open_when_that_place_did_not_look(store: Store, agency: Job) -> None:
    judged(store, agency, look(SCANNER), look(OUTPOST, DOOR))
    assert the_door(store).open
    run = judged(store, agency, look(SCANNER, at=START + DAY), days=1)
    assert the_door(store).open, "nobody looked from where it was seen"
    assert status(store, run) is Status.NOT_CHECKED
    assert gaps(store, run) == {("outpost", "no look from there was recorded")}


def test_it_is_closed_when_that_place_looks_and_finds_it_shut(store: Store, agency: Job) -> None:
    judged(store, agency, look(SCANNER), look(OUTPOST, DOOR))
    run = judged(store, agency, look(SCANNER, at=START + DAY), look(OUTPOST, at=START + DAY), days=1)
    assert not the_door(store).open
    assert (status(store, run), gaps(store, run)) == (Status.PASS, set())
    assert stored_assessment(store, run).unlooked == ()


def test_a_door_that_was_never_seen_does_not_pass_for_want_of_looking(store: Store, agency: Job) -> None:
    assert status(store, judged(store, agency, look(SCANNER))) is Status.NOT_CHECKED
    assert status(store, judged(store, agency, look(SCANNER, DOOR), days=1)) is Status.FAIL


def test_the_run_and_its_reports_name_who_did_not_look(store: Store, agency: Job) -> None:
    run = judged(store, agency, look(SCANNER))
    words = "vantage `outpost` did not look at 1 host: no look from there was recorded"
    for assessment in (stored_assessment(store, run), evaluate(store, run)):
        assert [one.words() for one in assessment.unlooked] == [words]
        assert words in assessment.notes
        assert "  Did not look: outpost (1 host). What only it sees is unknown." in summary_lines(assessment)
    assert not asked_of(store, run).whole
    assert evaluate(store, run).fingerprint == stored_assessment(store, run).fingerprint
