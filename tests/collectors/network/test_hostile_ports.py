"""Ports that speak first, never, for ever or in markup: recorded inside bounds, and nothing falls over."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from collectors.base import Collector, Transcript, observe
from collectors.network import exposure, pages, ssh_offer, tls
from collectors.network.exposure_scan import scan_exposure
from collectors.network.nmap import ALL_TCP, PAGE_BYTES, Phase, Probe, Reply, run_nmap
from collectors.network.probe_log import ProbeLog
from posture.derived.management import management_of
from posture.inputs.scope import Rates, Scope, Window
from posture.model.host import Host, Trust, Vantage
from posture.model.observation import FactDocument
from tests.collectors import hostile_ports
from tests.collectors.hostile_ports import BANNER, ENDLESS, FLOODS, LOOP, MARKUP, PORTS
from tests.collectors.own_network import need_root, own_network
from tests.collectors.tls_servers import certificate, ec_key, key_files, rsa_key, s_server

pytestmark = pytest.mark.waits

FLOODED, OTHER = Host("flooded", ("127.0.0.9",), "dmz"), Host("other", ("127.0.0.10",), "lan")
"""One host whose ports flood whoever asks, and one of the next batch whose ports only say what they like."""
BROKEN = 7010
PORTS_OF = {FLOODED.id: set(FLOODS), OTHER.id: {*PORTS, BROKEN} - set(FLOODS)}
OUTSIDE = Vantage("outpost", "internet")


def only_those(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
    """Run the real nmap on a few hundred ports in place of all, and give a host that floods less time to do it."""
    fewer = replace(probe, tcp_ports=range(6900, 7100)) if probe.tcp_ports == ALL_TCP else probe
    if probe.phase in (Phase.SSH, Phase.PAGE):
        fewer = replace(fewer, host_timeout_s=25)
    return run_nmap(fewer, targets, timeout_s=timeout_s, stop=stop)


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Transcript]]:
    need_root()
    work = tmp_path_factory.mktemp("hostile")
    now = datetime.now(UTC)
    scope = Scope(
        "AUTH-7", "o", Window(now - timedelta(hours=1), now + timedelta(hours=1)), ("127.0.0.0/8",),
        rates=Rates(packets_per_s=20_000, packets_per_s_per_host=20_000, timing=4), udp_ports=(),
        probes=("tls", "ssh", "page"),
    )  # fmt: skip
    key, authority = ec_key(), rsa_key()
    # Signed by one key in the name of another: no chain leads anywhere, and it ran out a month ago.
    cert = certificate(key, "broken.example", days=-30, signer=(authority, "Nobody's CA"))
    with (
        own_network(),
        ProbeLog(work / "probes.jsonl", "AUTH-7") as log,
        hostile("127.0.0.9", FLOODS),
        hostile("127.0.0.10", set(PORTS) - set(FLOODS)),
        s_server("127.0.0.10", BROKEN, key_files(work, "broken", key, cert), ()),
    ):
        found = scan_exposure(
            [FLOODED, OTHER], scope, OUTSIDE, trust_of_zone={"internet": Trust.UNTRUSTED}, log=log,
            stop=threading.Event(), run=only_those,
        )  # fmt: skip
        transcripts = {one.session.host: one for one in found}
    yield transcripts


@contextlib.contextmanager
def hostile(address: str, ports: Collection[int]) -> Iterator[None]:
    """Run some of the ports at an address."""
    argv = [sys.executable, hostile_ports.__file__, address, *map(str, sorted(ports))]
    server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None and server.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        server.kill()
        server.wait()


def facts(transcript: Transcript, collector: Collector) -> Any:
    found = observe(collector, transcript)
    assert isinstance(found, FactDocument), found
    return msgspec.json.decode(found.content)["facts"]


def test_every_port_is_found_open_and_asked_what_it_speaks(looked: dict[str, Transcript]) -> None:
    for host, transcript in looked.items():
        said = facts(transcript, exposure.COLLECTOR)
        assert {port["port"] for port in said["open_tcp"]["items"]} == PORTS_OF[host]
        assert {port["port"] for port in said["services"]["items"]} == PORTS_OF[host]
        assert said["services"]["complete"], said["gaps"]


def test_a_port_that_never_ends_stays_inside_the_bounds(looked: dict[str, Transcript]) -> None:
    assert sum(len(answer.stdout) for answer in looked["flooded"].answers.values()) < 40 * PAGE_BYTES
    services = {port["port"]: port for port in facts(looked["flooded"], exposure.COLLECTOR)["services"]["items"]}
    assert services[ENDLESS]["service"] is None, "it named no protocol, and none is guessed"


def test_a_server_that_only_floods_is_a_blind_spot_and_no_clean_one(looked: dict[str, Transcript]) -> None:
    services = {port["port"]: port for port in facts(looked["flooded"], exposure.COLLECTOR)["services"]["items"]}
    assert services[BANNER]["service"] == "ssh"
    assert facts(looked["flooded"], ssh_offer.COLLECTOR)["algorithms"] == {"complete": False, "items": []}
    assert not facts(looked["flooded"], pages.COLLECTOR)["pages"]["complete"]


def test_the_host_after_it_is_read_whole(looked: dict[str, Transcript]) -> None:
    for collector, names in ((pages.COLLECTOR, ("pages",)), (tls.COLLECTOR, ("endpoints", "suites", "certificates"))):
        assert all(facts(looked["other"], collector)[name]["complete"] for name in names)


def test_a_loop_of_redirects_ends_and_is_written_down(looked: dict[str, Transcript]) -> None:
    shown = {page["port"]: page for page in facts(looked["other"], pages.COLLECTOR)["pages"]["items"]}
    assert f"127.0.0.10:{LOOP}" in shown[LOOP]["redirect"]


def test_nothing_a_page_says_can_move_a_terminal(looked: dict[str, Transcript]) -> None:
    shown = {page["port"]: page for page in facts(looked["other"], pages.COLLECTOR)["pages"]["items"]}
    assert "FortiGate" in shown[MARKUP]["title"], "the words themselves are kept: escaping is the report's work"
    for page in shown.values():
        for words in (page["title"], page["server"], page["realm"], page["redirect"]):
            assert words.isprintable() or not words
            assert len(words) <= 300


def test_a_certificate_with_a_broken_chain_is_read_as_what_it_is(looked: dict[str, Transcript]) -> None:
    (presented,) = facts(looked["other"], tls.COLLECTOR)["certificates"]["items"]
    cert = presented["certificate"]
    assert (cert["subject"], cert["issuer"], cert["self_issued"]) == ("broken.example", "Nobody's CA", False)
    assert cert["not_after"] < f"{datetime.now(UTC):%Y-%m-%d}"


def test_a_console_that_names_itself_in_markup_is_still_found(looked: dict[str, Transcript]) -> None:
    assert management(OTHER, looked)["items"][0]["product"] == "Fortinet FortiGate"
    flooded = management(FLOODED, looked)
    assert {(one["port"], one["kind"]) for one in flooded["items"]} == {(BANNER, "ssh")}
    assert not flooded["complete"], "some pages were not to be had, and any of them may be a console"


def management(host: Host, looked: dict[str, Transcript]) -> Any:
    """Return what is reachable from outside to manage the host."""
    observed = [observe(one, looked[host.id]) for one in (exposure.COLLECTOR, pages.COLLECTOR, tls.COLLECTOR)]
    found = management_of(host, *observed)
    assert isinstance(found, FactDocument)
    return msgspec.json.decode(found.content)["facts"]["from_outside"]
