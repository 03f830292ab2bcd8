"""What a host has installed, in the words advisories use: from its facts to package versions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from posture.model.observation import FactDocument, Observation
from posture.model.vulnerability import PackageVersion
from posture.vulnerabilities.services import products
from posture.vulnerabilities.versions import project_name

TOPICS = ("os", "packages")
"""The topics it all comes from; a host without packages is judged by what ``exposure`` shows of it, as a guess."""


def topics(observed: Mapping[str, Observation]) -> tuple[str, ...]:
    """Return the topics that decide for this host: alike hosts differ in what they show on the network."""
    return TOPICS if isinstance(observed.get("packages"), FactDocument) else (*TOPICS, "exposure")


@dataclass(frozen=True, slots=True)
class Installed:
    """The package versions of one host, and what keeps the list from being whole."""

    packages: tuple[PackageVersion, ...]
    """Sorted, each once."""
    unseen: str
    """Why the list is missing or has holes; empty when every package was read."""


def installed(observed: Mapping[str, Observation]) -> Installed:
    """Return what ``os`` and ``packages`` of a host come to; without them what it shows on the network."""
    system, packages = _facts(observed.get("os")), _facts(observed.get("packages"))
    if system is None or packages is None:
        missing = "os" if system is None else "packages"
        own = _projects(packages) if packages is not None else products(_facts(observed.get("exposure")) or {})
        return Installed(tuple(sorted(set(own))), f"{missing}: {_why(observed.get(missing))}")
    listing, projects = packages["installed"], packages.get("projects", {"items": [], "complete": False})
    found = {*_of_manager(ecosystem_of(system), listing["items"]), *_projects(packages)}
    gaps = [] if listing["complete"] else ["packages: the list is not complete"]
    gaps += [] if projects["complete"] else ["projects of Python and npm were not all read"]
    return Installed(tuple(sorted(found)), "; ".join(gaps))


def ecosystem_of(system: Mapping[str, Any]) -> str:
    """Return the OSV ecosystem of a system's own packages, from facts of topic ``os``.

    A system without advisories of ours keeps a name of its own, such as ``opensuse-leap:15.6``: no feed covers it.
    """
    id_, version = system.get("id") or "unknown", system.get("version_id") or ""
    major = version.split(".")[0]
    match id_:
        case "debian":
            return f"Debian:{major}"
        case "ubuntu":
            return ubuntu(version)
        case "rhel":
            return f"Red Hat:{major}"
        case "rocky":
            return f"Rocky Linux:{major}"
        case "almalinux":
            return f"AlmaLinux:{major}"
        case _:
            return f"{id_}:{version}"


def ubuntu(version: str) -> str:
    """Return Ubuntu's ecosystem: every second April is a long-term release and says so."""
    year, _, month = version.partition(".")
    long_term = month == "04" and year.isdecimal() and int(year) % 2 == 0
    return f"Ubuntu:{version}:LTS" if long_term else f"Ubuntu:{version}"


_SIGNED = re.compile(r"linux-signed(?:-(?:amd64|arm64|i386))?")
_SIGNED_FLAVOUR = re.compile(r"linux-signed-(?P<flavour>[a-z0-9.-]+)")
_SIGNED_BOOT = re.compile(r"(?P<name>grub)-efi-[a-z0-9]+-signed|(?P<other>fwupd|shim)-(?:helpers-)?[a-z0-9]+-signed")


def _of_manager(ecosystem: str, items: list[dict[str, str]]) -> Iterator[PackageVersion]:
    for item in items:
        if ecosystem.startswith(("Debian:", "Ubuntu:")):
            yield PackageVersion(ecosystem, *_built_from(item))
            continue
        yield PackageVersion(ecosystem, item["name"], item["version"])
        # Red Hat says "affected, no fix yet" of the source package; the source rpm's name carries no epoch.
        epoch, colon, _ = item["version"].partition(":")
        yield PackageVersion(ecosystem, item["source"], (epoch + colon if colon else "") + item["source_version"])


def _built_from(item: Mapping[str, str]) -> tuple[str, str]:
    """Return source and version that advisories speak of: signed images are built again from the real source."""
    source, version = item["source"], item["source_version"]
    if _SIGNED.fullmatch(source):
        return "linux", item["version"]
    if flavour := _SIGNED_FLAVOUR.fullmatch(source):
        return f"linux-{flavour['flavour']}", item["version"]
    if boot := _SIGNED_BOOT.fullmatch(source):
        real = "grub2" if boot["name"] else boot["other"]
        # 1+2.06+13+deb12u1 is the first signing of 2.06-13+deb12u1.
        signed = re.fullmatch(r"[0-9]+\+([^+]+)\+(.+)", version)
        return (real, f"{signed[1]}-{signed[2]}") if signed else (source, version)
    return source, version


_ECOSYSTEMS = {"python": "PyPI", "npm": "npm"}


def _projects(packages: Mapping[str, Any]) -> Iterator[PackageVersion]:
    for item in packages.get("projects", {"items": []})["items"]:
        ecosystem = _ECOSYSTEMS[item["manager"]]
        name = project_name(item["name"]) if ecosystem == "PyPI" else item["name"]
        yield PackageVersion(ecosystem, name, item["version"])


def _facts(observed: Observation | None) -> dict[str, Any] | None:
    if not isinstance(observed, FactDocument):
        return None
    facts = msgspec.json.decode(observed.content)["facts"]
    return facts if isinstance(facts, dict) else None


def _why(observed: Observation | None) -> str:
    if observed is None or isinstance(observed, FactDocument):
        return "not asked for"
    return f"{observed.reason.value} {observed.detail}".strip()
