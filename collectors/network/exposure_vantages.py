"""One host's looks from several vantages as one, those that were not made included: each says why in its evidence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from collectors.base import Answer, Command, Session, Transcript
from collectors.network.exposure_evidence import EVERY_TCP, Looked, evidence_of
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import RunHeader
from posture.model.host import Host, Vantage
from posture.model.observation import Blind, Origin

TRANSPORT = "nmap"
"""The transport of sessions that looked from the network."""


def merged(transcripts: Iterable[Transcript]) -> Transcript:
    """Return one host's transcripts of several vantages as one, so that ``observe`` makes a single document.

    Raises:
        ValueError: there are none, or they are of different hosts.
    """
    ordered = sorted(transcripts, key=lambda entry: (entry.session.started_at, entry.session.vantage))
    if len({entry.session.host for entry in ordered}) != 1:
        raise ValueError("transcripts of exactly one host are needed")
    answers = {id_: answer for entry in ordered for id_, answer in entry.answers.items()}
    failure = next((entry.failure for entry in ordered if entry.failure), None)
    return Transcript(ordered[0].session, answers, None if answers else failure)


def not_looked(host: Host, vantage: Vantage, trust: str, reason: Blind, detail: str, moment: datetime) -> Transcript:
    """Return the transcript of a host that was not looked at from a vantage, with the reason in its evidence."""
    answers = {}
    for address in host.addresses:
        id_ = f"exposure.{Phase.TCP.value}/{vantage.name}/{address}"
        looked = Looked(vantage, trust, Phase.TCP, address, EVERY_TCP, None, reason, detail)
        evidence = evidence_of(looked, RunHeader(), ())
        answers[id_] = Answer(Command(id_, ()), evidence.content, b"", None, 0, redactions=evidence.count)
    session = Session(host.id, "", vantage.name, Origin.LIVE, moment, transport=TRANSPORT)
    return Transcript(session, answers)
