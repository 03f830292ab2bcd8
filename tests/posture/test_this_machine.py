"""This machine as an inventory of one: its own addresses, and a scope that lets nothing else be touched."""

from __future__ import annotations

import ipaddress
import platform
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posture.errors import ScopeError
from posture.inputs import this_machine
from posture.model.host import SELF_VANTAGE, TransportKind

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def pretend_ip_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: int = 0) -> None:
    """Put a program called ``ip`` before the real one."""
    program = tmp_path / "ip"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{words}\nEND\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_the_inventory_is_one_host_read_without_a_network() -> None:
    machine = this_machine.inventory()
    [host] = machine.hosts
    assert host.access.transport is TransportKind.LOCAL
    assert host.zone == "self"
    assert machine.vantages == (SELF_VANTAGE,)
    assert host.id in machine.name, "two machines in one store must not be taken for one another"


@pytest.mark.parametrize(
    ("node", "id_"),
    [("web1", "web1"), ("", "this-machine"), ("-x y/..", "x-y-.."), ("...", "this-machine")],
)
def test_any_host_name_becomes_an_id(monkeypatch: pytest.MonkeyPatch, node: str, id_: str) -> None:
    monkeypatch.setattr(platform, "node", lambda: node)
    assert this_machine.inventory().hosts[0].id == id_


def test_own_addresses_are_addresses_that_others_could_use() -> None:
    for text in this_machine.own_addresses():
        ip = ipaddress.ip_address(text)
        assert not ip.is_link_local
        assert not ip.is_loopback or this_machine.own_addresses() == ("127.0.0.1",)


def test_loopback_and_link_local_addresses_are_left_out_and_the_rest_sorted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ["127.0.0.1", "fe80::1", "2001:db8::2", "10.0.0.9", "10.0.0.10"]
    entries = ", ".join(f'{{"local": "{one}"}}' for one in listed)
    pretend_ip_says(tmp_path, monkeypatch, f'[{{"addr_info": [{entries}]}}, {{}}]')
    assert this_machine.own_addresses() == ("10.0.0.9", "10.0.0.10", "2001:db8::2")


@pytest.mark.parametrize(("words", "code"), [("not json", 0), ("[1]", 0), ("{}", 0), ("[]", 1)])
def test_without_an_answer_loopback_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: int
) -> None:
    pretend_ip_says(tmp_path, monkeypatch, words, code)
    assert this_machine.own_addresses() == ("127.0.0.1",)


def test_the_scope_covers_these_addresses_for_a_day_and_nothing_else() -> None:
    scope = this_machine.scope(("192.0.2.7", "2001:db8::7"), NOW)
    assert scope.admit("192.0.2.7") == "192.0.2.7"
    assert scope.admit("2001:db8::7") == "2001:db8::7"
    for stranger in ("192.0.2.8", "127.0.0.1", "2001:db8::8"):
        with pytest.raises(ScopeError):
            scope.admit(stranger)
    scope.admit_moment(NOW)
    with pytest.raises(ScopeError):
        scope.admit_moment(NOW + timedelta(days=1))
