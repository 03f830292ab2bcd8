"""The notice of a scan: who will scan which networks, when and how hard; schema ``posture.scan-notice/1``."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from posture.inputs.scope import Scope
from reports.exchange.record import STATEMENT, TlpWord

SCHEMA: Final = "posture.scan-notice/1"
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value as it stands in the file."""


class Window(_Wire, frozen=True):
    """When the scan may run."""

    opens: datetime
    closes: datetime


class Rates(_Wire, frozen=True):
    """How hard it may look, at most."""

    packets_per_s: int
    packets_per_s_per_host: int
    parallel_logins: int


class ScanNotice(_Wire, frozen=True):
    """What others need to tell the scan from an attack."""

    schema: Literal["posture.scan-notice/1"]
    statement: str
    """That no official format is published."""
    tlp: TlpWord
    authorisation: str
    owner: str
    contact: str
    """Who answers for the scan while it runs."""
    window: Window
    scanner: str
    """Name of the machine that scans."""
    sources: list[str] = msgspec.field(name="from")
    """Addresses the probes come from; empty when nobody said."""
    networks: list[str]
    """Empty when only their size may be told."""
    excluded: list[str]
    addresses: int
    """How many lie in the networks, before exclusions."""
    rates: Rates
    probes: list[str]
    udp_ports: list[int]
    exploits: Literal[False] = False
    text: Literal["inert/1"] = "inert/1"
    """Strings have control and invisible characters written out as ⟨U+202E⟩."""


def schema_bytes() -> bytes:
    """Return the published JSON Schema, for docs/schemas/scan-notice-1.schema.json."""
    (root,), parts = msgspec.json.schema_components((ScanNotice,), ref_template="#/$defs/{name}")
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:posture-scanner:scan-notice:1",
        "title": SCHEMA,
        **root,
        "$defs": parts,
    }
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"


def notice_of(
    scope: Scope, tlp: TlpWord, contact: str, sources: Iterable[str], scanner: str, *, redact: bool
) -> ScanNotice:
    """Return the notice of what a scope authorises; ``redact`` tells how many addresses, and not which."""
    networks = [ipaddress.ip_network(one) for one in scope.cidrs]
    left_out = [ipaddress.ip_network(one) for one in scope.excluded]
    return ScanNotice(
        schema=SCHEMA,
        statement=STATEMENT,
        tlp=tlp,
        authorisation=scope.authorisation,
        owner=scope.owner,
        contact=contact,
        window=Window(opens=scope.window.opens, closes=scope.window.closes),
        scanner=scanner,
        sources=sorted(sources),
        networks=[] if redact else [str(one) for one in networks],
        excluded=[] if redact else [str(one) for one in left_out],
        addresses=_addresses(networks),
        rates=Rates(
            packets_per_s=scope.rates.packets_per_s,
            packets_per_s_per_host=scope.rates.packets_per_s_per_host,
            parallel_logins=scope.rates.parallel_logins,
        ),
        probes=["tcp", "udp", *scope.probes, *(("ai-services",) if scope.ai_services else ())],
        udp_ports=list(scope.udp_ports),
    )


def _addresses(networks: Iterable[_Network]) -> int:
    four = [one for one in networks if isinstance(one, ipaddress.IPv4Network)]
    six = [one for one in networks if isinstance(one, ipaddress.IPv6Network)]
    return sum(one.num_addresses for one in ipaddress.collapse_addresses(four)) + sum(
        one.num_addresses for one in ipaddress.collapse_addresses(six)
    )
