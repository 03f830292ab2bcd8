"""Red Hat's CSAF documents: VEX files by CVE, and advisories."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, unquote

import msgspec

from posture.feeds.container import Document
from posture.feeds.entries import Edition, Entry, cve_id, decoded, moment
from posture.model.vulnerability import Advisory, FixState


class _Helper(msgspec.Struct, frozen=True):
    cpe: str = ""
    purl: str = ""


class _Product(msgspec.Struct, frozen=True):
    product_id: str
    product_identification_helper: _Helper = _Helper()


class _Branch(msgspec.Struct, frozen=True):
    product: _Product | None = None
    branches: list[_Branch] = []


class _FullName(msgspec.Struct, frozen=True):
    product_id: str


class _Relationship(msgspec.Struct, frozen=True):
    full_product_name: _FullName
    product_reference: str
    relates_to_product_reference: str


class _Tree(msgspec.Struct, frozen=True):
    branches: list[_Branch] = []
    relationships: list[_Relationship] = []


class _Remediation(msgspec.Struct, frozen=True):
    category: str
    details: str = ""
    product_ids: list[str] = []


class _Status(msgspec.Struct, frozen=True):
    fixed: list[str] = []
    known_affected: list[str] = []
    known_not_affected: list[str] = []
    under_investigation: list[str] = []


class _Vulnerability(msgspec.Struct, frozen=True):
    cve: str = ""
    product_status: _Status = _Status()
    remediations: list[_Remediation] = []


class _Tracking(msgspec.Struct, frozen=True):
    id: str
    current_release_date: str


class _About(msgspec.Struct, frozen=True):
    csaf_version: str
    tracking: _Tracking


class _Csaf(msgspec.Struct, frozen=True):
    document: _About
    product_tree: _Tree = _Tree()
    vulnerabilities: list[_Vulnerability] = []


def read(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield one statement per CVE, package and fixed version, for Red Hat Enterprise Linux itself.

    Extended-support channels (EUS, AUS, TUS, E4S) have fixes of their own and are left: on such a host a fix that only
    its channel has is not seen, so it counts as missing.

    Source: redhatproductsecurity.github.io/security-data-guidelines/csaf-vex.
    """
    for document in documents:
        if not document.name.lower().endswith(".json"):
            continue
        csaf = decoded(document.read(), _Csaf, document.name)
        yield Edition(moment(csaf.document.tracking.current_release_date, document.name))
        parts = _Parts(csaf.product_tree)
        for vulnerability in csaf.vulnerabilities:
            if vulnerability.cve:
                cve = cve_id(vulnerability.cve, document.name)
                yield from sorted(set(_statements(cve, vulnerability, parts, csaf.document.tracking.id)))


def _statements(cve: str, said: _Vulnerability, parts: _Parts, id_: str) -> Iterator[Advisory]:
    note = "" if id_.upper() == cve else id_[:80]
    status = said.product_status
    for product in status.fixed:
        if (found := parts.part(product)) and found[2]:
            yield Advisory(cve, found[0], found[1], FixState.FIXED_IN, fixed=found[2], note=note)
    given_up = set(_products_of(said, "no_fix_planned"))
    why = {
        one: remedy.details for remedy in said.remediations if remedy.category in _NO_FIX for one in remedy.product_ids
    }
    for product in status.known_affected:
        if found := parts.part(product):
            state = FixState.WILL_NOT_FIX if product in given_up else FixState.NO_FIX
            yield Advisory(cve, found[0], found[1], state, note=why.get(product, "")[:80])
    for state, products in (
        (FixState.NOT_AFFECTED, status.known_not_affected),
        (FixState.INVESTIGATING, status.under_investigation),
    ):
        for product in products:
            if found := parts.part(product):
                yield Advisory(cve, found[0], found[1], state)


def _products_of(said: _Vulnerability, category: str) -> Iterator[str]:
    for remedy in said.remediations:
        if remedy.category == category:
            yield from remedy.product_ids


_NO_FIX = ("no_fix_planned", "none_available")
_PLATFORM = re.compile(r"cpe:/[ao]:redhat:enterprise_linux:(?P<major>[0-9]+)(?:[.:].*)?")
_PURL = re.compile(r"pkg:rpm/[^/@?]+/(?P<name>[^@?]+)(?:@(?P<version>[^?]+))?(?:\?(?P<more>.*))?")
_NAME = re.compile(r"(?:.*/)?(?P<name>[A-Za-z0-9][A-Za-z0-9+._-]*)")


class _Parts:
    """Product ids of a document as ecosystem, package and version."""

    def __init__(self, tree: _Tree) -> None:
        products = list(_products(tree.branches))
        self._platforms: dict[str, str] = {}
        self._packages: dict[str, tuple[str, str]] = {}
        for product in products:
            helper = product.product_identification_helper
            if platform := _PLATFORM.fullmatch(helper.cpe):
                self._platforms[product.product_id] = f"Red Hat:{platform['major']}"
            elif package := _package(product.product_id, helper.purl):
                self._packages[product.product_id] = package
        self._whole = {
            one.full_product_name.product_id: (one.relates_to_product_reference, one.product_reference)
            for one in tree.relationships
        }

    def part(self, product_id: str) -> tuple[str, str, str] | None:
        """Return ecosystem, name and version of a package on a platform of ours."""
        platform, component = self._whole.get(product_id, ("", ""))
        ecosystem = self._platforms.get(platform)
        package = self._packages.get(component) or _package(component, "")
        return (ecosystem, *package) if ecosystem and package else None


def _products(branches: list[_Branch]) -> Iterator[_Product]:
    for branch in branches:
        if branch.product is not None:
            yield branch.product
        yield from _products(branch.branches)


def _package(product_id: str, purl: str) -> tuple[str, str] | None:
    if not purl:
        # Components without a fix have a bare name, behind their module: `nodejs:18/nodejs`.
        bare = _NAME.fullmatch(product_id)
        return (bare["name"], "") if bare and ":" not in bare["name"] else None
    found = _PURL.fullmatch(purl)
    if found is None:
        return None
    epoch = parse_qs(found["more"] or "").get("epoch", ["0"])[0]
    version = unquote(found["version"] or "")
    return unquote(found["name"]), f"{epoch}:{version}" if version and epoch != "0" else version
