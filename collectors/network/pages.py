"""The page at / of the ports that speak HTTP: its title and headers, where the scope allows a look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.base import Answers, Collector, Facts, Listing
from collectors.network.exposure_greetings import Greeted, greetings, printable, text
from collectors.network.exposure_scripts import endpoint
from collectors.network.nmap import Phase
from collectors.network.nmap_xml import SeenScript
from posture.model.observation import Hole

HEADERS_MAX = 100
VALUE_CHARS = 300


@dataclass(frozen=True, slots=True)
class Page:
    """What one port shows to whoever asks for /."""

    endpoint: str
    """``10.0.0.1:443``."""
    address: str
    port: int
    seen_from: list[str]
    outside: bool
    """Shown to a vantage in an untrusted, partner or undeclared zone."""
    title: str
    server: str
    """The header ``Server``."""
    realm: str
    """What ``WWW-Authenticate`` asks for; empty when it asks for nothing."""
    redirect: str
    """Where it sends a reader; nobody followed it off the port."""
    hsts_max_age_s: int | None
    """Absent without ``Strict-Transport-Security``."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Pages at /."""

    pages: Listing[Page]


def parse(answers: Answers) -> Facts | Hole:
    """Return what the evidence of the look at a host holds of pages."""
    found = greetings(Phase.PAGE, answers, tells=_tells)
    if isinstance(found, Hole):
        return found
    facts = PageFacts(Listing([_page(one) for one in found.greeted], found.complete))
    if facts.pages.items or facts.pages.complete or found.why_not is None:
        return Facts(facts)
    return Facts(facts, (Hole("pages", found.why_not.reason, found.why_not.detail),))


def _tells(script: SeenScript) -> bool:
    return script.id == "http-headers" and any(True for _ in _headers(script.output))


def _page(one: Greeted) -> Page:
    headers = dict(_headers(one.scripts["http-headers"].output))
    title = one.scripts.get("http-title")
    redirect = text(title.structured, "redirect_url") if title is not None else ""
    return Page(
        endpoint=endpoint(one.address, one.port),
        address=one.address,
        port=one.port,
        seen_from=one.seen_from,
        outside=one.outside,
        title=text(title.structured, "title").strip() if title is not None else "",
        server=headers.get("server", ""),
        realm=headers.get("www-authenticate", ""),
        redirect=redirect or headers.get("location", ""),
        hsts_max_age_s=_max_age(headers.get("strict-transport-security")),
    )


def _headers(output: str) -> Iterator[tuple[str, str]]:
    """Yield the first header of each name, in lower case; nmap indents them by two."""
    seen: set[str] = set()
    for line in output.splitlines()[:HEADERS_MAX]:
        name, colon, value = line.strip().partition(":")
        key = name.strip().lower()
        if colon and _NAME.fullmatch(key) and key not in seen:
            seen.add(key)
            yield key, printable(value.strip())[:VALUE_CHARS]


_NAME = re.compile(r"[a-z0-9-]{1,80}")


def _max_age(value: str | None) -> int | None:
    found = re.search(r"max-age\s*=\s*\"?([0-9]{1,12})", value, re.IGNORECASE) if value is not None else None
    return int(found[1]) if found is not None else None


COLLECTOR = Collector(topic="pages", version=1, commands=(), facts=PageFacts, parse=parse, reads="exposure")
