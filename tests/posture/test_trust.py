"""Whose certificates hold for the agency's clients: chains against declared authorities, names against the inventory."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from collectors.base import document
from posture.catalogue.load import load
from posture.certificates import distrusted, read_certificate
from posture.derived.trust import trust_of
from posture.errors import ConfigError
from posture.evaluate.judge import Memo, judge_host
from posture.inputs.inventory import read
from posture.model.finding import Status
from posture.model.host import Host, Inventory
from posture.model.observation import Blind, FactDocument, Origin, Unseen

NOW = datetime(2026, 11, 27, tzinfo=UTC)
NAME = "portal.agency.example"


@dataclass
class Party:
    """A key with its certificate."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate | None = None

    @property
    def pem(self) -> str:
        assert self.certificate is not None
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def signed(
    party: Party,
    by: Party,
    *,
    authority: bool = False,
    names: tuple[str, ...] = (NAME,),
    since: int = 30,
    days: int = 365,
) -> Party:
    """Return the party with a certificate that another one signed."""
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)  # fmt: skip
    usage["key_cert_sign" if authority else "digital_signature"] = True
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, party.name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by.name)]))
        .public_key(party.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=since))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(party.key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
    )
    if not authority:
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        if names:
            listed = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            built = built.add_extension(listed, critical=False)
    party.certificate = built.sign(by.key, hashes.SHA256())
    return party


@pytest.fixture(scope="module")
def root() -> Party:
    party = Party("Agency Root")
    return signed(party, party, authority=True, days=3_000)


@pytest.fixture(scope="module")
def middle(root: Party) -> Party:
    return signed(Party("Agency CA 1"), root, authority=True)


@pytest.fixture(scope="module")
def stranger() -> Party:
    party = Party("Agency Root")
    return signed(party, party, authority=True)


def facts(host: Host, anchors: tuple[str, ...] | None, *pems: str, complete: bool = True) -> dict[str, Any]:
    items = []
    for number, pem in enumerate(pems):
        found = read_certificate(pem)
        assert not isinstance(found, str)
        items.append({"endpoint": f"10.0.0.1:{443 + number}", "port": 443 + number, "outside": False,
                      "certificate": msgspec.to_builtins(found), "pem": pem})  # fmt: skip
    tls = document(host=host.id, topic="tls", facts={"certificates": {"items": items, "complete": complete}}, evidence=(),
                   taken_at=NOW, origin=Origin.LIVE)  # fmt: skip
    found = trust_of(host, Inventory((host,), (), trust_anchors=anchors), tls)
    assert isinstance(found, FactDocument)
    body = msgspec.json.decode(found.content)
    checks = [load(None).checks[id_] for id_ in ("TLS-09", "TLS-10")]
    judged = judge_host(host.id, checks, {"trust": found}, as_of=NOW, memo=Memo())
    return {**body["facts"], "holes": body["holes"], **{one.check: one.verdict.status for one in judged}}


HOST = Host("web1", ("10.0.0.1",), "dmz", name=NAME)


def test_a_certificate_of_the_agencys_authority_holds(root: Party, middle: Party) -> None:
    said = facts(HOST, (root.pem, middle.pem), signed(Party("web"), middle).pem)
    assert [one["refused"] for one in said["chains"]["items"]] == [""]
    assert (said["TLS-09"], said["TLS-10"]) == (Status.PASS, Status.PASS)


def test_an_authority_of_the_same_name_with_another_key_does_not_vouch(root: Party, stranger: Party) -> None:
    said = facts(HOST, (root.pem,), signed(Party("web"), stranger).pem)
    assert said["chains"]["items"][0]["refused"] and said["TLS-09"] is Status.FAIL


