"""testssl.sh and ssh-audit, run as processes, on the servers that we greet ourselves: weak and strong, and they say the same."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.base import Collector, Transcript, observe
from collectors.network import ssh_offer, tls
from collectors.network.exposure_scan import scan_exposure
from collectors.network.nmap import ALL_TCP, run_nmap
from collectors.network.probe_log import ProbeLog
from posture.inputs.scope import Rates, Scope, Window
from posture.model.host import Host, Trust, Vantage
from posture.model.observation import FactDocument

sys.path.insert(0, str(Path(__file__).parents[1] / "collectors"))
from own_network import need_root, own_network
from tls_servers import STRONG, WEAK, certificate, ec_key, key_files, rsa_key, s_server, ssh_server, weak_files

WEAK_AT, STRONG_AT, EC_AT = ("127.0.0.2", 8443), ("127.0.0.3", 8443), ("127.0.0.4", 8443)
OLD_SSH_AT, NEW_SSH_AT = ("127.0.0.2", 2222), ("127.0.0.3", 2222)
OLD_SSH = (
    "KexAlgorithms diffie-hellman-group14-sha1,curve25519-sha256", "Ciphers aes128-cbc,3des-cbc,aes256-ctr",
    "MACs hmac-md5,hmac-sha2-256", "HostKeyAlgorithms ssh-rsa,rsa-sha2-256",
)  # fmt: skip
VERSIONS = {
    "SSLv3": "SSLv3", "TLS1": "TLSv1.0", "TLS1_1": "TLSv1.1", "TLS1_2": "TLSv1.2", "TLS1_3": "TLSv1.3",
}  # fmt: skip
"""testssl.sh's names to ours. SSLv2 is nobody's any more: OpenSSL 3 cannot even be built to offer it."""


@dataclass(frozen=True)
class Both:
    """Ours by host address, theirs by place."""

    transcripts: Mapping[str, Transcript]
    testssl: Mapping[tuple[str, int], dict[str, str]]
    ssh_audit: Mapping[tuple[str, int], dict[str, Any]]

    def ours(self, place: tuple[str, int], collector: Collector) -> Any:
        found = observe(collector, self.transcripts[place[0]])
        assert isinstance(found, FactDocument)
        return msgspec.json.decode(found.content)["facts"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    need_root()
    work = tmp_path_factory.mktemp("agree")
    weak, rsa, ec = weak_files(work, "weak.example"), rsa_key(3072), ec_key()
    strong = key_files(work, "strong", rsa, certificate(rsa, "strong.example", signer=(rsa, "Agency CA")))
    curve = key_files(work, "curve", ec, certificate(ec, "curve.example", signer=(ec, "Agency CA")))
    with (
        own_network(),
        s_server(*WEAK_AT, weak, WEAK),
        s_server(*STRONG_AT, strong, STRONG),
        s_server(*EC_AT, curve, STRONG),
        ssh_server(work / "old", *OLD_SSH_AT, *OLD_SSH),
        ssh_server(work / "new", *NEW_SSH_AT),
    ):
        ours = _ours(work)
        theirs = {place: _testssl(place, work) for place in (WEAK_AT, STRONG_AT, EC_AT)}
        audits = {place: _ssh_audit(place) for place in (OLD_SSH_AT, NEW_SSH_AT)}
    yield Both(ours, theirs, audits)


def _ours(work: Path) -> dict[str, Transcript]:
    now = datetime.now(UTC)
    scope = Scope(
        "AGREE", "o", Window(now - timedelta(hours=1), now + timedelta(hours=4)), ("127.0.0.0/8",),
        rates=Rates(packets_per_s=20_000, packets_per_s_per_host=20_000, timing=4), udp_ports=(),
    )  # fmt: skip

    def few_ports(probe: Any, targets: Any, *, timeout_s: float, stop: threading.Event) -> Any:
        fewer = replace(probe, tcp_ports=(2222, 8443)) if probe.tcp_ports == ALL_TCP else probe
        return run_nmap(fewer, targets, timeout_s=timeout_s, stop=stop)

    hosts = [Host(f"h{number}", (f"127.0.0.{number}",), "dmz") for number in (2, 3, 4)]
    with ProbeLog(work / "probes.jsonl", "AGREE") as log:
        found = scan_exposure(
            hosts, scope, Vantage("outpost", "internet"), trust_of_zone={"internet": Trust.UNTRUSTED}, log=log,
            stop=threading.Event(), run=few_ports,
        )  # fmt: skip
        return {f"127.0.0.{one.session.host[1:]}": one for one in found}


def _testssl(place: tuple[str, int], work: Path) -> dict[str, str]:
    out = work / f"testssl-{place[0]}.json"
    argv = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--jsonfile", str(out), "-p", "-s", "-S"]
    subprocess.run(
        [*argv, f"{place[0]}:{place[1]}"], capture_output=True, check=False, timeout=900, stdin=subprocess.DEVNULL
    )
    return {row["id"]: row["finding"] for row in json.loads(out.read_text())}


def _ssh_audit(place: tuple[str, int]) -> dict[str, Any]:
    # Its exit code says what it thinks of the server; we only read what it was told.
    done = subprocess.run(
        ["ssh-audit", "-j", "-p", str(place[1]), place[0]], capture_output=True, check=False, timeout=120
    )
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("place", [WEAK_AT, STRONG_AT], ids=("weak", "strong"))
def test_both_see_the_same_versions(both: Both, place: tuple[str, int]) -> None:
    theirs = {ours for name, ours in VERSIONS.items() if both.testssl[place][name].startswith("offered")}
    (mine,) = both.ours(place, tls.COLLECTOR)["endpoints"]["items"]
    assert set(mine["versions"]) == theirs


def test_where_nmap_is_blind_they_see_tls_13_and_we_say_that_we_cannot_tell(both: Both) -> None:
    assert both.testssl[EC_AT]["TLS1_3"].startswith("offered")
    mine = both.ours(EC_AT, tls.COLLECTOR)
    assert mine["without_tls13"] == {"complete": False, "items": []}


@pytest.mark.parametrize("place", [WEAK_AT, STRONG_AT, EC_AT], ids=("weak", "strong", "curve"))
def test_both_call_the_same_suites_broken(both: Both, place: tuple[str, int]) -> None:
    names = {suite["name"] for suite in both.ours(place, tls.COLLECTOR)["suites"]["items"]}
    for theirs, mark in (
        ("cipherlist_NULL", "_NULL_"),
        ("cipherlist_aNULL", "_anon_"),
        ("cipherlist_EXPORT", "EXPORT"),
    ):
        offered = both.testssl[place][theirs] == "offered"
        assert offered == any(mark in name for name in names), (theirs, sorted(names))


@pytest.mark.parametrize("place", [WEAK_AT, STRONG_AT, EC_AT], ids=("weak", "strong", "curve"))
def test_both_read_the_same_certificate(both: Both, place: tuple[str, int]) -> None:
    (mine,) = both.ours(place, tls.COLLECTOR)["certificates"]["items"]
    cert, theirs = mine["certificate"], both.testssl[place]
    assert cert["fingerprint"].upper() == theirs["cert_fingerprintSHA256"]
    assert cert["not_after"][:16].replace("T", " ") == theirs["cert_notAfter"]
    assert str(cert["key_bits"]) in theirs["cert_keySize"]
    assert cert["signature_hash"].upper() in theirs["cert_signatureAlgorithm"].upper().replace("-", "")


@pytest.mark.parametrize("place", [OLD_SSH_AT, NEW_SSH_AT], ids=("old", "new"))
def test_both_are_offered_the_same_algorithms(both: Both, place: tuple[str, int]) -> None:
    said = both.ours(place, ssh_offer.COLLECTOR)["algorithms"]["items"]
    mine = {kind: {one["name"] for one in said if one["kind"] == kind} for kind in ("kex", "cipher", "mac", "host_key")}
    audit = both.ssh_audit[place]
    for kind, theirs in (("kex", "kex"), ("cipher", "enc"), ("mac", "mac"), ("host_key", "key")):
        names = {one["algorithm"] if isinstance(one, dict) else one for one in audit[theirs]}
        assert mine[kind] == names, kind


def test_both_read_the_same_host_key(both: Both) -> None:
    (key,) = both.ours(OLD_SSH_AT, ssh_offer.COLLECTOR)["host_keys"]["items"]
    theirs = both.ssh_audit[OLD_SSH_AT]["fingerprints"]
    assert key["fingerprint"].removeprefix("SHA256:") in json.dumps(theirs)
