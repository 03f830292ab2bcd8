"""Real servers, weak and strong, greeted by the real nmap: what they offer is what we read, and what checks judge."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from collectors.base import Collector, Transcript, observe
from collectors.network import exposure, pages, ssh_offer, tls
from collectors.network.exposure_scan import scan_exposure
from collectors.network.nmap import ALL_TCP, Probe, Reply, run_nmap
from collectors.network.probe_log import ProbeLog
from posture.catalogue.load import load
from posture.certificates import read_certificate
from posture.derived.management import management_of
from posture.evaluate.fleet import fleet_documents
from posture.evaluate.judge import FLEET, Memo, judge_host
from posture.inputs.scope import PROBE_CLASSES, Rates, Scope, Window
from posture.model.finding import Status
from posture.model.host import Host, Trust, Vantage
from posture.model.observation import Blind, FactDocument, Hole, Observation, Unseen
from tests.collectors.own_network import need_root, own_network
from tests.collectors.tls_servers import STRONG, WEAK, certificate, ec_key, key_files, s_server, ssh_server, weak_files

OUTSIDE = Vantage("outpost", "internet")
OLD, TWIN = Host("old", ("127.0.0.2",), "dmz"), Host("twin", ("127.0.0.4",), "dmz")
NEW = Host("new", ("127.0.0.3", "::1"), "dmz")
"""Asked in both families; on ::1 nothing listens."""
HOSTS = (OLD, NEW, TWIN)
NOW = datetime.now(UTC)
OLD_SSH = (
    "KexAlgorithms diffie-hellman-group14-sha1,curve25519-sha256", "Ciphers aes128-cbc,aes256-ctr",
    "MACs hmac-md5,hmac-sha2-256", "HostKeyAlgorithms ssh-rsa,rsa-sha2-256",
)  # fmt: skip


def scope(*probes: str) -> Scope:
    return Scope(
        "AUTH-7", "o", Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1)), ("127.0.0.0/8", "::1/128"),
        rates=Rates(packets_per_s=20_000, packets_per_s_per_host=20_000, timing=4), udp_ports=(), probes=probes,
    )  # fmt: skip


def few_ports(probe: Probe, targets: Sequence[str], *, timeout_s: float, stop: threading.Event) -> Reply:
    """Run the real nmap on some ports in place of all of them."""
    fewer = replace(probe, tcp_ports=(2222, 4443, 8443, *range(9000, 9100))) if probe.tcp_ports == ALL_TCP else probe
    return run_nmap(fewer, targets, timeout_s=timeout_s, stop=stop)


class Looked:
    """What the two scans brought: one with every class of probe, one with none."""

    def __init__(self, transcripts: dict[str, Transcript], bare: Transcript, lines: list[dict[str, Any]]) -> None:
        self.transcripts, self.bare, self.lines = transcripts, bare, lines

    def document(self, host: Host, collector: Collector) -> Observation:
        return observe(collector, self.transcripts[host.id])

    def facts(self, host: Host, collector: Collector) -> Any:
        found = self.document(host, collector)
        assert isinstance(found, FactDocument), found
        return msgspec.json.decode(found.content)["facts"]

    def statuses(self, host: Host, *ids: str) -> dict[str, Status]:
        found = {
            one.topic: self.document(host, one)
            for one in (exposure.COLLECTOR, pages.COLLECTOR, ssh_offer.COLLECTOR, tls.COLLECTOR)
        }
        found["management"] = management_of(host, found["exposure"], found["pages"], found["tls"])
        checks = [load(None).checks[id_] for id_ in ids]
        return {
            result.check: result.verdict.status for result in judge_host(host.id, checks, found, as_of=NOW, memo=Memo())
        }


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    need_root()
    work = tmp_path_factory.mktemp("greeted")
    weak, key = weak_files(work, "weak.example"), ec_key()
    strong = key_files(work, "strong", key, certificate(key, "strong.example", signer=(key, "Agency CA")))
    with (
        own_network(),
        s_server("127.0.0.2", 8443, weak, WEAK),
        s_server("127.0.0.4", 8443, weak, WEAK),
        s_server("127.0.0.3", 4443, strong, STRONG),
        ssh_server(work / "old", "127.0.0.2", 2222, *OLD_SSH) as shared,
        ssh_server(work / "twin", "127.0.0.4", 2222, *OLD_SSH, host_key=shared),
        ssh_server(work / "new", "127.0.0.3", 2222),
        ProbeLog(work / "probes.jsonl", "AUTH-7") as log,
    ):
        options: dict[str, Any] = {"trust_of_zone": {"internet": Trust.UNTRUSTED}, "log": log, "run": few_ports}
        every = scan_exposure(HOSTS, scope(*PROBE_CLASSES), OUTSIDE, stop=threading.Event(), **options)
        transcripts = {one.session.host: one for one in every}
        (bare,) = scan_exposure([NEW], scope(), OUTSIDE, stop=threading.Event(), **options)
    lines = [msgspec.json.decode(line) for line in (work / "probes.jsonl").read_bytes().splitlines()]
    yield Looked(transcripts, bare, lines)


def test_versions_and_suites_of_a_weak_server_are_read(looked: Looked) -> None:
    said = looked.facts(OLD, tls.COLLECTOR)
    (end,) = said["endpoints"]["items"]
    assert (end["endpoint"], end["versions"]) == ("127.0.0.2:8443", ["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"])
    names = {suite["name"] for suite in said["suites"]["items"]}
    assert {
        "TLS_DH_anon_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_NULL_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    } <= names
    assert {suite["exchange_bits"] for suite in said["suites"]["items"] if suite["exchange"] == "dh"} == {1024}


def test_a_certificate_says_its_key_its_hash_and_its_end(looked: Looked) -> None:
    (old,), (new,) = (looked.facts(host, tls.COLLECTOR)["certificates"]["items"] for host in (OLD, NEW))
    assert {key: old["certificate"][key] for key in ("key_type", "key_bits", "signature_hash", "self_issued", "organisation")} == {
        "key_type": "rsa", "key_bits": 1024, "signature_hash": "sha1", "self_issued": True, "organisation": "Dell Inc.",
    }  # fmt: skip
    assert (new["certificate"]["key_type"], new["certificate"]["key_bits"], new["certificate"]["issuer"]) == (
        "ec",
        384,
        "Agency CA",
    )


def test_the_weak_server_fails_and_the_strong_one_passes(looked: Looked) -> None:
    ids = ("TLS-01", "TLS-03", "TLS-04", "TLS-05", "SSH-22")
    assert set(looked.statuses(OLD, *ids).values()) == {Status.FAIL}
    assert looked.statuses(NEW, *ids) == dict.fromkeys(ids, Status.PASS)


def test_tls_13_that_nmap_cannot_see_is_a_question_and_no_failure(looked: Looked) -> None:
    assert looked.statuses(OLD, "TLS-02") == {"TLS-02": Status.PASS}
    assert looked.statuses(NEW, "TLS-02") == {"TLS-02": Status.NOT_CHECKED}, "behind P-384 nmap 7.93 sees no TLS 1.3"


def test_what_an_ssh_server_offers_is_read_whole(looked: Looked) -> None:
    said = looked.facts(OLD, ssh_offer.COLLECTOR)
    offered = {(one["kind"], one["name"]) for one in said["algorithms"]["items"]}
    assert {("kex", "diffie-hellman-group14-sha1"), ("cipher", "aes128-cbc"), ("mac", "hmac-md5")} <= offered
    assert said["algorithms"]["complete"] and said["host_keys"]["complete"]
    assert {key["type"] for key in said["host_keys"]["items"]} == {"ssh-rsa"}


def test_one_key_on_two_hosts_is_a_matter_of_the_fleet(looked: Looked) -> None:
    sources = {
        one.topic: {host.id: looked.document(host, one) for host in HOSTS}
        for one in (tls.COLLECTOR, ssh_offer.COLLECTOR)
    }
    documents = fleet_documents(sources, as_of=NOW)
    checks = [load(None).checks[id_] for id_ in ("TLS-06", "SSH-23", "SSH-20")]
    found = {result.check: result for result in judge_host(FLEET, checks, documents, as_of=NOW, memo=Memo())}
    assert found["TLS-06"].verdict.status is Status.FAIL
    assert found["SSH-23"].verdict.status is Status.FAIL
    assert found["SSH-20"].verdict.status is Status.NOT_CHECKED, "nobody read the keys that lie on the hosts"


def test_ssh_on_another_port_is_a_management_interface_and_a_plain_web_server_is_none(looked: Looked) -> None:
    observed = [looked.document(NEW, one) for one in (exposure.COLLECTOR, pages.COLLECTOR, tls.COLLECTOR)]
    found = management_of(NEW, *observed)
    assert isinstance(found, FactDocument)
    outside = msgspec.json.decode(found.content)["facts"]["from_outside"]["items"]
    assert [(one["endpoint"], one["kind"], one["basis"]) for one in outside] == [
        ("127.0.0.3:2222/tcp", "ssh", "protocol")
    ]
    assert looked.statuses(NEW, "EXP-03") == {"EXP-03": Status.FAIL}


def test_a_host_key_that_nmap_cannot_read_is_not_called_absent(looked: Looked) -> None:
    said = looked.facts(NEW, ssh_offer.COLLECTOR)
    assert said["algorithms"]["complete"]
    assert said["host_keys"] == {"complete": False, "items": []}, "nmap 7.93 has no curve25519"


def test_without_the_scopes_word_nothing_is_greeted_and_that_is_no_pass(looked: Looked) -> None:
    for collector in (tls.COLLECTOR, ssh_offer.COLLECTOR, pages.COLLECTOR):
        found = observe(collector, looked.bare)
        assert isinstance(found, FactDocument)
        facts = msgspec.json.decode(found.content)
        assert not any(facts["facts"][name]["complete"] for name in facts["facts"] if name != "unread")
        assert facts["holes"]
    asked = [line for line in looked.lines if "--script" in line["what"]]
    assert {line["authorisation"] for line in asked} == {"AUTH-7"}
    scripts = {line["what"][line["what"].index("--script") + 1] for line in asked}
    assert scripts == {"+ssl-cert,+ssl-enum-ciphers", "+ssh2-enum-algos,+ssh-hostkey", "+http-title,+http-headers"}


@pytest.mark.parametrize(
    "pem",
    ["", "no certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----" + "A" * 200_000],
    ids=("empty", "text", "cut", "huge"),
)  # fmt: skip
def test_a_certificate_that_is_none_says_why(pem: str) -> None:
    assert isinstance(read_certificate(pem), str)


def test_what_nobody_looked_at_is_unseen() -> None:
    assert isinstance(tls.parse({}), Hole)
    exposed, shown, greeted = (Unseen("old", topic, Blind.UNREACHABLE) for topic in ("exposure", "pages", "tls"))
    assert management_of(OLD, exposed, shown, greeted) == Unseen("old", "management", Blind.UNREACHABLE)
