"""What somebody outside saw open: read with its day, kept beside the database, and believed for a quarter."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from posture.cli.main import root
from posture.errors import StoreError, UsageError
from posture.imports.external import Imported, keep, kept, read_sights, sights
from posture.model.host import Host, Inventory, Published, Trust, Zone
from posture.vulnerabilities.exposed import ExternalSight, public_exposure

TODAY = date(2026, 11, 27)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
CYHY = """\
ip,port,protocol,service,state,last_detected
203.0.113.7,443,tcp,https,open,2026-11-20 04:11:00
203.0.113.7,22,tcp,ssh,open,2026-11-20 04:11:00
203.0.113.8,161,udp,snmp,open,11/21/2026
203.0.113.9,80,tcp,http,closed,2026-11-20
nobody,80,tcp,http,open,2026-11-20
203.0.113.9,99999,tcp,http,open,2026-11-20
"""


def sight(address: str, port: int, day: date = date(2026, 11, 20), proto: str = "tcp") -> ExternalSight:
    return ExternalSight(address, port, proto, "CyHy", day)


def test_a_table_of_ports_is_read_with_its_days() -> None:
    found, left_out = read_sights(CYHY, "services.csv", "CyHy")
    assert found == [
        sight("203.0.113.7", 22), sight("203.0.113.7", 443), sight("203.0.113.8", 161, date(2026, 11, 21), "udp"),
    ]  # fmt: skip
    assert left_out == 2, "no address, no port; a closed port is read and proves nothing"


@pytest.mark.parametrize(
    ("text", "port", "proto"), [("443/tcp", 443, "tcp"), ("udp/161", 161, "udp"), ("8443", 8443, "tcp")]
)
def test_a_port_may_carry_its_protocol(text: str, port: int, proto: str) -> None:
    (found,), _ = read_sights(f"IP Address;Port\n2001:DB8::7;{text}\n", "x.csv", "CyHy", TODAY)
    assert found == sight("2001:db8::7", port, TODAY, proto)


@pytest.mark.parametrize(
    ("text", "says"),
    [("name,port\nx,1\n", "no column of address"), ("ip,name\n10.0.0.1,x\n", "no column of port"),
     ("ip,port\n10.0.0.1,80\n", "nothing says when"), ("", "no column of address")],
)  # fmt: skip
def test_a_table_that_says_too_little_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_sights(text, "x.csv", "CyHy")


def test_the_same_file_twice_is_kept_once(tmp_path: Path) -> None:
    one = Imported("CyHy", "services.csv", "ab", NOW, [sight("203.0.113.7", 22)])
    for _ in range(2):
        keep(tmp_path, one)
    keep(tmp_path, Imported("Other", "ports.csv", "cd", NOW, [sight("203.0.113.8", 80)]))
    assert [one.file for one in kept(tmp_path)] == ["services.csv", "ports.csv"]
    assert (tmp_path / "external.json").stat().st_mode & 0o077 == 0


def test_a_file_that_does_not_load_is_named(tmp_path: Path) -> None:
    (tmp_path / "external.json").write_text("[{")
    with pytest.raises(StoreError, match=r"external\.json does not load"):
        kept(tmp_path)


def test_old_sights_and_those_of_tomorrow_do_not_count() -> None:
    old, fresh, late = (
        sight("203.0.113.7", 22, day) for day in (date(2026, 8, 1), date(2026, 11, 1), date(2026, 12, 1))
    )
    assert sights([Imported("", "", "", NOW, [old, fresh, late])], TODAY) == (fresh,)


def test_an_import_exposes_the_host_behind_the_address_translation() -> None:
    host = Host("app", ("10.0.0.5",), "lan")
    inventory = Inventory(
        (host,), (Zone("lan", Trust.INTERNAL),), published=(Published("198.51.100.1", 443, "app", 8443),)
    )
    said = public_exposure(host, inventory, None, [sight("198.51.100.1", 443)])
    assert (said.exposed, said.decided_by) == (True, "imported")
    assert "2026-11-20" in said.why


def test_the_command_keeps_the_file_and_says_how_many_count(tmp_path: Path) -> None:
    table = tmp_path / "services.csv"
    table.write_text(CYHY)
    words = ["import", "external", str(table), "--source", "CyHy", "--out", str(tmp_path / "out"), "--json"]
    done = CliRunner().invoke(root, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert '"sights": 3' in done.output
    (one,) = kept(tmp_path / "out")
    assert (one.source, one.left_out) == ("CyHy", 2)
