"""Where a login over SSH may come from, as premises of its edge: an endpoint, or the sources sshd lets in there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from posture.graph.admission import Admitted, Refused
from posture.graph.draft import Draft
from posture.graph.evidence import HostView
from posture.graph.fleet import Fleet, Place, place_node
from posture.graph.patterns import Source
from posture.graph.reach import Endpoint, Way, endpoint_conditions, endpoint_node, way_conditions
from posture.graph.sshd import Sshd
from posture.model.path import Basis, NodeKind

Decide = Callable[[Source], Admitted | Refused]


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: what the attacker must hold, what keeps it open, and what sshd says."""

    premise: str
    conditions: tuple[str, ...]
    admitted: Admitted
    words: str


@dataclass(frozen=True, slots=True)
class Doors:
    """The SSH ports of one host, ready to be asked who gets in from where."""

    draft: Draft
    view: HostView
    fleet: Fleet
    sshd: Sshd
    endpoints: tuple[Endpoint, ...]

    @classmethod
    def of(cls, draft: Draft, view: HostView, fleet: Fleet, sshd: Sshd, endpoints: Iterable[Endpoint]) -> Doors:
        """Return the doors among all endpoints of a host."""
        ports = set(sshd.ports) if sshd.there else set()
        return cls(draft, view, fleet, sshd, tuple(e for e in endpoints if e.proto == "tcp" and e.port in ports))

    def open_to(self, decide: Decide, patterns: Iterable[str] = ()) -> Iterator[Door]:
        """Yield every door that sshd opens by this decision; ``patterns`` are what else its answer depends on."""
        asked = [*patterns, *(self.sshd.source_patterns() if self.sshd.asks_where_from() else ())]
        for endpoint in self.endpoints:
            if asked:
                yield from self._by_source(endpoint, decide, asked)
            else:
                verdict = decide(Source())
                if isinstance(verdict, Admitted):
                    yield self._plain(endpoint, verdict)

    def _plain(self, endpoint: Endpoint, verdict: Admitted) -> Door:
        return Door(endpoint_node(self.draft, self.view, endpoint.name), (), verdict, endpoint.name)

    def _by_source(self, endpoint: Endpoint, decide: Decide, patterns: list[str]) -> Iterator[Door]:
        for side, ways in (("outside", endpoint.outside), ("inside", endpoint.inside)):
            admitted = [
                (way, place, verdict)
                for way, place in self.fleet.places(ways, patterns)
                if isinstance(verdict := decide(place.source), Admitted)
            ]
            whole = {place.zone for _, place, _ in admitted if not place.host and not place.guessed}
            kept = [one for one in admitted if one[1].zone not in whole or not (one[1].host or one[1].guessed)]
            if not kept:
                continue
            node = self._filtered(endpoint, [(way, place) for way, place, _ in kept])
            conditions = endpoint_conditions(self.draft, self.view, endpoint, side)
            yield Door(node, tuple(conditions), _least_sure(kept), f"{endpoint.name} from {_places(kept)}")

    def _filtered(self, endpoint: Endpoint, sources: list[tuple[Way, Place]]) -> str:
        """Return the node "reaches this kind of port from a source it lets in", with its edges."""
        zone = self.view.host.zone
        text = ",".join(sorted(f"{p.zone}={p.host}={p.guessed}={way.sure}" for way, p in sources))
        id_ = f"reach:{zone}/{endpoint.name}/from/{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        label = f"{endpoint.name} in {zone} from {_named([place for _, place in sources])}"
        self.draft.node(NodeKind.REACH, id_, label, zone=zone)
        for way, place in sources:
            who = place.host or f"zone {place.zone}"
            said = (
                "; nobody of the inventory has the address it names, so somebody may take it" if place.guessed else ""
            )
            self.draft.edge(
                "reach",
                [place_node(self.draft, place)],
                id_,
                f"from {who}, {endpoint.name} in zone {zone} is open and the login's source is allowed{said}",
                conditions=way_conditions(self.draft, way.zone, zone, endpoint.name),
                sure="guess" if place.guessed else way.sure,
                basis=Basis.ASSUMED if place.guessed or way.sure.startswith("unmeasured") else Basis.OBSERVED,
            )
        return id_


Kept = list[tuple[Way, Place, Admitted]]


def _least_sure(kept: Kept) -> Admitted:
    """Return the verdict of all of them: as doubtful as the most doubtful, and asking for as much."""
    verdicts = [verdict for _, _, verdict in kept]
    doubtful = next((one for one in verdicts if one.sure != "read-on-host"), verdicts[0])
    return Admitted(
        doubtful.sure,
        with_password=all(one.with_password for one in verdicts),
        forwards_agent=any(one.forwards_agent for one in verdicts),
    )


def _places(kept: Kept) -> str:
    return _named([place for _, place, _ in kept])


def _named(places: list[Place]) -> str:
    names = sorted({place.host or f"zone {place.zone}" for place in places})
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
