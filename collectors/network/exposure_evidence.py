"""The evidence of one look at one address: an nmap XML document that also says from where, and how it went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from collectors.base import Answer
from collectors.network.nmap import ALL_TCP, Phase, Probe
from collectors.network.nmap_xml import RunHeader, SeenHost, read_bytes
from collectors.redact import Redacted, redact
from posture.errors import CollectError
from posture.model.host import Vantage
from posture.model.observation import Blind, Hole

UNDECLARED = "undeclared"
"""Trust of a zone that the inventory does not know."""
EVERY_TCP = Probe(Phase.TCP, tcp_ports=ALL_TCP).asked


@dataclass(frozen=True, slots=True)
class Looked:
    """One phase on one address of one host: what the evidence holds."""

    vantage: Vantage
    trust: str
    phase: Phase
    address: str
    asked: str
    """Ports in nmap's notation."""
    host: SeenHost | None
    reason: Blind | None = None
    """Why it is missing or cannot be believed; ``None`` when the phase is complete."""
    detail: str = ""
    known_up: bool = False
    """Whether the host was seen alive by other means in the same run."""


def evidence_of(looked: Looked, header: RunHeader, argv: Iterable[str]) -> Redacted:
    """Return one phase as an nmap XML document of this address alone, without secrets; nmap's own tools can read it."""
    attributes = {
        "scanner": "nmap",
        "args": " ".join(argv),
        "start": str(header.started_s),
        "version": header.version,
        "vantage": looked.vantage.name,
        "zone": looked.vantage.zone,
        "trust": looked.trust,
        "phase": looked.phase.value,
        "address": looked.address,
        "asked": looked.asked,
        "reason": looked.reason.value if looked.reason else "",
        "detail": looked.detail,
        "known-up": "yes" if looked.known_up else "no",
    }
    root = ET.Element("nmaprun", {key: _printable(value) for key, value in attributes.items()})
    ET.SubElement(ET.SubElement(root, "runstats"), "finished", {"exit": "success"})
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=False)
    fragment, redactions = _without_secrets(looked.host.fragment) if looked.host else (b"", 0)
    return Redacted(body.replace(b"<runstats>", fragment + b"\n<runstats>", 1) + b"\n", redactions)


def looked_from(answer: Answer) -> Looked | Hole:
    """Return what one answer holds; a ``Hole`` when its bytes are not what ``evidence_of`` wrote."""
    reading = read_bytes(answer.stdout)
    try:
        hosts = list(reading)
        said = reading.header.attributes
        looked = Looked(
            vantage=Vantage(said["vantage"], said["zone"]),
            trust=said["trust"],
            phase=Phase(said["phase"]),
            address=said["address"],
            asked=said["asked"],
            host=next((host for host in hosts if host.address == said["address"]), None),
            reason=Blind(said["reason"]) if said["reason"] else None,
            detail=said["detail"],
            known_up=said["known-up"] == "yes",
        )
    except CollectError as error:
        return Hole("", Blind.UNPARSEABLE, f"{answer.command.id}: {error}")
    except (KeyError, ValueError) as error:
        return Hole("", Blind.UNPARSEABLE, f"{answer.command.id}: no evidence of this scanner: {error}")
    if reading.trouble:
        return Hole("", Blind.UNPARSEABLE, f"{answer.command.id}: {reading.trouble}")
    return looked


def _without_secrets(fragment: bytes) -> tuple[bytes, int]:
    """Redact value by value: over the bytes as a whole, what is put in would break the XML."""
    root = ET.fromstring(fragment)  # noqa: S314 - our own serialisation of an element that was already read
    count = 0
    for element in root.iter():
        for key, value in element.attrib.items():
            clean = redact(value.encode())
            count += clean.count
            element.set(key, clean.content.decode("utf-8", "replace"))
        if element.text:
            clean = redact(element.text.encode())
            count += clean.count
            element.text = clean.content.decode("utf-8", "replace")
    return (ET.tostring(root, encoding="utf-8", xml_declaration=False), count) if count else (fragment, 0)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
