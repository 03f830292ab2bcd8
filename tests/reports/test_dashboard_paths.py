"""The map of attack paths: alike hosts as one, never more elements than can be drawn, every path found again."""

from __future__ import annotations

from dataclasses import replace

import sample_agency
import sample_paths
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.model.attack import AttackReport
from posture.model.path import AttackPath, Basis, Edge, Node, NodeKind, Objective, Step, Tier
from reports.dashboard.path_map import ELEMENTS, path_map
from reports.dashboard.paths import path_page, paths_page
from reports.sections.paths import NO_EXTRA, NO_RULES
from reports.survey import survey

ADDRESSES = {one.id: f"/paths/{one.id}" for one in sample_paths.ATTACK.paths()}


def estate(hosts: int, *, alike: bool) -> tuple[AttackReport, list[AttackPath]]:
    """A chain from the start over each of many hosts to one objective; unlike hosts each lead to one of their own."""
    nodes = [Node("vantage:v", NodeKind.VANTAGE, "an attacker outside"), Node("zone:z", NodeKind.ZONE, "", "", "z")]
    edges: list[Edge] = []
    paths: list[AttackPath] = []
    objectives: list[Objective] = []

    def edge(id_: str, premise: str, conclusion: str) -> Edge:
        edges.append(
            Edge(id_, "r", 1, (premise,), conclusion, (), Tier.BY_DESIGN, 1, 1, id_, 1, 1, Basis.OBSERVED, f"why {id_}")
        )
        return edges[-1]

    for n in range(hosts):
        goal = "goal" if alike else f"goal{n}"
        nodes.append(Node(f"endpoint:h{n}", NodeKind.ENDPOINT, "", f"h{n}", "z"))
        if not alike or n == 0:
            nodes.append(Node(f"objective:{goal}", NodeKind.OBJECTIVE, "", goal, "z"))
            objectives.append(Objective(f"objective:{goal}", 1, "", True))
        used = [
            edge(f"a{n}", "vantage:v", "zone:z"),
            edge(f"b{n}", "zone:z", f"endpoint:h{n}"),
            edge(f"c{n}", f"endpoint:h{n}", f"objective:{goal}"),
        ]
        steps = tuple(Step(at, one.id, (at - 1,) if at > 1 else (), one.why) for at, one in enumerate(used, start=1))
        paths.append(AttackPath(f"p{n}", "vantage:v", f"objective:{goal}", steps, 1, 1, 1, 1, ()))
    found = replace(
        sample_paths.ATTACK,
        named_nodes=tuple(sorted(nodes)),
        named_edges=tuple(sorted(edges)),
        objectives=tuple(objectives),
    )
    return found, paths


def test_alike_hosts_stand_as_one_place_with_all_their_names() -> None:
    found, paths = estate(40, alike=True)
    drawn = path_map(found, paths, {one.id: one.id for one in paths})
    assert sorted(one.kind for one in drawn.places) == ["host", "objective", "start", "zone"]
    group = next(one for one in drawn.places if one.kind == "host")
    assert len(group.names) == group.paths == 40
    assert group.name == "h0 and 39 alike"
    assert [one.total for one in drawn.hops] == [40, 40, 40]
    assert drawn.left_out == 0


def test_the_map_never_has_more_elements_than_its_limit_and_says_what_is_left_out() -> None:
    found, paths = estate(400, alike=False)
    drawn = path_map(found, paths, {one.id: one.id for one in paths})
    assert len(drawn.places) + len(drawn.hops) <= ELEMENTS
    assert 0 < drawn.left_out < 400
    on_it = {count.number for hop in drawn.hops for count in hop.paths}
    assert max(on_it) == 400 - drawn.left_out


@given(st.integers(1, 30), st.booleans())
@settings(max_examples=15, deadline=None)
def test_every_hop_joins_places_of_the_map(hosts: int, alike: bool) -> None:
    found, paths = estate(hosts, alike=alike)
    drawn = path_map(found, paths, {one.id: one.id for one in paths})
    places = {one.id for one in drawn.places}
    assert all({hop.source, hop.target} <= places for hop in drawn.hops)
    assert {name for place in drawn.places for name in place.names} == {
        node.host for node in found.named_nodes if node.host
    }


def test_a_key_lies_nowhere_and_the_step_it_opens_starts_where_it_was_found() -> None:
    drawn = path_map(sample_paths.ATTACK, sample_paths.ATTACK.paths(), ADDRESSES)
    hops = {(one.source, one.target): one for one in drawn.hops}
    assert ("zone:dmz", "zone:core") in hops
    assert ("zone:core", "host:app-01") in hops
    assert hops["zone:office", "zone:core"].state == "possible"
    assert all(one.source != one.target for one in drawn.hops)


def test_the_page_of_one_zone_has_its_paths_only() -> None:
    found = survey(replace(sample_agency.agency(), attack=sample_paths.ATTACK))
    assert [one.id for one in paths_page(found, "").lines] == ["77aa0000bbbb1111", "99cc0000dddd2222"]
    assert [one.id for one in paths_page(found, "office").lines] == ["99cc0000dddd2222"]
    assert paths_page(found, "nowhere").lines == ()
    assert {one.name: (one.paths, one.hosts) for one in paths_page(found, "").zones} == {
        "core": (2, 0), "dmz": (1, 0), "office": (1, 0)
    }  # fmt: skip


def test_without_rules_or_without_the_extra_the_page_says_why() -> None:
    assert paths_page(survey(replace(sample_agency.agency(), attack=None)), "").why_none == NO_RULES
    blind = replace(sample_paths.ATTACK, analysis=None)
    assert paths_page(survey(replace(sample_agency.agency(), attack=blind)), "").why_none == NO_EXTRA


def test_a_disputed_step_is_marked_and_an_unsure_one_says_so() -> None:
    found = survey(replace(sample_agency.agency(), attack=sample_paths.ATTACK))
    first, second = sample_paths.ATTACK.paths()
    page = path_page(found, sample_paths.ATTACK, first, (), lambda _: (), may_read=False)
    assert [one.number for one in page.steps if one.disputed] == [5]
    assert all(one.certain for one in page.steps)
    assert all(one.facts[0].answers == () for one in page.steps)
    other = path_page(found, sample_paths.ATTACK, second, (), lambda _: (), may_read=False)
    assert other.assumed
    assert not all(one.certain for one in other.steps)
