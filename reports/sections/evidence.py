"""The evidence index: each digest once, who gave it, and as much of the bytes as the file can hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from posture.errors import NotKeptError, StoreError
from posture.model.observation import Evidence, Origin
from reports.inert import lines_of
from reports.sections.common import anchor, host_link, listed_hosts
from reports.survey import Survey
from reports.view import EvidenceView, ExcerptView, Share, SourceView
from reports.words import counted

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_SOURCES_SHOWN = 25


def excerpt_anchor(sha256: str) -> str:
    """Return the anchor of a digest; equal bytes from many hosts share it."""
    return anchor("e", sha256)


def build_evidence(survey: Survey) -> EvidenceView:
    """Return the evidence behind the findings shown, in the order in which the findings name it."""
    by_digest: dict[str, dict[tuple[str, str], Evidence]] = {}
    for key in _shown_order(survey):
        for record in survey.details[key].evidence:
            by_digest.setdefault(record.sha256, {}).setdefault((record.host, record.command_id), record)
    reader = _Reader(survey)
    excerpts = tuple(_excerpt(survey, reader, digest, tuple(found.values())) for digest, found in by_digest.items())
    return EvidenceView(
        excerpts=excerpts,
        shown=Share(reader.shown, len(excerpts)),
        excerpt_bytes=survey.limits.excerpt_bytes,
        total_bytes=survey.limits.excerpts_total_bytes,
        notes=reader.notes(),
    )


@dataclass(slots=True)
class _Reader:
    """Reads blobs until the budget of the file is spent, and counts what it had to leave out."""

    survey: Survey
    spent: int = 0
    shown: int = 0
    cut: int = 0
    over_budget: int = 0
    deleted: int = 0
    missing: int = 0
    seen: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)

    def excerpt(self, sha256: str, limit: int) -> tuple[tuple[str, ...], str]:
        if sha256 == EMPTY_SHA256:
            self.shown += 1
            return (), "The answer was empty."
        if self.spent + limit > self.survey.limits.excerpts_total_bytes:
            self.over_budget += 1
            return (), "Not shown: this file has reached its limit. The bytes are in the store under this digest."
        try:
            blob = self.survey.assessment.read_blob(sha256)
        except NotKeptError as error:
            self.deleted += 1
            return (), f"{error}. The digest remains."
        except StoreError:
            self.missing += 1
            return (), "The bytes are not in the store. The digest remains."
        self.shown += 1
        part = blob[:limit]
        self.spent += len(part)
        note = ""
        if len(blob) > limit:
            self.cut += 1
            note = f"Shown: the first {len(part):,} of {len(blob):,} bytes."
        return lines_of(part.decode("utf-8", "replace")), note

    def notes(self) -> tuple[str, ...]:
        reasons = (
            (self.cut, "is cut after {limit:,} bytes", "are cut after {limit:,} bytes each"),
            (self.over_budget, "is left out to keep this file small", "are left out to keep this file small"),
            (self.deleted, "was let go by the retention policy", "were let go by the retention policy"),
            (self.missing, "is not in the store", "are not in the store"),
        )
        limit = self.survey.limits.excerpt_bytes
        return tuple(
            f"{counted(count, 'answer')} {(one if count == 1 else many).format(limit=limit)}."
            for count, one, many in reasons
            if count
        )


def _shown_order(survey: Survey) -> tuple[tuple[str, str], ...]:
    keys = dict.fromkeys((finding.host, finding.check) for finding in survey.open)
    return tuple(key for key in keys if key in survey.details)


def _excerpt(survey: Survey, reader: _Reader, digest: str, records: tuple[Evidence, ...]) -> ExcerptView:
    lines, note = reader.excerpt(digest, survey.limits.excerpt_bytes)
    left_out = len(records) - _SOURCES_SHOWN
    if left_out > 0:
        note = f"{note} {counted(left_out, 'more host')} gave the same bytes.".strip()
    listed = listed_hosts(survey)
    return ExcerptView(
        anchor=excerpt_anchor(digest),
        digest=digest,
        size_bytes=records[0].size_bytes,
        sources=tuple(_source(listed, record) for record in records[:_SOURCES_SHOWN]),
        lines=lines,
        stderr=_stderr(survey, records[0]),
        note=note,
    )


def _stderr(survey: Survey, record: Evidence) -> tuple[str, ...]:
    if record.stderr_sha256 in ("", EMPTY_SHA256):
        return ()
    try:
        blob = survey.assessment.read_blob(record.stderr_sha256)
    except StoreError as error:
        return (f"({error})" if isinstance(error, NotKeptError) else "(not in the store)",)
    return lines_of(blob[: survey.limits.stderr_bytes].decode("utf-8", "replace"))


def _source(listed: frozenset[str], record: Evidence) -> SourceView:
    remarks = [
        "cut off on the host" if record.truncated else "",
        f"{counted(record.redactions, 'value')} redacted" if record.redactions else "",
    ]
    return SourceView(
        host=host_link(listed, record.host),
        command=record.asked,
        account=record.account,
        vantage=record.vantage,
        origin=record.origin.value,
        live=record.origin is Origin.LIVE,
        taken_at=record.taken_at,
        duration_ms=record.duration_ms,
        exit_code="never ended" if record.exit_code is None else f"exit {record.exit_code}",
        remark=", ".join(remark for remark in remarks if remark),
    )
