"""What was seen out of what there is, and every blind spot with what to do about it."""

from __future__ import annotations

from posture.model.finding import Status
from reports.sections.common import host_link, listed_hosts, owner_words
from reports.survey import BlindGroup, BlindHost, Survey, checks_of_host
from reports.view import BlindHostView, BlindView, CoverageView, Share, StatusSlice
from reports.words import STATUS, UNEXPLAINED, blind_words

TOPICS_SHOWN = 8
CHECKS_SHOWN = 8
_TONE = {
    Status.PASS: "good",
    Status.FAIL: "high",
    Status.NOT_APPLICABLE: "plain",
    Status.NOT_CHECKED: "unknown",
    Status.ERROR: "unknown",
    Status.MANUAL: "unknown",
}
_WITHOUT_TOPIC = {Status.MANUAL.label: "an attestation", Status.ERROR.label: "nothing; judging it broke"}


def build_coverage(survey: Survey) -> CoverageView:
    """Return the coverage with its blind spots, the most hosts first."""
    coverage = survey.assessment.coverage
    hosts = max(coverage.hosts, survey.hosts_seen)
    return CoverageView(
        share=Share(coverage.decided, coverage.possible),
        hosts_assessed=Share(survey.hosts_assessed, hosts),
        hosts_complete=Share(survey.hosts_complete, hosts),
        hosts_blind=Share(survey.hosts_blind + max(0, hosts - survey.hosts_seen), hosts),
        slices=_slices(survey),
        complete=survey.complete,
        blind=tuple(_blind(survey, group, hosts) for group in survey.blind),
    )


def _slices(survey: Survey) -> tuple[StatusSlice, ...]:
    coverage = survey.assessment.coverage
    counts = dict(coverage.by_status)
    rows = [(status.label.replace("_", " "), _TONE[status], STATUS[status], counts.get(status, 0)) for status in Status]
    missing = coverage.possible - sum(counts.values())
    if missing > 0:
        rows.append(("no result", "unknown", blind_words(UNEXPLAINED).meaning, missing))
    slices: list[StatusSlice] = []
    x = 0.0
    for name, tone, meaning, count in rows:
        width = 100 * count / coverage.possible if coverage.possible else 0.0
        slices.append(
            StatusSlice(name, tone, meaning, Share(count, coverage.possible), x=round(x, 3), width=round(width, 3))
        )
        x += width
    return tuple(slices)


def _blind(survey: Survey, group: BlindGroup, hosts: int) -> BlindView:
    words = blind_words(group.reason)
    listed = listed_hosts(survey)
    return BlindView(
        title=words.title,
        meaning=words.meaning,
        action=words.action,
        hosts=Share(group.hosts, hosts),
        results=Share(group.results, survey.assessment.coverage.possible),
        listed=tuple(_blind_host(survey, listed, group.reason, spot) for spot in group.kept),
        left_out=group.hosts - len(group.kept),
    )


def _blind_host(survey: Survey, listed: frozenset[str], reason: str, spot: BlindHost) -> BlindHostView:
    return BlindHostView(
        host=host_link(listed, spot.host),
        zone=spot.zone,
        owner=owner_words(spot.owner),
        topics=_topics(reason, spot),
        checks=Share(len(spot.checks), checks_of_host(survey.assessment)),
        names=_some(spot.checks, CHECKS_SHOWN),
        detail=next((detail for _, detail in sorted(spot.topics.items()) if detail), spot.detail),
    )


def _topics(reason: str, spot: BlindHost) -> str:
    names = sorted(spot.topics)
    if not names:
        return _WITHOUT_TOPIC.get(reason, "parts of topics that arrived")
    return _some(names, TOPICS_SHOWN)


def _some(names: list[str], limit: int) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")
