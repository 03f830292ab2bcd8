"""Attack paths over real hosts: the planted way is found, sshd agrees with us account by account, a fix cuts it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from posture.attack import graph_of
from posture.model.path import AttackGraph
from posture.store import Store
from tests.lab.remedying import run
from tests.lab.waylaid import OPEN, SHUT, Waylaid

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waylaid]:
    with Waylaid(tmp_path_factory.mktemp("waylaid")) as running:
        yield running


@pytest.fixture(scope="module")
def before(lab: Waylaid) -> tuple[dict[str, Any], AttackGraph]:
    """What the first scan says, and its graph."""
    said = lab.scan()
    with Store.open(lab.work / "out" / "posture.db", create=False) as store:
        graph = graph_of(store, "latest")
    assert graph is not None
    return said, graph


def way_to_db(said: dict[str, Any]) -> dict[str, Any] | None:
    outlooks = {one["objective"]: one for one in said["attack"]["analysis"]["outlooks"]}
    return outlooks["objective:db"]["paths"][0] if "objective:db" in outlooks else None


def test_the_planted_way_is_found_and_every_step_of_it_was_seen(before: tuple[dict[str, Any], AttackGraph]) -> None:
    said, graph = before
    path = way_to_db(said)
    assert path is not None
    rules = {edge.id: edge.rule for edge in graph.edges}
    told = [rules[step["edge"]] for step in path["steps"]]
    main = [rule for rule in told if rule not in ("origin", "reach", "endpoint", "presence")]
    sentences = [step["sentence"] for step in path["steps"]]
    assert main == [
        "empty-password",
        "plain-key",
        "ssh-key",
        "sudo-nopasswd",
        "plain-key",
        "ssh-key",
        "sudo-nopasswd",
        "objective",
    ], sentences
    assert path["origin"] == "vantage:outside" and not path["assumed"]
    assert path["confidence"] >= 0.9, [step["sentence"] for step in path["steps"]]


def opens_from_web(graph: AttackGraph, user: str) -> bool:
    """Return whether the graph lets a key in as this account of app when the login comes from web, or from its zone."""
    account = "root:app" if user == "root" else f"account:app/{user}"
    doors = {p for one in graph.edges if (one.rule, one.conclusion) == ("ssh-key", account) for p in one.premises}
    ways = {one.conclusion for one in graph.edges if {"zone:dmz", "somebody:web"} & set(one.premises)}
    return bool(doors & {*ways, "endpoint:app/tcp/22"})


@pytest.mark.parametrize("user", OPEN)
def test_where_sshd_lets_the_key_in_there_is_an_edge(
    lab: Waylaid, before: tuple[dict[str, Any], AttackGraph], user: str
) -> None:
    assert lab.lets_in(user)
    assert opens_from_web(before[1], user)


@pytest.mark.parametrize("user", SHUT)
def test_where_sshd_gives_no_shell_there_is_no_edge(
    lab: Waylaid, before: tuple[dict[str, Any], AttackGraph], user: str
) -> None:
    assert not lab.lets_in(user)
    assert not opens_from_web(before[1], user)


def test_no_way_leads_through_a_port_that_the_firewall_refuses(before: tuple[dict[str, Any], AttackGraph]) -> None:
    asked = {("zone:outside", "reach:servers"), ("zone:outside", "reach:restricted"), ("zone:dmz", "reach:restricted")}
    found = {(one.premises[0], one.conclusion.split("/")[0]) for one in before[1].edges if one.rule == "reach"}
    assert ("zone:outside", "reach:dmz") in found
    assert not asked & found


def test_a_fix_cuts_it_and_the_next_scan_proves_it(lab: Waylaid, before: tuple[dict[str, Any], AttackGraph]) -> None:
    path = way_to_db(before[0])
    assert path is not None and "app|IDN-07|" in path["breaks"]
    run(lab.hosts["app"], "rm /etc/sudoers.d/60-alice")
    # Without another look from the network every zone may reach every port: the way is gone all the same.
    after = lab.scan("--no-network")
    assert way_to_db(after) is None
    assert "objective:db" in after["attack"]["analysis"]["not_found"]
    with Store.open(lab.work / "out" / "posture.db", create=False) as store:
        (finding,) = (one for one in store.findings() if (one.host, one.check) == ("app", "IDN-07"))
        assert finding.closing is not None and finding.closing.value == "fixed"
        graph = graph_of(store, "latest")
        assert graph is not None and "app|IDN-07|" not in {one.id for one in graph.conditions}
