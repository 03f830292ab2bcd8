"""The graph of a whole estate: ways through several hosts, sources of logins, what is unknown, and how it grows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from estate import (
    APP,
    BOOK,
    DB,
    K1,
    K2,
    NOW,
    WEB,
    ZONES,
    Facts,
    authorized,
    edges,
    evidence,
    facts,
    graph_of,
    host,
    listing,
    private,
    reached,
    rule_of_sudo,
    seen,
    socket,
    user,
    view,
)

from posture.graph.build import GraphBuilder
from posture.graph.evidence import HostEvidence
from posture.graph.paths import Chart, best_paths
from posture.model.host import Flow, Host, Inventory
from posture.model.observation import Blind, Hole
from posture.model.path import Basis

ALICE, BOB = user("alice"), user("bob")
OPEN_SSH = {"sockets": [socket(22)]}
FLEETWIDE = {"SSH-20": (K1,)}


def keys(*lines: dict[str, object]) -> dict[str, object]:
    return {"authorized": listing(*lines)}


def from_apps(*ports: int) -> list[dict[str, object]]:
    return [view(zone.name, *(ports if zone.name == "apps" else ())) for zone in ZONES]


def from_dmz(*ports: int) -> list[dict[str, object]]:
    return [view(zone.name, *(ports if zone.name == "dmz" else ())) for zone in ZONES]


WEB_FACTS = facts(
    user("www-data", interactive=False),
    views=seen(80),
    sockets=[socket(80, "nginx", "deploy")],
    ssh_keys={"private": listing(private("deploy"))},
    secret_files={"files": listing()},
)
APP_FACTS = facts(
    ALICE,
    views=from_dmz(22),
    **OPEN_SSH,
    ssh_keys={**keys(authorized("alice")), "private": listing(private("root", K2))},
    sudo={"rules": listing(rule_of_sudo("alice"))},
)
DB_FACTS = facts(BOB, views=from_apps(22), **OPEN_SSH, ssh_keys=keys(authorized("bob", K2)), groups={"docker": ["bob"]})


def estate(web: Facts = WEB_FACTS, app: Facts = APP_FACTS, db: Facts = DB_FACTS) -> list[HostEvidence]:
    return [
        evidence(WEB, web, failing={"SSH-18": ("/home/deploy/.ssh/id_ed25519",)}),
        evidence(APP, app, failing={"IDN-07": ()}),
        evidence(DB, db),
    ]


def test_a_way_through_three_hosts_is_found_and_told_in_order() -> None:
    graph = graph_of(*estate(), fleet=FLEETWIDE)
    path = best_paths(Chart(graph))["objective:db"]
    rules = [next(edge.rule for edge in graph.edges if edge.id == step.edge) for step in path.steps]
    important = [rule for rule in rules if rule not in ("presence", "reach", "endpoint", "origin")]
    assert important == [
        "residual",
        "plain-key",
        "ssh-key",
        "sudo-nopasswd",
        "plain-key",
        "ssh-key",
        "root-group",
        "objective",
    ]
    assert {"web|SSH-18|/home/deploy/.ssh/id_ed25519", "app|IDN-07|", f"fleet|SSH-20|{K1}"} <= set(path.breaks)
    assert not path.confirmed  # its first step is a flaw that nobody knows yet


@pytest.mark.parametrize(
    "broken",
    ["web|SSH-18|/home/deploy/.ssh/id_ed25519", "app|IDN-07|", f"fleet|SSH-20|{K1}", "network|dmz>apps|tcp/22"],
)
def test_mending_any_one_condition_of_it_ends_it(broken: str) -> None:
    graph = graph_of(*estate(), fleet=FLEETWIDE)
    assert broken in {one.id for one in graph.conditions}
    assert "objective:db" in reached(graph)
    assert "objective:db" not in reached(graph, without=[broken])


CUTS = {
    "a forced command": {"app": facts(ALICE, views=from_dmz(22), **OPEN_SSH, ssh_keys=keys(authorized("alice", K1, "command=/bin/date")))},
    "from= another zone": {"app": facts(ALICE, views=from_dmz(22), **OPEN_SSH, ssh_keys=keys(authorized("alice", K1, "from=10.0.3.0/24")))},
    "a firewall": {"app": {**APP_FACTS, **facts(ALICE, views=[view(z.name) for z in ZONES], **OPEN_SSH), "ssh_keys": APP_FACTS["ssh_keys"]}},
    "no key on the first host": {"web": {**WEB_FACTS, "ssh_keys": {"private": listing()}}},
    "sudo that asks, and no password": {"app": {**APP_FACTS, "sudo": {"rules": listing(), "authenticate_off": []}}},
    "the next key is gone": {"app": {**APP_FACTS, "ssh_keys": keys(authorized("alice"))}},
    "bob is no longer in the group": {"db": {**DB_FACTS, "accounts": {**DB_FACTS["accounts"], "groups": listing()}}},
}  # fmt: skip


@pytest.mark.parametrize("why", CUTS)
def test_no_way_leads_through_a_step_that_is_closed(why: str) -> None:
    assert "objective:db" in reached(graph_of(*estate()))
    assert "objective:db" not in reached(graph_of(*estate(**CUTS[why])))


def login_from(option: str, *others: Host) -> set[str]:
    """Return who can use a key of bob's on app, when its line has this option and app answers the dmz."""
    said = facts(BOB, views=from_dmz(22), **OPEN_SSH, ssh_keys=keys(authorized("bob", K1, option)))
    holder = evidence(WEB, facts(ALICE, ssh_keys={"private": listing(private("alice"))}))
    graph = graph_of(evidence(APP, said), holder, *(evidence(one, facts()) for one in others))
    logins = edges(graph, "ssh-key", "account:app/bob")
    premises = {one for edge in logins for one in edge.premises if one.startswith("reach:")}
    return {one for edge in graph.edges if edge.conclusion in premises for one in edge.premises}


