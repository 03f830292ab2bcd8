"""The page of one host: the paths through it, what each vantage sees of it, its known vulnerabilities."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Served, served

from posture.attack import attack_of
from posture.model.account import Role
from posture.model.host import FLEET
from posture.model.observation import Blind, Unseen
from posture.serve.host_room import HostRoom
from posture.serve.rooms import Rooms
from reports.dashboard.host_network import host_network


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory, demo_store: Path) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), demo_store) as found:
        yield found


def crossed(agency: Served) -> dict[str, set[str]]:
    """Return for each host the ids of the paths through it, read from the stored graph."""
    attack = attack_of(agency.store, "latest")
    assert attack is not None
    hosts = {node.id: node.host for node in attack.named_nodes}
    edges = {edge.id: edge for edge in attack.named_edges}
    through: dict[str, set[str]] = {one.id: set() for one in agency.store.inventory("latest").hosts}
    for path in attack.paths():
        for step in path.steps:
            edge = edges[step.edge]
            for node in (*edge.premises, edge.conclusion):
                if hosts[node]:
                    through[hosts[node]].add(path.id)
    return through


def test_every_path_through_a_host_is_a_link_with_what_happens_there(agency: Served) -> None:
    admin, found = agency.signed_in(Role.ADMIN), crossed(agency)
    assert any(found.values()) and not all(found.values())
    for host, ids in found.items():
        page = html.unescape(admin.get(f"/hosts/{host}").text)
        assert set(re.findall(r'href="/paths/([^"/?]+)"', page)) == ids, host
        if ids:
            assert re.search(r"<p>Step \d+ of \d+: .+\.</p>", page)
        else:
            assert "No path through this host was found in the evidence collected" in page
            assert "That is not the same as none" in page


def test_the_page_of_hosts_leads_to_the_page_of_each(agency: Served) -> None:
    page = agency.signed_in(Role.ADMIN).get("/hosts").text
    for host in agency.store.inventory("latest").hosts:
        assert f'href="/hosts/{host.id}"' in page


def test_coverage_of_the_host_stands_beside_its_numbers_and_they_lead_to_what_they_count(agency: Served) -> None:
    admin = agency.signed_in(Role.ADMIN)
    for host in ("grants-app1", "hr-app1"):
        page, said = admin.get(f"/hosts/{host}").text, agency.store.read_host("latest", host)
        decided = sum(one.verdict.status.decided for one in said.results)
        assert f"{decided} of {len(said.results)}" in page
        open_ = sum(1 for one in agency.store.findings(host=host, open_only=True))
        assert f'<a href="/work?words={host}">{open_}</a>' in page


def test_each_vantage_tells_what_it_found_open_and_what_it_could_not_ask(agency: Served) -> None:
    page = agency.signed_in(Role.ADMIN).get("/hosts/grants-app1").text
    assert "tcp/22" in page
    assert "65,534 TCP filtered" in page
    assert "UDP ports stayed silent" in page


def test_a_host_that_no_vantage_saw_is_never_called_closed() -> None:
    told = host_network(None, [Unseen("a", "exposure", Blind.UNREACHABLE, "every port is silent")])
    assert (told.lines, "What is open is not known" in told.none) == ((), True)
    assert "every port is silent" in told.none


def test_what_was_not_assessed_for_vulnerabilities_is_not_said_to_have_none(agency: Served) -> None:
    page = agency.signed_in(Role.ADMIN).get("/hosts/grants-app1").text
    flaws = page[page.index('id="flaws"') : page.index('id="said"')]
    assert "Not assessed, no feed of known vulnerabilities was loaded" in flaws
    assert "There may be any number of them" in flaws


def test_who_sees_one_system_is_told_of_paths_within_it_only(agency: Served) -> None:
    hosts = {one.id: one for one in agency.store.inventory("latest").hosts if one.id != FLEET}
    system = hosts["grants-app1"].system
    others = [id_ for id_, one in hosts.items() if one.system != system]
    page = agency.signed_in(Role.VIEWER, systems=(system,)).get("/hosts/grants-app1").text
    assert not [id_ for id_ in others if re.search(rf"\b{re.escape(id_)}\b", page)]


def test_only_the_rows_of_the_host_are_read(agency: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = Rooms(agency.store, "", "/style.css")
    room, account = HostRoom(rooms, agency.store), agency.store.people.account("admin")
    assert account is not None
    room.host_page(account, "hr-app1", "latest")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the page of one host read all of them")

    for name in ("read_hosts", "inventory", "findings", "read_observations", "read_transcripts"):
        monkeypatch.setattr(agency.store, name, refuse)
    assert room.host_page(account, "grants-app1", "latest").id == "grants-app1"
