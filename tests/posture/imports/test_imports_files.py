"""Files of other scanners: what is read from them, and what is refused."""

from __future__ import annotations

import gzip
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posture.errors import FeedError
from posture.imports import nessus, table
from posture.imports.scan import ImportedHost, keep, kept
from tests.posture.imports import authored
from tests.posture.imports.authored import NOW, Item, Scanned

TAGS = (("host-ip", "10.0.0.5"), ("host-fqdn", "Web1.Example.gov"), ("operating-system", "Windows Server 2019\nx"))


def _nessus(tmp_path: Path, content: bytes) -> list[ImportedHost]:
    path = tmp_path / "scan.nessus"
    path.write_bytes(content)
    return list(nessus.read(path, NOW))


def _table(tmp_path: Path, text: str) -> list[ImportedHost]:
    path = tmp_path / "scan.csv"
    path.write_text(text, "utf-8")
    return list(table.read(path, NOW))


def test_a_host_of_a_nessus_scan_has_its_names_time_and_cves(tmp_path: Path) -> None:
    items = [Item(2, ["CVE-2026-0002", "CVE-2026-0001"]), Item(1, ["cve-2026-0001"], patch=""), Item(3)]
    [host] = _nessus(tmp_path, authored.nessus(Scanned("10.0.0.5", items, TAGS)))
    assert (host.asset, host.names, host.addresses) == ("10.0.0.5", ["web1.example.gov"], ["10.0.0.5"])
    assert (host.platform, host.credentialed) == ("Windows Server 2019", True)
    assert host.scanned_at == datetime(2026, 11, 20, 4, tzinfo=UTC)
    assert [(one.cve, one.about, one.mended) for one in host.findings] == [
        ("CVE-2026-0001", "plugin 1", False),
        ("CVE-2026-0002", "plugin 2", True),
    ]


def test_what_only_informs_is_no_vulnerability(tmp_path: Path) -> None:
    [host] = _nessus(tmp_path, authored.nessus(Scanned("a", [Item(1, ["CVE-2026-0001"], severity=0)])))
    assert host.findings == []


@pytest.mark.parametrize(
    ("tags", "at"),
    [
        ((("HOST_END", "Fri Nov 20 04:00:00 2026"),), datetime(2026, 11, 20, 4, tzinfo=UTC)),
        ((("HOST_START", "Fri Nov 20 03:00:00 2026"),), datetime(2026, 11, 20, 3, tzinfo=UTC)),
        ((("HOST_END_TIMESTAMP", "99999999999999999999"),), NOW),
        ((), NOW),
    ],
)
def test_the_moment_of_a_host_is_what_the_file_says_else_that_of_the_import(
    tmp_path: Path, tags: tuple[tuple[str, str], ...], at: datetime
) -> None:
    [host] = _nessus(tmp_path, authored.nessus(Scanned("a", [], tags, end=None)))
    assert host.scanned_at == at


