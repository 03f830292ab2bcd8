"""The same hosts from several places: what a firewall, a NAT rule and loopback let through, and who looked by whose word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from posture.asked import asked_of
from posture.inputs import inventory as inventories
from posture.model.finding import Status
from posture.model.observation import FactDocument
from posture.store import Store
from posture.vulnerabilities.exposed import public_exposure
from tests.lab.outposts import Outposts, outposts, words

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outposts]:
    """The nodes, scanned once from every authorised vantage."""
    # What nmap keeps up with on a busy machine: where it loses answers, every port is asked twice.
    rates = {"rates": {"packets_per_s": 20_000, "packets_per_s_per_host": 20_000, "timing": 4}}
    with outposts(tmp_path_factory.mktemp("outposts"), scoped=rates) as running:
        done = running.posture(*words("--host", "web", "--host", "app", "--exit-zero"))
        assert done.returncode == 0, done.stdout + done.stderr
        yield running


def first(store: Store) -> str:
    """Return the run that every authorised vantage looked in."""
    return store.runs()[-1].run.id


def document(lab: Outposts, host: str, topic: str = "exposure") -> FactDocument:
    with Store.open(lab.work / "out" / "posture.db", create=False) as store:
        run = first(store)
        (found,) = (one for one in store.read_observations(run, host) if one.topic == topic)
        assert isinstance(found, FactDocument)
        return found


def facts(lab: Outposts, host: str, topic: str = "exposure") -> Mapping[str, Any]:
    return msgspec.json.decode(document(lab, host, topic).content)["facts"]


def opened(lab: Outposts, host: str) -> dict[str, set[int]]:
    """Return the open TCP ports of a host by vantage; a vantage that saw nothing has an empty set."""
    found: dict[str, set[int]] = {view["vantage"]: set() for view in facts(lab, host)["views"]["items"]}
    for port in facts(lab, host)["open_tcp"]["items"]:
        found[port["vantage"]].add(port["port"])
    return found


def test_the_firewalled_the_loopback_and_the_nated_port_come_out_right_from_each_vantage(lab: Outposts) -> None:
    assert opened(lab, "web") == {"scanner": {80, 8080}, "outpost": {80}}
    assert opened(lab, "app") == {"scanner": {22, 8443}, "outpost": set()}


def test_a_dropped_port_is_filtered_and_an_admitted_one_without_listener_closed(lab: Outposts) -> None:
    (view,) = (view for view in facts(lab, "web")["views"]["items"] if view["vantage"] == "outpost")
    states = {port["port"]: port["state"] for port in view["ports"]["items"] if port["proto"] == "tcp"}
    assert states[443] == "closed"
    assert {entry["state"] for entry in view["folded"] if entry["proto"] == "tcp"} == {"filtered"}


def test_a_vantage_without_nmap_sees_nothing_and_says_why(lab: Outposts) -> None:
    gaps = [gap for gap in facts(lab, "web")["gaps"] if gap["vantage"] == "poor"]
    assert [gap["reason"] for gap in gaps] == ["command_missing"]
    assert "no nmap" in gaps[0]["detail"]
    assert not facts(lab, "web")["open_tcp"]["complete"], "a place that could not look leaves the list open"


def test_the_probe_log_says_from_where_and_by_whose_word(lab: Outposts) -> None:
    nmaps = [line for line in lab.probes() if line["what"][0] == "nmap"]
    assert {(line["vantage"], line["authorisation"]) for line in nmaps} == {
        ("scanner", "LAB-0001"),
        ("outpost", "OUT-7"),
    }


def test_who_is_published_or_open_outside_is_exposed(lab: Outposts) -> None:
    read = inventories.read(lab.work / "inventory.yaml")
    said = {
        host.id: public_exposure(host, read, document(lab, host.id)) for host in read.hosts if host.id in ("web", "app")
    }
    assert (said["web"].exposed, said["web"].decided_by) == (True, "measured")
    assert (said["app"].exposed, said["app"].decided_by) == (True, "address")
    assert "10.77.9.1:443" in said["app"].why


def test_a_dry_run_names_every_place_and_sends_nothing(lab: Outposts) -> None:
    before = len(lab.probes())
    done = lab.posture(*words("--dry-run"))
    assert done.returncode == 0
    assert {line.split("\t")[0] for line in done.stdout.splitlines() if "\tnmap " in line} == {
        "scanner",
        "outpost",
        "poor",
    }
    assert "look\tprobe\t10.77.9.20\t22\troot" in done.stdout
    assert len(lab.probes()) == before


def test_a_way_that_no_line_of_the_matrix_names_is_a_finding_and_a_missing_one_a_note(lab: Outposts) -> None:
    with Store.open(lab.work / "out" / "posture.db", create=False) as store:
        said = {
            host.host.id: {result.check: result.verdict.status for result in host.results}
            for host in store.read_hosts(first(store))
        }
    ways = {
        host: {(one["source"], one["port"]): one["declared"] for one in facts(lab, host, "flows")["measured"]["items"]}
        for host in ("web", "app")
    }
    assert ways["web"] == {("mgmt", 80): True, ("mgmt", 8080): True, ("outside", 80): False}
    assert ways["app"] == {("mgmt", 22): True, ("mgmt", 8443): False}
    assert (said["web"]["EXP-15"], said["app"]["EXP-15"]) == (Status.FAIL, Status.FAIL)
    assert facts(lab, "web", "flows")["missing"]["items"] == [], "443 of the dmz is let through, and closed at its end"
    assert facts(lab, "app", "flows")["published"] == ["10.77.9.1:443/tcp -> 8443"]


def test_discovery_finds_who_no_inventory_knows_and_compares_with_the_list(lab: Outposts) -> None:
    lab.network.plug("stray", "users")
    lab.network.configure("stray", "users", 77)
    stray, web = lab.network.zone("users").address4(77), lab.address("web")
    (lab.work / "cmdb.csv").write_text(f"IP Address;Host Name\n{web};www.agency.example\n10.77.2.99;ghost\n")
    networks = ("--cidr", "10.77.2.64/28", "--cidr", f"{web}/32")
    argv = ("discover", "-i", "inventory.yaml", *networks, "--csv", "cmdb.csv", "--fragment", "found.yaml", "--json")
    done = lab.posture(*argv)
    assert done.returncode == 0, done.stderr
    said = msgspec.json.decode(done.stdout)
    assert [(one["address"], one["zone"]) for one in said["unknown"]] == [(stray, "users")]
    assert {(one["kind"], one["address"]) for one in said["differences"]} >= {
        ("conflicting", web), ("only_here", stray), ("only_there", "10.77.2.99"),
    }  # fmt: skip
    assert stray in (lab.work / "found.yaml").read_text()
    assert said["not_swept"] == []


def test_a_scan_from_one_place_closes_nothing_that_only_another_sees_and_says_who_did_not_look(lab: Outposts) -> None:
    done = lab.posture(*words("--host", "web", "--vantage", "scanner", "--exit-zero"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  Did not look: outpost (1 host), poor (1 host). What only it sees is unknown." in done.stdout
    with Store.open(lab.work / "out" / "posture.db", create=False) as store:
        run = store.runs()[0].run.id
        assert run != first(store)
        (way,) = (one for one in store.findings() if (one.check, one.host) == ("EXP-15", "web"))
        said = {one.check: one.verdict.status for host in store.read_hosts(run) for one in host.results}
        (seen,) = (one for one in store.read_observations(run, "web") if one.topic == "exposure")
        asked = asked_of(store, run)
    assert way.open and way.last_seen < way.first_seen + timedelta(seconds=1), "it was not seen again, and is open"
    assert said["EXP-15"] is Status.NOT_CHECKED
    assert isinstance(seen, FactDocument)
    gaps = {(gap["vantage"], gap["detail"]) for gap in msgspec.json.decode(seen.content)["facts"]["gaps"]}
    assert {(name, "the run was told to look from elsewhere only") for name in ("outpost", "poor")} <= gaps
    assert not asked.whole and asked.words() == "did not look from outpost, poor, left out 3 hosts"
