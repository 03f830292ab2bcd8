"""nmap's XML, read as a stream into typed records; hostile, broken and truncated files are expected.

nmap's own files carry ``<!DOCTYPE nmaprun>`` and nothing inside it; any other document type is refused, so no
entity but XML's own five can exist and nothing can expand. Source: nmap.dtd of nmap 7.93. In one file, since it is one
grammar: its records, its bounds and the elements that fill them are read side by side.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from xml.etree import ElementTree as ET

from posture.errors import CollectError
from posture.model.observation import Blind

Structured = str | list["Structured"] | dict[str, "Structured"]
"""What an NSE script says in ``<table>`` and ``<elem>``; tables with keys are maps, without are lists."""


@dataclass(frozen=True, slots=True)
class SeenScript:
    """One NSE script's answer."""

    id: str
    output: str
    structured: Structured = ""


@dataclass(frozen=True, slots=True)
class SeenService:
    """What nmap says is behind a port."""

    name: str
    product: str = ""
    version: str = ""
    extra: str = ""
    tunnel: str = ""
    """``ssl`` when the service was found inside TLS."""
    method: str = "table"
    """``probed`` when it answered, ``table`` when the name is only what the port number usually means."""
    confidence: int = 0
    """0 to 10."""
    cpes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenPort:
    """One port with a state of its own."""

    proto: str
    port: int
    state: str
    reason: str
    service: SeenService | None = None
    scripts: tuple[SeenScript, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenRest:
    """Ports that nmap folded together because they all said the same."""

    state: str
    count: int
    reason: str
    proto: str = ""
    """Empty before nmap 7.92."""
    ports: str = ""
    """As ``1-21,23-65535``; empty before nmap 7.92."""


@dataclass(frozen=True, slots=True)
class SeenHost:
    """One ``<host>`` element, complete."""

    address: str
    """The IP address in canonical form, which the scan was aimed at."""
    status: str
    status_reason: str
    ports: tuple[SeenPort, ...]
    rest: tuple[SeenRest, ...]
    timed_out: bool
    """nmap gave up on it (``--host-timeout``) and kept nothing."""
    names: tuple[str, ...] = ()
    mac: str = ""
    vendor: str = ""
    scripts: tuple[SeenScript, ...] = ()
    srtt_us: int | None = None
    """Smoothed round trip time; ``None`` when nothing ever came back."""
    rttvar_us: int | None = None
    fragment: bytes = b""
    """The element itself, for the evidence."""


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What the file says of the scan: the attributes of ``<nmaprun>``."""

    args: str = ""
    version: str = ""
    started_s: int = 0
    """Seconds since 1970, UTC."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """All of them; the evidence of ``exposure`` says there from where the host was looked at."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How the scan ended: ``<runstats>``; a file without one was cut short."""

    exit: str
    finished_s: int = 0
    error: str = ""
    hosts_up: int = 0
    hosts_down: int = 0


@dataclass(frozen=True, slots=True)
class Caps:
    """Bounds of one file; beyond them it is refused."""

    depth: int = 64
    """nmap itself needs 6; NSE tables nest."""
    attribute_chars: int = 1_000_000
    """The longest of nmap's own is ``ports`` in ``<extrareasons>``: 65,535 ports one by one are 382,000."""
    silent_bytes: int = 4_000_000
    """Bytes without any element in them: one endless attribute or text."""
    elements_per_host: int = 2_000_000
    """65,535 ports with a state, a service and a script each are 400,000."""
    hosts: int = 2_000_000
    """A /11; more is no inventory of one agency's enclave."""


class Reading:
    """The hosts of one nmap XML stream, one at a time; what else it said is known once they are through.

    Iterating raises ``CollectError`` (unparseable) when the document is refused. A file that just ends, or
    goes bad after some hosts, yields every complete host and then says why in ``trouble``.
    """

    def __init__(self, chunks: Iterable[bytes], caps: Caps | None = None) -> None:
        self.header = RunHeader()
        self.end: RunEnd | None = None
        self.trouble = ""
        """Why the file is not complete; empty when it is."""
        self._chunks = chunks
        self._caps = caps or Caps()

    @property
    def complete(self) -> bool:
        """Whether the file ended as nmap ends it, with success."""
        return not self.trouble and self.end is not None and self.end.exit == "success"

    def __iter__(self) -> Iterator[SeenHost]:
        """Return the hosts; memory stays at one host."""
        tree = _Tree(self._caps)
        try:
            for chunk in _checked(self._chunks):
                yield from self._hosts_in(tree, chunk)
            tree.close()
        except ET.ParseError as error:
            self.trouble = f"the XML breaks off or is damaged: {error}"
        if not self.trouble and self.end is None:
            self.trouble = "the XML ends without <runstats>: the scan was cut short"

    def _hosts_in(self, tree: _Tree, chunk: bytes) -> Iterator[SeenHost]:
        for element in tree.feed(chunk):
            match element.tag:
                case "nmaprun":
                    self.header = RunHeader(
                        _text(element, "args"),
                        _text(element, "version"),
                        _whole(element.get("start")) or 0,
                        dict(element.attrib),
                    )
                case "host":
                    host = _host(element)
                    if host is not None:
                        yield host
                case "runstats":
                    self.end = _end(element)
                case _:
                    pass


def read_hosts(path: Path, caps: Caps | None = None) -> Reading:
    """Return the hosts of an nmap XML file, streamed in constant memory; a cut file gives all complete ones.

    Raises:
        CollectError: while iterating, when the file is not nmap XML or is built to do harm.
        OSError: the file cannot be read.
    """
    return Reading(_file_chunks(path), caps)


def read_bytes(document: bytes, caps: Caps | None = None) -> Reading:
    """Return the hosts of nmap XML that is already here."""
    return Reading((document[start : start + CHUNK_BYTES] for start in range(0, len(document), CHUNK_BYTES)), caps)


def read_fragment(fragment: bytes) -> SeenHost | None:
    """Return the host of one ``<host>`` element, or ``None`` when there is no readable one."""
    try:
        found = list(read_bytes(b"<nmaprun>" + fragment + b"<runstats/></nmaprun>"))
    except CollectError:
        return None
    return found[0] if len(found) == 1 else None


def ports_of(asked: str) -> Iterator[int]:
    """Yield the ports of nmap's notation, such as ``U:53,67-69``; what is no number is left out."""
    for part in asked.split(","):
        low, _, high = part.rpartition(":")[2].partition("-")
        if low.isdecimal() and (high or low).isdecimal() and int(high or low) <= 65535:
            yield from range(int(low), int(high or low) + 1)


CHUNK_BYTES = 64 * 1024
MAX_PROLOG_BYTES = 64 * 1024  # nmap's holds its command line in a comment; 64 KiB is four times the longest we expect
_PROLOG = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*"
    rb"(?:<\?xml\s+version=[\"']1\.0[\"'](?:\s+encoding=[\"'](?:utf-8|us-ascii)[\"'])?(?:\s+standalone=[\"']\w+[\"'])?\s*\?>)?"
    rb"(?:\s|<!--(?:(?!-->).)*-->|<\?xml-stylesheet(?:(?!\?>).)*\?>|<!DOCTYPE\s+nmaprun\s*>)*"
    rb"(?=<nmaprun[\s>])",
    re.DOTALL | re.IGNORECASE,
)


