"""Scans of others as small authored files in their true shape."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Item:
    """One ReportItem."""

    plugin: int
    cves: Sequence[str] = ()
    severity: int = 3
    patch: str = "2026/10/01"


@dataclass(frozen=True)
class Scanned:
    """One ReportHost."""

    name: str
    items: Sequence[Item]
    tags: Sequence[tuple[str, str]] = ()
    end: datetime | None = datetime(2026, 11, 20, 4, tzinfo=UTC)
    credentialed: bool = True


def nessus(*hosts: Scanned) -> bytes:
    """Return a .nessus file of version 2."""
    return "".join(_lines(hosts)).encode()


def _lines(hosts: Sequence[Scanned]):  # type: ignore[no-untyped-def]
    yield '<?xml version="1.0" ?>\n<NessusClientData_v2>\n<Policy><policyName>x</policyName></Policy>\n'
    yield '<Report name="weekly" xmlns:cm="http://www.nessus.org/cm">\n'
    for host in hosts:
        yield f"<ReportHost name={quoteattr(host.name)}><HostProperties>\n"
        end = (("HOST_END_TIMESTAMP", str(int(host.end.timestamp()))),) if host.end else ()
        tags = (*host.tags, ("Credentialed_Scan", str(host.credentialed).lower()), *end)
        yield from (f"<tag name={quoteattr(name)}>{escape(value)}</tag>\n" for name, value in tags)
        yield "</HostProperties>\n"
        yield from map(_item, host.items)
        yield "</ReportHost>\n"
    yield "</Report>\n</NessusClientData_v2>\n"


def _item(item: Item) -> str:
    told = f'port="0" svc_name="general" protocol="tcp" severity="{item.severity}" pluginID="{item.plugin}"'
    cves = "".join(f"<cve>{cve}</cve>" for cve in item.cves)
    patch = f"<patch_publication_date>{item.patch}</patch_publication_date>" if item.patch else ""
    output = "<plugin_output>Installed &lt;b&gt; 1.0 &amp; older</plugin_output>"
    risk = ("None", "Low", "Medium", "High", "Critical")[item.severity]
    return f'<ReportItem {told} pluginName="x" pluginFamily="General">{cves}{output}{patch}<risk_factor>{risk}</risk_factor></ReportItem>\n'


def large(hosts: int, seed: int = 14409) -> bytes:
    """Return a scan of so many hosts with a draw of findings each."""
    draw = random.Random(seed)

    def items() -> list[Item]:
        found = []
        for _ in range(draw.randint(0, 60)):
            number = draw.randint(10_000, 19_999)
            cves = [f"CVE-{draw.randint(2015, 2026)}-{draw.randint(1000, 30000)}" for _ in range(draw.randint(0, 4))]
            found.append(Item(number, cves, draw.randint(0, 4)))
        return found

    return nessus(
        *(
            Scanned(f"10.{n // 250 % 250}.{n % 250}.7", items(), (("host-ip", f"10.{n // 250 % 250}.{n % 250}.7"),))
            for n in range(hosts)
        )
    )
