"""endoflife.date: until when each release line of a product is maintained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from posture.feeds.container import Document
from posture.feeds.entries import Edition, Entry, decoded, moment
from posture.model.vulnerability import SupportCycle


class _Release(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    is_eol: bool | None = None
    eol_from: date | None = None
    eoes_from: date | None = None


class _Product(msgspec.Struct, frozen=True):
    name: str
    releases: list[_Release] = []


class _Full(msgspec.Struct, frozen=True):
    generated_at: str
    total: int
    result: list[_Product]


def read(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield every release line of every product.

    Source: endoflife.date/docs/api/v1, /products/full.
    """
    for document in documents:
        full = decoded(document.read(), _Full, document.name)
        yield Edition(moment(full.generated_at, document.name))
        for product in full.result:
            for release in product.releases:
                yield SupportCycle(product.name, release.name, release.eol_from, release.is_eol, release.eoes_from)
