"""What a host has installed, in the words advisories use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from collectors.base import document
from posture.model.observation import Blind, Observation, Origin, Unseen
from posture.model.vulnerability import PackageVersion
from posture.vulnerabilities.installed import ecosystem_of, installed

AT = datetime(2026, 11, 27, tzinfo=UTC)


def _host(
    system: dict[str, Any], *packages: tuple[str, str, str, str], complete: bool = True, projects: Any = None
) -> dict[str, Observation]:
    items = [
        {"name": name, "version": version, "arch": "amd64", "source": source, "source_version": source_version}
        for name, version, source, source_version in packages
    ]
    listing = {
        "installed": {"items": items, "complete": complete},
        "projects": projects or {"items": [], "complete": True},
    }
    facts = {"os": system, "packages": listing}
    return {
        topic: document(host="a", topic=topic, facts=said, evidence=(), taken_at=AT, origin=Origin.LIVE)
        for topic, said in facts.items()
    }


@pytest.mark.parametrize(
    ("id_", "version", "ecosystem"),
    [
        ("debian", "12", "Debian:12"),
        ("ubuntu", "24.04", "Ubuntu:24.04:LTS"),
        ("ubuntu", "25.04", "Ubuntu:25.04"),
        ("ubuntu", "24.10", "Ubuntu:24.10"),
        ("rhel", "9.4", "Red Hat:9"),
        ("rocky", "8.10", "Rocky Linux:8"),
        ("almalinux", "9.5", "AlmaLinux:9"),
        ("opensuse-leap", "15.6", "opensuse-leap:15.6"),
        ("debian", None, "Debian:"),
    ],
)
def test_a_system_has_the_ecosystem_that_osv_names(id_: str, version: str | None, ecosystem: str) -> None:
    assert ecosystem_of({"id": id_, "version_id": version}) == ecosystem


def test_dpkg_packages_are_named_by_their_source() -> None:
    found = installed(_host({"id": "debian", "version_id": "12"}, ("libssl3", "3.0.11-1+b1", "openssl", "3.0.11-1")))
    assert found.packages == (PackageVersion("Debian:12", "openssl", "3.0.11-1"),)
    assert found.unseen == ""


@pytest.mark.parametrize(
    ("system", "row", "named"),
    [
        (
            "debian",
            ("linux-image-6.1.0-28-amd64", "6.1.119-1", "linux-signed-amd64", "6.1.119+1"),
            ("linux", "6.1.119-1"),
        ),
        ("debian", ("grub-efi-amd64-signed", "1+2.06+13", "grub-efi-amd64-signed", "1+2.06+13"), ("grub2", "2.06-13")),
        ("debian", ("shim-signed", "1.44", "shim-signed", "1.44"), ("shim-signed", "1.44")),
        (
            "ubuntu",
            ("linux-image-6.8.0-45-generic", "6.8.0-45.45", "linux-signed", "6.8.0-45.45"),
            ("linux", "6.8.0-45.45"),
        ),
        ("ubuntu", ("linux-image-6.8.0-aws", "6.8.0-1", "linux-signed-aws", "6.8.0-1"), ("linux-aws", "6.8.0-1")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_signed_images_count_as_the_source_they_were_built_from(
    system: str, row: tuple[str, str, str, str], named: tuple[str, str]
) -> None:
    (package,) = installed(_host({"id": system, "version_id": "12"}, row)).packages
    assert (package.name, package.version) == named


def test_rpm_packages_are_asked_for_under_their_own_name_and_their_sources_with_the_epoch() -> None:
    found = installed(
        _host({"id": "rhel", "version_id": "9.4"}, ("openssl-libs", "1:3.0.7-27.el9", "openssl", "3.0.7-27.el9"))
    )
    assert [(one.name, one.version) for one in found.packages] == [
        ("openssl", "1:3.0.7-27.el9"),
        ("openssl-libs", "1:3.0.7-27.el9"),
    ]


def test_a_list_that_is_missing_or_cut_says_so() -> None:
    cut = installed(_host({"id": "debian", "version_id": "12"}, ("a", "1", "a", "1"), complete=False))
    whole = _host({"id": "debian", "version_id": "12"})
    refused = installed({**whole, "packages": Unseen("a", "packages", Blind.LOGIN_REFUSED, "no key")})
    nothing = installed({})
    assert cut.unseen == "packages: the list is not complete"
    assert refused.unseen == "packages: login_refused no key"
    assert nothing.unseen == "os: not asked for"


def test_projects_of_python_and_npm_stand_beside_the_packages() -> None:
    items = [
        {"manager": "python", "name": "Flask_Login", "version": "0.6.3"},
        {"manager": "npm", "name": "@scope/Part", "version": "1.0.0"},
    ]
    found = installed(_host({"id": "debian", "version_id": "12"}, projects={"items": items, "complete": False}))
    assert found.packages == (
        PackageVersion("PyPI", "flask-login", "0.6.3"),
        PackageVersion("npm", "@scope/Part", "1.0.0"),
    )
    assert found.unseen == "projects of Python and npm were not all read"
