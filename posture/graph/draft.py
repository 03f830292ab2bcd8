"""The graph while it grows: nodes, conditions and edges by id, with the numbers that the rule catalogue gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from posture.graph.evidence import HostView
from posture.model.path import Basis, Condition, Edge, EvidenceRef, Node, NodeKind, NotEvaluated, Tier
from posture.model.rule import AttackRule, RuleBook

CONFIRMED = 0.9


@dataclass(slots=True)
class Draft:
    """Collects a graph; the same thing said twice is there once."""

    book: RuleBook
    as_of: datetime
    disputes: Mapping[str, str] = field(default_factory=dict)
    """Edge id to who disputes it, until when and why."""
    nodes: dict[str, Node] = field(default_factory=dict)
    conditions: dict[str, Condition] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    not_evaluated: set[NotEvaluated] = field(default_factory=set)
    _rules: dict[str, AttackRule] = field(default_factory=dict)
    _p: dict[Tier, float] = field(default_factory=dict)
    _sure: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rules = {rule.id: rule for rule in self.book.rules}
        self._p = {one.tier: one.p for one in self.book.tiers}
        self._sure = {one.id: one.value for one in self.book.confidence}

    def node(self, kind: NodeKind, id_: str, label: str, *, host: str = "", zone: str = "") -> str:
        """Return the id of a node, made when it is new."""
        if id_ not in self.nodes:
            self.nodes[id_] = Node(id_, kind, label, host, zone)
        return id_

    def condition(self, id_: str, host: str, why: str, *, check: str = "", finding: str = "", remedy: str = "") -> str:
        """Return the id of a condition, made when it is new."""
        if id_ not in self.conditions:
            self.conditions[id_] = Condition(id_, host, why, check, finding, remedy)
        return id_

    def setting(self, view: HostView, key: str, why: str, remedy: str) -> str:
        """Return the id of a condition that no finding speaks of: ``host|key``."""
        return self.condition(f"{view.id}|{key}", view.id, why, remedy=remedy)

    def found(self, view: HostView, checks: Iterable[tuple[str, str]], why: str) -> list[str]:
        """Return the conditions of those ``(check, subject)`` that fail here: mending any one ends the edge."""
        out = []
        for check, subject in checks:
            finding = view.failing.finding(check, subject)
            if finding:
                named = subject if subject in view.failing.subjects[check] else ""
                id_ = f"{view.id}|{check}|{named}"
                out.append(self.condition(id_, view.id, why, check=check, finding=finding))
        return out

    def found_or_setting(
        self, view: HostView, checks: Iterable[tuple[str, str]], *, key: str, why: str, remedy: str
    ) -> list[str]:
        """Return the findings that say so, or the setting itself where none does."""
        return self.found(view, checks, why) or [self.setting(view, key, why, remedy)]

    def sure(self, id_: str) -> float:
        """Return the confidence that a kind of evidence gives."""
        return self._sure[id_]

    def edge(
        self,
        rule: str,
        premises: Iterable[str],
        conclusion: str,
        why: str,
        *,
        conditions: Iterable[str] = (),
        sure: str | float = "read-on-host",
        tier: Tier | None = None,
        cause: str = "",
        attempt: float = 1.0,
        basis: Basis = Basis.DERIVED,
        evidence: tuple[EvidenceRef, ...] = (),
    ) -> str:
        """Return the id of an edge, made when it is new; of two that differ in certainty the surer stays."""
        declared = self._rules[rule]
        tier = tier or declared.tiers[0]
        if tier not in declared.tiers:
            raise ValueError(f"rule {rule} has no tier {tier}")
        needs, held = tuple(sorted(set(premises))), tuple(sorted(set(conditions)))
        id_ = edge_id(rule, needs, conclusion, held)
        confidence = round((sure if isinstance(sure, float) else self._sure[sure]) * self._freshness(evidence), 3)
        known = self.edges.get(id_)
        if known is None or (confidence, known.why) > (known.confidence, why):
            self.edges[id_] = Edge(
                id=id_,
                rule=rule,
                revision=declared.revision,
                premises=needs,
                conclusion=conclusion,
                conditions=held,
                tier=tier,
                p=self._p[tier],
                confidence=confidence,
                cause=cause or id_,
                minutes_human=declared.minutes_human,
                minutes_machine=declared.minutes_machine,
                basis=basis,
                why=why,
                attempt=attempt,
                attack=declared.attack,
                evidence=tuple(sorted(evidence)),
                disputed_by=self.disputes.get(id_, ""),
            )
        return id_

    def cannot(self, rule: str, host: str, why: str) -> None:
        """Note that a rule could not be asked somewhere."""
        self.not_evaluated.add(NotEvaluated(rule, host, why[:300]))

    def lets_in(self, rule: str, host: str, why: str) -> None:
        """Note that somebody whom nothing that was read names may get in on a host."""
        self.not_evaluated.add(NotEvaluated(rule, host, why[:300], lets_in=True))

    def rules(self) -> Iterator[AttackRule]:
        """Yield the rules of the catalogue."""
        yield from self.book.rules

    def _freshness(self, evidence: tuple[EvidenceRef, ...]) -> float:
        if not evidence:
            return 1.0
        days = (self.as_of - min(one.observed_at for one in evidence)).total_seconds() / 86_400
        return min((one.factor for one in self.book.staleness if days > one.days), default=1.0)


def edge_id(rule: str, premises: tuple[str, ...], conclusion: str, conditions: tuple[str, ...]) -> str:
    """Return the id an edge keeps over all runs: 16 hex digits."""
    parts = (rule, str(len(premises)), *premises, conclusion, *conditions)
    text = "".join(f"{len(part)}:{part}" for part in parts)  # every part with its length: no two lists give one text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# Node ids, in one place so that every group of rules means the same thing.


class Named(Protocol):
    """A host, or what is known of one."""

    @property
    def id(self) -> str:
        """Its id in the inventory."""
        ...


def account(draft: Draft, host: Named, name: str) -> str:
    """Return the node of an account; other names of user id 0 have nodes of their own, with an edge to root."""
    if name == "root":
        return root(draft, host)
    return draft.node(NodeKind.ACCOUNT, f"account:{host.id}/{name}", f"{name} on {host.id}", host=host.id)


def root(draft: Draft, host: Named) -> str:
    """Return the node "root of this host"."""
    return draft.node(NodeKind.ROOT, f"root:{host.id}", f"root on {host.id}", host=host.id)


def somebody(draft: Draft, host: Named) -> str:
    """Return the node "runs code on this host, as whomever"."""
    return draft.node(NodeKind.ACCOUNT, f"somebody:{host.id}", f"anybody on {host.id}", host=host.id)


def zone(draft: Draft, name: str) -> str:
    """Return the node "may send packets from this zone"."""
    return draft.node(NodeKind.ZONE, f"zone:{name}", f"zone {name}", zone=name)


def key(draft: Draft, fingerprint: str) -> str:
    """Return the node "holds this private key"."""
    return draft.node(NodeKind.KEY, f"key:{fingerprint}", f"key {fingerprint[:19]}…")


def password(draft: Draft, host: Named, name: str) -> str:
    """Return the node "knows this account's password"."""
    id_ = f"secret:{host.id}/password/{name}"
    return draft.node(NodeKind.SECRET, id_, f"password of {name} on {host.id}", host=host.id)


def objective(draft: Draft, host: Named) -> str:
    """Return the node "has what this host holds for the mission"."""
    return draft.node(NodeKind.OBJECTIVE, f"objective:{host.id}", f"what {host.id} holds", host=host.id)