def test_openssl_says_the_same_of_every_chain(root: Party, middle: Party, stranger: Party, tmp_path: Path) -> None:
    short = signed(Party("Agency CA 0"), root, authority=True, since=300, days=-10)
    cases = {
        "straight": (signed(Party("a"), root), (root,)),
        "through a middle": (signed(Party("b"), middle), (root, middle)),
        "by a stranger": (signed(Party("d"), stranger), (root, middle)),
        "run out": (signed(Party("e"), root, since=400, days=-1), (root,)),
        "not yet": (signed(Party("f"), root, since=-3), (root,)),
        "through a middle that ran out": (signed(Party("g"), short), (root, short)),
        "by itself": (signed(one := Party("h"), one), (root,)),
        "signed by a server": (signed(Party("i"), signed(Party("j"), root)), (root,)),
    }
    ours, openssl = {}, {}
    for name, (leaf, authorities) in cases.items():
        files = {"leaf": leaf.pem, "roots": root.pem, "rest": "".join(one.pem for one in authorities)}
        for part, text in files.items():
            (tmp_path / part).write_text(text)
        argv = ["openssl", "verify", "-purpose", "sslserver", "-attime", str(int(NOW.timestamp())), "-no-CApath", "-no-CAstore",
                "-CAfile", str(tmp_path / "roots"), "-untrusted", str(tmp_path / "rest"), str(tmp_path / "leaf")]  # fmt: skip
        openssl[name] = subprocess.run(argv, capture_output=True, check=False).returncode == 0
        ours[name] = distrusted(leaf.pem, tuple(one.pem for one in authorities), NOW) == ""
    assert ours == openssl
    assert ours == {name: name in ("straight", "through a middle") for name in cases}


def test_without_a_name_or_with_damage_it_is_refused(root: Party) -> None:
    assert "no subject alternative name" in distrusted(signed(Party("a"), root, names=()).pem, (root.pem,), NOW)
    assert distrusted("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", (root.pem,), NOW).startswith(
        "it is damaged"
    )


def test_where_no_authority_is_named_nothing_passes(root: Party) -> None:
    said = facts(HOST, None, signed(Party("web"), root).pem)
    assert said["TLS-09"] is Status.NOT_CHECKED and "trust_anchors" in said["holes"][0][2]
    assert said["TLS-10"] is Status.PASS, "names are another question"


@pytest.mark.parametrize(
    ("names", "fits"),
    [((NAME,), True), (("*.agency.example",), True), (("agency.example",), False), (("*.example",), False), (("old.agency.example",), False)],
)  # fmt: skip
def test_a_certificate_is_for_the_hosts_name_or_fails(root: Party, names: tuple[str, ...], fits: bool) -> None:
    said = facts(HOST, None, signed(Party("web"), root, names=names).pem)
    assert said["TLS-10"] is (Status.PASS if fits else Status.FAIL)


def test_every_declared_name_counts(root: Party) -> None:
    host = Host("web1", ("10.0.0.1",), "dmz", name=NAME, declared=(("names", ["pay.agency.example"]),))
    said = facts(host, None, signed(Party("web"), root).pem)
    assert said["namings"]["items"][0]["missing"] == "pay.agency.example"


def test_a_host_without_a_dns_name_or_with_an_unread_port_is_a_question(root: Party) -> None:
    nameless = Host("web1", ("10.0.0.1",), "dmz", name="web1")
    assert facts(nameless, None, signed(Party("web"), root).pem)["TLS-10"] is Status.NOT_CHECKED
    said = facts(HOST, (root.pem,), signed(Party("web"), root).pem, complete=False)
    assert (said["TLS-09"], said["TLS-10"]) == (Status.NOT_CHECKED, Status.NOT_CHECKED)


def test_a_host_without_tls_passes_and_one_that_nobody_looked_at_does_not() -> None:
    said = facts(HOST, None)
    assert (said["TLS-09"], said["TLS-10"]) == (Status.PASS, Status.PASS)
    unseen = trust_of(HOST, Inventory((HOST,), ()), Unseen("web1", "tls", Blind.NOT_ATTEMPTED, "nobody"))
    assert isinstance(unseen, Unseen)


INVENTORY = """
schema: posture.inventory/1
zones: [{name: dmz, trust: untrusted, cidrs: [10.0.0.0/24]}]
hosts: [{id: web1, addresses: [10.0.0.1], zone: dmz}]
trust_anchors: pki.pem
"""


def test_the_inventory_names_a_file_of_authorities(root: Party, middle: Party, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "pki.pem").write_text(f"a comment\n{root.pem}{middle.pem}{root.pem}".replace("\n", "\r\n"))
    anchors = read(tmp_path / "inventory.yaml").trust_anchors
    assert anchors is not None and [one.strip() for one in anchors] == [root.pem.strip(), middle.pem.strip()]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "0 certificates"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "certificate 1: it is damaged"),
        (b"\xff" * 8_000_001, "bytes"),
    ],
)
def test_a_bad_file_of_authorities_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "pki.pem").write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        read(tmp_path / "inventory.yaml")


def test_a_servers_own_certificate_is_no_authority(root: Party, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "pki.pem").write_text(signed(Party("web"), root).pem)
    with pytest.raises(ConfigError, match="may not sign others"):
        read(tmp_path / "inventory.yaml")
