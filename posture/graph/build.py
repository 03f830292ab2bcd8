"""From facts and findings of all hosts to the attack graph, host after host: pure, and linear in hosts.

builder = GraphBuilder(inventory, rulebook, as_of)
for evidence in hosts:
    builder.add(evidence)
graph = builder.finish(fleet_results)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from posture.graph.certificates import add_certificates
from posture.graph.draft import Draft
from posture.graph.ends import Managing, add_managed, add_objective, managing, origins, suggested
from posture.graph.evidence import Failing, HostEvidence, HostView, People
from posture.graph.flaws import add_flaws
from posture.graph.fleet import Fleet
from posture.graph.logins import Doors
from posture.graph.privilege import add_privilege, add_root
from posture.graph.reach import add_endpoints, add_presence, endpoints_of
from posture.graph.services import add_services
from posture.graph.shares import add_shares
from posture.graph.ssh_trust import Keys, add_ssh
from posture.graph.sshd import Sshd
from posture.model.finding import Result
from posture.model.host import FLEET, Inventory
from posture.model.path import AttackGraph, NodeKind, Objective
from posture.model.rule import RuleBook


class GraphBuilder:
    """Takes in one host after the other; what joins hosts is added when all are in."""

    def __init__(
        self,
        inventory: Inventory,
        book: RuleBook,
        as_of: datetime,
        *,
        assumed: Iterable[str] | None = None,
        disputes: Mapping[str, str] | None = None,
    ) -> None:
        """``assumed`` names the zones with an assumed breach; ``None`` means every internal one."""
        self._inventory, self._as_of = inventory, as_of
        self._draft = Draft(book, as_of, disputes or {})
        self._fleet = Fleet(inventory)
        self._keys = Keys()
        self._managers: list[Managing] = []
        self._objectives: list[Objective] = []
        self._seen: set[str] = set()
        self._origins = origins(self._draft, inventory, assumed)
        for rule in book.rules:
            if not rule.evaluated:
                self._draft.cannot(rule.id, "", rule.why_not)

    def add(self, evidence: HostEvidence) -> None:
        """Take in one host."""
        view, draft = HostView(evidence), self._draft
        people = People.of(view)
        self._seen.add(view.id)
        for rule in draft.rules():
            if rule.evaluated and (why := view.unseen(rule)):
                draft.cannot(rule.id, view.id, why)
        endpoints = endpoints_of(view, self._inventory)
        add_endpoints(draft, view, endpoints)
        add_services(draft, view, people, endpoints)
        add_flaws(draft, view, endpoints)
        doors = Doors.of(draft, view, self._fleet, Sshd(view, people), endpoints)
        add_ssh(draft, doors, self._keys, self._as_of)
        add_certificates(draft, doors, self._keys, self._as_of)
        add_shares(draft, view, people, self._fleet, endpoints)
        add_privilege(draft, view, people, self._as_of)
        self._managers += managing(draft, view)
        self._objectives += add_objective(draft, view, people, endpoints)

    def finish(self, fleet_results: Iterable[Result] = ()) -> AttackGraph:
        """Return the graph of all hosts taken in."""
        draft = self._draft
        self._keys.finish(draft, Failing.of(FLEET, fleet_results))
        add_managed(draft, self._inventory, self._managers)
        for host in self._inventory.hosts:
            if host.id not in self._seen:
                for rule in draft.rules():
                    if rule.evaluated:
                        draft.cannot(rule.id, host.id, "the host is not in the evidence")
        self._objectives += suggested(draft, self._opened(), self._objectives)
        self._own_accounts()
        return AttackGraph(
            nodes=tuple(draft.nodes[id_] for id_ in sorted(draft.nodes)),
            edges=tuple(draft.edges[id_] for id_ in sorted(draft.edges)),
            conditions=tuple(draft.conditions[id_] for id_ in sorted(draft.conditions)),
            origins=self._origins,
            objectives=tuple(sorted(self._objectives)),
            not_evaluated=tuple(sorted(draft.not_evaluated)),
        )

    def _own_accounts(self) -> None:
        """Add, for each host that plays a part, what root and its accounts are to each other, and where it stands."""
        accounts: dict[str, set[str]] = {}
        for node in self._draft.nodes.values():
            if node.kind in (NodeKind.ACCOUNT, NodeKind.ROOT):
                own = accounts.setdefault(node.host, set())
                if node.id.startswith("account:"):
                    own.add(node.id)
        for host in self._inventory.hosts:
            if host.id in accounts:
                add_root(self._draft, host, accounts[host.id])
                add_presence(self._draft, host, self._inventory)

    def _opened(self) -> dict[str, int]:
        """Return, per host, how many other hosts the keys on it open."""
        held: dict[str, set[str]] = {}
        for one in self._keys.holdings:
            held.setdefault(one.host, set()).add(one.fingerprint)
        # Hosts installed alike hold the same keys: each set of keys is looked up once, and no list per host is kept.
        opens = {keys: self._keys.opened_by(keys) for keys in {frozenset(keys) for keys in held.values()}}
        return {host: len(opens[frozenset(keys)]) - (host in opens[frozenset(keys)]) for host, keys in held.items()}


def build_graph(
    inventory: Inventory,
    hosts: Iterable[HostEvidence],
    book: RuleBook,
    as_of: datetime,
    *,
    fleet_results: Iterable[Result] = (),
    assumed: Iterable[str] | None = None,
    disputes: Mapping[str, str] | None = None,
) -> AttackGraph:
    """Return the attack graph of these hosts."""
    builder = GraphBuilder(inventory, book, as_of, assumed=assumed, disputes=disputes)
    for evidence in hosts:
        builder.add(evidence)
    return builder.finish(fleet_results)
