"""Host after host: equal documents are matched once, and what keeps a list from being whole is said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from collectors.base import document
from posture.model.observation import Blind, FactDocument, Observation, Origin, Unseen
from posture.model.vulnerability import Advisory, FeedStamp, FixState
from posture.vulnerabilities.fleet import NO_FEEDS, FleetMatches
from tests.posture.vulnerabilities.known import Authored

AT = datetime(2026, 11, 27, tzinfo=UTC)
STAMP = FeedStamp("debian-tracker", "file:x", AT, "0" * 64, "x", 1)
BROKEN = Advisory("CVE-2026-0001", "Debian:12", "openssl", FixState.NO_FIX)
OPEN = Advisory("CVE-2026-0002", "Debian:12", "openssl", FixState.INVESTIGATING)


def _document(topic: str, facts: object) -> FactDocument:
    return document(host="a", topic=topic, facts=facts, evidence=(), taken_at=AT, origin=Origin.LIVE)


def _host(*names: str, system: str = "debian", complete: bool = True) -> dict[str, Observation]:
    keys = ("name", "version", "arch", "source", "source_version")
    items = [dict(zip(keys, (name, "1.0-1", "all", name, "1.0-1"), strict=True)) for name in names]
    listing = {"installed": {"items": items, "complete": complete}, "projects": {"items": [], "complete": True}}
    return {"os": _document("os", {"id": system, "version_id": "12"}), "packages": _document("packages", listing)}


def _matches(*said: Advisory) -> FleetMatches:
    return FleetMatches(Authored(tuple(("debian-tracker", one) for one in said), stamps=(STAMP,)))


def test_without_feeds_a_host_is_not_assessed_and_never_clean() -> None:
    found = FleetMatches(Authored()).of(_host("openssl"))
    assert (found.affected, found.packages, found.gap) == ((), 0, NO_FEEDS)


def test_a_host_whose_packages_were_all_looked_up_has_no_gap() -> None:
    found = _matches(BROKEN).of(_host("openssl", "hello"))
    assert [one.cve for one in found.affected] == ["CVE-2026-0001"]
    assert (found.packages, found.gap) == (2, "")


@pytest.mark.parametrize(
    ("observed", "packages", "gap"),
    [
        (_host("openssl", system="gentoo"), 0, "no feed speaks for 1 package of gentoo:12"),
        (_host("openssl", complete=False), 1, "packages: the list is not complete"),
        (
            {**_host(), "packages": Unseen("a", "packages", Blind.TIMED_OUT, "60 s")},
            0,
            "packages: timed_out 60 s",
        ),
    ],
    ids=["no feed for it", "cut list", "no list"],
)
def test_what_keeps_a_list_from_being_whole_is_said(observed: dict[str, Observation], packages: int, gap: str) -> None:
    found = _matches(BROKEN).of(observed)
    assert (found.packages, found.gap) == (packages, gap)


def test_what_the_vendor_still_investigates_is_a_gap_and_no_vulnerability() -> None:
    found = _matches(BROKEN, OPEN).of(_host("openssl"))
    assert [one.cve for one in found.affected] == ["CVE-2026-0001"]
    assert found.gap == "the vendor has not decided on 1 CVE yet"


def test_hosts_with_equal_documents_share_one_answer() -> None:
    matches = _matches(BROKEN)
    first = matches.of(_host("openssl"))
    assert matches.of(_host("openssl")) is first
    assert matches.of(_host("hello")) is not first


SSHD = Advisory("CVE-2026-0003", "CPE", "a:openbsd:openssh", FixState.FIXED_IN, introduced="8.5", fixed="9.8")


def _seen_from_outside(*cpes: str) -> dict[str, Observation]:
    services = {"services": {"items": [{"cpes": list(cpes)}], "complete": True}}
    refused = Unseen("a", "packages", Blind.NOT_ATTEMPTED, "no login is declared for the host")
    return {
        "os": Unseen("a", "os", Blind.NOT_ATTEMPTED),
        "packages": refused,
        "exposure": _document("exposure", services),
    }


def test_a_service_seen_from_the_network_only_is_a_guess_of_low_confidence_and_the_list_stays_open() -> None:
    matches = FleetMatches(Authored((("nvd", SSHD),), stamps=(STAMP,)))
    seen = _seen_from_outside("cpe:/a:openbsd:openssh:9.2p1", "cpe:/o:linux:linux_kernel")
    found = matches.of(seen)
    [guess] = found.affected
    assert (guess.cve, guess.package.version, guess.confidence) == ("CVE-2026-0003", "9.2p1", 30)
    assert guess.why.startswith("guessed from a banner on the network")
    assert found.packages == 0
    assert "os: not_attempted" in found.gap
    assert matches.of(_seen_from_outside("cpe:/a:openbsd:openssh:9.9")).affected == ()


def test_a_banner_says_nothing_of_a_host_whose_packages_were_read() -> None:
    matches = FleetMatches(Authored((("nvd", SSHD), ("debian-tracker", BROKEN)), stamps=(STAMP,)))
    seen = {**_host("hello"), "exposure": _seen_from_outside("cpe:/a:openbsd:openssh:9.2p1")["exposure"]}
    assert matches.of(seen).affected == ()
