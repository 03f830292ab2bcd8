"""Attack paths as a map of places: hosts, zones and starts, alike hosts as one, and no more than one can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from posture.model.attack import AttackReport
from posture.model.path import AttackPath, Edge, Node, NodeKind
from reports.dashboard.views.common import Count
from reports.dashboard.views.paths import MapHop, MapPlace

ELEMENTS = 500  # places and ways: more is neither read nor drawn smoothly
_RANKS_NAMED = 5


@dataclass(slots=True)
class _Way:
    """A way from place to place while it is counted."""

    how: str
    sure: bool
    paths: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PathMap:
    """What is drawn, and how many paths are not on it."""

    places: tuple[MapPlace, ...]
    hops: tuple[MapHop, ...]
    left_out: int


def path_map(found: AttackReport, paths: Sequence[AttackPath], addresses: Mapping[str, str]) -> PathMap:
    """Return the map of as many of the paths, the first first, as stay below ``ELEMENTS``.

    ``addresses`` gives the page of a host by its id, and of a path by its id.
    """
    ranked = list(enumerate(paths, start=1))
    low, high = 0, len(ranked)
    drawn = _drawn(found, ranked, addresses)
    if _size(drawn) > ELEMENTS:
        while high - low > 1:  # more paths never make fewer elements, but for hosts that stop being alike
            middle = (low + high) // 2
            low, high = (low, middle) if _size(_drawn(found, ranked[:middle], addresses)) > ELEMENTS else (middle, high)
        drawn = _drawn(found, ranked[:low], addresses)
        return PathMap(*drawn, left_out=len(ranked) - low)
    return PathMap(*drawn, left_out=0)


_Drawn = tuple[tuple[MapPlace, ...], tuple[MapHop, ...]]


def _size(drawn: _Drawn) -> int:
    return len(drawn[0]) + len(drawn[1])


def _drawn(found: AttackReport, ranked: Sequence[tuple[int, AttackPath]], addresses: Mapping[str, str]) -> _Drawn:
    nodes = {one.id: one for one in found.named_nodes}
    edges = {one.id: one for one in found.named_edges}
    ways: dict[tuple[str, str], _Way] = {}
    through: dict[str, set[int]] = {}
    for rank, path in ranked:
        for source, target, edge, sentence in _moves(path, nodes, edges):
            through.setdefault(source, set()).add(rank)
            through.setdefault(target, set()).add(rank)
            way = ways.setdefault((source, target), _Way(sentence, edge.confidence >= 0.9))
            way.sure = way.sure and edge.confidence >= 0.9
            if not way.paths or way.paths[-1] != rank:
                way.paths.append(rank)
    group = _alike(ways, nodes, found)
    return _told(ways, group, through, _Names(found, nodes, addresses, dict(ranked)))


def _moves(
    path: AttackPath, nodes: Mapping[str, Node], edges: Mapping[str, Edge]
) -> Iterator[tuple[str, str, Edge, str]]:
    """Yield each step of a path that leads from one place to another."""
    where: dict[int, str] = {}
    for step in path.steps:
        edge = edges[step.edge]
        before = [where[one] for one in step.after if one in where] or [_place(nodes[edge.premises[0]]) or path.origin]
        here = _place(nodes[edge.conclusion]) or before[0]
        where[step.number] = here
        for source in dict.fromkeys(before):
            if source != here:
                yield source, here, edge, step.sentence


def _place(node: Node) -> str:
    """Return the place of a node; empty for what is held and lies nowhere, such as a key."""
    if node.kind is NodeKind.VANTAGE:
        return node.id
    if node.host:
        return f"host:{node.host}"
    return f"zone:{node.zone}" if node.zone else ""


def _alike(ways: Mapping[tuple[str, str], _Way], nodes: Mapping[str, Node], found: AttackReport) -> dict[str, str]:
    """Return for each host the first of those in its zone that the same ways lead to and from."""
    zones = _zones(nodes.values())
    objectives = {nodes[one.node].host for one in found.objectives if one.node in nodes}
    around: dict[str, set[tuple[str, str]]] = {}
    for source, target in ways:
        around.setdefault(source, set()).add(("to", target))
        around.setdefault(target, set()).add(("from", source))
    first: dict[tuple[object, ...], str] = {}
    group: dict[str, str] = {}
    for place in sorted(around):
        host = place.removeprefix("host:")
        alone = not place.startswith("host:") or host in objectives
        key = (place,) if alone else (zones.get(host, ""), frozenset(around[place]))
        group[place] = first.setdefault(key, place)
    return group


def _zones(nodes: Iterable[Node]) -> dict[str, str]:
    return {one.host: one.zone for one in nodes if one.host and one.zone}


@dataclass(frozen=True, slots=True)
class _Names:
    """What places are called and where they lead."""

    found: AttackReport
    nodes: Mapping[str, Node]
    addresses: Mapping[str, str]
    paths: Mapping[int, AttackPath]

    def place(self, id_: str, members: Sequence[str], paths: int) -> MapPlace:
        hosts = [one.removeprefix("host:") for one in members if one.startswith("host:")]
        of_host = _zones(self.nodes.values()).get(hosts[0], "") if hosts else ""
        zone = id_.removeprefix("zone:") if id_.startswith("zone:") else of_host
        return MapPlace(
            id=id_,
            name=self.name(id_, len(hosts)),
            kind=self._kind(id_, hosts),
            zone=zone,
            hosts=tuple(Count(at, self.addresses.get(host, "")) for at, host in enumerate(hosts)),
            names=tuple(hosts),
            paths=paths,
        )

    def name(self, id_: str, hosts: int = 1) -> str:
        if id_.startswith("host:"):
            own = id_.removeprefix("host:")
            return own if hosts < 2 else f"{own} and {hosts - 1} alike"
        return f"zone {id_.removeprefix('zone:')}" if id_.startswith("zone:") else self.nodes[id_].label

    def _kind(self, id_: str, hosts: Sequence[str]) -> str:
        if not hosts:
            return "zone" if id_.startswith("zone:") else "start"
        kept = {self.nodes[one.node].host for one in self.found.objectives if one.node in self.nodes}
        return "objective" if hosts[0] in kept else "host"


def _told(
    ways: Mapping[tuple[str, str], _Way], group: Mapping[str, str], through: Mapping[str, set[int]], names: _Names
) -> _Drawn:
    members: dict[str, list[str]] = {}
    for place, head in sorted(group.items()):
        members.setdefault(head, []).append(place)
    places = tuple(
        names.place(head, found, len(set().union(*(through[one] for one in found)))) for head, found in members.items()
    )
    called = {one.id: one.name for one in places}
    joined: dict[tuple[str, str], _Way] = {}
    for (source, target), way in ways.items():
        key = (group[source], group[target])
        kept = joined.setdefault(key, _Way(way.how, way.sure))
        kept.sure = kept.sure and way.sure
        kept.paths = sorted({*kept.paths, *way.paths})
    hops = tuple(
        MapHop(
            id=f"{source} {target}",
            source=source,
            source_name=called[source],
            target=target,
            target_name=called[target],
            how=way.how,
            state="confirmed" if way.sure else "possible",
            paths=tuple(Count(rank, names.addresses[names.paths[rank].id]) for rank in way.paths[:_RANKS_NAMED]),
            total=len(way.paths),
        )
        for (source, target), way in sorted(joined.items(), key=lambda one: (one[1].paths[0], one[0]))
        if source != target
    )
    return places, hops
