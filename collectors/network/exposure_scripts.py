"""What more is asked of an open port once its protocol is known: greetings and pages, by nmap's own scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from collectors.network.nmap import Phase
from collectors.network.nmap_xml import SeenHost, SeenPort
from posture.model.host import Vantage

STARTTLS = {21: "ftp", 25: "smtp", 110: "pop3", 143: "imap", 389: "ldap", 587: "smtp", 5432: "postgresql"}
"""Ports where nmap's scripts know how to ask for TLS (nselib/sslcert.lua); elsewhere they greet with TLS at once."""

SMB_PORTS = (139, 445)
"""Where nmap's scripts for SMB look (nselib/smb.lua); it is spoken nowhere else."""


def script_groups(phase: Phase, hosts: Mapping[str, SeenHost | None]) -> list[tuple[tuple[int, ...], list[str]]]:
    """Return ports with the addresses to ask on them in a phase; ``hosts`` is by address, as the version phase saw it.

    Hosts with unlike ports are asked apart, so that no port gets a greeting it did not ask for.
    """
    groups: dict[tuple[int, ...], list[str]] = {}
    for address, host in hosts.items():
        if host is not None and (ports := script_ports(phase, host)):
            groups.setdefault(ports, []).append(address)
    return sorted(groups.items())


def script_ports(phase: Phase, host: SeenHost) -> tuple[int, ...]:
    """Return the TCP ports of a host, versions known, that are asked in a phase: those that speak its protocol."""
    return tuple(sorted({port.port for port in host.ports if port.proto == "tcp" and speaks(phase, port)}))


def speaks(phase: Phase, port: SeenPort) -> bool:
    """Return whether a port answered in the protocol that a phase is about; a guess by its number is no answer."""
    service = port.service
    if phase is Phase.SMB:
        # A server that has no SMBv1 any more does not answer nmap's own question, so the number stands in for it.
        return port.state == "open" and port.port in SMB_PORTS and _may_be_smb(port)
    if port.state != "open" or service is None or service.method != "probed":
        return False
    match phase:
        case Phase.TLS:
            return service.tunnel == "ssl" or STARTTLS.get(port.port) == service.name
        case Phase.SSH:
            return service.name == "ssh"
        case Phase.PAGE:
            return service.name.startswith("http")
        case _:
            return False


def _may_be_smb(port: SeenPort) -> bool:
    service = port.service
    return service is None or service.method != "probed" or service.name in ("microsoft-ds", "netbios-ssn")


def endpoint(address: str, port: int) -> str:
    """Return where a service is, as ``10.0.0.1:443`` or ``[fd00::1]:443``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def places(vantages: Iterable[Vantage]) -> list[str]:
    """Return vantages with their zones, as ``outpost (outside)``, each once, sorted."""
    return sorted({f"{vantage.name} ({vantage.zone})" for vantage in vantages})


def phases_of(classes: Iterable[str]) -> Iterator[Phase]:
    """Yield the phases that the scope's classes of probe allow, in the order they are asked."""
    allowed = set(classes)
    yield from (phase for phase in (Phase.TLS, Phase.SSH, Phase.PAGE, Phase.SMB) if phase.value in allowed)
