"""The made-up agency with known vulnerabilities: one of every standing, decided by the real table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from posture.catalogue.load import load
from posture.clocks.burndown import burndown
from posture.model.assessment import Assessment
from posture.model.burndown import Life, Step
from posture.model.clock import Campaign
from posture.model.host import AssetTags, Published
from posture.model.vulnerability import (
    Affected,
    AssessedHost,
    CveRecord,
    Detection,
    Exposure,
    FeedStamp,
    FixState,
    HostCadence,
    PackageVersion,
    Vulnerability,
)
from posture.vulnerabilities.assess import Rules, assess_host, subject
from tests.reports.sample_agency import agency

NOW = datetime(2026, 12, 18, 9, 10, tzinfo=UTC)
PUBLIC = Exposure(True, "measured", "tcp/443 is open from outpost in untrusted zone internet")
INSIDE = Exposure(False, "tag", "its tag says internal, and nothing speaks against it")
NOBODY = Exposure(None, "default", "no tag, and no complete look from an untrusted zone: counts as exposed")
KEV = FeedStamp("kev", "file:kev.json", NOW, "0" * 64, "2026.12.17", 1_700)
SAID = "CISA Vulnrichment 2026-12-17"
RECORDS = {
    one.cve: one
    for one in (
        CveRecord("CVE-2021-0001", date(2021, 11, 3), automatable=True, technical_impact="total", ssvc_source=SAID),
        CveRecord("CVE-2026-0002", date(2026, 12, 16), automatable=False, technical_impact="total", ssvc_source=SAID),
        CveRecord("CVE-2026-0003", automatable=False, technical_impact="partial", ssvc_source=SAID),
        CveRecord("CVE-2019-0004"),
        CveRecord("CVE-2026-0005", date(2026, 12, 1)),
        CveRecord("CVE-2026-0006", automatable=True, technical_impact="total", ssvc_source=SAID),
    )
}
HOSTS = {
    "web-01": (PUBLIC, "posture", "", ["CVE-2021-0001", "CVE-2026-0002", "CVE-2026-0006"]),
    "db-01": (INSIDE, "posture", "", ["CVE-2026-0003", "CVE-2019-0004"]),
    "gpu-01": (NOBODY, "ACAS", "only what an imported scan says", ["CVE-2026-0005"]),
    "print": (NOBODY, "", "packages: login_refused", []),
}


def _seen(cve: str, by: str) -> tuple[Detection, ...]:
    at = datetime(2026, 12, 2 if cve == "CVE-2026-0006" else 15, 6, 0, tzinfo=UTC)
    return (Detection(at, NOW, by),)


def _affected(cve: str, by: str) -> Affected:
    package = PackageVersion("Debian:12", "=openssl", "3.0.11-1")  # a name that would be a formula
    fixed = "" if cve == "CVE-2019-0004" else "3.0.15-1"
    state = FixState.FIXED_IN if fixed else FixState.NO_FIX
    return Affected(cve, package, state, fixed, "debian-tracker" if by == "posture" else by, 100, "older than the fix")


def with_known(profile: str = "fceb", now: datetime = NOW) -> Assessment:
    """The agency in December, with the shipped clocks."""
    catalogue = load()
    baseline = catalogue.baseline(profile)
    rules = Rules(catalogue.clocks, Campaign(date(2026, 11, 2)), baseline.profile, kev_source="CISA KEV 2026.12.17")
    found: dict[str, tuple[Vulnerability, ...]] = {}
    for host, (exposure, by, _, cves) in HOSTS.items():
        affected = [_affected(cve, by) for cve in cves]
        pairs = [(one, _seen(one.cve, by)) for one in affected]
        found[host] = assess_host(host, pairs, exposure, RECORDS.__getitem__, rules)
    whole = agency()
    tags = AssetTags("agency", "prod", "public", "server")

    def read_hosts() -> object:
        for entry in whole.read_hosts():
            yield replace(entry, host=replace(entry.host, tags=tags)) if entry.host.id == "web-01" else entry

    lives = [
        Life("PAT-03", one.host, subject(one.affected), (Step(date(2026, 12, 15), "opened", dues),))
        for ones in found.values()
        for one in ones
        if (dues := tuple((due.clock, due.due) for due in one.due))
    ]
    return replace(
        whole,
        run=replace(whole.run, as_of=now),
        baseline=replace(whole.baseline, profile=baseline.profile),
        clocks=catalogue.clocks,
        read_hosts=read_hosts,  # type: ignore[arg-type]
        assessed=tuple(
            AssessedHost(host, exposure, by, gap, 300 if by else 0)
            for host, (exposure, by, gap, _) in sorted(HOSTS.items())
        ),
        read_vulnerabilities=lambda host: found.get(host, ()),
        feeds=(KEV,),
        cadence=(
            HostCadence("db-01", NOW, NOW - timedelta(days=15)),
            HostCadence("gpu-01", NOW - timedelta(days=7), None),
            HostCadence("web-01", NOW, NOW),
        ),
        published=(Published("203.0.113.7", 443, "web-01", 8443),),
        burndowns=(burndown(lives, now.date()), burndown(lives, now.date(), clock="bod-26-04")),
    )
