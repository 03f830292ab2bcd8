"""The feeds we read: one row each."""

from __future__ import annotations

from dataclasses import dataclass, field

from posture.errors import UsageError
from posture.feeds import debian, endoflife, epss, kev, openvex, osv, redhat, ssvc
from posture.feeds.container import Limits
from posture.feeds.entries import Reader

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed: where it comes from by default, and what reads it."""

    id: str
    title: str
    url: str
    """Empty for one that is imported from files only."""
    read: Reader
    licence: str
    limits: Limits = field(default_factory=Limits)
    pointer: bool = False
    """The URL answers with the name of the file to fetch beside it."""
    usual: bool = True
    """Fetched when nothing else is configured; the others say again what one of these says."""


FEEDS: tuple[Feed, ...] = (
    Feed(
        "kev",
        "CISA catalogue of known exploited vulnerabilities",
        # cisa.gov itself refuses some clients that are no browser.
        "https://raw.githubusercontent.com/cisagov/kev-data/develop/known_exploited_vulnerabilities.json",
        kev.read,
        "CC0-1.0",
        Limits(file_bytes=64 * _MB, total_bytes=64 * _MB),
    ),
    Feed(
        "vulnrichment",
        "CISA Vulnrichment: SSVC points",
        "https://codeload.github.com/cisagov/vulnrichment/tar.gz/refs/heads/develop",
        ssvc.read_vulnrichment,
        "CC0-1.0",
    ),
    Feed("nvd", "NVD API 2.0 pages: SSVC points, products by CPE", "", ssvc.read_nvd, "public domain", usual=False),
    Feed(
        "epss",
        "FIRST EPSS",
        "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
        epss.read,
        "free with attribution to FIRST",
        Limits(file_bytes=200 * _MB, total_bytes=400 * _MB),
    ),
    Feed(
        "debian-tracker",
        "Debian security tracker",
        "https://security-tracker.debian.org/tracker/data/json",
        debian.read,
        "see security-tracker.debian.org",
        Limits(file_bytes=500 * _MB, total_bytes=1_000 * _MB),
    ),
    Feed(
        "redhat-vex",
        "Red Hat CSAF VEX",
        "https://security.access.redhat.com/data/csaf/v2/vex-feed/archive_latest.txt",
        redhat.read,
        "CC-BY-4.0",
        pointer=True,
    ),
    Feed(
        "ubuntu-osv",
        "Ubuntu, as OSV",
        "https://security-metadata.canonical.com/osv/osv-all.tar.xz",
        osv.read,
        "CC-BY-SA-4.0",
    ),
    Feed(
        "ubuntu-vex",
        "Ubuntu, as OpenVEX",
        "https://security-metadata.canonical.com/vex/vex-all.tar.xz",
        openvex.read,
        "see ubuntu.com/security",
        usual=False,
    ),
    *(
        Feed(
            f"osv-{id_}",
            f"OSV: {ecosystem}",
            f"https://osv-vulnerabilities.storage.googleapis.com/{ecosystem.replace(' ', '%20')}/all.zip",
            osv.read,
            "by source; mostly CC-BY-4.0 and CC0",
            usual=id_ not in ("debian", "ubuntu", "redhat"),
        )
        for id_, ecosystem in (
            ("debian", "Debian"),
            ("ubuntu", "Ubuntu"),
            ("redhat", "Red Hat"),
            ("rocky", "Rocky Linux"),
            ("alma", "AlmaLinux"),
            ("pypi", "PyPI"),
            ("npm", "npm"),
        )
    ),
    Feed(
        "endoflife",
        "endoflife.date",
        "https://endoflife.date/api/v1/products/full",
        endoflife.read,
        "MIT",
        Limits(file_bytes=64 * _MB, total_bytes=64 * _MB),
    ),
)


def feed(id_: str) -> Feed:
    """Return a feed by its id.

    Raises:
        UsageError: there is none of that name.
    """
    for one in FEEDS:
        if one.id == id_:
            return one
    raise UsageError(f"no feed is called `{id_}`", hint=f"one of: {', '.join(one.id for one in FEEDS)}")
