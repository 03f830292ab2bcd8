"""The register: alike hosts stand once, nothing is lost on the way through the store, and clocks never start anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.catalogue.load import load
from posture.model.clock import Campaign
from posture.model.vulnerability import Affected, CveRecord, Detection, Exposure, FixState, PackageVersion
from posture.vulnerabilities.assess import Assessor, Rules, subject
from posture.vulnerabilities.register import Builder, Matched, Reader, Register, sights_of

NOW = datetime(2026, 12, 18, tzinfo=UTC)
EXPOSURES = (Exposure(None, "default", "nobody knows"), Exposure(False, "tag", "its tag says internal"))
RECORDS = {
    f"CVE-2026-{n}": CveRecord(f"CVE-2026-{n}", automatable=bool(n % 2), technical_impact="total") for n in range(6)
}
CATALOGUE = load()
RULES = Rules(
    CATALOGUE.clocks, Campaign(date(2026, 11, 1)), CATALOGUE.baseline("fceb").profile, kev_source="CISA KEV 1"
)


def affected(n: int, version: str = "1.0", state: FixState = FixState.FIXED_IN) -> Affected:
    package = PackageVersion("Debian:12", f"package{n // 2}", version)
    return Affected(f"CVE-2026-{n}", package, state, "2.0", "debian-tracker", 100, "older than the fix")


def matched(*found: Affected, sights: tuple[tuple[str, Detection], ...] = ()) -> Matched:
    return Matched(tuple(sorted(found)), packages=3, assessed_by="posture", sights=sights)


_HOSTS = st.lists(st.tuples(st.frozensets(st.integers(0, 5)), st.integers(0, 1), st.integers(0, 9)), max_size=6)


@settings(max_examples=40, deadline=None)
@given(_HOSTS)
def test_what_is_read_back_is_what_was_assessed(hosts: list[tuple[frozenset[int], int, int]]) -> None:
    first = {
        (f"h{n}", subject(affected(cve))): NOW - timedelta(days=ago)
        for n, (cves, _, ago) in enumerate(hosts)
        for cve in cves
    }
    builder, assessor = Builder(NOW, first), Assessor(RULES, RECORDS.__getitem__)
    said = {}
    for n, (cves, exposure, _) in enumerate(hosts):
        entry = builder.add(f"h{n}", matched(*map(affected, cves)), EXPOSURES[exposure])
        said[f"h{n}"] = assessor.of(f"h{n}", entry.listed, EXPOSURES[exposure], builder.pairs)
    register = builder.register(RECORDS.__getitem__, (), "")
    kept = msgspec.json.decode(msgspec.json.encode(register), type=Register)
    reader = Reader(kept, RULES)
    assert {host: reader.of_host(host) for host in said} == said
    assert sights_of(kept) == first
    for host, found in said.items():
        for one in found:
            assert reader.dates(host, subject(one.affected)) == one.due and one.host == host


def test_alike_hosts_share_one_list() -> None:
    builder = Builder(NOW, {})
    for n in range(50):
        builder.add(f"h{n:02}", matched(affected(1), affected(2)), EXPOSURES[n % 2])
    register = builder.register(RECORDS.__getitem__, (), "")
    assert (len(register.lists), len(register.affected), len(register.detections), len(register.hosts)) == (1, 2, 1, 50)


def test_an_update_to_another_affected_version_starts_no_clock_anew() -> None:
    old = subject(affected(1, "1.0"))
    assert old == subject(affected(1, "1.1")) == "pkg:deb/debian/package0 CVE-2026-1"
    builder = Builder(NOW, {("h", old): NOW - timedelta(days=40)})
    entry = builder.add("h", matched(affected(1, "1.1")), EXPOSURES[1])
    ((_, (sight,)),) = builder.pairs(entry.listed)
    assert sight.first_seen == NOW - timedelta(days=40)


def test_what_is_under_investigation_or_not_affected_is_no_vulnerability() -> None:
    builder = Builder(NOW, {})
    open_ones = (affected(1, state=FixState.INVESTIGATING), affected(2, state=FixState.NOT_AFFECTED))
    entry = builder.add("h", matched(*open_ones), EXPOSURES[0])
    assert builder.pairs(entry.listed) == []


def test_a_later_sight_of_others_changes_nothing_and_an_earlier_one_leads() -> None:
    early, late = (Detection(NOW - timedelta(days=days), NOW, "ACAS") for days in (90, 1))
    ours = {("h", subject(affected(1))): NOW - timedelta(days=10)}
    for sight, leads in ((early, "ACAS"), (late, "posture")):
        builder = Builder(NOW, ours)
        entry = builder.add("h", matched(affected(1), sights=((subject(affected(1)), sight),)), EXPOSURES[0])
        ((_, seen),) = builder.pairs(entry.listed)
        assert seen[0].source == leads and len(seen) == 2
