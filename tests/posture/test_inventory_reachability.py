"""Vantage hosts, zone matrix and NAT map as an operator writes them, and the grants that let a host look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.errors import ConfigError, ScopeError, UsageError
from posture.inputs import inventory, scope_file
from posture.inputs.scope import Grant
from posture.model.host import Flow, Published, Vantage

BASE = """\
schema: posture.inventory/1
zones: [{name: outside, trust: untrusted}, {name: dmz, trust: internal}]
hosts: [{id: web, addresses: [10.0.0.1], zone: dmz}, {id: probe, addresses: [10.0.9.1], zone: outside}]
"""


def read(tmp_path: Path, text: str) -> inventory.Inventory:
    path = tmp_path / "inventory.yaml"
    path.write_text(BASE + text)
    return inventory.read(path)


def test_vantage_hosts_flows_and_published_are_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
vantages: [{name: scanner, zone: dmz}, {name: outpost, zone: outside, host: probe}]
flows: [{from: outside, to: dmz, ports: [tcp/443, udp/500-510], why: the portal}, {from: dmz, to: probe, ports: [any]}]
published: [{public: "203.0.113.7:443", to: "web:8443"}, {public: "[2001:db8::7]:53", to: "web:53", proto: udp}]
""",
    )
    assert found.vantages == (Vantage("scanner", "dmz"), Vantage("outpost", "outside", "probe"))
    assert found.flows == (
        Flow("outside", "dmz", ("tcp/443", "udp/500-510"), "the portal"),
        Flow("dmz", "probe", ("any",)),
    )
    assert found.published == (
        Published("203.0.113.7", 443, "web", 8443),
        Published("2001:db8::7", 53, "web", 53, "udp"),
    )


def test_no_flows_and_an_empty_matrix_differ(tmp_path: Path) -> None:
    assert read(tmp_path, "").flows is None
    assert read(tmp_path, "flows: []\n").flows == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vantages: [{name: outpost, zone: outside, host: prob}]", "`prob` is not described"),
        ("flows: [{from: moon, to: dmz, ports: [any]}]", "`moon` is not described"),
        ("flows: [{from: dmz, to: moon, ports: [any]}]", "`moon` is not described"),
        ("flows: [{from: dmz, to: web, ports: [443]}]", "ports"),
        ("flows: [{from: dmz, to: web, ports: [tcp/0]}]", "names no ports"),
        ("flows: [{from: dmz, to: web, ports: [tcp/90-80]}]", "names no ports"),
        ("flows: [{from: dmz, to: web, ports: [sctp/80]}]", "names no ports"),
        ('published: [{public: "portal:443", to: "web:443"}]', "no address and port"),
        ('published: [{public: "203.0.113.7:70000", to: "web:443"}]', "no port"),
        ('published: [{public: "203.0.113.7:443", to: "web"}]', "no port|not described"),
        ('published: [{public: "203.0.113.7:443", to: "gone:443"}]', "`gone` is not described"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        read(tmp_path, text + "\n")
    assert "inventory.yaml:4" in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(low=st.integers(1, 65535), high=st.integers(1, 65535), port=st.integers(1, 65535))
def test_a_range_covers_what_lies_in_it(low: int, high: int, port: int) -> None:
    assert Flow("a", "b", (f"tcp/{low}-{high}",)).covers("tcp", port) is (low <= port <= high)
    assert not Flow("a", "b", (f"tcp/{low}-{high}",)).covers("udp", port)


@given(st.text(max_size=12))
@settings(max_examples=60, deadline=None)
def test_ports_of_a_foreign_file_never_break_anything(text: str) -> None:
    assert Flow("a", "b", (f"tcp/{text}",)).covers("tcp", 22) in (True, False)


def scope(tmp_path: Path, vantages: str) -> tuple[Grant, ...]:
    now = datetime.now(UTC)
    path = tmp_path / "scope.yaml"
    path.write_text(
        f"schema: posture.scope/1\nauthorisation: A-1\nowner: o\ncidrs: [10.0.0.0/8]\nvantages: {vantages}\n"
        f"window: {{opens: '{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}', closes: '{now:%Y-%m-%dT%H:%M:%SZ}'}}\n"
    )
    return scope_file.read(path).vantages


def test_a_host_looks_under_an_authorisation_of_its_own(tmp_path: Path) -> None:
    assert scope(tmp_path, "[{host: probe, authorisation: OUT-7}]") == (Grant("probe", "OUT-7"),)
    assert scope(tmp_path, "[]") == ()


@pytest.mark.parametrize("entry", ["[{host: probe}]", "[{host: probe, authorisation: ' '}]", "[probe]"])
def test_no_host_looks_without_one(tmp_path: Path, entry: str) -> None:
    with pytest.raises((ScopeError, UsageError)):
        scope(tmp_path, entry)
