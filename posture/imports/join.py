"""What our own matching found on a host, and what other scanners say of it, as one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from posture.imports.book import Reported
from posture.imports.scan import ImportedFinding
from posture.model.observation import Origin
from posture.model.vulnerability import IMPORT_FEED, Affected, Detection, FixState, PackageVersion
from posture.vulnerabilities.assess import subject
from posture.vulnerabilities.fleet import HostMatches
from posture.vulnerabilities.register import OURS, Matched

BY_LOGIN, FROM_OUTSIDE = 80, 50
"""Confidence in another scanner's word, by whether it had logged in."""


def joined(ours: HostMatches, reported: Iterable[Reported]) -> Matched:
    """Return the vulnerabilities of a host with everybody's sights of them.

    What another scanner names and our feeds name too is one vulnerability with two sights; what only it names stands
    with the scanner's word. The clock starts at the earliest sight, whose it is stands beside it.
    """
    others = sorted(reported, key=lambda one: one.source)
    by_cve: dict[str, list[Affected]] = {}
    for one in ours.affected:
        by_cve.setdefault(one.cve, []).append(one)
    affected, sights = list(ours.affected), []
    for source in others:
        for finding in source.findings:
            if finding.cve not in by_cve:
                by_cve[finding.cve] = [_by_word(finding, source, looked_ourselves=bool(ours.packages))]
                affected += by_cve[finding.cve]
            sight = Detection(finding.first_seen, finding.last_seen, source.source, Origin.IMPORTED)
            sights += [(about, sight) for about in {subject(one) for one in by_cve[finding.cve]}]
    return Matched(
        affected=tuple(affected),
        gap=_gap(ours, others),
        packages=ours.packages,
        sights=tuple(sorted(sights)),
        assessed_by=OURS if ours.packages else ", ".join(dict.fromkeys(one.source for one in others)),
    )


def _gap(ours: HostMatches, others: list[Reported]) -> str:
    if ours.packages or not others:
        return ours.gap
    said = ", ".join(f"{one.source} of {one.scanned_at:%Y-%m-%d}" for one in others)
    return f"known by import only ({said}); {ours.gap}"


def _by_word(finding: ImportedFinding, source: Reported, *, looked_ourselves: bool) -> Affected:
    what = f"{source.source} reports it" + (f" ({finding.about})" if finding.about else "")
    said = "; our feeds do not name it for what is installed" if looked_ourselves else ""
    return Affected(
        cve=finding.cve,
        package=PackageVersion(source.source, finding.about.replace(" ", "-") or "reported", ""),
        state=FixState.FIXED_IN,
        fixed="",  # the import does not say
        feed=f"{IMPORT_FEED}{source.source.lower()}",
        confidence=BY_LOGIN if source.credentialed and not looked_ourselves else FROM_OUTSIDE,
        why=f"{what}{said}",
    )
