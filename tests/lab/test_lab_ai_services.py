"""AI services planted on lab hosts, asked by the whole command line: who is told from which vantage, and what was sent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from collectors.ai.fingerprints import ALLOWED
from collectors.ai.never import is_never
from posture.attack import graph_of
from posture.model.finding import Status
from posture.model.observation import FactDocument
from posture.model.path import AttackGraph
from posture.store import Store
from tests.ai.real import DECOYS, LIGHT, running
from tests.lab.network import enter, inside, start
from tests.lab.outposts import Outposts, outposts, words

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]

# In `web` (the dmz) the router lets tcp/80 in from outside; port 8443 of `app` is published by NAT; loopback is nobody's.
PLANTED = {
    "web": ("0.0.0.0:80=open/gradio", "0.0.0.0:8080=decoy/nginx", "0.0.0.0:9999=open/ollama", "127.0.0.1:6333=open/qdrant"),
    "app": ("0.0.0.0:8443=closed/qdrant", "0.0.0.0:8000=closed/vllm", "0.0.0.0:3000=decoy/a page for every path"),
}  # fmt: skip
MENDED = ("0.0.0.0:80=closed/gradio", *PLANTED["web"][1:])
REAL_JUPYTER, REAL_NGINX, REAL_REDIS = 8888, 8081, 6379
REDIS = DECOYS[0]
UNGUARDED = replace(REDIS, argv=lambda *more: (*REDIS.argv(*more), "--protected-mode", "no"))
"""Redis that answers whoever asks, and holds what no HTTP can reach."""


FAST_REFUSAL = """add rule inet zones forward iifname "br-outside" oifname "br-dmz" reject with tcp reset\n"""
"""In silence, as towards `app`, a look from outside at every port of `web` would take three times as long."""


@dataclass(frozen=True)
class Lab:
    """The nodes after one scan, and what the planted servers were asked."""

    nodes: Outposts
    asked: list[str]
    documents: Mapping[tuple[str, str], FactDocument]
    statuses: Mapping[str, Mapping[str, Status]]
    graph: AttackGraph

    def facts(self, host: str, topic: str = "ai_service") -> Mapping[str, Any]:
        return msgspec.json.decode(self.documents[host, topic].content)["facts"]

    def told(self, host: str) -> set[tuple[str, int, str, str]]:
        found = self.facts(host)["services"]["items"]
        return {(one["vantage"], one["port"], one["service"], one["access"]) for one in found}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    work = tmp_path_factory.mktemp("ai")
    # What is told apart is the point here, not the speed: at this rate a busy machine loses no packets.
    rates = {"packets_per_s": 10_000, "packets_per_s_per_host": 10_000, "timing": 4}
    scoped = {"ai_services": {"requests_per_port": 32}, "rates": rates, "udp_ports": [53]}
    with outposts(work, {"app": ("0.0.0.0:22",)}, scoped) as nodes:
        _register(nodes)
        inside(nodes.network.router, ["nft", "-f", "-"], text=FAST_REFUSAL)
        servers = {node: _serve(nodes, node, places) for node, places in PLANTED.items()}
        web, app = (enter(nodes.network.namespace(node), []) for node in PLANTED)
        address = nodes.address("app")
        with (
            running(LIGHT[0], work / "jupyter", address, REAL_JUPYTER, within=app),
            running(UNGUARDED, work / "redis", nodes.address("web"), REAL_REDIS, within=web),
            running(DECOYS[1], work / "nginx", address, REAL_NGINX, within=app),
        ):
            done = nodes.posture(*words("--host", "web", "--host", "app", "--exit-zero"))
            assert done.returncode == 0, done.stdout + done.stderr
        asked = [line for node, server in servers.items() for line in _asked(nodes, node, server)]
        yield _read(nodes, asked)


@pytest.fixture(scope="module")
def mended(lab: Lab) -> Lab:
    """What a later scan from one place says of `web`: a login stands before Gradio, and Redis is bound to loopback."""
    server = _serve(lab.nodes, "web", MENDED)
    web = enter(lab.nodes.network.namespace("web"), [])
    with running(UNGUARDED, lab.nodes.work / "redis-mended", port=REAL_REDIS, within=web):
        done = lab.nodes.posture(*words("--host", "web", "--vantage", "scanner", "--exit-zero"))
        assert done.returncode == 0, done.stdout + done.stderr
    return _read(lab.nodes, _asked(lab.nodes, "web", server))


def _register(nodes: Outposts) -> None:
    path = nodes.work / "inventory.yaml"
    inventory = yaml.safe_load(path.read_text())
    places = [one for one in inventory["vantages"] if one["name"] != "poor"]  # one that cannot look leaves all open
    hosts = [{**one, "mission": "vital"} if one["id"] == "web" else one for one in inventory["hosts"]]
    told = {**inventory, "hosts": hosts, "vantages": places, "ai_register": "models.yaml"}
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    entry = {"service": "jupyter", "host": "app", "port": REAL_JUPYTER, "owner": "lab"}
    (nodes.work / "models.yaml").write_text(yaml.safe_dump({"schema": "posture.ai-register/1", "services": [entry]}))


def _serve(nodes: Outposts, node: str, places: Sequence[str]) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "tests.lab.ai_places", str(nodes.work / f"{node}.asked"), *places]
    return start(nodes.network.namespace(node), argv, stdin=subprocess.PIPE, cwd=ROOT)


def _asked(nodes: Outposts, node: str, server: subprocess.Popen[str]) -> list[str]:
    assert server.stdin is not None
    server.stdin.close()
    server.wait(60)
    return [line.split("\t")[1] for line in (nodes.work / f"{node}.asked").read_text().splitlines() if "\t" in line]


def _read(nodes: Outposts, asked: list[str]) -> Lab:
    with Store.open(nodes.work / "out" / "posture.db", create=False) as store:
        run = store.runs()[0].run.id
        documents = {
            (host, one.topic): one
            for host in ("web", "app")
            for one in store.read_observations(run, host)
            if isinstance(one, FactDocument)
        }
        statuses = {
            host.host.id: {result.check: result.verdict.status for result in host.results}
            for host in store.read_hosts(run)
        }
        graph = graph_of(store, run)
    assert graph is not None
    return Lab(nodes, asked, documents, statuses, graph)


def test_every_planted_service_is_told_from_the_right_vantage_and_no_decoy_is(lab: Lab) -> None:
    assert lab.told("web") == {
        ("scanner", 80, "gradio", "open"),
        ("outpost", 80, "gradio", "open"),
        ("scanner", 9999, "ollama", "open"),
    }
    assert lab.told("app") == {
        ("scanner", 8443, "qdrant", "guarded"),
        ("scanner", 8000, "vllm", "partial"),
        ("scanner", REAL_JUPYTER, "jupyter", "open"),
    }


def test_decoys_are_unidentified_and_what_speaks_no_http_is_not_even_that(lab: Lab) -> None:
    assert {(one["vantage"], one["port"]) for one in lab.facts("web")["unidentified"]["items"]} == {("scanner", 8080)}
    assert {one["port"] for one in lab.facts("app")["unidentified"]["items"]} == {3000, REAL_NGINX}
    assert not any(one["could_be"] for one in lab.facts("app")["unidentified"]["items"])


def test_only_what_outside_can_reach_is_outside(lab: Lab) -> None:
    outside = {(one["service"], one["asked_from"]) for one in lab.facts("web")["outside"]["items"]}
    assert outside == {("gradio", "scanner")}
    assert lab.facts("app")["outside"]["items"] == []


def test_no_path_outside_the_table_was_ever_asked_of_a_planted_server(lab: Lab) -> None:
    # nmap asks as well (-sV), in words of its own; ours are told by their name.
    assert len(lab.asked) > 30
    paths = {line.split(" ")[1] for line in lab.asked}
    assert {line.split(" ")[0] for line in lab.asked} == {"GET"}
    assert paths <= ALLOWED
    assert not [path for path in paths if is_never(path)]
    urls = [line["what"][1] for line in lab.nodes.probes() if line["what"][0] == "GET"]
    assert {"/" + url.partition("://")[2].partition("/")[2] for url in urls} <= ALLOWED


def test_every_request_is_in_the_probe_log_by_the_owners_word(lab: Lab) -> None:
    asked = [line for line in lab.nodes.probes() if line["what"][0] == "GET"]
    assert {(line["vantage"], line["authorisation"]) for line in asked} == {("scanner", "LAB-0001")}
    assert len(asked) == lab.facts("web")["requests"] + lab.facts("app")["requests"]


def test_checks_judge_what_was_found_and_the_register_what_may_be_there(lab: Lab) -> None:
    web, app = lab.statuses["web"], lab.statuses["app"]
    assert {check: web[check] for check in ("AIS-01", "AIS-12", "AIS-25", "AIS-24")} == dict.fromkeys(("AIS-01", "AIS-12", "AIS-25", "AIS-24"), Status.FAIL)  # fmt: skip
    assert (app["AIS-07"], app["AIS-03"]) == (Status.FAIL, Status.FAIL)
    # Of `app` the outpost hears nothing: switched off or filtered, so what it could reach is not known to be nothing.
    assert (web["AIS-13"], app["AIS-13"]) == (Status.NOT_APPLICABLE, Status.NOT_CHECKED)
    registered = {one["service"]: one["registered"] for one in lab.facts("app", "ai")["found"]["items"]}
    assert registered == {"jupyter": True, "qdrant": False, "vllm": False}


OPEN = ("open-execution", "open-data")


def begun_at(graph: AttackGraph) -> set[tuple[str, str]]:
    """Return where what runs code or hands out data is a step of an attack."""
    return {(one.rule, premise) for one in graph.edges if one.rule in OPEN for premise in one.premises}


def test_what_runs_code_or_hands_out_data_is_a_step_of_an_attack_and_nothing_beside_it_is(lab: Lab) -> None:
    assert begun_at(lab.graph) == {
        ("open-execution", f"endpoint:app/tcp/{REAL_JUPYTER}"),
        ("open-execution", "endpoint:web/tcp/80"),
        ("open-data", f"endpoint:web/tcp/{REAL_REDIS}"),
    }


def test_a_dry_run_lists_the_questions_and_sends_none(lab: Lab) -> None:
    before = len(lab.nodes.probes())
    done = lab.nodes.posture(*words("--dry-run"))
    assert "\tGET / " in done.stdout
    assert len(lab.nodes.probes()) == before


def test_evaluated_again_it_comes_to_the_same(lab: Lab) -> None:
    done = lab.nodes.posture("evaluate", "--json")
    assert "the run itself came to" not in done.stderr, done.stderr


def test_the_next_scan_proves_that_a_login_and_loopback_end_these_steps(lab: Lab, mended: Lab) -> None:
    assert mended.told("web") == {("scanner", 80, "gradio", "guarded"), ("scanner", 9999, "ollama", "open")}
    assert {one["port"] for one in mended.facts("web", "exposure")["open_tcp"]["items"]} == {80, 8080, 9999}
    assert begun_at(lab.graph) and begun_at(mended.graph) == set()
