"""What the feeds of distributions and languages say of packages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from posture.errors import FeedError
from posture.model.vulnerability import Advisory, FixState
from tests.posture.feeds import authored
from tests.posture.feeds.authored import Site, site
from tests.shared_data import shared

__all__ = ["site"]


def _release(status: str, **more: str) -> dict[str, Any]:
    return {"status": status, "repositories": {"bookworm": "1.0-1"}, **more}


def _tracker(**releases: dict[str, Any]) -> bytes:
    """One package with one CVE for every release that is given as bookworm."""
    cves = {
        cve.replace("_", "-"): {
            "description": 'a "quoted} text',
            "scope": "local",
            "releases": {"bookworm": one, "sid": one},
        }
        for cve, one in releases.items()
    }
    return json.dumps({"hello": cves, "unaffected": {}}).encode()


def _said(site: Site, ecosystem: str, package: str) -> list[Advisory]:
    with site.library() as library:
        return [one for _, one in library.advisories(ecosystem, package)]


def test_every_status_of_debians_tracker_has_its_state(site: Site) -> None:
    content = _tracker(
        CVE_2026_0001=_release("resolved", fixed_version="1.2-1"),
        CVE_2026_0002=_release("resolved", fixed_version="0"),
        CVE_2026_0003=_release("open", urgency="unimportant"),
        CVE_2026_0004=_release("open", urgency="end-of-life"),
        CVE_2026_0005=_release("open", nodsa="Minor issue", nodsa_reason="ignored"),
        CVE_2026_0006=_release("open", nodsa="Minor issue", nodsa_reason="postponed"),
        CVE_2026_0007=_release("undetermined"),
        CVE_2026_0008=_release("resolved"),
    )
    site.take("debian-tracker", content)
    found = [(one.cve[-1], one.state, one.fixed, one.note) for one in _said(site, "Debian:12", "hello")]
    assert found == [
        ("1", FixState.FIXED_IN, "1.2-1", ""),
        ("2", FixState.NOT_AFFECTED, "", ""),
        ("3", FixState.NO_FIX, "", "unimportant"),
        ("4", FixState.WILL_NOT_FIX, "", "end-of-life"),
        ("5", FixState.WILL_NOT_FIX, "", "no advisory: Minor issue; ignored"),
        ("6", FixState.NO_FIX, "", "no advisory: Minor issue; postponed"),
        ("7", FixState.INVESTIGATING, "", ""),
        ("8", FixState.INVESTIGATING, "", ""),
    ]
    assert [one.stamp.version for one in site.library().about] == ["CVE-2026-0008"]


def test_a_status_nobody_knows_refuses_the_tracker(site: Site) -> None:
    with pytest.raises(FeedError, match="status `fine`"):
        site.take("debian-tracker", _tracker(CVE_2026_0001=_release("fine")))


def _osv(id_: str, *affected: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id_, "modified": "2026-11-20T00:00:00Z", "affected": list(affected), **more}


def _hit(ecosystem: str, name: str, *events: dict[str, str], kind: str = "ECOSYSTEM", **more: Any) -> dict[str, Any]:
    return {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": kind, "events": list(events)}],
        **more,
    }


def test_osv_intervals_become_statements_however_their_events_are_ordered(site: Site) -> None:
    events = ({"introduced": "2.0"}, {"introduced": "0"}, {"fixed": "1.5"}, {"fixed": "2.3"}, {"introduced": "10.0"})
    site.take(
        "osv-pypi",
        authored.zipped({"G.json": _osv("GHSA-x", _hit("PyPI", "Foo_.Bar", *events), aliases=["CVE-2026-0001"])}),
    )
    found = [(one.cve, one.introduced, one.fixed, one.state) for one in _said(site, "PyPI", "foo-bar")]
    assert sorted(found) == [
        ("CVE-2026-0001", "0", "1.5", FixState.FIXED_IN),
        ("CVE-2026-0001", "10.0", "", FixState.NO_FIX),
        ("CVE-2026-0001", "2.0", "2.3", FixState.FIXED_IN),
    ]


def test_osv_last_affected_listed_versions_git_ranges_and_withdrawn(site: Site) -> None:
    files = {
        "a.json": _osv("GHSA-a", _hit("npm", "a", {"introduced": "1.0.0"}, {"last_affected": "1.4.2"}, kind="SEMVER")),
        "b.json": _osv("GHSA-b", _hit("npm", "a", {"introduced": "0"}, kind="GIT", versions=["0.9.0", "0.9.1"])),
        "c.json": _osv(
            "GHSA-c", _hit("npm", "a", {"introduced": "0"}, kind="SEMVER"), withdrawn="2026-01-01T00:00:00Z"
        ),
    }
    site.take("osv-npm", authored.zipped(files))
    found = [(one.cve, one.introduced, one.last_affected) for one in _said(site, "npm", "a")]
    assert found == [("GHSA-a", "1.0.0", "1.4.2"), ("GHSA-b", "0.9.0", "0.9.0"), ("GHSA-b", "0.9.1", "0.9.1")]


@pytest.mark.parametrize(
    ("feed", "named", "ours"),
    [
        ("osv-debian", "Debian:12", "Debian:12"),
        ("osv-ubuntu", "Ubuntu:24.04:LTS", "Ubuntu:24.04:LTS"),
        ("osv-ubuntu", "Ubuntu:Pro:16.04:LTS", "Ubuntu:16.04:LTS"),
        ("osv-redhat", "Red Hat:enterprise_linux:9::appstream", "Red Hat:9"),
        ("osv-rocky", "Rocky Linux:9", "Rocky Linux:9"),
        ("osv-alma", "AlmaLinux:8", "AlmaLinux:8"),
    ],
)
def test_osv_names_of_ecosystems_are_the_hosts_names(site: Site, feed: str, named: str, ours: str) -> None:
    advisory = _osv("RHSA-1", _hit(named, "a", {"introduced": "0"}, {"fixed": "1:2-3"}), related=["CVE-2026-0001"])
    site.take(feed, authored.zipped({"x.json": advisory}))
    (one,) = _said(site, ours, "a")
    assert (one.cve, one.fixed) == ("CVE-2026-0001", "1:2-3")


def test_channels_with_versions_of_their_own_are_left(site: Site) -> None:
    hits = [
        _hit(name, "a", {"introduced": "0"}) for name in ("Ubuntu:Pro:FIPS:20.04:LTS", "Red Hat:rhel_eus:9.2::baseos")
    ]
    with pytest.raises(FeedError, match="not one entry"):
        site.take("osv-ubuntu", authored.zipped({"x.json": _osv("U", *hits)}))


def test_what_only_ubuntu_pro_mends_is_known_to_hosts_without_it(site: Site) -> None:
    pro = _hit("Ubuntu:Pro:16.04:LTS", "glibc", {"introduced": "0"}, {"fixed": "2.23-0ubuntu11.3+esm9"})
    site.take("ubuntu-osv", authored.zipped({"x.json": _osv("UBUNTU-CVE-2016-20013", pro)}))
    (one,) = _said(site, "Ubuntu:16.04:LTS", "glibc")
    assert (one.cve, one.note) == ("CVE-2016-20013", "Ubuntu Pro")


def _vex(status: dict[str, list[str]], *remediations: dict[str, Any]) -> dict[str, Any]:
    platform = {
        "product_id": "BaseOS-9",
        "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:9::baseos"},
    }
    eus = {"product_id": "EUS-9.2", "product_identification_helper": {"cpe": "cpe:/o:redhat:rhel_eus:9.2::baseos"}}
    purl = "pkg:rpm/redhat/openssl-libs@3.0.7-28.el9?arch=x86_64&epoch=1"
    built = {"product_id": "openssl-libs-1:3.0.7-28.el9.x86_64", "product_identification_helper": {"purl": purl}}
    parts = (built["product_id"], "openssl", "nodejs:18/nodejs")
    related = [
        {
            "full_product_name": {"product_id": f"{place}:{part}"},
            "product_reference": part,
            "relates_to_product_reference": place,
        }
        for place in ("BaseOS-9", "EUS-9.2")
        for part in parts
    ]
    return {
        "document": {
            "csaf_version": "2.0",
            "tracking": {"id": "CVE-2026-0001", "current_release_date": "2026-11-20T00:00:00+00:00"},
        },
        "product_tree": {
            "branches": [{"branches": [{"product": platform}, {"product": eus}, {"product": built}]}],
            "relationships": related,
        },
        "vulnerabilities": [{"cve": "CVE-2026-0001", "product_status": status, "remediations": list(remediations)}],
    }


def test_red_hats_statuses_have_their_states(site: Site) -> None:
    status = {
        "fixed": ["BaseOS-9:openssl-libs-1:3.0.7-28.el9.x86_64", "EUS-9.2:openssl-libs-1:3.0.7-28.el9.x86_64"],
        "known_affected": ["BaseOS-9:openssl"],
        "under_investigation": ["BaseOS-9:nodejs:18/nodejs"],
    }
    given_up = {"category": "no_fix_planned", "details": "Out of support scope", "product_ids": ["BaseOS-9:openssl"]}
    site.take("redhat-vex", authored.tar_gz({"2026/cve-2026-0001.json": _vex(status, given_up)}))
    (fixed,) = _said(site, "Red Hat:9", "openssl-libs")
    (affected,) = _said(site, "Red Hat:9", "openssl")
    (open_,) = _said(site, "Red Hat:9", "nodejs")
    assert (fixed.state, fixed.fixed) == (FixState.FIXED_IN, "1:3.0.7-28.el9")
    assert (affected.state, affected.note) == (FixState.WILL_NOT_FIX, "Out of support scope")
    assert open_.state is FixState.INVESTIGATING


def test_ubuntus_openvex_statuses_have_their_states(site: Site) -> None:
    def said(status: str, name: str, **more: str) -> dict[str, Any]:
        purl = f"pkg:deb/ubuntu/{name}@1.0-1?arch=source&distro=jammy"
        other = purl.replace("arch=source", "arch=amd64")
        named = {"name": "CVE-2026-0001"}
        return {"vulnerability": named, "status": status, "products": [{"@id": purl}, {"@id": other}], **more}

    vex = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "timestamp": "2026-11-20T00:00:00Z",
        "statements": [
            said("fixed", "a"),
            said("affected", "b", action_statement="no longer supported"),
            said("affected", "c"),
            said("not_affected", "d"),
            said("under_investigation", "e"),
        ],
    }
    site.take("ubuntu-vex", authored.tar_gz({"cve/2026/CVE-2026-0001.json": vex}))
    found = [_said(site, "Ubuntu:22.04:LTS", name) for name in "abcde"]
    assert [one.state for (one,) in found] == [
        FixState.FIXED_IN,
        FixState.WILL_NOT_FIX,
        FixState.NO_FIX,
        FixState.NOT_AFFECTED,
        FixState.INVESTIGATING,
    ]


def test_endoflife_says_until_when(site: Site) -> None:
    product = {
        "name": "debian",
        "releases": [{"name": "12", "isEol": False, "eolFrom": "2026-07-11", "eoesFrom": "2028-06-30"}],
    }
    full = {"schema_version": "1.2.0", "generated_at": "2026-11-26T00:00:00+00:00", "total": 1, "result": [product]}
    site.take("endoflife", json.dumps(full).encode())
    with site.library() as library:
        (cycle,) = library.support("debian")
    assert (cycle.cycle, str(cycle.support_ends), str(cycle.extended_ends)) == ("12", "2026-07-11", "2028-06-30")


def test_published_fragments_are_read(site: Site) -> None:
    tracker = site.take("debian-tracker", shared("feeds/debian/tracker-fragment.json"))
    rhsa = shared("feeds/rhel/rhsa-2024_9371.json")
    site.take("redhat-vex", rhsa)
    site.take("ubuntu-osv", shared("feeds/ubuntu/UBUNTU-CVE-2016-20013.json"))
    site.take("ubuntu-vex", shared("feeds/ubuntu/openvex-CVE-2023-38545.json"))
    assert tracker.entries > 0
    (python,) = _said(site, "Red Hat:9", "python3.9")
    assert (python.cve, python.fixed, python.note) == ("CVE-2024-8088", "3.9.19-8.el9", "RHSA-2024:9371")
    assert {one.state for one in _said(site, "Ubuntu:22.04:LTS", "glibc")} == {FixState.NO_FIX}
    assert {(one.cve, one.state) for one in _said(site, "Ubuntu:22.04:LTS", "curl")} == {
        ("CVE-2023-38545", FixState.FIXED_IN)
    }
