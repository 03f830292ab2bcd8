"""A picture of attack paths by zone: from which zone an attacker goes to which, and on how many paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from posture.model.attack import AttackReport
from posture.model.host import Trust, Zone
from posture.model.path import AttackPath, Edge, NodeKind
from reports.view import HopView, PictureView, PlaceView

_ORDER = (Trust.UNTRUSTED, Trust.PARTNER, Trust.INTERNAL, Trust.RESTRICTED)
_MOST_ZONES = 12
_ROW, _BOX, _LEFT, _WIDTH = 64, 44, 150, 720
_HOSTS_NAMED = 4
_HOST_CHARS = 60


def build_picture(found: AttackReport, paths: Sequence[AttackPath], zones: Iterable[Zone]) -> PictureView | None:
    """Return the picture of these paths; ``None`` when they stay in one place or go through too many zones."""
    edges = {one.id: one for one in found.named_edges}
    zone_of = {one.id: one.zone for one in found.named_nodes}
    hops = _hops(found, paths, edges)
    hosts = _hosts(found, paths, edges)
    named = (
        {zone for hop in hops for zone in hop[:2]} | set(hosts) | {zone_of[one.origin] for one in paths if one.origin}
    )
    ordered = [
        zone for zone in sorted(zones, key=lambda one: (_ORDER.index(one.trust), one.name)) if zone.name in named
    ]
    if not ordered or len(ordered) > _MOST_ZONES:
        return None
    row = {zone.name: at for at, zone in enumerate(ordered)}
    return PictureView(
        width=_WIDTH,
        height=_ROW * len(ordered) + 8,
        places=tuple(_place(zone, row[zone.name], hosts.get(zone.name, ())) for zone in ordered),
        hops=tuple(_hop(one, row) for one in sorted(hops) if one[0] in row and one[1] in row),
        words=_words(hops, paths),
    )


Hop = tuple[str, str, str, int, int]
"""From zone, to zone, ports, paths, how many of them confirmed."""


def _hops(found: AttackReport, paths: Sequence[AttackPath], edges: Mapping[str, Edge]) -> list[Hop]:
    nodes = {one.id: one for one in found.named_nodes}
    host_zone = _host_zones(found)
    seen: dict[tuple[str, str], tuple[set[str], set[str], set[str]]] = {}
    for path in paths:
        for edge in (edges[step.edge] for step in path.steps):
            target = nodes[edge.conclusion]
            if target.kind is not NodeKind.REACH:
                continue
            for premise in edge.premises:
                start = nodes[premise]
                source = start.zone or host_zone.get(start.host, "")
                if source and source != target.zone:
                    ports, all_of, sure = seen.setdefault((source, target.zone), (set(), set(), set()))
                    ports.add(target.label.partition(" ")[0])
                    all_of.add(path.id)
                    sure |= {path.id} if edge.confidence >= 0.9 else set()
    return [
        (source, target, ", ".join(sorted(ports)), len(all_of), len(sure))
        for (source, target), (ports, all_of, sure) in seen.items()
    ]


def _host_zones(found: AttackReport) -> dict[str, str]:
    """Return the zone of each host on a path: its endpoints say it."""
    return {one.host: one.zone for one in found.named_nodes if one.kind is NodeKind.ENDPOINT}


def _hosts(found: AttackReport, paths: Sequence[AttackPath], edges: Mapping[str, Edge]) -> dict[str, tuple[str, ...]]:
    nodes = {one.id: one for one in found.named_nodes}
    zone_of = _host_zones(found)
    by_zone: dict[str, set[str]] = {}
    for path in paths:
        for edge in (edges[step.edge] for step in path.steps):
            host = nodes[edge.conclusion].host
            if host in zone_of:
                by_zone.setdefault(zone_of[host], set()).add(host)
    return {zone: tuple(sorted(hosts)) for zone, hosts in by_zone.items()}


def _place(zone: Zone, row: int, hosts: Sequence[str]) -> PlaceView:
    more = len(hosts) - _HOSTS_NAMED
    named = ", ".join(hosts[:_HOSTS_NAMED]) + (f" and {more} more" if more > 0 else "")
    return PlaceView(
        name=zone.name,
        trust=zone.trust.value,
        hosts=named if len(named) <= _HOST_CHARS else named[: _HOST_CHARS - 1] + "…",
        x=_LEFT,
        y=4 + row * _ROW,
        width=_WIDTH - _LEFT - 4,
        height=_BOX,
        text_x=_LEFT + 14,
        name_y=4 + row * _ROW + 18,
        hosts_y=4 + row * _ROW + 35,
    )


def _hop(one: Hop, row: Mapping[str, int]) -> HopView:
    source, target, ports, paths, sure = one
    low, high = row[source], row[target]
    start, end = 4 + low * _ROW + _BOX / 2 + 6, 4 + high * _ROW + _BOX / 2 - 6
    bend = _LEFT - 22 - 24 * min(abs(high - low), 4)
    return HopView(
        source=source,
        target=target,
        ports=ports,
        paths=paths,
        state="confirmed" if sure == paths else "possible",
        line=f"M {_LEFT} {start:g} C {bend:g} {start:g}, {bend:g} {end:g}, {_LEFT - 9} {end:g}",
        head=f"{_LEFT},{end:g} {_LEFT - 10},{end - 5:g} {_LEFT - 10},{end + 5:g}",
    )


def _words(hops: Sequence[Hop], paths: Sequence[AttackPath]) -> str:
    told = "; ".join(f"from {one[0]} to {one[1]} over {one[2]}" for one in sorted(hops))
    return f"{len(paths)} paths go {told}." if told else f"{len(paths)} paths stay inside one zone."