_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;">]><NessusClientData_v2>&b;</NessusClientData_v2>"""
_OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><NessusClientData_v2/>"""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "malformed or cut short"),
        (b"not XML", "malformed or cut short"),
        (b"<NessusClientData/>", "its root is <NessusClientData>"),
        (authored.nessus(Scanned("a", [Item(1)]))[:-40], "malformed or cut short"),
        (_LAUGHS, "declares a document type"),
        (_OUTSIDE, "declares a document type"),
        (b"<NessusClientData_v2>" + b"<a>" * 100, "nested more than"),
        (gzip.compress(b"<" + b"\0" * 40_000_000), "unpacks to more than|malformed"),
    ],
    ids=["empty", "text", "version 1", "cut", "laughs", "entity from a file", "deep", "bomb"],
)
def test_a_bad_nessus_file_is_refused_and_nothing_is_kept(tmp_path: Path, content: bytes, said: str) -> None:
    path, place = tmp_path / "scan.nessus", tmp_path / "imports"
    path.write_bytes(content)
    with pytest.raises(FeedError, match=said):
        keep("nessus", path, nessus.read(path, NOW), place, NOW)
    assert list(place.iterdir()) == []


def test_a_large_scan_is_read_host_by_host(tmp_path: Path) -> None:
    path = tmp_path / "large.nessus"
    path.write_bytes(authored.large(3_000))
    script = (
        "import resource, sys; from pathlib import Path; from posture.imports import nessus;"
        "from datetime import datetime, UTC; peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "before = peak(); count = sum(1 for _ in nessus.read(Path(sys.argv[1]), datetime.now(UTC)));"
        "print(count, peak() - before)"
    )
    ran = subprocess.run((sys.executable, "-c", script, str(path)), capture_output=True, text=True, check=True)
    hosts, grown_kb = map(int, ran.stdout.split())
    assert path.stat().st_size > 20_000_000
    assert hosts == 3_000
    assert grown_kb < 6_000, f"{grown_kb} KB"


def test_rows_of_a_table_are_gathered_by_source_and_asset(tmp_path: Path) -> None:
    hosts = _table(
        tmp_path,
        "\ufeffAsset,CVE,First Seen,Last-Seen,Source,Fixed,comment\r\n"
        "WEB1.example.gov,cve-2026-0001,2026-10-01,2026-11-20,Qualys,,x\r\n"
        "10.0.0.9,CVE-2026-0002,,2026-11-21T10:00:00+02:00,Tenable,yes,x\r\n"
        "web1.example.gov,CVE-2026-0001,2026-09-01,2026-11-01,Qualys,no,x\r\n",
    )
    assert [(one.source, one.asset, one.names, one.addresses) for one in hosts] == [
        ("Qualys", "web1.example.gov", ["web1.example.gov"], []),
        ("Tenable", "10.0.0.9", [], ["10.0.0.9"]),
    ]
    [first], [second] = hosts[0].findings, hosts[1].findings
    assert (first.first_seen.date().isoformat(), first.last_seen.date().isoformat(), first.fixed) == (
        "2026-09-01",
        "2026-11-20",
        False,
    )
    assert (second.first_seen, second.fixed) == (datetime(2026, 11, 21, 8, tzinfo=UTC), True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column `asset`"),
        ("asset,cve\n", "no column `last_seen`"),
        ("asset,cve,last_seen\nweb1,CVE-1,2026-11-01\n", r"scan\.csv:2: `web1`, `CVE-1`: no asset and CVE"),
        ("asset,cve,last_seen\n,CVE-2026-0001,2026-11-01\n", "no asset and CVE"),
        ("asset,cve,last_seen\na,CVE-2026-0001,yesterday\n", "`yesterday` is no date"),
        ("asset,cve,last_seen\na,CVE-2026-0001,2027-11-01\n", "or to come"),
        ("asset,cve,first_seen,last_seen\na,CVE-2026-0001,2026-11-02,2026-11-01\n", "not in that order"),
        ("asset,cve,last_seen\n" + "x" * 20_000, "a line of more than"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FeedError, match=said):
        _table(tmp_path, text)


def test_an_import_is_kept_whole_and_the_same_file_once(tmp_path: Path) -> None:
    path, place = tmp_path / "scan.nessus", tmp_path / "imports"
    path.write_bytes(authored.nessus(Scanned("a", [Item(1, ["CVE-2026-0001"])]), Scanned("b", [])))
    first = keep("nessus", path, nessus.read(path, NOW), place, NOW)
    again = keep("nessus", path, nessus.read(path, NOW), place, NOW)
    assert (first.hosts, first.findings, first.again, again.again) == (2, 1, False, True)
    [(head, hosts)] = [(head, list(hosts)) for head, hosts in kept(place)]
    assert (head.file, [host.asset for host in hosts]) == ("scan.nessus", ["a", "b"])


def test_a_damaged_import_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.scan.gz").write_bytes(gzip.compress(b'{"format": 1}'))
    with pytest.raises(FeedError, match=r"x\.scan\.gz: damaged"):
        list(kept(tmp_path))