def test_from_a_whole_zone_needs_presence_in_the_zone() -> None:
    assert login_from("from=10.0.1.0/24") == {"zone:dmz"}


def test_from_one_host_needs_that_host() -> None:
    assert login_from("from=10.0.1.10") == {"somebody:web"}
    assert login_from("from=10.0.1.20", host("jump", "dmz", "10.0.1.20")) == {"somebody:jump"}


def test_from_an_address_that_nobody_has_is_a_guess() -> None:
    assert login_from("from=10.0.1.77") == {"zone:dmz"}
    said = facts(BOB, views=from_dmz(22), **OPEN_SSH, ssh_keys=keys(authorized("bob", K1, "from=10.0.1.77")))
    ways = [one for one in edges(graph_of(evidence(APP, said)), "reach") if "/from/" in one.conclusion]
    assert [(one.confidence, one.basis) for one in ways] == [(0.3, Basis.ASSUMED)]


def test_from_with_a_host_taken_out_leaves_the_others() -> None:
    assert login_from("from=!10.0.1.10,10.0.1.0/24", host("jump", "dmz", "10.0.1.20")) == {"zone:dmz"}


def test_a_way_in_from_a_zone_that_nobody_looked_from_is_only_possible() -> None:
    said = facts(BOB, views=[view("dmz")], **OPEN_SSH)
    ways = {one.premises[0]: one.confidence for one in edges(graph_of(evidence(APP, said)), "reach")}
    assert ways == {"zone:outside": 0.5, "zone:apps": 0.5, "zone:data": 0.5}


def test_a_zone_matrix_without_the_way_makes_it_less_likely() -> None:
    said = facts(BOB, views=[view("dmz")], **OPEN_SSH)
    matrix = (Flow("data", "apps", ("tcp/22",)),)
    ways = {one.premises[0]: one.confidence for one in edges(graph_of(evidence(APP, said), flows=matrix), "reach")}
    assert ways == {"zone:outside": 0.3, "zone:apps": 0.5, "zone:data": 0.5}


def test_a_host_firewall_that_refuses_the_port_leaves_its_own_zone_only() -> None:
    fence = {"inbound_ipv4": "drop", "inbound_ipv6": "drop", "rules": listing(), "wide_accepts": listing()}
    ways = edges(graph_of(evidence(APP, facts(BOB, **OPEN_SSH, firewall=fence))), "reach")
    assert {one.premises[0] for one in ways} == {"zone:apps"}


def test_a_second_address_stands_in_a_second_zone_and_can_be_taken_away() -> None:
    both = replace(APP, addresses=("10.0.2.10", "10.0.3.99"))
    graph = graph_of(evidence(both, facts(ALICE, sudo={"rules": listing(rule_of_sudo("alice"))})))
    way = edges(graph, "presence", "zone:data")[0]
    assert way.conditions == ("app|address|data",)
    assert edges(graph, "presence", "zone:apps")[0].conditions == ()


