"""Our list of affected packages beside the independent one, for a dpkg list of a host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collectors import os_release, packages
from collectors.base import Answer, Transcript, observe
from posture.feeds.intake import Source, take
from posture.feeds.library import Library
from posture.feeds.registry import feed
from posture.model.observation import Observation
from posture.vulnerabilities.fleet import FleetMatches
from posture.vulnerabilities.installed import installed
from tests.truth import independent, tracker

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@dataclass(frozen=True)
class Agreement:
    """Both lists, as ``package version CVE state fixed`` lines."""

    ours: list[str]
    truth: list[str]
    rows: int

    @property
    def differences(self) -> list[str]:
        """Lines that only one of the two has."""
        return sorted(set(self.ours) ^ set(self.truth))


def observed(transcript: Transcript) -> dict[str, Observation]:
    """Return the two topics that matching reads."""
    return {one.topic: observe(one, transcript) for one in (os_release.COLLECTOR, packages.COLLECTOR)}


def sources_of(hosts: Mapping[str, dict[str, Observation]]) -> dict[str, dict[str, str]]:
    """Return by codename which source packages its host has, in which version."""
    return {name: {one.name: one.version for one in installed(seen).packages} for name, seen in hosts.items()}


def compare(hosts: Mapping[str, Transcript], work: Path, rows: int, least_bytes: int = 0) -> dict[str, Agreement]:
    """Return by codename how far both lists agree over one tracker for all hosts."""
    seen = {name: observed(transcript) for name, transcript in hosts.items()}
    path = work / "tracker.json"
    with path.open("w", encoding="utf-8") as file:
        written = tracker.write(file, sources_of(seen), rows, least_bytes=least_bytes)
    take(feed("debian-tracker"), path, Source("file:tracker.json"), work / "feeds", NOW)
    with Library(work / "feeds") as library:
        matches = FleetMatches(library)
        return {
            name: Agreement(_ours(matches, seen[name]), _truth(path, name, hosts[name], work), written)
            for name in hosts
        }


def _ours(matches: FleetMatches, seen: dict[str, Observation]) -> list[str]:
    found = matches.of(seen).affected
    lines = (
        f"{one.package.name} {one.package.version} {one.cve} {one.state.value} {one.fixed or '-'}" for one in found
    )
    return sorted(lines)


def _truth(path: Path, codename: str, transcript: Transcript, work: Path) -> list[str]:
    answer: Answer = transcript.answers["packages.dpkg"]
    listed = work / f"{codename}.dpkg"
    listed.write_bytes(answer.stdout)
    command = (sys.executable, "-S", "-I", str(independent.__file__), str(path), codename, str(listed))
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
