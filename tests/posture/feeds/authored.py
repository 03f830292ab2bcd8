"""Feeds as small authored files in their true shape."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posture.feeds.intake import Leave, Source, take
from posture.feeds.library import Library
from posture.feeds.registry import feed
from posture.model.vulnerability import FeedStamp

NOTHING_ALLOWED = Leave()
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def kev(*cves: str, released: str = "2026-11-27T10:00:00.0000Z", added: str = "2026-11-20") -> bytes:
    listed = [
        {
            "cveID": cve,
            "vendorProject": "x",
            "product": "y",
            "vulnerabilityName": "z",
            "dateAdded": added,
            "shortDescription": "",
            "requiredAction": "",
            "dueDate": "2026-11-23",
            "knownRansomwareCampaignUse": "Known" if index == 0 else "Unknown",
            "notes": "",
            "cwes": [],
        }
        for index, cve in enumerate(cves)
    ]
    version = released[:10].replace("-", ".")
    body = {"title": "t", "catalogVersion": version, "dateReleased": released, "count": len(cves)}
    return json.dumps({**body, "vulnerabilities": listed}).encode()


def cve_record(cve: str, *options: dict[str, str], stamp: str = "2026-11-01T00:00:00Z") -> dict[str, Any]:
    content = {"id": cve, "options": list(options), "role": "CISA Coordinator", "timestamp": stamp, "version": "2.0.3"}
    adp = {"title": "CISA ADP Vulnrichment", "metrics": [{"other": {"type": "ssvc", "content": content}}]}
    return {"cveMetadata": {"cveId": cve}, "containers": {"cna": {}, "adp": [adp]}}


def nvd_page(cve: str, *options: dict[str, str]) -> bytes:
    data = {"id": cve, "options": list(options), "timestamp": "2026-11-02T00:00:00Z", "version": "2.0.3"}
    metrics = {"ssvcV203": [{"source": "134c704f", "type": "Secondary", "ssvcData": data}]}
    page = {"totalResults": 1, "timestamp": "2026-11-03T00:00:00.000", "vulnerabilities": []}
    return json.dumps({**page, "vulnerabilities": [{"cve": {"id": cve, "metrics": metrics}}]}).encode()


def epss(*rows: str, day: str = "2026-11-26", model: str = "v2026.06.15") -> bytes:
    head = f"#model_version:{model},score_date:{day}T00:00:00+0000\ncve,epss,percentile\n"
    return gzip.compress((head + "".join(f"{row}\n" for row in rows)).encode())


def tar_gz(files: dict[str, Any]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, body in files.items():
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def zipped(files: dict[str, Any]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body if isinstance(body, bytes) else json.dumps(body))
    return packed.getvalue()


class Site:
    """A place for feeds, with the files that are taken in."""

    def __init__(self, work: Path) -> None:
        self.work, self.place = work, work / "feeds"

    def take(
        self, feed_id: str, content: bytes | Path, *, leave: Leave = NOTHING_ALLOWED, now: datetime = NOW
    ) -> FeedStamp:
        path = content if isinstance(content, Path) else self.work / f"{feed_id}.download"
        if isinstance(content, bytes):
            path.write_bytes(content)
        return take(feed(feed_id), path, Source(f"file:{path.name}"), self.place, now, leave)

    def library(self) -> Library:
        return Library(self.place)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)
