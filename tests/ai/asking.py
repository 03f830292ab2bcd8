"""The collector against one port, as a scan would run it once nmap has found the port open."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collectors.ai.scan import Looks, ask_ai_services
from collectors.ai.service import AiServiceFacts, parse
from collectors.base import Facts, Session, Transcript
from collectors.network.probe_log import ProbeLog
from posture.inputs.scope import AiQuestions, Scope, Window
from posture.model.host import Host, Trust, Vantage
from posture.model.observation import Origin
from tests.collectors.network.test_exposure_facts import answers, look, seen

SCANNER = Vantage("scanner", "mgmt")


def ask(port: int, log: Path, *, requests: int = 8, service: str = "unknown") -> tuple[AiServiceFacts, Transcript]:
    """Return the facts of one port, and the evidence that they were read from."""
    now = datetime.now(UTC)
    window = Window(now - timedelta(hours=1), now + timedelta(hours=1))
    scope = Scope("LAB", "o", window, ("127.0.0.0/8",), ai_services=AiQuestions(requests))
    found = look(seen(f"tcp/{port} open syn-ack {service}", address="127.0.0.1"), vantage=SCANNER, trust="internal")
    session = Session("here", "", SCANNER.name, Origin.LIVE, now, transport="nmap")
    looks = Looks(Host("here", ("127.0.0.1",), "lab"), Transcript(session, answers(found)))
    with ProbeLog(log, "LAB") as probes:
        (transcript,) = ask_ai_services(
            [looks], scope, SCANNER, trust_of_zone={"mgmt": Trust.INTERNAL}, log=probes, stop=threading.Event()
        )
    parsed = parse(transcript.answers)
    assert isinstance(parsed, Facts), parsed
    return parsed.value, transcript
