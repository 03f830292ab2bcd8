"""Which dates move when ports close to the outside, and which stay whatever anybody closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from test_vulnerabilities_exposed import INVENTORY, NATED, opened, seen, view
from test_vulnerabilities_register import CATALOGUE, affected, matched

from posture.model.clock import Campaign
from posture.model.host import AssetTags, Inventory
from posture.model.observation import FactDocument
from posture.model.outlook import Relief
from posture.model.path import AttackGraph, Basis, Edge, Node, NodeKind, Tier
from posture.model.vulnerability import CveRecord
from posture.vulnerabilities.assess import Rules
from posture.vulnerabilities.exposed import public_exposure
from posture.vulnerabilities.register import Builder, Reader
from posture.vulnerabilities.relief import relieved

NOW = datetime(2026, 12, 18, tzinfo=UTC)
RULES = Rules(
    CATALOGUE.clocks, Campaign(date(2026, 11, 1)), CATALOGUE.baseline("fceb").profile, kev_source="CISA KEV 1"
)
RECORD = CveRecord("CVE-2026-1", automatable=True, technical_impact="total")


def edge(id_: str, premise: str, conclusion: str, *conditions: str) -> Edge:
    return Edge(id_, "r", 1, (premise,), conclusion, conditions, Tier.BY_DESIGN, 1, 1, id_, 1, 1, Basis.OBSERVED, "so")


GRAPH = AttackGraph(
    nodes=(
        Node("endpoint:web1/tcp/22", NodeKind.ENDPOINT, "", "web1", "dmz"),
        Node("reach:dmz/tcp/22", NodeKind.REACH, "", "", "dmz"),
        Node("zone:dmz", NodeKind.ZONE, "", "", "dmz"),
        Node("zone:internet", NodeKind.ZONE, "", "", "internet"),
    ),
    edges=(
        edge("e1", "zone:internet", "reach:dmz/tcp/22", "wall"),
        edge("e2", "zone:dmz", "reach:dmz/tcp/22"),
        edge("e3", "reach:dmz/tcp/22", "endpoint:web1/tcp/22", "port"),
    ),
    conditions=(),
    origins=(),
    objectives=(),
)


def looked_open() -> FactDocument:
    port = {"proto": "tcp", "port": 22, "state": "open"}
    return seen([view(ports={"complete": True, "items": [port]})], [opened()])


def asked(inventory: Inventory, document: FactDocument, *gone: str) -> list[Relief]:
    host = inventory.hosts[0]
    builder = Builder(NOW, {})
    builder.add(host.id, matched(affected(1)), public_exposure(host, inventory, document))
    known = Reader(builder.register(lambda _: RECORD, (), ""), RULES)
    return list(relieved(GRAPH, gone, known, inventory, lambda _: document))


@pytest.mark.parametrize("gone", ["port", "wall"])
def test_the_last_port_closed_moves_the_date_and_says_by_which_rows(gone: str) -> None:
    found = asked(INVENTORY, looked_open(), gone)
    assert [(one.host, one.due_now, one.due_then) for one in found] == [
        ("web1", date(2026, 12, 21), date(2027, 2, 16))  # three days, then sixty: the table's rows
    ]
    assert found[0].why.startswith("tcp/22 of web1 would no longer answer from outside: ")
    assert found[0].why.count("row") >= 2


def test_nothing_moves_when_nothing_closes() -> None:
    assert asked(INVENTORY, looked_open()) == []
    assert asked(INVENTORY, looked_open(), "something else") == []


def test_another_open_port_keeps_the_date() -> None:
    document = seen(
        [view(ports={"complete": True, "items": [{"proto": "tcp", "port": n, "state": "open"} for n in (22, 80)]})],
        [opened(), {**opened(), "port": 80}],
    )
    assert asked(INVENTORY, document, "port") == []


def test_a_tag_or_a_published_address_keeps_the_date() -> None:
    tagged = replace(INVENTORY.hosts[0], tags=AssetTags(exposure="public"))
    assert asked(replace(INVENTORY, hosts=(tagged,)), looked_open(), "port") == []
    assert asked(NATED, looked_open(), "port") == []


def test_a_look_that_was_not_whole_relieves_nothing() -> None:
    partial: dict[str, Any] = {"complete": False, "items": [{"proto": "tcp", "port": 22, "state": "open"}]}
    assert asked(INVENTORY, seen([view(ports=partial)], [opened()]), "port") == []
