"""Rules 1, 32 and 37: where attackers start, who manages whom, and what must not be reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from posture.graph import draft as d
from posture.graph.draft import Draft
from posture.graph.evidence import HostView, People
from posture.graph.reach import Endpoint
from posture.model.host import Inventory, Mission, Trust
from posture.model.path import AttackOrigin, NodeKind, Objective

PRIORS: Mapping[Trust, float] = {Trust.UNTRUSTED: 1.0, Trust.PARTNER: 0.3}
ASSUMED_PRIOR = 0.05
SUGGESTED_FROM = 3  # other hosts that a host's keys open, before we ask whether it is a crown jewel
SUGGESTED_MOST = 10
SUGGESTED_WEIGHT = 1.0


def origins(draft: Draft, inventory: Inventory, assumed: Iterable[str] | None) -> tuple[AttackOrigin, ...]:
    """Return where attackers start; ``assumed`` names the zones with an assumed breach, ``None`` all internal ones."""
    chosen = (
        {zone.name for zone in inventory.zones if zone.trust is Trust.INTERNAL} if assumed is None else set(assumed)
    )
    found = []
    for zone in inventory.zones:
        if zone.trust in PRIORS:
            why = f"zone {zone.name} is {zone.trust.value}: attackers are there"
            found.append(_origin(draft, zone.name, "vantage", PRIORS[zone.trust], why, assumed=False))
        elif zone.name in chosen:
            why = f"a breach in zone {zone.name} is assumed"
            found.append(_origin(draft, zone.name, "breach", ASSUMED_PRIOR, why, assumed=True))
    return tuple(sorted(found))


def _origin(draft: Draft, zone: str, word: str, prior: float, why: str, *, assumed: bool) -> AttackOrigin:
    label = f"an attacker inside {zone}" if assumed else f"an attacker in {zone}"
    node = draft.node(NodeKind.VANTAGE, f"{word}:{zone}", label, zone=zone)
    draft.edge("origin", [node], d.zone(draft, zone), why)
    return AttackOrigin(node, prior, why, assumed)


def add_objective(draft: Draft, view: HostView, people: People, endpoints: Iterable[Endpoint]) -> Iterator[Objective]:
    """Yield the objective a host is by its declared mission, with the accounts that hold its data as ways to it."""
    mission = view.host.mission
    if mission < Mission.ESSENTIAL:
        return
    node = d.objective(draft, view)
    word = mission.name.lower().replace("_", " ")
    why = f"{view.id} is declared {word}"
    draft.edge(
        "objective",
        [d.root(draft, view)],
        node,
        f"{why}; root has all it holds",
        evidence=view.ref("declared", "mission"),
    )
    for user in sorted({one.user for one in endpoints if one.user} - people.uid_zero):
        draft.edge(
            "objective",
            [d.account(draft, view, user)],
            node,
            f"{why}; its services run as {user}",
            evidence=(*view.ref("declared", "mission"), *view.ref("listeners", "sockets")),
        )
    yield Objective(node, float(mission), why, certified=True)


@dataclass(frozen=True, slots=True)
class Managing:
    """A host that the operator says manages others."""

    host: str
    root: str
    over: tuple[str, ...]
    """Host ids, groups, zones, or ``all``."""


def managing(draft: Draft, view: HostView) -> Iterator[Managing]:
    """Yield what a host manages by ``declared.manages``."""
    told = view.value("declared", "manages")
    words = [str(one) for one in told] if isinstance(told, list) else [str(told)] if told else []
    if words:
        yield Managing(view.id, d.root(draft, view), tuple(words))


def add_managed(draft: Draft, inventory: Inventory, managers: Iterable[Managing]) -> None:
    """Add rule 32: root of the manager, its scope, root of each host in it."""
    for one in managers:
        scope = draft.node(NodeKind.MANAGER, f"manager:{one.host}", f"what {one.host} manages", host=one.host)
        why = f"{one.host} is declared to manage {', '.join(one.over)}"
        condition = draft.condition(
            f"{one.host}|manages", one.host, why, remedy=f"guard {one.host} as the most precious of what it manages"
        )
        draft.edge("manager", [one.root], scope, why, conditions=[condition])
        for host in inventory.hosts:
            if host.id != one.host and {host.id, host.zone, *host.groups, "all"} & set(one.over):
                node = draft.node(NodeKind.ROOT, f"root:{host.id}", f"root on {host.id}", host=host.id)
                draft.edge("manager", [scope], node, f"{one.host} can run anything as root on {host.id}")


def suggested(draft: Draft, opened: Mapping[str, int], declared: Iterable[Objective]) -> tuple[Objective, ...]:
    """Return candidates for crown jewels: hosts whose keys open many others, most first; the operator decides."""
    known = {one.node for one in declared}
    found: list[Objective] = []
    for host in sorted(opened, key=lambda id_: (-opened[id_], id_)):
        node = f"objective:{host}"
        if opened[host] < SUGGESTED_FROM or node in known or len(found) >= SUGGESTED_MOST:
            continue
        why = f"keys and rights on {host} open {opened[host]} other hosts: is it a crown jewel?"
        draft.node(NodeKind.OBJECTIVE, node, f"what {host} opens", host=host)
        top = draft.node(NodeKind.ROOT, f"root:{host}", f"root on {host}", host=host)
        draft.edge("objective", [top], node, why)
        found.append(Objective(node, SUGGESTED_WEIGHT, why, certified=False))
    return tuple(sorted(found))
