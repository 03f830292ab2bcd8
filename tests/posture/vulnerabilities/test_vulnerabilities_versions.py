"""Our order of versions against the distributions' own programs: 500 pairs each here, 6,000 by `make ground-truth`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from posture.vulnerabilities.versions import UnorderedError, older, project_name
from tests.posture.vulnerabilities.version_pairs import by_dpkg, by_rpm, pairs

COUNT = int(os.environ.get("POSTURE_VERSION_PAIRS", "500"))


def _ours(ecosystem: str, one: str, other: str) -> int:
    return older(ecosystem, other, one) - older(ecosystem, one, other)


def _wrong(ecosystem: str, asked: list[tuple[str, str]], truth: list[int]) -> list[tuple[str, str, int]]:
    assert len(truth) == len(asked)
    assert {-1, 0, 1} == set(truth)
    return [(*pair, said) for pair, said in zip(asked, truth, strict=True) if _ours(ecosystem, *pair) != said]


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="no dpkg to ask")
def test_our_order_of_debian_versions_is_dpkgs() -> None:
    asked = pairs("deb", COUNT)
    assert _wrong("Debian:12", asked, by_dpkg(asked)) == []


@pytest.mark.skipif(
    shutil.which("rpm") is None and not os.environ.get("POSTURE_LAB_REQUIRED"),
    reason="no rpm: run tests/lab/prepare.sh",
)
def test_our_order_of_rpm_versions_is_rpms(tmp_path: Path) -> None:
    asked = pairs("rpm", max(COUNT, 6_000))
    assert _wrong("Red Hat:9", asked, by_rpm(asked, tmp_path)) == []


@pytest.mark.parametrize(
    ("ecosystem", "one", "other"),
    [
        ("PyPI", "1.0rc1", "1.0"),
        ("PyPI", "1.0", "1.0.post1"),
        ("PyPI", "1.9", "1.10"),
        ("PyPI", "1.0", "1!0.1"),
        ("npm", "1.0.0-rc.1", "1.0.0"),
        ("npm", "1.9.0", "1.10.0"),
    ],
)
def test_versions_of_languages_have_their_own_order(ecosystem: str, one: str, other: str) -> None:
    assert older(ecosystem, one, other)
    assert not older(ecosystem, other, one)


@pytest.mark.parametrize(("ecosystem", "version"), [("PyPI", "not a version"), ("npm", "x"), ("Plan 9", "1")])
def test_what_cannot_be_ordered_is_said(ecosystem: str, version: str) -> None:
    with pytest.raises(UnorderedError):
        older(ecosystem, version, "1.0.0")


def test_names_of_python_projects_are_compared_as_the_index_does() -> None:
    assert project_name("Foo__Bar.baz") == "foo-bar-baz"
