"""From package versions and statements to what is affected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posture.model.vulnerability import Advisory, FixState, PackageVersion
from posture.vulnerabilities.match import Matches, affected, not_assessed
from tests.posture.vulnerabilities.known import Authored

SSL = PackageVersion("Debian:12", "openssl", "3.0.11-1~deb12u2")


def _states(package: PackageVersion, *said: tuple[str, Advisory]) -> list[tuple[str, FixState, str, str]]:
    return [(one.cve, one.state, one.fixed, one.feed) for one in affected([package], Authored(said))]


def _one(state: FixState, **more: str) -> Advisory:
    return Advisory("CVE-2026-0001", "Debian:12", "openssl", state, **more)


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        (_one(FixState.FIXED_IN, fixed="3.0.13-1~deb12u1"), FixState.FIXED_IN),
        (_one(FixState.FIXED_IN, fixed="3.0.11-1~deb12u2"), None),
        (_one(FixState.FIXED_IN, fixed="3.0.11-1~deb12u1"), None),
        (_one(FixState.NO_FIX), FixState.NO_FIX),
        (_one(FixState.WILL_NOT_FIX), FixState.WILL_NOT_FIX),
        (_one(FixState.NOT_AFFECTED), None),
        (_one(FixState.INVESTIGATING), FixState.INVESTIGATING),
        (_one(FixState.FIXED_IN, introduced="3.0.12-1", fixed="3.0.13-1"), None),
        (_one(FixState.NO_FIX, last_affected="3.0.10-1"), None),
        (_one(FixState.NO_FIX, last_affected="3.0.11-1~deb12u2"), FixState.NO_FIX),
        (_one(FixState.FIXED_IN, fixed="no version: at all"), FixState.FIXED_IN),
    ],
    ids=str,
)
def test_the_vendors_word_decides(statement: Advisory, state: FixState | None) -> None:
    found = [one[1] for one in _states(SSL, ("debian-tracker", statement))]
    assert found == ([state] if state else [])


def test_the_vendor_is_heard_before_an_aggregator_and_the_aggregator_where_the_vendor_is_silent() -> None:
    vendor = ("debian-tracker", _one(FixState.NOT_AFFECTED))
    other = ("osv-debian", _one(FixState.NO_FIX))
    assert _states(SSL, vendor, other) == []
    assert _states(SSL, other) == [("CVE-2026-0001", FixState.NO_FIX, "", "osv-debian")]


def test_an_rpm_is_measured_by_the_fix_of_its_own_stream() -> None:
    def fix(version: str) -> tuple[str, Advisory]:
        return "redhat-vex", Advisory("CVE-2024-8088", "Red Hat:9", "python3", FixState.FIXED_IN, fixed=version)

    fixes = (fix("3.9.18-3.el9_4.5"), fix("3.9.19-8.el9"))
    seen = {
        version: [one[2] for one in _states(PackageVersion("Red Hat:9", "python3", version), *fixes)]
        for version in ("3.9.18-3.el9_4.7", "3.9.18-3.el9_4.4", "3.9.18-3.el9", "3.9.19-8.el9", "3.9.18-1.el9_2.1")
    }
    assert seen == {
        "3.9.18-3.el9_4.7": [],
        "3.9.18-3.el9_4.4": ["3.9.18-3.el9_4.5"],
        "3.9.18-3.el9": ["3.9.19-8.el9"],
        "3.9.19-8.el9": [],
        "3.9.18-1.el9_2.1": ["3.9.19-8.el9"],
    }


def test_module_streams_of_one_release_are_told_apart_by_their_own_version() -> None:
    def fix(version: str) -> tuple[str, Advisory]:
        return "redhat-vex", Advisory("CVE-2026-0002", "Red Hat:8", "nodejs", FixState.FIXED_IN, fixed=version)

    fixes = (fix("1:18.20.4-1.module+el8.10.0+1+a"), fix("1:20.16.0-1.module+el8.10.0+2+b"))
    patched = PackageVersion("Red Hat:8", "nodejs", "1:18.20.4-1.module+el8.10.0+1+a")
    behind = PackageVersion("Red Hat:8", "nodejs", "1:18.20.2-1.module+el8.9.0+1+a")
    assert _states(patched, *fixes) == []
    assert [one[2] for one in _states(behind, *fixes)] == ["1:18.20.4-1.module+el8.10.0+1+a"]


def test_packages_that_no_feed_speaks_for_are_not_assessed() -> None:
    knowledge = Authored((("debian-tracker", _one(FixState.NO_FIX)),))
    foreign = PackageVersion("opensuse-leap:15.6", "openssl", "3.0.8")
    quiet = PackageVersion("Debian:12", "hello", "2.10-3")
    assert not_assessed([SSL, foreign, quiet], knowledge) == (foreign,)
    assert not_assessed([SSL], Authored()) == (SSL,)


def test_an_equal_package_is_asked_for_once() -> None:
    asked: list[str] = []

    class Counting(Authored):
        def advisories(self, ecosystem: str, package: str):  # type: ignore[no-untyped-def]
            asked.append(package)
            return super().advisories(ecosystem, package)

    matches = Matches(Counting((("debian-tracker", _one(FixState.NO_FIX)),)))
    assert affected([SSL], matches) == affected([SSL, SSL], matches)
    assert asked == ["openssl"]


@given(st.permutations([(feed, _one(state)) for feed in ("debian-tracker", "osv-debian") for state in FixState]))
def test_the_order_of_statements_changes_nothing(said: list[tuple[str, Advisory]]) -> None:
    assert _states(SSL, *said) == _states(SSL, *sorted(said))
