"""A management interface is known by what it says; its port alone only where it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from collectors.base import document
from posture.derived.consoles import console
from posture.derived.management import management_of
from posture.model.host import Host
from posture.model.observation import Blind, FactDocument, Hole, Origin, Unseen

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HOST = Host("h", ("10.0.0.1",), "dmz")
NO_PAGES = Unseen("h", "pages", Blind.NOT_ATTEMPTED)
NO_TLS = Unseen("h", "tls", Blind.NOT_ATTEMPTED)


def made(topic: str, facts: dict[str, Any], *holes: Hole) -> FactDocument:
    return document(
        host="h", topic=topic, facts=facts, evidence=(), taken_at=NOW, origin=Origin.LIVE, holes=tuple(holes)
    )


def exposed(
    *ports: tuple[int, str | None, str], trust: str = "untrusted", whole: bool = True, proto: str = "tcp"
) -> FactDocument:
    """Return an exposure document; each port is number, protocol that answered, product."""
    opened = [
        {"vantage": "v", "zone": "z", "trust": trust, "address": "10.0.0.1", "proto": proto, "port": port}
        for port, _, _ in ports
    ]
    services = [
        {
            "vantage": "v",
            "address": "10.0.0.1",
            "proto": proto,
            "port": port,
            "service": name,
            "product": product,
            "cpes": [],
        }
        for port, name, product in ports
    ]
    outside = opened if trust in ("untrusted", "partner", "undeclared") else []
    return made(
        "exposure",
        {
            "open": {"items": opened, "complete": whole},
            "open_tcp_from_outside": {"items": outside, "complete": whole and trust == "untrusted"},
            "services": {"items": services, "complete": whole},
        },
    )


def paged(port: int, title: str = "", realm: str = "", server: str = "") -> FactDocument:
    page = {"address": "10.0.0.1", "port": port, "title": title, "realm": realm, "server": server}
    return made("pages", {"pages": {"items": [page], "complete": True}})


def facts(exposure: FactDocument, pages: Any = NO_PAGES, tls: Any = NO_TLS, host: Host = HOST) -> Any:
    found = management_of(host, exposure, pages, tls)
    assert isinstance(found, FactDocument)
    return msgspec.json.decode(found.content)["facts"]


def kinds(said: Any) -> dict[int, tuple[str, str]]:
    return {one["port"]: (one["kind"], one["basis"]) for one in said["interfaces"]["items"]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("ssh", "ssh"), ("telnet", "telnet"), ("ms-wbt-server", "remote-desktop"), ("vnc", "remote-desktop"),
     ("postgresql", "database"), ("docker", "orchestration"), ("login", "cleartext-login")],
)  # fmt: skip
def test_a_protocol_is_known_wherever_it_listens(name: str, kind: str) -> None:
    assert kinds(facts(exposed((40_001, name, "x")))) == {40_001: (kind, "protocol")}


def test_a_web_server_on_the_port_of_ssh_is_no_ssh() -> None:
    said = facts(exposed((22, "http", "nginx")), paged(22, "Welcome"))
    assert said["interfaces"] == {"items": [], "complete": True}


@pytest.mark.parametrize("silent", [None, "tcpwrapped"])
def test_what_says_nothing_on_the_port_of_ssh_counts_as_ssh(silent: str | None) -> None:
    assert kinds(facts(exposed((22, silent, "")))) == {22: ("ssh", "port")}


def test_a_port_that_says_nothing_anywhere_else_is_none() -> None:
    assert kinds(facts(exposed((40_001, None, "")))) == {}


def test_a_page_that_nobody_saw_leaves_the_list_open() -> None:
    said = facts(exposed((443, "http", "nginx")))
    assert said["from_outside"] == {"items": [], "complete": False}
    found = management_of(HOST, exposed((443, "http", "nginx")), NO_PAGES, NO_TLS)
    assert isinstance(found, FactDocument)
    holes = {path: detail for path, _, detail in msgspec.json.decode(found.content)["holes"]}
    assert "`page` under `probes`" in holes["from_outside"]


def test_from_inside_it_is_an_interface_and_not_exposed() -> None:
    said = facts(exposed((22, "ssh", "OpenSSH"), trust="internal"))
    assert kinds(said) == {22: ("ssh", "protocol")}
    assert said["from_outside"]["items"] == []
    assert not said["from_outside"]["complete"], "nobody looked from an untrusted zone"


def test_a_partner_zone_is_outside() -> None:
    assert len(facts(exposed((22, "ssh", ""), trust="partner"))["from_outside"]["items"]) == 1


def test_winrm_is_its_server_on_its_port_and_the_same_server_elsewhere_is_a_site() -> None:
    said = facts(
        exposed((5985, "http", "Microsoft HTTPAPI httpd"), (80, "http", "Microsoft HTTPAPI httpd")), paged(80, "Shop")
    )
    assert kinds(said) == {5985: ("winrm", "protocol")}


@pytest.mark.parametrize(
    ("said", "vendor", "kind"),
    [
        ("iDRAC9 - Login", "Dell", "controller"),
        ("iLO 5", "HPE", "controller"),
        ("FortiGate", "Fortinet", "web-console"),
        ("level_15 or view_access", "Cisco", "web-console"),
        ("GlobalProtect Portal", "Palo Alto Networks", "web-console"),
        ("RouterOS router configuration page", "MikroTik", "web-console"),
        ("phpMyAdmin", "phpMyAdmin", "database"),
        ("Dashboard [Jenkins]", "Jenkins", "web-console"),
    ],
)
def test_a_console_is_known_by_its_words(said: str, vendor: str, kind: str) -> None:
    found = console(said)
    assert found is not None
    assert (found[0].vendor, found[0].kind) == (vendor, kind)


@pytest.mark.parametrize("said", ["Welcome to nginx!", "Silo and Grain", "Agency portal", "", "Nomadic travel", "Home"])
def test_an_ordinary_page_is_no_console(said: str) -> None:
    assert console(said) is None


def test_the_device_is_named_by_the_inventory_first_then_by_what_it_says() -> None:
    shown = paged(443, "FortiGate")
    seen = facts(exposed((443, "http", "")), shown)
    assert (seen["device"]["vendor"], seen["device"]["basis"], seen["edge"]) == ("Fortinet", "page", True)
    said = {"vendor": "Fortinet", "model": "100F", "version": "7.2.8", "end_of_support": "2027-03-31"}
    host = Host("h", ("10.0.0.1",), "dmz", roles=("firewall",), declared=(("device", said),))
    told = facts(exposed((443, "http", "")), shown, host=host)
    assert (told["device"]["model"], told["device"]["basis"], told["support_ends"]) == (
        "100F",
        "declared",
        "2027-03-31",
    )


def test_an_unknown_end_of_support_is_a_hole_and_no_date() -> None:
    found = management_of(HOST, exposed(), NO_PAGES, NO_TLS)
    assert isinstance(found, FactDocument)
    holes = {path for path, _, _ in msgspec.json.decode(found.content)["holes"]}
    assert "support_ends" in holes


def test_a_certificate_names_a_console_whose_page_says_nothing() -> None:
    certificate = {"subject": "FGT60F", "organisation": "Fortinet", "issuer": "fortinet-subca2001"}
    tls = made(
        "tls",
        {"certificates": {"items": [{"endpoint": "10.0.0.1:8443", "certificate": certificate}], "complete": True}},
    )
    said = facts(exposed((8443, "http", "")), paged(8443, ""), tls)
    assert kinds(said) == {8443: ("web-console", "certificate")}
