"""AI services: the register against what was found; what nobody looked at or told apart is never "none". Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posture.model.host import Host
from reports.dashboard.pages import host_path
from reports.dashboard.views.ai import AiBlind, AiLine, AiMissing, AiPage, AiUnidentified
from reports.sections.plan import host_names
from reports.view import Share
from reports.words import counted

LISTED = 300


@dataclass(frozen=True, slots=True)
class HostAi:
    """What one host's documents say of AI on it."""

    host: Host
    facts: Mapping[str, Any] | None
    """Topic ``ai``: both sides against the register; ``None`` when neither side was seen."""
    network: Mapping[str, Any] | None
    """Topic ``ai_service``."""
    blind: tuple[tuple[str, str, str], ...]
    """Side, reason and detail of each side that was not seen."""


def ai_page(hosts: Sequence[HostAi], names: Mapping[str, str], *, register: bool) -> AiPage:
    """Return the page's context; ``names`` gives the product of a service's id."""
    found = [(one.host, row) for one in hosts if one.facts for row in one.facts["found"]["items"]]
    shadow = [_line(host, row, names) for host, row in found if not row["registered"]]
    known = [_line(host, row, names) for host, row in found if row["registered"]]
    missing = [_missing(one, row, names) for one in hosts if one.facts for row in one.facts["missing"]]
    unidentified = [
        _unidentified(one.host, row, names)
        for one in hosts
        if one.network
        for row in one.network["unidentified"]["items"]
    ]
    whole = sum(bool(one.facts and one.facts["found"]["complete"]) for one in hosts)
    tables: tuple[Sequence[object], ...] = (shadow, known, missing, unidentified)
    return AiPage(
        register=register,
        whole=Share(whole, len(hosts)),
        looked=any(one.facts or one.network for one in hosts),
        lead=_lead(len(shadow), len(known), len(unidentified), register=register),
        shadow=tuple(shadow[:LISTED]),
        registered=tuple(known[:LISTED]),
        missing=tuple(missing[:LISTED]),
        unidentified=tuple(unidentified[:LISTED]),
        blind=tuple(_blind(hosts)),
        left_out=sum(max(0, len(table) - LISTED) for table in tables),
    )


def _lead(shadow: int, known: int, unidentified: int, *, register: bool) -> str:
    said = [
        f"{counted(shadow, 'service')} on no register" if register else f"{counted(shadow, 'service')} found",
        f"{known:,} registered and found" if register else "no register to hold them against",
        f"{counted(unidentified, 'HTTP port')} unidentified",
    ]
    return f"{'; '.join(said)}."


def _line(host: Host, row: Mapping[str, Any], names: Mapping[str, str]) -> AiLine:
    return AiLine(
        service=_name(row["service"], names),
        host=host.id,
        host_path=host_path(host.id),
        endpoint="" if row["endpoint"] == "host" else str(row["endpoint"]),
        owner=str(row["owner"]),
        network_says=str(row["network_says"]),
        host_says=str(row["host_says"]),
    )


def _missing(one: HostAi, row: Mapping[str, Any], names: Mapping[str, str]) -> AiMissing:
    whole = bool(one.facts and one.facts["found"]["complete"])
    return AiMissing(
        service=_name(row["service"], names),
        host=one.host.id,
        host_path=host_path(one.host.id),
        endpoint=f"tcp/{row['port']}" if row["port"] else "any port",
        owner=str(row["owner"]),
        looked="all of the host was looked at" if whole else "not all of the host was looked at: it may be there",
    )


def _unidentified(host: Host, row: Mapping[str, Any], names: Mapping[str, str]) -> AiUnidentified:
    could = ", ".join(_name(one, names) for one in row["could_be"][:6])
    more = len(row["could_be"]) - 6
    return AiUnidentified(
        host=host.id,
        host_path=host_path(host.id),
        endpoint=str(row["endpoint"]),
        seen_from=f"{row['vantage']} ({row['zone']})",
        could_be=f"{could} and {more} more" if more > 0 else could or "none of those we know; others exist",
    )


def _name(service: str, names: Mapping[str, str]) -> str:
    return names.get(service, service)


def _blind(hosts: Sequence[HostAi]) -> Iterator[AiBlind]:
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in hosts:
        for side, reason, detail in one.blind:
            groups.setdefault((side, reason), []).append((one.host.id, detail))
    for (side, reason), found in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        named = host_names(tuple(host for host, _ in found))
        yield AiBlind(side, reason.replace("_", " "), Share(len(found), len(hosts)), named, found[0][1])
