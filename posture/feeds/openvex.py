"""Ubuntu's OpenVEX documents: by CVE, what is fixed, affected, not affected or not known yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, unquote

import msgspec

from posture.feeds.container import Document
from posture.feeds.entries import Edition, Entry, decoded, moment, shapeless
from posture.model.vulnerability import Advisory, FixState
from posture.vulnerabilities.installed import ubuntu

CODENAMES = {
    "trusty": "14.04", "xenial": "16.04", "bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04",
    "oracular": "24.10", "plucky": "25.04", "questing": "25.10", "resolute": "26.04",
}  # fmt: skip
"""Of the releases that Ubuntu's feed speaks of."""


class _Named(msgspec.Struct, frozen=True):
    name: str


class _Product(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="@id")


class _Statement(msgspec.Struct, frozen=True):
    vulnerability: _Named
    status: str
    products: list[_Product] = []
    action_statement: str = ""
    justification: str = ""


class _OpenVex(msgspec.Struct, frozen=True):
    timestamp: str
    statements: list[_Statement]
    context: str = msgspec.field(name="@context")


def read(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield one statement per CVE, source package and release.

    "Fixed" names the version that is current, not the first one with the fix: ``ubuntu-osv`` knows that one better.

    Source: openvex.dev/ns/v0.2.0; ubuntu.com/security/vex.
    """
    for document in documents:
        if not document.name.lower().endswith(".json"):
            continue
        vex = decoded(document.read(), _OpenVex, document.name)
        yield Edition(moment(vex.timestamp, document.name))
        found = {one for said in vex.statements for one in _statements(said, document.name)}
        released = {(one.ecosystem, one.package) for one in found if one.note != _PRO}
        yield from sorted(one for one in found if one.note != _PRO or (one.ecosystem, one.package) not in released)


_PRO = "Ubuntu Pro"
_PURL = re.compile(r"pkg:deb/ubuntu/(?P<name>[^@?]+)(?:@(?P<version>[^?]+))?\?(?P<more>.*)")


def _statements(said: _Statement, name: str) -> Iterator[Advisory]:
    cve = said.vulnerability.name[:80]
    for product in said.products:
        purl = _PURL.fullmatch(product.id)
        more = parse_qs(purl["more"]) if purl else {}
        if purl is None or more.get("arch") != ["source"]:
            continue
        channel, _, codename = more.get("distro", [""])[0].rpartition("/")
        if codename not in CODENAMES or "fips" in channel or "realtime" in channel:
            continue
        state = _state(said, name)
        fixed = unquote(purl["version"] or "") if state is FixState.FIXED_IN else ""
        yield Advisory(
            cve,
            ubuntu(CODENAMES[codename]),
            unquote(purl["name"]),
            state if fixed or state is not FixState.FIXED_IN else FixState.INVESTIGATING,
            fixed=fixed,
            note=_PRO if channel else "",
        )


def _state(said: _Statement, name: str) -> FixState:
    match said.status:
        case "fixed":
            return FixState.FIXED_IN
        case "not_affected":
            return FixState.NOT_AFFECTED
        case "under_investigation":
            return FixState.INVESTIGATING
        case "affected":
            ended = "no longer supported" in said.action_statement or "will not be fixed" in said.action_statement
            return FixState.WILL_NOT_FIX if ended else FixState.NO_FIX
        case _:
            raise shapeless(name, f"status `{said.status[:40]}`")
