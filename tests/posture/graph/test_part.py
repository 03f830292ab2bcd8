"""The part of a graph that is about some hosts only."""

from __future__ import annotations

from posture.graph.part import part_of
from posture.model.host import Host
from posture.model.path import (
    AttackGraph,
    AttackOrigin,
    Basis,
    Condition,
    Edge,
    Node,
    NodeKind,
    NotEvaluated,
    Objective,
    Tier,
)


def edge(id_: str, premise: str, conclusion: str, why: str = "it is so", condition: str = "") -> Edge:
    held = (condition,) if condition else ()
    return Edge(id_, "rule", 1, (premise,), conclusion, held, Tier.BY_DESIGN, 0.9, 1.0, id_, 1, 1, Basis.OBSERVED, why)


NODES = (
    Node("account:db/a", NodeKind.ACCOUNT, "a on db", "db", "servers"),
    Node("account:web/a", NodeKind.ACCOUNT, "a on web", "web", "dmz"),
    Node("endpoint:db/tcp/5432", NodeKind.ENDPOINT, "tcp/5432 of db", "db", "servers"),
    Node("endpoint:web/tcp/22", NodeKind.ENDPOINT, "tcp/22 of web", "web", "dmz"),
    Node("key:K", NodeKind.KEY, "key K"),
    Node("objective:db", NodeKind.OBJECTIVE, "db", "db"),
    Node("objective:web", NodeKind.OBJECTIVE, "web", "web"),
    Node("reach:dmz/tcp/22", NodeKind.REACH, "tcp/22 in dmz", "", "dmz"),
    Node("reach:dmz/tcp/9", NodeKind.REACH, "tcp/9 in dmz", "", "dmz"),
    Node("vantage:outside", NodeKind.VANTAGE, "an attacker outside", "", "outside"),
    Node("zone:outside", NodeKind.ZONE, "zone outside", "", "outside"),
    Node("zone:servers", NodeKind.ZONE, "zone servers", "", "servers"),
)
GRAPH = AttackGraph(
    nodes=NODES,
    edges=(
        edge("e1", "vantage:outside", "zone:outside"),
        edge("e2", "zone:outside", "reach:dmz/tcp/22"),
        edge("e3", "reach:dmz/tcp/22", "endpoint:web/tcp/22", condition="c-web"),
        edge("e4", "endpoint:web/tcp/22", "account:web/a"),
        edge("e5", "account:web/a", "objective:web"),
        edge("e6", "account:web/a", "key:K", "the key K also opens db"),
        edge("e7", "key:K", "account:db/a"),
        edge("e8", "account:db/a", "objective:db", condition="c-db"),
        edge("e9", "zone:outside", "reach:dmz/tcp/9"),
        edge("f1", "account:web/a", "account:web/a", "as 192.0.2.7: said"),
    ),
    conditions=(
        Condition("c-db", "db", "db is open"),
        Condition("c-web", "web", "web is open", remedy="close it"),
    ),
    origins=(AttackOrigin("vantage:outside", 1.0, "outside is untrusted"),),
    objectives=(Objective("objective:db", 2.0, "", True), Objective("objective:web", 2.0, "", True)),
    not_evaluated=(NotEvaluated("r", "db", "db refused"), NotEvaluated("r", "", "asked of db only")),
)
DB = Host("db", ("192.0.2.7",), "servers", name="ledger.example")


def test_rules_that_touch_or_name_another_host_are_left_out() -> None:
    part = part_of(GRAPH, frozenset({"web"}), [DB])
    assert [one.id for one in part.edges] == ["e1", "e2", "e3", "e4", "e5"]
    assert [one.node for one in part.objectives] == ["objective:web"]
    assert [one.id for one in part.conditions] == ["c-web"]
    assert part.not_evaluated == ()


def test_an_open_port_of_nobody_seen_and_a_zone_of_others_are_no_part_of_it() -> None:
    names = {one.id for one in part_of(GRAPH, frozenset({"web"}), [DB]).nodes}
    assert "reach:dmz/tcp/9" not in names
    assert "zone:servers" not in names
    assert "key:K" not in names
    assert "zone:outside" in names


def test_a_name_inside_a_longer_one_is_another_word() -> None:
    part = part_of(GRAPH, frozenset({"web"}), [Host("it", (), "x"), Host("we", (), "x")])
    assert "e1" not in {one.id for one in part.edges}  # "it is so" names the host it
    assert "e3" not in {one.id for one in part.edges}


def test_with_every_host_seen_nothing_but_idle_reach_is_lost() -> None:
    part = part_of(GRAPH, frozenset({"web", "db"}), [])
    assert {one.id for one in part.edges} == {one.id for one in GRAPH.edges} - {"e9"}
