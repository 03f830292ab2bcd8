"""What KEV, SSVC and EPSS say of a CVE."""

from __future__ import annotations

import json
from datetime import date

import pytest

from posture.errors import FeedError
from posture.model.vulnerability import CveRecord
from tests.posture.feeds import authored
from tests.posture.feeds.authored import Site, site
from tests.shared_data import shared

__all__ = ["site"]


def test_a_listed_cve_has_its_day_and_its_ransomware_word(site: Site) -> None:
    stamp = site.take("kev", authored.kev("CVE-2026-0001", "CVE-2026-0002"))
    with site.library() as library:
        first, second = library.record("CVE-2026-0001"), library.record("CVE-2026-0002")
    assert (stamp.version, stamp.entries) == ("2026.11.27", 2)
    assert (first.kev_added, first.kev_due, first.ransomware) == (date(2026, 11, 20), date(2026, 11, 23), True)
    assert second.ransomware is None, "CISA's `Unknown` is nobody's no"


@pytest.mark.parametrize(
    "options",
    [
        ({"Exploitation": "none"}, {"Automatable": "no"}, {"Technical Impact": "total"}),
        ({"exploitation": "NONE"}, {"automatable": "No"}, {"technicalImpact": "Total"}),
        ({"exploitation": "none", "automatable": "no", "technical_impact": "TOTAL"},),
    ],
    ids=["Vulnrichment", "NVD", "one object"],
)
def test_ssvc_points_are_read_in_every_spelling_and_case(site: Site, options: tuple[dict[str, str], ...]) -> None:
    record = authored.cve_record("CVE-2026-0001", *options)
    site.take("vulnrichment", authored.tar_gz({"v/2026/0xxx/CVE-2026-0001.json": record, "v/README.md": b"#"}))
    with site.library() as library:
        found = library.record("CVE-2026-0001")
    assert found == CveRecord(
        "CVE-2026-0001",
        automatable=False,
        technical_impact="total",
        exploitation="none",
        ssvc_source="CISA Vulnrichment 2026-11-01",
    )


def test_an_ssvc_value_that_nobody_knows_is_unknown(site: Site) -> None:
    record = authored.cve_record("CVE-2026-0001", {"Automatable": "maybe"}, {"Technical Impact": "huge"})
    site.take("vulnrichment", authored.tar_gz({"CVE-2026-0001.json": record}))
    with site.library() as library:
        found = library.record("CVE-2026-0001")
    assert (found.automatable, found.technical_impact) == (None, None)


def test_pages_of_nvd_are_heard_where_vulnrichment_is_silent(site: Site) -> None:
    points = ({"exploitation": "active"}, {"automatable": "Yes"}, {"technicalImpact": "partial"})
    site.take("nvd", authored.nvd_page("CVE-2026-0001", *points))
    with site.library() as library:
        alone = library.record("CVE-2026-0001")
    record = authored.cve_record("CVE-2026-0001", {"Automatable": "no"}, {"Technical Impact": "total"})
    site.take("vulnrichment", authored.tar_gz({"CVE-2026-0001.json": record}))
    with site.library() as library:
        both = library.record("CVE-2026-0001")
    assert (alone.automatable, alone.exploitation, alone.ssvc_source) == (True, "active", "CISA, by NVD 2026-11-02")
    assert (both.automatable, both.exploitation) == (False, None), "one decision has one author"


def test_an_epss_score_carries_its_model(site: Site) -> None:
    stamp = site.take("epss", authored.epss("CVE-2026-0001,0.91963,0.99030", "CVE-2026-0002,0,1"))
    with site.library() as library:
        found = library.record("CVE-2026-0001")
    assert stamp.version == "v2026.06.15 of 2026-11-26"
    assert (found.epss, found.epss_percentile, found.epss_model) == (0.91963, 0.9903, "v2026.06.15")


@pytest.mark.parametrize("row", ["CVE-2026-0001,nan,0.5", "CVE-2026-0001,1.1,0.5", "CVE-2026-0001,0.5", "x,0.1,0.1"])
def test_a_row_of_epss_that_is_none_refuses_the_file(site: Site, row: str) -> None:
    with pytest.raises(FeedError, match="not what this feed looks like"):
        site.take("epss", authored.epss(row))


def test_a_cve_that_no_feed_names_is_known_by_nothing_but_its_id(site: Site) -> None:
    site.take("kev", authored.kev("CVE-2026-0001"))
    with site.library() as library:
        assert library.record("CVE-2020-9999") == CveRecord("CVE-2020-9999")


def test_no_feed_at_all_is_empty_knowledge_with_a_digest(site: Site) -> None:
    with site.library() as library:
        assert (library.stamps, library.covers("Debian:12"), len(library.digest)) == ((), (), 64)


def test_the_digest_changes_with_the_bytes_of_a_feed(site: Site) -> None:
    site.take("kev", authored.kev("CVE-2026-0001"))
    before = site.library().digest
    site.take("kev", authored.kev("CVE-2026-0001", "CVE-2026-0002"))
    assert site.library().digest != before


def test_the_published_catalogue_and_points_are_read_whole(site: Site) -> None:
    listed = site.take("kev", shared("feeds/known_exploited_vulnerabilities_2025-08-25.json"))
    points = site.take("vulnrichment", shared("feeds/vulnrichment_ssvc_2024-10-24.csv"))
    scores = site.take("epss", shared("feeds/epss/epss-fragment.csv"))
    assert (listed.entries, listed.version) == (1404, "2025.08.25")
    assert points.entries == 44_026
    assert (scores.entries, scores.version) == (29, "v2023.03.01 of 2024-10-25")


def test_products_that_nvd_names_by_cpe_become_intervals(site: Site) -> None:
    def line(criteria: str, **ends: str) -> dict[str, object]:
        return {"vulnerable": True, "criteria": criteria, "matchCriteriaId": "x", **ends}

    lines = [
        line("cpe:2.3:a:openbsd:openssh:*:*:*:*:*:*:*:*", versionStartIncluding="8.5", versionEndExcluding="9.8"),
        line("cpe:2.3:a:openbsd:openssh:4.4:p1:*:*:*:*:*:*"),
        line(r"cpe:2.3:a:x\:y:z\.c:*:*:*:*:*:*:*:*", versionEndIncluding="2.0"),
        line("cpe:2.3:h:cisco:asa:-:*:*:*:*:*:*:*"),
        {**line("cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*"), "vulnerable": False},
    ]
    page = json.loads(authored.nvd_page("CVE-2026-0001", {"automatable": "yes"}))
    page["vulnerabilities"][0]["cve"]["configurations"] = [
        {"nodes": [{"operator": "OR", "negate": False, "cpeMatch": lines}]}
    ]
    site.take("nvd", json.dumps(page).encode())
    with site.library() as library:
        ssh = [
            (one.introduced, one.fixed, one.last_affected) for _, one in library.advisories("CPE", "a:openbsd:openssh")
        ]
        other = [(one.introduced, one.last_affected) for _, one in library.advisories("CPE", "a:x:y:z.c")]
        nothing = [*library.advisories("CPE", "o:linux:linux_kernel"), *library.advisories("CPE", "h:cisco:asa")]
    assert sorted(ssh) == [("4.4", "", "4.4"), ("8.5", "9.8", "")]
    assert (other, nothing) == ([("0", "2.0")], [])
