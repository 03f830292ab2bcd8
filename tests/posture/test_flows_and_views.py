"""The zone matrix against the packets, and the network's view of a host against the host's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.derived.flows import flows_of
from posture.derived.views import views_of
from posture.evaluate.documents import make_document
from posture.model.host import Flow, Host, Inventory, Published, Trust, Zone
from posture.model.observation import Blind, FactDocument, Hole, Observation, Origin, Unseen

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
HOST = Host("web", ("10.0.0.1",), "dmz")
ZONES = (Zone("outside", Trust.UNTRUSTED), Zone("dmz", Trust.INTERNAL), Zone("mgmt", Trust.RESTRICTED))


def inventory(*flows: Flow, declared: bool = True, published: tuple[Published, ...] = ()) -> Inventory:
    return Inventory((HOST,), ZONES, flows=flows if declared else None, published=published)


def sight(port: int, zone: str = "outside", proto: str = "tcp", trust: str = "untrusted") -> dict[str, Any]:
    place = {"vantage": f"from-{zone}", "zone": zone, "trust": trust, "address": "10.0.0.1"}
    return {**place, "proto": proto, "port": port, "service": None, "method": "table", "tunnel": None}


def view(zone: str = "outside", folded: str = "filtered", trust: str = "untrusted", **states: str) -> dict[str, Any]:
    ports = [
        {"address": "10.0.0.1", "proto": key.split("_")[0], "port": int(key.split("_")[1]), "state": state}
        for key, state in states.items()
    ]
    rest = [{"address": "10.0.0.1", "proto": "tcp", "state": folded, "reason": "r", "count": 9}] if folded else []
    place = {"vantage": f"from-{zone}", "zone": zone, "trust": trust, "addresses": ["10.0.0.1"], "answered": True}
    return {**place, "ports": {"complete": True, "items": ports}, "folded": rest}


def made(topic: str, facts: Mapping[str, Any], *holes: Hole) -> FactDocument:
    return make_document(host="web", topic=topic, facts=facts, taken_at=MOMENT, origin=Origin.LIVE, holes=holes)


def exposure(sights: list[dict[str, Any]], views: list[dict[str, Any]], *, complete: bool = True) -> FactDocument:
    tcp = [one for one in sights if one["proto"] == "tcp"]
    return made(
        "exposure",
        {
            "views": {"complete": True, "items": views},
            "open": {"complete": False, "items": sights},
            "open_tcp": {"complete": complete, "items": tcp},
        },
    )


def listeners(*sockets: tuple[int, bool], complete: bool = True) -> FactDocument:
    items = [
        {
            "endpoint": f"tcp/{port}", "proto": "tcp", "address": "0.0.0.0", "port": port, "process": "srv",
            "unit": "srv.service", "every_address": wide, "loopback": not wide,
        }
        for port, wide in sockets
    ]  # fmt: skip
    ports = sorted({port for port, wide in sockets if wide})
    return made(
        "listeners",
        {"sockets": {"complete": complete, "items": items}, "tcp_ports": {"complete": complete, "items": ports}},
    )


def rule(*ports: str, verdict: str = "accept", **more: Any) -> dict[str, Any]:
    plain = {"verdict": verdict, "hook": "input", "ports": list(ports), "sources": [], "interfaces": []}
    return {**plain, "conditions": 0, **more}


STATES = rule(conditions=1)
LOOPBACK = rule(interfaces=["lo"])


def firewall(*rules: dict[str, Any], inbound: str = "drop", wide: tuple[str, ...] = ()) -> FactDocument:
    return made(
        "firewall",
        {
            "inbound_ipv4": inbound,
            "inbound_ipv6": inbound,
            "rules": {"complete": True, "items": list(rules)},
            "wide_accepts": {"complete": True, "items": list(wide)},
        },
    )


def body(observed: Observation) -> dict[str, Any]:
    assert isinstance(observed, FactDocument), observed
    return msgspec.json.decode(observed.content)


def flows(made_of: Observation, known: Inventory) -> dict[str, Any]:
    return body(flows_of(HOST, known, made_of))["facts"]


def views(
    seen: Observation, own: Observation, rules: Observation | None = None, known: Inventory | None = None
) -> dict[str, Any]:
    return body(views_of(HOST, known or inventory(), seen, own, rules or firewall(STATES)))["facts"]


@pytest.mark.parametrize(
    ("flow", "declared"),
    [
        (Flow("outside", "dmz", ("tcp/443",)), True),
        (Flow("outside", "web", ("tcp/400-500",)), True),
        (Flow("outside", "dmz", ("any",)), True),
        (Flow("outside", "dmz", ("any/443",)), True),
        (Flow("outside", "dmz", ("udp/443",)), False),
        (Flow("outside", "dmz", ("tcp/444",)), False),
        (Flow("mgmt", "dmz", ("tcp/443",)), False),
        (Flow("outside", "other", ("tcp/443",)), False),
    ],
)
def test_an_open_port_is_declared_by_zone_or_host_and_port(flow: Flow, declared: bool) -> None:
    said = flows(exposure([sight(443)], [view()]), inventory(flow))
    assert [one["declared"] for one in said["measured"]["items"]] == [declared]


def test_ways_inside_a_zone_stand_in_no_matrix() -> None:
    assert flows(exposure([sight(22, "dmz")], []), inventory())["measured"]["items"] == []


def test_no_matrix_and_an_empty_one_are_two_things() -> None:
    seen = exposure([sight(22)], [])
    assert [flows(seen, inventory(declared=said))["matrix"] for said in (False, True)] == [False, True]


@pytest.mark.parametrize(
    ("target", "state", "missing"),
    [
        ("dmz", "filtered", True),
        ("dmz", "closed", False),
        ("web", "closed", True),
        ("web", "filtered", True),
        ("web", "open", False),
    ],
)
def test_a_declared_way_is_missing_where_packets_do_not_get_through(target: str, state: str, missing: bool) -> None:
    seen = exposure([], [view(tcp_443=state)])
    found = flows(seen, inventory(Flow("outside", target, ("tcp/443",), "the portal")))["missing"]["items"]
    assert [(one["port"], one["state"], one["why"]) for one in found] == (
        [(443, state, "the portal")] if missing else []
    )


def test_folded_ports_tell_when_all_of_them_say_the_same() -> None:
    known = inventory(Flow("outside", "web", ("tcp/443",)))
    assert flows(exposure([], [view(folded="filtered")]), known)["missing"]["items"]
    both = view(folded="filtered")
    both["folded"].append({**both["folded"][0], "state": "closed"})
    assert not flows(exposure([], [both]), known)["missing"]["items"]


def test_unseen_exposure_leaves_both_topics_unseen_for_its_reason() -> None:
    nobody = Unseen("web", "exposure", Blind.OUT_OF_SCOPE, "outside")
    assert flows_of(HOST, inventory(), nobody) == Unseen("web", "flows", Blind.OUT_OF_SCOPE, "outside")
    found = views_of(HOST, inventory(), nobody, listeners(), firewall())
    assert isinstance(found, Unseen)
    assert found.reason is Blind.OUT_OF_SCOPE


def test_a_hidden_listener_stands_with_both_pieces_of_evidence() -> None:
    (found,) = views(exposure([sight(22), sight(4444)], [view()]), listeners((22, True), (4444, False)))["hidden"][
        "items"
    ]
    assert found["network_says"] == "open from from-outside (outside)"
    assert found["host_says"] == "no socket on tcp/4444 outside loopback"
    assert found["explained_by"] == ""


def test_the_nat_map_explains_a_port_that_the_host_does_not_have() -> None:
    known = inventory(published=(Published("10.0.0.1", 443, "app", 8443),))
    (found,) = views(exposure([sight(443)], [view()]), listeners(), known=known)["hidden"]["items"]
    assert found["explained_by"] == "published, leads to app:8443"


def test_nothing_is_called_hidden_when_the_hosts_list_is_cut_off() -> None:
    found = views(exposure([sight(4444)], [view()]), listeners(complete=False))["hidden"]
    assert found == {"items": [], "complete": False}


INSIDE = view("mgmt", trust="restricted")


def test_a_listener_that_no_vantage_reaches_is_dead() -> None:
    seen = exposure([sight(80)], [view(), INSIDE])
    found = views(seen, listeners((80, True), (9000, True), (22, True), (5432, False)))["dead"]["items"]
    assert [one["endpoint"] for one in found] == ["tcp/9000"], "not 80 (open), 22 (our own login), 5432 (loopback)"
    assert found[0]["network_says"] == "not open from from-mgmt (mgmt), from-outside (outside)"


@pytest.mark.parametrize("seen", [exposure([], [view()]), exposure([], [INSIDE], complete=False)])
def test_nothing_is_dead_before_somebody_inside_asked_every_port(seen: FactDocument) -> None:
    observed = body(views_of(HOST, inventory(), seen, listeners((9000, True)), firewall()))
    assert observed["facts"]["dead"]["items"] == []
    assert not observed["facts"]["dead"]["complete"] or any(path == "dead" for path, _, _ in observed["holes"])


@pytest.mark.parametrize(
    ("rules", "disagrees"),
    [
        (firewall(STATES, LOOPBACK), True),
        (firewall(STATES, rule("tcp/22")), True),
        (firewall(rule("tcp/8080")), False),
        (firewall(rule("tcp/8000-8100")), False),
        (firewall(rule("tcp/8080", hook="output")), True),
        (firewall(rule("tcp/8080", verdict="drop")), True),
        (firewall(rule(sources=["10.9.0.0/16"])), False),
        (firewall(rule(interfaces=["eth0"])), False),
        (firewall(STATES, inbound="accept"), False),
        (firewall(STATES, inbound="none"), False),
        (firewall(STATES, wide=("input: accept",)), False),
    ],
)
def test_rules_that_refuse_what_packets_reach_are_a_disagreement(rules: FactDocument, disagrees: bool) -> None:
    found = views(exposure([sight(8080)], [view()]), listeners((8080, True)), rules)["disagreements"]["items"]
    assert bool(found) is disagrees
    if disagrees:
        assert found[0]["host_says"] == "its firewall ends in drop, and no rule accepts tcp/8080"


def test_a_forwarded_port_is_no_disagreement_of_the_input_rules() -> None:
    assert views(exposure([sight(443)], [view()]), listeners())["disagreements"]["items"] == []


def test_rules_nobody_could_read_are_a_hole() -> None:
    refused = Unseen("web", "firewall", Blind.COMMAND_REFUSED, "no sudo")
    observed = body(views_of(HOST, inventory(), exposure([sight(80)], [INSIDE]), listeners((80, True)), refused))
    assert ["disagreements", "command_refused", "no sudo"] in observed["holes"]


ports = st.lists(st.integers(1, 65535), max_size=6, unique=True)


@settings(max_examples=50, deadline=None)
@given(opened=ports, own=ports)
def test_hidden_and_dead_are_what_one_side_has_and_the_other_has_not(opened: list[int], own: list[int]) -> None:
    seen = exposure([sight(port) for port in opened], [view(), INSIDE])
    found = views(seen, listeners(*((port, True) for port in own)))
    assert {one["port"] for one in found["hidden"]["items"]} == set(opened) - set(own)
    assert {one["port"] for one in found["dead"]["items"]} == set(own) - set(opened) - {22}
