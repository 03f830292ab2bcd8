"""CISA's SSVC points: Vulnrichment's CVE records, NVD's pages that carry them, or a table of them.

Keys are spelled two ways (``Technical Impact``, ``technicalImpact``) and values in any letter case. A value nobody
knows is unknown, never the milder one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from posture.feeds.container import Document
from posture.feeds.cpe import Configuration, statements
from posture.feeds.entries import Edition, Entry, cve_id, decoded, members, moment, shapeless
from posture.model.vulnerability import CveRecord


class _Metric(msgspec.Struct, frozen=True):
    other: dict[str, Any] = {}


class _Container(msgspec.Struct, frozen=True):
    title: str = ""
    metrics: list[_Metric] = []


class _Containers(msgspec.Struct, frozen=True):
    adp: list[_Container] = []


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    cve_id: str


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    cve_metadata: _Meta
    containers: _Containers


class _NvdCve(msgspec.Struct, frozen=True):
    id: str
    metrics: dict[str, Any] = {}
    configurations: list[Configuration] = []


class _NvdItem(msgspec.Struct, frozen=True):
    cve: _NvdCve


class _NvdPage(msgspec.Struct, frozen=True, rename="camel"):
    vulnerabilities: list[_NvdItem]
    timestamp: str
    total_results: int = 0


def read_vulnrichment(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield the points of every CVE record that CISA has enriched; a table with one row per CVE is read too.

    Source: cisagov/vulnrichment, CVE JSON 5 with the ADP container "CISA ADP Vulnrichment".
    """
    for document in documents:
        if document.name.lower().endswith((".csv", ".csv.gz")):
            yield from _table(document)
        elif _is_record(document.name):
            yield from _record(document)


def read_nvd(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield the points that pages of NVD's API 2.0 carry as ``ssvcV203``, and the products they name by CPE.

    Source: nvd.nist.gov/developers/vulnerabilities.
    """
    for document in documents:
        page = decoded(document.read(), _NvdPage, document.name)
        yield Edition(moment(page.timestamp, document.name))
        for item in page.vulnerabilities:
            yield from statements(cve_id(item.cve.id, document.name), item.cve.configurations)
            for metric in members(item.cve.metrics.get("ssvcV203")):
                data = metric.get("ssvcData")
                if isinstance(data, dict):
                    yield from _said(item.cve.id, data, document.name, "CISA, by NVD")


def _is_record(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    return last.upper().startswith("CVE-") and last.lower().endswith(".json")


def _record(document: Document) -> Iterator[Entry]:
    record = decoded(document.read(), _Record, document.name)
    for container in record.containers.adp:
        if "CISA" not in container.title:
            continue
        for metric in container.metrics:
            content = metric.other.get("content")
            if metric.other.get("type") == "ssvc" and isinstance(content, dict):
                yield from _said(record.cve_metadata.cve_id, content, document.name, "CISA Vulnrichment")


def _said(cve: str, content: dict[str, Any], name: str, who: str) -> Iterator[Entry]:
    points = {_key(key): value for one in members(content.get("options")) for key, value in one.items()}
    stamp = content.get("timestamp")
    at = moment(stamp, name) if isinstance(stamp, str) and stamp else None
    if at is not None:
        yield Edition(at)
    yield _points(cve_id(cve, name), points, at, who)


def _table(document: Document) -> Iterator[Entry]:
    text = io.TextIOWrapper(io.BytesIO(document.read()), "utf-8", errors="replace", newline="")
    rows = csv.DictReader(text)
    columns = {_key(column): column for column in rows.fieldnames or ()}
    if not {"cve", "automatable", "technicalimpact"} <= set(columns):
        raise shapeless(document.name, "no columns cve, automatable and technical_impact")
    for row in rows:
        points = {key: row[column] for key, column in columns.items()}
        stamp = points.get("timestamp") or ""
        at = moment(stamp, document.name) if stamp else None
        if at is not None:
            yield Edition(at)
        yield _points(cve_id(points["cve"] or "", document.name), points, at, "CISA Vulnrichment")


def _points(cve: str, points: dict[str, Any], at: datetime | None, who: str) -> CveRecord:
    return CveRecord(
        cve,
        automatable={"yes": True, "no": False}.get(_word(points.get("automatable"))),
        technical_impact=_one_of(points.get("technicalimpact"), "total", "partial"),
        exploitation=_one_of(points.get("exploitation"), "none", "poc", "active"),
        ssvc_source=f"{who} {at.date().isoformat()}" if at else who,
    )


def _key(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _word(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _one_of(value: Any, *known: str) -> str | None:
    word = _word(value)
    return word if word in known else None