def _file_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _checked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes unchanged, once what stands before the root element is known to declare nothing."""
    prolog = b""
    seen = False
    for chunk in chunks:
        if seen:
            yield chunk
            continue
        prolog += chunk
        if _PROLOG.match(prolog):
            seen = True
            yield prolog
        elif len(prolog) > MAX_PROLOG_BYTES or b"<!ENTITY" in prolog or b"[" in _doctype(prolog):
            raise _refusal("it does not start as nmap's XML does, or declares entities")
    if not seen and prolog.strip():
        raise _refusal("no <nmaprun> element, or something before it that nmap does not write")


def _doctype(prolog: bytes) -> bytes:
    return prolog.partition(b"<!DOCTYPE")[2].partition(b">")[0]


def _refusal(reason: str) -> CollectError:
    return CollectError(
        Blind.UNPARSEABLE, f"nmap XML refused: {reason}", hint="import only what `nmap -oX` wrote, unchanged"
    )


@dataclass(slots=True)
class _Tree:
    """A pull parser that hands out the elements directly below the root, and counts while they grow."""

    caps: Caps
    parser: ET.XMLPullParser[ET.Element] = field(default_factory=lambda: ET.XMLPullParser(("start", "end")))
    root: ET.Element | None = None
    depth: int = 0
    elements: int = 0
    hosts: int = 0
    silent_bytes: int = 0

    def feed(self, chunk: bytes) -> Iterator[ET.Element]:
        """Yield the root as soon as it opens, then each child when it is complete."""
        self.parser.feed(chunk)
        self.silent_bytes += len(chunk)
        for event in self.parser.read_events():
            kind, element = cast("tuple[str, ET.Element]", event)  # only start and end events are asked for
            self.silent_bytes = 0
            finished = self._opened(element) if kind == "start" else self._closed(element)
            if finished:
                yield element
                if element is not self.root and self.root is not None:
                    self.root.clear()
        if self.silent_bytes > self.caps.silent_bytes:
            raise _refusal(f"{self.silent_bytes} bytes without an element")

    def close(self) -> None:
        """Say that no more bytes come; raises ``ParseError`` when the root is still open."""
        if self.root is not None:
            self.parser.close()

    def _opened(self, element: ET.Element) -> bool:
        self.depth += 1
        self.elements += 1
        if self.depth > self.caps.depth:
            raise _refusal(f"elements nested deeper than {self.caps.depth}")
        if self.elements > self.caps.elements_per_host:
            raise _refusal(f"more than {self.caps.elements_per_host} elements in one host")
        if any(len(value) > self.caps.attribute_chars for value in element.attrib.values()):
            raise _refusal(f"an attribute longer than {self.caps.attribute_chars} characters")
        if self.depth == 1:
            self.root = element
            return True
        return False

    def _closed(self, element: ET.Element) -> bool:
        self.depth -= 1
        if self.depth != 1:
            return False
        self.elements = 0
        if element.tag == "host":
            self.hosts += 1
            if self.hosts > self.caps.hosts:
                raise _refusal(f"more than {self.caps.hosts} hosts")
        return True


def _host(element: ET.Element) -> SeenHost | None:
    addresses = {entry.get("addrtype", ""): entry for entry in element.findall("address")}
    ip = addresses.get("ipv4", addresses.get("ipv6"))
    address = _canonical(ip.get("addr", "")) if ip is not None else None
    if address is None:
        return None
    status, mac = element.find("status"), addresses.get("mac")
    times = element.find("times")
    srtt = _whole(times.get("srtt")) if times is not None else None
    element.tail = None
    return SeenHost(
        address=address,
        status=_text(status, "state"),
        status_reason=_text(status, "reason"),
        ports=tuple(port for port in map(_port, element.iterfind("ports/port")) if port is not None),
        rest=tuple(rest for extra in element.iterfind("ports/extraports") for rest in _rest(extra)),
        timed_out=element.get("timedout") == "true",
        names=tuple(_text(name, "name") for name in element.iterfind("hostnames/hostname")),
        mac=_text(mac, "addr"),
        vendor=_text(mac, "vendor"),
        scripts=tuple(_script(script) for script in element.iterfind("hostscript/script")),
        srtt_us=srtt if srtt is not None and srtt >= 0 else None,
        rttvar_us=_whole(times.get("rttvar")) if times is not None else None,
        fragment=ET.tostring(element, encoding="utf-8", xml_declaration=False),
    )


def _canonical(address: str) -> str | None:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def _port(element: ET.Element) -> SeenPort | None:
    number = _whole(element.get("portid"))
    state = element.find("state")
    if number is None or not 0 <= number <= 65535 or state is None:
        return None
    service = element.find("service")
    return SeenPort(
        proto=_text(element, "protocol"),
        port=number,
        state=_text(state, "state"),
        reason=_text(state, "reason"),
        service=None if service is None else _service(service),
        scripts=tuple(_script(script) for script in element.iterfind("script")),
    )


_TELLING = (("http", r'"HTTP/1\.'), ("ssh", r'"SSH-2\.0-'))
"""What stands in nmap's fingerprint of a service that it could not name: the answer said what it is all the same."""


