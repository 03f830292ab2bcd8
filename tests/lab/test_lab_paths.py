"""Attack paths over real hosts: the planted way is found, sshd agrees with us account by account, fixes end edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from collectors.public_keys import public_key
from posture.attack import graph_of
from posture.catalogue.load import load
from posture.model.attack import AttackReport
from posture.model.path import AttackGraph, AttackPath, Edge
from posture.store import Store
from tests.lab.logins import LOGINS, Login, With
from tests.lab.network import inside
from tests.lab.planted import INVENTORY, NOT_PLANTED, PLANTED, ROUTER, Planted, Step
from tests.lab.remedying import run
from tests.lab.vouched import VOUCHED
from tests.lab.waylaid import Waylaid

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waylaid]:
    with Waylaid(tmp_path_factory.mktemp("waylaid")) as running:
        yield running


Seen = tuple[AttackReport, AttackGraph]


def scanned(lab: Waylaid) -> Seen:
    said = lab.scan()
    with Store.open(lab.work / "out" / "posture.db", create=False) as store:
        graph = graph_of(store, "latest")
    assert graph is not None
    return said, graph


@pytest.fixture(scope="module")
def before(lab: Waylaid) -> Seen:
    """What the first scan says, and its graph."""
    return scanned(lab)


@pytest.fixture(scope="module")
def answered(lab: Waylaid, before: Seen) -> Mapping[tuple[str, With], bool]:
    """What sshd of gate says; asked after the scan, which reads when accounts last logged in."""
    return lab.logins()


@pytest.fixture(scope="module")
def certified(lab: Waylaid, before: Seen) -> Mapping[str, bool]:
    """Which accounts of gate a certificate opens that somebody signed with what lies on den."""
    return lab.certified()


@pytest.fixture(scope="module")
def after(lab: Waylaid, answered: Mapping[tuple[str, With], bool], certified: Mapping[str, bool]) -> Seen:
    """What a scan says after every fix, which is made when everything else was asked."""
    run(lab.hosts["app"], "rm /etc/sudoers.d/60-alice")
    for row in PLANTED:
        if row.where == ROUTER:
            inside(lab.network.router, ["nft", "-f", "-"], text=row.fix + "\n")
        elif row.where == INVENTORY:
            lab.write_files(manages=())
    for name in ("den", "gate"):
        run(lab.hosts[name], "\n".join(dict.fromkeys(row.fix for row in PLANTED if row.where == name)))
    return scanned(lab)


def way_to_db(said: AttackReport) -> AttackPath | None:
    assert said.analysis is not None
    outlooks = {one.objective: one for one in said.analysis.outlooks}
    return outlooks["objective:db"].paths[0] if "objective:db" in outlooks else None


def test_the_planted_way_is_found_and_every_step_of_it_was_seen(before: Seen) -> None:
    said, graph = before
    path = way_to_db(said)
    assert path is not None
    edges = {edge.id: edge for edge in graph.edges}
    # Whoever is on gate is in the zone of app as well; that is beside the way that was planted.
    told = [edges[step.edge] for step in path.steps if ":gate/" not in edges[step.edge].conclusion]
    main = [edge.rule for edge in told if edge.rule not in ("origin", "reach", "endpoint", "presence")]
    sentences = [step.sentence for step in path.steps]
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
    assert path.origin == "vantage:outside" and not path.assumed
    assert path.confidence >= 0.9, sentences
    assert "app|IDN-07|" in path.breaks


def test_no_way_leads_through_a_port_that_the_firewall_refuses(before: Seen) -> None:
    asked = {("zone:outside", "reach:servers"), ("zone:outside", "reach:restricted"), ("zone:dmz", "reach:restricted")}
    found = {(one.premises[0], one.conclusion.split("/")[0]) for one in before[1].edges if one.rule == "reach"}
    assert ("zone:outside", "reach:dmz") in found
    assert not asked & found


def opened_from_web(graph: AttackGraph, account: str, key: str) -> set[With]:
    """Return with what the graph lets somebody on web in as this account of gate."""
    here = {one.conclusion for one in graph.edges if {"zone:dmz", "somebody:web"} & set(one.premises)}
    doors = {"endpoint:gate/tcp/22", *(node for node in here if node.startswith("reach:servers/tcp/22"))}
    secret = f"secret:gate/password/{account}"
    found: set[With] = set()
    for edge in graph.edges:
        if edge.conclusion != f"account:gate/{account}" or not doors & set(edge.premises):
            continue
        if edge.rule == "ssh-key" and f"key:{key}" in edge.premises:
            found.add("key and password" if secret in edge.premises else "key")
        elif edge.rule == "password-login":
            found.add("password")
        elif edge.rule == "empty-password":
            found.add("nothing")
    return found


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: f"{login.about}: {login.account}")
def test_the_graph_says_what_sshd_does(
    lab: Waylaid, before: Seen, answered: Mapping[tuple[str, With], bool], login: Login
) -> None:
    key = public_key(lab.web_key)
    assert key is not None
    wanted = {login.opens} if login.opens else set()
    let_in = {way for (account, way), yes in answered.items() if account == login.account and yes}
    assert let_in == wanted, "sshd itself"
    assert opened_from_web(before[1], login.account, key.fingerprint) == wanted, "the graph"


def test_a_certificate_of_a_stolen_authority_opens_what_the_graph_says(
    lab: Waylaid, before: Seen, certified: Mapping[str, bool]
) -> None:
    assert certified == {one.account: one.opens for one in VOUCHED}, "sshd itself"
    found = edges_of(before[1], "ssh-ca", Step("key:{signed}", "account:gate/"), fingerprints(lab))
    told = {one.conclusion.rpartition("/")[2] for one in found}
    assert told == {one.account for one in VOUCHED if one.opens or one.doubtful}, "the graph"


def test_who_else_may_hold_an_authority_is_told_of_the_host(lab: Waylaid, before: Seen) -> None:
    (way,) = [one for one in before[0].unknown_ways if "lab_ca.pub" in one.why]
    assert way.hosts == ("gate",)
    assert fingerprints(lab)["signed"] in way.why


def fingerprints(lab: Waylaid) -> dict[str, str]:
    """Return the fingerprint of each planted key by its name."""
    return {name: key.fingerprint for name, text in lab.planted.items() if (key := public_key(text))}


def edges_of(graph: AttackGraph, rule: str, step: Step, keys: Mapping[str, str]) -> list[Edge]:
    premise, conclusion = step.premise.format(**keys), step.conclusion.format(**keys)
    return [
        one
        for one in graph.edges
        if one.rule == rule
        and one.conclusion.startswith(conclusion)
        and any(held.startswith(premise) for held in one.premises)
    ]


def is_there(graph: AttackGraph, rule: str, step: Step, keys: Mapping[str, str]) -> bool:
    return bool(edges_of(graph, rule, step, keys))


def table(lab: Waylaid, graph: AttackGraph) -> tuple[str, list[str], list[str]]:
    """Return what was found, missed and invented rule by rule, then the missed and the invented rules."""
    keys, lines, missed, invented = fingerprints(lab), [], [], []
    for row in PLANTED:
        found, near = is_there(graph, row.rule, row.found, keys), is_there(graph, row.rule, row.near, keys)
        missed += [] if found else [row.rule]
        invented += [row.rule] if near else []
        lines.append(f"{row.rule:18} {'found' if found else 'MISSED':8} {'INVENTED' if near else '-':10} {row.what}")
    return "\n".join(lines), missed, invented


def test_every_planted_rule_is_found_and_no_near_miss_is(lab: Waylaid, before: Seen) -> None:
    told, missed, invented = table(lab, before[1])
    print(told)
    assert not missed and not invented, told


def test_every_evaluated_rule_is_planted_or_has_a_reason_why_not() -> None:
    evaluated = {rule.id for rule in load().rulebook.rules if rule.evaluated}
    planted = {row.rule for row in PLANTED}
    assert planted | set(NOT_PLANTED) == evaluated
    assert not planted & set(NOT_PLANTED)


def test_at_least_twenty_five_rules_of_the_catalogue_are_found_missed_and_mended() -> None:
    numbered = {rule.id for rule in load().rulebook.rules if rule.number}
    assert len({row.rule for row in PLANTED if row.where} & numbered) >= 25


def test_one_fix_cuts_the_way_and_the_next_scan_proves_it(lab: Waylaid, after: Seen) -> None:
    said, graph = after
    assert way_to_db(said) is None
    assert said.analysis is not None and "objective:db" in said.analysis.not_found
    with Store.open(lab.work / "out" / "posture.db", create=False) as store:
        (finding,) = (one for one in store.findings() if (one.host, one.check) == ("app", "IDN-07"))
    assert finding.closing is not None and finding.closing.value == "fixed"
    assert "app|IDN-07|" not in {one.id for one in graph.conditions}


@pytest.mark.parametrize("row", PLANTED, ids=lambda row: row.rule)
def test_a_fix_ends_its_edge_and_what_has_none_stays(lab: Waylaid, before: Seen, after: Seen, row: Planted) -> None:
    keys = fingerprints(lab)
    assert is_there(before[1], row.rule, row.found, keys)
    assert is_there(after[1], row.rule, row.found, keys) == (not row.where)


def test_logins_that_nobody_mended_stay_as_they_were(lab: Waylaid, before: Seen, after: Seen) -> None:
    key = public_key(lab.web_key)
    assert key is not None
    told = {
        login.account: tuple(opened_from_web(graph, login.account, key.fingerprint) for _, graph in (before, after))
        for login in LOGINS
    }
    changed = {account for account, (first, second) in told.items() if first != second}
    assert changed == {"plain", "guessed", "open"}
