"""Nessus and ACAS scans (``.nessus``, version 2), streamed: one host in memory at a time, no DTD, no entities."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.parsers import expat

from posture.errors import FeedError
from posture.feeds.container import Document, Limits, documents
from posture.feeds.entries import is_cve
from posture.imports.scan import ImportedFinding, ImportedHost, few, name

SOURCE = "Nessus"

_LIMITS = Limits(file_bytes=20_000_000_000, total_bytes=50_000_000_000, documents=10_000)
_TEXT_CHARS = 400  # of the texts we read; plugin output is not one of them
_DEPTH = 40
_HINT = "export it as .nessus (version 2) again"


@dataclass(slots=True)
class _Item:
    """A ReportItem on its way in."""

    plugin: str
    severity: int
    cves: list[str] = field(default_factory=list)
    mended: bool = False


@dataclass(slots=True)
class _Reader:
    """Holds the host that is being read; finished ones go to ``done``."""

    fallback: datetime
    done: list[ImportedHost] = field(default_factory=list)
    root_seen: bool = False
    depth: int = 0
    asset: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    items: list[_Item] = field(default_factory=list)
    item: _Item | None = None
    tag: str = ""
    text: list[str] = field(default_factory=list)
    listens: bool = False

    def start(self, element: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            raise FeedError(f"elements nested more than {_DEPTH} deep", hint=_HINT)
        if not self.root_seen:
            if element != "NessusClientData_v2":
                raise FeedError(f"its root is <{element[:40]}>, not <NessusClientData_v2>", hint=_HINT)
            self.root_seen = True
        self.text, self.listens = [], element in ("tag", "cve", "patch_publication_date")
        match element:
            case "ReportHost":
                self.asset, self.tags, self.items = attributes.get("name", ""), {}, []
            case "tag":
                self.tag = attributes.get("name", "")
            case "ReportItem":
                few(len(self.items), self.asset)
                severity = attributes.get("severity", "0")
                self.item = _Item(attributes.get("pluginID", "")[:20], int(severity) if severity.isdecimal() else 0)
                self.items.append(self.item)

    def data(self, text: str) -> None:
        if self.listens and sum(map(len, self.text)) < _TEXT_CHARS:
            self.text.append(text[:_TEXT_CHARS])

    def end(self, element: str) -> None:
        self.depth -= 1
        said = "".join(self.text).strip()
        match element:
            case "tag" if self.tag in _TAGS:
                self.tags[self.tag] = said
            case "cve" if self.item is not None and is_cve(said):
                self.item.cves.append(said.upper())
            case "patch_publication_date" if self.item is not None:
                self.item.mended = True
            case "ReportItem":
                self.item = None
            case "ReportHost":
                self.done.append(self._host())
        self.listens = False

    def _host(self) -> ImportedHost:
        at = _moment(self.tags) or self.fallback
        found: dict[str, ImportedFinding] = {}
        for item in sorted(self.items, key=lambda one: one.plugin):
            for cve in item.cves if item.severity else ():  # severity 0 only informs
                found.setdefault(cve, ImportedFinding(cve, f"plugin {item.plugin}", at, at, mended=item.mended))
        names = {
            name(self.tags[tag]) for tag in ("host-fqdn", "hostname", "netbios-name", "host-rdns") if self.tags.get(tag)
        }
        return ImportedHost(
            source=SOURCE,
            asset=name(self.asset),
            names=sorted({*names, *([] if _address(self.asset) else [name(self.asset)])} - {""}),
            addresses=sorted({*filter(None, map(_address, (self.asset, self.tags.get("host-ip", ""))))}),
            platform=self.tags.get("operating-system", "").split("\n")[0][:120],
            scanned_at=at,
            credentialed=self.tags.get("Credentialed_Scan", "").lower() == "true",
            findings=sorted(found.values()),
        )


_NAMES = ("host-fqdn", "hostname", "netbios-name", "host-rdns")
_TAGS = ("host-ip", "host-fqdn", "hostname", "host-rdns", "netbios-name", "operating-system", "Credentialed_Scan",
         "HOST_END", "HOST_END_TIMESTAMP", "HOST_START", "HOST_START_TIMESTAMP")  # fmt: skip


def read(path: Path, now: datetime) -> Iterator[ImportedHost]:
    """Yield every host of a scan; a host without a time of its own was scanned when it was imported, ``now``.

    Source: Nessus file format, v2; the moment is that of the host's end, UTC where the file names no zone.

    Raises:
        FeedError: it is malformed, cut short, or declares a document type.
    """
    for document in documents(path, _LIMITS):
        yield from _hosts(document, now)


def _hosts(document: Document, now: datetime) -> Iterator[ImportedHost]:
    reader = _Reader(now)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = _refuse  # no entities: no laughs, no files of ours
    parser.EntityDeclHandler = _refuse
    try:
        for chunk in document.chunks():
            parser.Parse(chunk, False)
            yield from reader.done
            reader.done.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FeedError(f"{document.name}: malformed or cut short ({error})", hint=_HINT) from error
    except FeedError as error:
        text = str(error)
        raise FeedError(
            text if text.startswith(document.name) else f"{document.name}: {text}", hint=error.hint
        ) from error
    yield from reader.done


def _refuse(*_: object) -> None:
    raise FeedError("it declares a document type or entities, which no scan does", hint=_HINT)


def _moment(tags: dict[str, str]) -> datetime | None:
    for tag in ("HOST_END", "HOST_START"):
        stamp = tags.get(f"{tag}_TIMESTAMP", "")
        try:
            if stamp:
                return datetime.fromtimestamp(int(stamp), UTC)
            if tags.get(tag):
                return datetime.strptime(tags[tag], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return ""