def _service(element: ET.Element) -> SeenService:
    fingerprint = _text(element, "servicefp")
    if element.get("method") != "probed":
        for name, words in _TELLING:
            if words in fingerprint:
                return SeenService(name=name, tunnel=_text(element, "tunnel"), method="probed", confidence=5)
    return SeenService(
        name=_text(element, "name"),
        product=_text(element, "product"),
        version=_text(element, "version"),
        extra=_text(element, "extrainfo"),
        tunnel=_text(element, "tunnel"),
        method=_text(element, "method"),
        confidence=_whole(element.get("conf")) or 0,
        cpes=tuple(cpe.text or "" for cpe in element.iterfind("cpe")),
    )


def _script(element: ET.Element) -> SeenScript:
    parts = [child for child in element if child.tag in ("table", "elem")]
    return SeenScript(_text(element, "id"), _text(element, "output"), _structured(parts) if parts else "")


def _structured(parts: list[ET.Element]) -> Structured:
    values: list[tuple[str | None, Structured]] = [
        (part.get("key"), (part.text or "") if part.tag == "elem" else _structured(list(part))) for part in parts
    ]
    if values and all(key is not None for key, _ in values):
        return {key: value for key, value in values if key is not None}
    return [value for _, value in values]


def _rest(element: ET.Element) -> Iterator[SeenRest]:
    state = _text(element, "state")
    reasons = element.findall("extrareasons")
    if not reasons:
        yield SeenRest(state, _whole(element.get("count")) or 0, "")
    for reason in reasons:
        yield SeenRest(
            state=state,
            count=_whole(reason.get("count")) or 0,
            reason=_text(reason, "reason"),
            proto=_text(reason, "proto"),
            ports=_text(reason, "ports"),
        )


def _end(element: ET.Element) -> RunEnd:
    finished, hosts = element.find("finished"), element.find("hosts")
    return RunEnd(
        exit=_text(finished, "exit"),
        finished_s=(_whole(finished.get("time")) if finished is not None else None) or 0,
        error=_text(finished, "errormsg"),
        hosts_up=(_whole(hosts.get("up")) if hosts is not None else None) or 0,
        hosts_down=(_whole(hosts.get("down")) if hosts is not None else None) or 0,
    )


def _text(element: ET.Element | None, attribute: str) -> str:
    return "" if element is None else element.get(attribute, "")


def _whole(text: str | None) -> int | None:
    # The bound keeps `int` away from digit strings long enough to be an attack of their own.
    return int(text) if text is not None and len(text) <= 18 and re.fullmatch(r"-?[0-9]+", text) else None
