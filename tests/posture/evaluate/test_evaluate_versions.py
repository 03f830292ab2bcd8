"""Version order by deb-version(7), rpm-version(7), Semantic Versioning 2.0.0 and plain dotted numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.evaluate.versions import SCHEMES, NotAVersion, compare

ORDERED = {
    "deb": [
        "1.0~~",
        "1.0~rc1",
        "1.0",
        "1.0-1",
        "1.0-1+deb12u1",
        "1.0-1+deb12u2",
        "1.0-1+deb12u10",
        "1.0a",
        "1.0+b",
        "1.0.1",
        "1:0.1",
    ],
    "rpm": ["1.0~rc1", "1.0", "1.0^git1", "1.0a", "1.0.1", "1.2", "1.10", "1:0.5"],
    "semver": [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "2.0.0",
    ],
    "dotted": ["9", "9.1", "9.9", "9.10", "10.0.1"],
}


@pytest.mark.parametrize("scheme", sorted(ORDERED))
def test_the_known_order_holds_for_every_pair(scheme: str) -> None:
    versions = ORDERED[scheme]
    for i, left in enumerate(versions):
        for j, right in enumerate(versions):
            assert compare(scheme, left, right) == (i > j) - (i < j), (left, right)


@pytest.mark.parametrize(
    ("scheme", "text"), [("deb", "a b"), ("rpm", "1/2"), ("semver", "1.0"), ("dotted", "1.x"), ("dotted", "")]
)
def test_other_text_is_no_version(scheme: str, text: str) -> None:
    with pytest.raises(NotAVersion):
        compare(scheme, text, text)


def test_rpm_releases_count_only_when_both_have_one() -> None:
    assert compare("rpm", "5.14.0-70.el9", "5.14.0-427.el9") == -1
    assert compare("rpm", "5.14.0", "5.14.0-427.el9") == 0


_PARTS = st.text("0123456789ab.+~", min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SCHEMES)), _PARTS, _PARTS, _PARTS)
def test_order_is_antisymmetric_and_transitive(scheme: str, a: str, b: str, c: str) -> None:
    try:
        ab, ba, bc, ac = (compare(scheme, x, y) for x, y in ((a, b), (b, a), (b, c), (a, c)))
    except NotAVersion:
        return
    assert ab == -ba
    if ab <= 0 and bc <= 0:
        assert ac <= 0
