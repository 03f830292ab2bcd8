"""FIRST's EPSS: how likely somebody is to exploit a CVE in the next 30 days, by a named model.

EPSS scores by FIRST, https://www.first.org/epss.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from posture.errors import FeedError
from posture.feeds.container import Document
from posture.feeds.entries import Edition, Entry, cve_id, moment, shapeless
from posture.model.vulnerability import CveRecord

_HEAD = re.compile(r"#\s*model_version:(?P<model>[^,\s]{1,40}),\s*score_date:(?P<date>\S{1,40})\s*")
_LINE_BYTES = 200  # the longest line we saw has 45


def read(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield the score and percentile of every CVE, with the model that said so.

    Source: first.org/epss/data_stats: line 1 names model and day, line 2 the columns.
    """
    for document in documents:
        lines = _lines(document)
        head = _HEAD.fullmatch(next(lines, ""))
        if head is None or next(lines, "") != "cve,epss,percentile":
            raise shapeless(document.name, "no `#model_version:…,score_date:…` and `cve,epss,percentile` on top")
        yield Edition(moment(head["date"], document.name), f"{head['model']} of {head['date'][:10]}")
        for line in lines:
            if line:
                yield _scored(line, head["model"], document.name)


def _scored(line: str, model: str, name: str) -> CveRecord:
    try:
        cve, score, percentile = line.split(",")
        epss, rank = float(score), float(percentile)
    except ValueError:
        raise shapeless(name, f"line `{line[:40]}`") from None
    if not (0.0 <= epss <= 1.0 and 0.0 <= rank <= 1.0):
        raise shapeless(name, f"a score outside 0 to 1: `{line[:40]}`")
    return CveRecord(cve_id(cve, name), epss=epss, epss_percentile=rank, epss_model=model)


def _lines(document: Document) -> Iterator[str]:
    rest = b""
    for chunk in document.chunks():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LINE_BYTES:
            raise FeedError(f"{document.name}: a line of more than {_LINE_BYTES} bytes", hint="this is no EPSS file")
        yield from (line.decode("utf-8", "replace").strip() for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace").strip()
