"""One host as each vantage sees it: what is open there, what the rest said, and what could not be learnt; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from posture.model.observation import Unseen
from reports.dashboard.views.host import HostNetwork, VantageLine
from reports.view import Pair
from reports.words import counted

_GAPS = 20
_PORTS = 60  # of one vantage; a host that answers on every port has 65,535


def host_network(facts: Mapping[str, Any] | None, unseen: Iterable[Unseen]) -> HostNetwork:
    """Return what the facts of the topic ``exposure`` say, vantage by vantage."""
    if facts is None:
        why = next((one for one in unseen if one.topic == "exposure"), None)
        because = f": {why.reason.value.replace('_', ' ')}, {why.detail}" if why else ""
        return HostNetwork(f"No vantage saw this host from the network{because}. What is open is not known.", (), ())
    return HostNetwork(
        none="",
        lines=tuple(_line(view) for view in facts["views"]["items"]),
        gaps=tuple(_gaps(facts["gaps"])),
    )


def _line(view: Mapping[str, Any]) -> VantageLine:
    found = [port for port in view["ports"]["items"] if port["state"] == "open"]
    several = len(view["addresses"]) > 1
    return VantageLine(
        vantage=view["vantage"],
        zone=f"{view['zone']}, {view['trust']}",
        open=tuple(Pair(_port(one, several=several), _what(one)) for one in found[:_PORTS]),
        rest=_rest(view, len(found)),
        whole=bool(view["ports"]["complete"]),
    )


def _port(port: Mapping[str, Any], *, several: bool) -> str:
    place = f"{port['proto']}/{port['port']}"
    return f"{port['address']} {place}" if several else place


def _what(port: Mapping[str, Any]) -> str:
    named = " ".join(filter(None, (port["product"], port["version"])))
    service = port["service"] or "not recognised"
    if port["method"] == "table":
        service += ", a guess by its number"
    inside = ", inside TLS" if port["tunnel"] == "ssl" else ""
    return f"{service}{inside}{f': {named}' if named else ''}"


def _rest(view: Mapping[str, Any], opened: int) -> str:
    if not view["answered"]:
        return "nothing answered: filtered, or switched off"
    said: Counter[tuple[str, str]] = Counter()
    for port in view["ports"]["items"]:
        if port["state"] != "open":
            said[port["proto"], port["state"]] += 1
    for many in view["folded"]:
        said[many["proto"], many["state"]] += many["count"]
    parts = [f"{count:,} {proto.upper()} {state}" for (proto, state), count in sorted(said.items())]
    more = [f"{counted(opened - _PORTS, 'more open port')}"] if opened > _PORTS else []
    return "; ".join((*more, *parts))


def _gaps(gaps: Iterable[Mapping[str, Any]]) -> Iterator[Pair]:
    told = Counter((one["vantage"], one["phase"], one["detail"] or one["reason"].replace("_", " ")) for one in gaps)
    for vantage, phase, detail in sorted(told)[:_GAPS]:
        yield Pair(vantage, f"{phase}: {detail}")
