"""Other programs read the graph, the small-graph oracle agrees, and the traps of sparse matrices stay closed."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.sparse.csgraph import dijkstra, maximum_flow, yen

from posture.graph.arrays import compiled
from posture.graph.best import FAR, best, from_origins, likely
from posture.graph.exchange import JOIN, graphml, node_link, open_graph, to_networkx
from posture.graph.sparse import capacities, relaxed_matrix
from posture.model.path import AttackGraph
from tests.posture.graph.graphs import edge, forward, graph, small_graphs

JOINED = graph([edge("in", "a", "p", p=0.8), edge("in", "b"), edge("a b", "out", "q"), edge("a", "out", p=0.15)])


def _walked(found: nx.MultiDiGraph) -> set[str]:
    """Return what is held, on the networkx graph: a join is held when all that leads into it is."""
    held = {node for node, told in found.nodes(data=True) if told["origin_prior"] > 0}
    while True:
        new = {
            node
            for node, told in found.nodes(data=True)
            if node not in held and (before := set(found.predecessors(node)))
            and (held >= before if told["kind"] == JOIN else held & before)
        }  # fmt: skip
        if not new:
            return {node for node in held if found.nodes[node]["kind"] != JOIN}
        held |= new


@given(small_graphs())
@settings(max_examples=20, deadline=None)
def test_networkx_reaches_what_the_engine_reaches(found: AttackGraph) -> None:
    assert _walked(to_networkx(found)) == forward(found)


@given(small_graphs())
@settings(max_examples=20, deadline=None)
def test_without_joins_networkx_scipy_and_the_engine_find_the_same_distances(found: AttackGraph) -> None:
    single = replace(found, edges=tuple(one for one in found.edges if len(one.premises) == 1))
    arrays = compiled(single)
    weights = likely(arrays)
    ours = best(arrays, weights, from_origins(arrays, np.ones(1, bool))).cost
    theirs = dijkstra(relaxed_matrix(arrays, weights), indices=int(arrays.origin[0]))
    plain = nx.MultiDiGraph()
    plain.add_nodes_from(one.id for one in single.nodes)
    for at, cost in enumerate(weights.tolist()):
        one = single.edges[arrays.edge_of[at]]
        plain.add_edge(one.premises[0], one.conclusion, weight=cost)
    oracle = nx.single_source_dijkstra_path_length(plain, "in")
    for at, node in enumerate(single.nodes):
        expected = oracle.get(node.id)
        assert (None if ours[at] >= FAR else int(ours[at])) == expected
        assert (None if np.isinf(theirs[at]) else int(theirs[at])) == expected


def test_a_join_is_a_node_of_its_own_in_networkx() -> None:
    found = to_networkx(JOINED)
    joins = [node for node, told in found.nodes(data=True) if told["kind"] == JOIN]
    assert [sorted(found.predecessors(join)) for join in joins] == [["a", "b"]]


def test_graphml_and_node_link_come_back_as_they_went() -> None:
    there = to_networkx(JOINED)
    back = nx.read_graphml(BytesIO(graphml(JOINED)), force_multigraph=True)
    assert set(back.nodes) == set(there.nodes) and back.number_of_edges() == there.number_of_edges()
    linked = nx.node_link_graph(json.loads(node_link(JOINED)), edges="edges")
    assert nx.utils.graphs_equal(linked, there)


def test_a_host_cannot_break_the_xml_with_its_names() -> None:
    evil = replace(JOINED, nodes=tuple(replace(one, label="\x00\x1b]</data>\ufffe") for one in JOINED.nodes))
    back = nx.read_graphml(BytesIO(graphml(evil)), force_multigraph=True)
    assert {told["label"] for _, told in back.nodes(data=True) if told["kind"] != JOIN} == {"\\x00\\x1b]</data>\\xfffe"}


def test_open_graph_says_that_it_shows_too_much() -> None:
    found = json.loads(open_graph(JOINED))
    assert "ways that do not exist" in found["metadata"]["caution"]
    joined = [one for one in found["graph"]["edges"] if one["properties"]["requires"]]
    assert sorted(one["properties"]["traversable"] for one in joined) == [False, True]
    assert all(one["kind"].replace("_", "").isalnum() for one in found["graph"]["edges"])


def test_parallel_edges_are_not_summed() -> None:
    arrays = compiled(graph([edge("in", "out", p=0.8, cause="x"), edge("in", "out", p=0.5, cause="y")]))
    matrix = relaxed_matrix(arrays, likely(arrays))
    assert matrix.nnz == 1
    assert matrix.data.tolist() == [float(likely(arrays).min())]


def test_a_certain_step_is_not_lost_as_a_zero() -> None:
    arrays = compiled(graph([edge("in", "a"), edge("a", "out")]))
    matrix = relaxed_matrix(arrays, likely(arrays))
    matrix.eliminate_zeros()
    assert matrix.nnz == 2
    with pytest.raises(ValueError, match="above zero"):
        relaxed_matrix(arrays, likely(arrays) * 0)


def test_indices_are_narrow_enough_for_yen_and_maximum_flow() -> None:
    arrays = compiled(graph([edge("in", "a"), edge("a", "out"), edge("in", "b"), edge("b", "out")]))
    matrix = relaxed_matrix(arrays, likely(arrays))
    assert matrix.indices.dtype == np.int32 and matrix.indptr.dtype == np.int32
    start, end = int(arrays.origin[0]), int(arrays.objective[0])
    assert len(yen(matrix, start, end, 4)) == 2


def test_huge_costs_do_not_overflow_into_no_flow() -> None:
    arrays = compiled(graph([edge("in", "a"), edge("a", "b"), edge("b", "out")]))
    matrix = relaxed_matrix(arrays, likely(arrays))
    matrix.data = capacities(np.array([3e9, 5e9, 1.0]), np.array([False, False, True]))
    flow = maximum_flow(matrix, int(arrays.origin[0]), int(arrays.objective[0])).flow_value
    assert flow == matrix.data[:2].min() > 0
