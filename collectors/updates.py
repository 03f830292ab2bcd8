"""Updates that wait, from the package manager's cache only, and whether packages are installed unasked and signed."""

from __future__ import annotations

from collectors.base import Answers, Collector, Command, Facts, hole
from collectors.listed import entries_of, list_paths
from collectors.textfiles import read_files
from collectors.updates_apt import from_apt
from collectors.updates_dnf import from_dnf
from collectors.updates_facts import UpdateFacts
from posture.model.observation import Blind, Hole

COMMANDS = (
    Command(
        "updates.apt",
        (
            "/usr/bin/apt-get",
            "-s",
            "-q",
            "-o",
            "Debug::NoLocking=true",
            # Root would rewrite these two caches; empty names keep them in memory.
            "-o",
            "Dir::Cache::pkgcache=",
            "-o",
            "Dir::Cache::srcpkgcache=",
            "dist-upgrade",
        ),
        timeout_s=60,
    ),
    Command("updates.apt_config", ("/usr/bin/apt-config", "dump")),
    read_files("updates.apt_sources", "/etc/apt/sources.list", "/etc/apt/sources.list.d"),
    list_paths("updates.apt_lists", "/var/lib/apt/lists", "/usr/bin/unattended-upgrade", sudo=False),
    Command(
        "updates.dnf",
        ("/usr/bin/dnf", "-q", "-C", "--setopt=logfilelevel=0", "updateinfo", "list", "--security"),
        sudo=True,
        timeout_s=60,
    ),
    # An empty list says that nothing is pending only where the repositories publish advisories at all.
    Command(
        "updates.dnf_advisories",
        ("/usr/bin/dnf", "-q", "-C", "--setopt=logfilelevel=0", "updateinfo", "summary", "--all"),
        sudo=True,
        max_bytes=64_000,
        timeout_s=60,
    ),
    read_files(
        "updates.dnf_files",
        "/etc/dnf/dnf.conf",
        "/etc/yum.conf",
        "/etc/yum.repos.d",
        "/etc/dnf/automatic.conf",
    ),
    list_paths("updates.dnf_cache", "/var/cache/dnf", "/var/cache/libdnf5", "/usr/bin/dnf"),
)


def parse(answers: Answers) -> Facts | Hole:
    """Return what waits and how packages get in.

    Source: apt-get(8), apt.conf(5), sources.list(5); dnf.conf(5), dnf-automatic(8).
    """
    apt = answers.get("updates.apt_config")
    dnf_cache = entries_of(answers.get("updates.dnf_cache"))
    if apt is not None and hole(apt) is None:
        return from_apt(answers)
    if not isinstance(dnf_cache, Hole) and dnf_cache.at("/usr/bin/dnf") is not None:
        return from_dnf(answers, dnf_cache)
    if isinstance(dnf_cache, Hole):
        return dnf_cache
    return hole(apt) or Hole("", Blind.COMMAND_MISSING, "neither apt nor dnf is on the host")


COLLECTOR = Collector(topic="updates", version=2, commands=COMMANDS, facts=UpdateFacts, parse=parse)
