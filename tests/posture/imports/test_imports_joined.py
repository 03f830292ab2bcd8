"""Imports beside our own matching: one vulnerability with two sights, and hosts that only an import knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from posture.imports import nessus, table
from posture.imports.book import Book
from posture.imports.join import joined
from posture.imports.scan import keep
from posture.model.host import IMPORTED_FROM, Host, Inventory, TransportKind, Trust, Zone
from posture.model.observation import Origin
from posture.model.vulnerability import Affected, FixState, PackageVersion
from posture.vulnerabilities.fleet import HostMatches
from tests.posture.imports import authored
from tests.posture.imports.authored import NOW, Item, Scanned

DAY = timedelta(days=1)
END = datetime(2026, 11, 20, 4, tzinfo=UTC)
INVENTORY = Inventory(
    hosts=(Host("web1", ("10.0.0.5",), "dmz", name="web1.example.gov"), Host("web2", ("10.0.0.6",), "dmz")),
    zones=(Zone("dmz", Trust.PARTNER, ("10.0.0.0/24",)), Zone("office", Trust.INTERNAL, ("10.7.0.0/16",))),
)
OURS = Affected(
    "CVE-2026-0001", PackageVersion("Debian:12", "openssl", "3.0.1"), FixState.NO_FIX, "", "debian-tracker", 100, "x"
)


class Desk:
    """A place for imports."""

    def __init__(self, work: Path) -> None:
        self.work, self.count = work, 0

    def nessus(self, *hosts: Scanned) -> None:
        self._keep("nessus", authored.nessus(*hosts), nessus.read)

    def table(self, *rows: str) -> None:
        text = "asset,cve,first_seen,last_seen,source,fixed\n" + "\n".join(rows)
        self._keep("csv", text.encode(), table.read)

    def _keep(self, kind, content, read):  # type: ignore[no-untyped-def]
        self.count += 1
        path = self.work / f"{self.count}.{kind}"
        path.write_bytes(content)
        keep(kind, path, read(path, NOW), self.work / "imports", NOW)

    def book(self, inventory: Inventory = INVENTORY) -> Book:
        return Book(self.work / "imports", inventory)


def _cves(book: Book, host: str) -> list[str]:
    return [finding.cve for reported in book.of(host) for finding in reported.findings]


def test_an_asset_is_a_host_of_ours_by_name_or_address(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.nessus(
        Scanned("10.9.9.9", [Item(1, ["CVE-2026-0001"])], (("host-fqdn", "WEB1.example.gov"),)),
        Scanned("whatever", [Item(1, ["CVE-2026-0002"])], (("host-ip", "10.0.0.6"),)),
    )
    book = desk.book()
    assert (_cves(book, "web1"), _cves(book, "web2")) == (["CVE-2026-0001"], ["CVE-2026-0002"])
    assert book.only_imported() == ()


def test_an_asset_that_may_be_two_hosts_is_none_of_them(tmp_path: Path) -> None:
    shared = Inventory((Host("a", ("10.0.0.5",), "dmz"), Host("b", ("10.0.0.5",), "dmz")), INVENTORY.zones)
    desk = Desk(tmp_path)
    desk.nessus(Scanned("10.0.0.5", [Item(1, ["CVE-2026-0001"])]))
    book = desk.book(shared)
    assert (book.of("a"), book.of("b")) == ((), ())
    assert [host.id for host in book.only_imported()] == ["10.0.0.5"]


def test_a_host_that_only_an_import_knows_is_a_host_without_a_login(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.nessus(
        Scanned("PC-17", [Item(1, ["CVE-2026-0001"])], (("host-ip", "10.7.0.17"), ("operating-system", "Windows 11")))
    )
    [host] = desk.book().only_imported()
    assert (host.id, host.addresses, host.zone, host.platform) == ("pc-17", ("10.7.0.17",), "office", "Windows 11")
    assert host.access.transport is TransportKind.NONE
    assert dict(host.declared) == {IMPORTED_FROM: "Nessus"}


def test_the_first_sight_is_kept_over_imports_whatever_their_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for age in (0, 60, 30):
        desk.nessus(Scanned("web1", [Item(1, ["CVE-2026-0001"])], end=END - age * DAY))
    [reported] = desk.book().of("web1")
    assert [one.first_seen for one in reported.findings] == [END - 60 * DAY]
    assert [one.last_seen for one in reported.findings] == [END]


def test_what_a_later_scan_with_a_login_does_not_find_is_gone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.nessus(Scanned("web1", [Item(1, ["CVE-2026-0001"]), Item(2, ["CVE-2026-0002"])], end=END - DAY))
    desk.nessus(Scanned("web1", [Item(2, ["CVE-2026-0002"])], end=END))
    assert _cves(desk.book(), "web1") == ["CVE-2026-0002"]


def test_the_silence_of_a_scan_without_a_login_mends_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.nessus(Scanned("web1", [Item(1, ["CVE-2026-0001"])], end=END - DAY))
    desk.nessus(Scanned("web1", [Item(2, ["CVE-2026-0002"])], end=END, credentialed=False))
    assert _cves(desk.book(), "web1") == ["CVE-2026-0001", "CVE-2026-0002"]


def test_what_a_table_calls_fixed_is_gone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.table(
        "web1,CVE-2026-0001,2026-10-01,2026-11-20,Qualys,yes", "web1,CVE-2026-0002,2026-10-01,2026-11-20,Qualys,no"
    )
    assert _cves(desk.book(), "web1") == ["CVE-2026-0002"]


def test_one_cve_that_both_found_is_one_vulnerability_with_the_earlier_sight_of_the_other(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.nessus(Scanned("web1", [Item(1, ["CVE-2026-0001", "CVE-2026-0009"])], end=END))
    found = joined(HostMatches((OURS,), 400, ""), desk.book().of("web1"))
    assert [(one.cve, one.feed) for one in found.affected] == [
        ("CVE-2026-0001", "debian-tracker"),
        ("CVE-2026-0009", "import:nessus"),
    ]
    assert found.affected[1].confidence == 50
    assert "our feeds do not name it" in found.affected[1].why
    assert [(about, sight.source, sight.first_seen, sight.origin) for about, sight in found.sights] == [
        ("pkg:deb/debian/openssl CVE-2026-0001", "Nessus", END, Origin.IMPORTED),
        ("pkg:generic/nessus/plugin-1 CVE-2026-0009", "Nessus", END, Origin.IMPORTED),
    ]
    assert (found.assessed_by, found.gap) == ("posture", "")


def test_a_host_that_only_imports_know_is_assessed_by_them_and_its_list_is_not_whole(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.nessus(Scanned("web1", [Item(1, ["CVE-2026-0001"])], end=END))
    desk.table("web1,CVE-2026-0001,2026-10-01,2026-11-20,Qualys,no")
    found = joined(HostMatches((), 0, "packages: not asked for"), desk.book().of("web1"))
    assert len(found.affected) == 1, "two scanners, one vulnerability"
    assert sorted(sight.source for _, sight in found.sights) == ["Nessus", "Qualys"]
    assert found.assessed_by == "Nessus, Qualys"
    assert found.gap.startswith("known by import only (Nessus of 2026-11-20, Qualys of 2026-11-20)")
