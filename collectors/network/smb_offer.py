"""What the ports where Windows shares files offer to strangers: dialects of SMB, and whether it must be signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.network.exposure_greetings import Greeted, Greetings, greetings, printable, table, texts
from collectors.network.exposure_scripts import endpoint
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import SeenScript
from posture.model.observation import Blind, Hole

SMB1 = "NT LM 0.12"
DIALECTS_MAX = 20  # there are six


@dataclass(frozen=True, slots=True)
class Server:
    """One port that speaks SMB."""

    endpoint: str
    """``10.0.0.1:445``."""
    address: str
    port: int
    seen_from: list[str]
    outside: bool
    """Told to a vantage in an untrusted, partner or undeclared zone."""
    dialects: list[str]
    """As nmap writes them: 202, 210, 300, 302, 311, and a line for SMBv1."""
    smb1: bool
    signing: str
    """required, optional or off; unknown where it did not say."""


@dataclass(frozen=True, slots=True)
class SmbOffer:
    """SMB as it is offered to strangers; nobody logs in."""

    servers: Listing[Server]
    """Open where one did not say whether it signs."""


def parse(answers: Answers) -> Facts | Hole:
    """Return what the evidence of the look at a host holds of SMB."""
    found = greetings(Phase.SMB, answers, tells=_tells)
    if isinstance(found, Hole):
        return found
    servers = [_server(one) for one in found.greeted]
    said = all(one.signing != "unknown" for one in servers)
    listing = Listing(servers, found.complete and said)
    return Facts(SmbOffer(listing), tuple(_holes(listing, found)))


def _tells(script: SeenScript) -> bool:
    return script.id == "smb-protocols" and bool(texts(table(script.structured, "dialects")))


def _server(one: Greeted) -> Server:
    dialects = texts(table(one.scripts["smb-protocols"].structured, "dialects"))[:DIALECTS_MAX]
    return Server(
        endpoint=endpoint(one.address, one.port),
        address=one.address,
        port=one.port,
        seen_from=one.seen_from,
        outside=one.outside,
        dialects=dialects,
        smb1=any(name.startswith(SMB1) for name in dialects),
        signing=_signing(one.scripts.get("smb2-security-mode")),
    )


def _signing(script: SeenScript | None) -> str:
    """Return the loosest of what the dialects say."""
    said = script.structured if script is not None else ""
    lines = [printable(line) for rows in said.values() for line in texts(rows)] if isinstance(said, dict) else []
    lines = [line for line in lines if "signing" in line]
    if not lines:
        return "unknown"
    if any("disabled" in line for line in lines):
        return "off"
    return "required" if all(line.endswith("enabled and required") for line in lines) else "optional"


def _holes(servers: Listing[Server], found: Greetings) -> Iterator[Hole]:
    if not servers.items and not servers.complete:
        why = found.why_not or Hole("", Blind.UNPARSEABLE, "no server said what it speaks")
        yield Hole("servers", why.reason, why.detail)


COLLECTOR = Collector(topic="smb_offer", version=1, commands=(), facts=SmbOffer, parse=parse, reads="exposure")