def test_what_is_unseen_is_not_evaluated_and_never_silently_absent() -> None:
    graph = graph_of(evidence(WEB, WEB_FACTS, unseen=["sudo", "sshd"]))
    blind = {one.rule for one in graph.not_evaluated if one.host == "web"}
    assert {"sudo-nopasswd", "sudo-password", "sudo-escape", "ssh-key", "password-login"} <= blind
    assert all("sudo" in one.why or "sshd" in one.why for one in graph.not_evaluated if one.rule.startswith("sudo-"))


def test_a_hole_and_a_cut_list_count_as_unseen() -> None:
    holes = {"cron": (Hole("files", Blind.TRUNCATED, "too many"),)}
    said = {**WEB_FACTS, "exports": {"exports": listing(complete=False)}}
    blind = {one.rule for one in graph_of(evidence(WEB, said, holes=holes)).not_evaluated if one.host == "web"}
    assert {"writable-job", "nfs-export", "share-content"} <= blind
    assert "sudo-nopasswd" not in blind


def test_rules_without_a_collector_say_so_and_a_host_without_evidence_is_named() -> None:
    graph = GraphBuilder(Inventory((WEB,), ZONES), BOOK, NOW).finish()
    assert {one.rule for one in graph.not_evaluated if not one.host} == {one.id for one in BOOK.rules if one.why_not}
    assert {one.rule for one in graph.not_evaluated if one.host == "web"} == {
        one.id for one in BOOK.rules if not one.why_not
    }


def test_old_evidence_is_worth_less() -> None:
    said = facts(ALICE, sudo={"rules": listing(rule_of_sudo("alice"))})
    sure = [
        edges(graph_of(evidence(WEB, said, at=NOW - timedelta(days=days))), "sudo-nopasswd")[0].confidence
        for days in (1, 8, 40)
    ]
    assert sure == [1.0, 0.9, 0.6]


def test_equal_evidence_gives_equal_graphs_whatever_the_order() -> None:
    hosts = estate()
    assert graph_of(*hosts) == graph_of(*reversed(hosts))


def test_edges_keep_their_ids_when_other_hosts_come_and_go() -> None:
    alone, together = graph_of(estate()[1]), graph_of(*estate())
    mine = {one.id for one in edges(alone, "sudo-nopasswd")}
    assert mine and mine <= {one.id for one in together.edges}


def test_a_disputed_edge_stays_and_says_so() -> None:
    id_ = edges(graph_of(*estate()), "sudo-nopasswd")[0].id
    graph = graph_of(*estate(), disputes={id_: "ops until 2026-07-01: the rule is for another host"})
    assert [one.disputed_by for one in graph.edges if one.id == id_] == [
        "ops until 2026-07-01: the rule is for another host"
    ]


def fleet_of(count: int) -> int:
    hosts = [host(f"h{n:03}", "apps", f"10.0.2.{n + 1}") for n in range(count)]
    said = facts(
        ALICE,
        views=from_dmz(22, 80),
        sockets=[socket(22), socket(80, "nginx", "www-data")],
        ssh_keys={**keys(authorized("alice")), "private": listing(private("alice"))},
    )
    return len(graph_of(*(evidence(one, said) for one in hosts)).edges)


def test_edges_grow_with_hosts_and_not_with_their_pairs() -> None:
    few, more, most = fleet_of(10), fleet_of(20), fleet_of(40)
    assert (most - more) == 2 * (more - few)


def test_a_host_whose_keys_open_many_others_is_suggested_as_a_crown_jewel() -> None:
    others = [
        evidence(
            host(f"h{n}", "apps", f"10.0.2.{n + 50}"),
            facts(ALICE, views=from_dmz(22), **OPEN_SSH, ssh_keys=keys(authorized("alice"))),
        )
        for n in range(3)
    ]
    graph = graph_of(evidence(WEB, facts(ssh_keys={"private": listing(private("alice"))})), *others)
    assert [(one.node, one.certified) for one in graph.objectives] == [("objective:web", False)]


def test_attackers_start_outside_and_assumed_breaches_are_marked() -> None:
    builder = GraphBuilder(Inventory((WEB,), ZONES), BOOK, NOW)
    assert {(one.node, one.assumed) for one in builder.finish().origins} == {
        ("vantage:outside", False),
        ("breach:dmz", True),
        ("breach:apps", True),
    }
