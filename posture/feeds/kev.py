"""CISA's catalogue of known exploited vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from posture.feeds.container import Document
from posture.feeds.entries import Edition, Entry, cve_id, decoded, moment, shapeless
from posture.model.vulnerability import CveRecord


class _Listed(msgspec.Struct, frozen=True, rename="camel"):
    cve_id: str = msgspec.field(name="cveID")
    date_added: date
    due_date: date | None = None
    known_ransomware_campaign_use: str = "Unknown"


class _Catalogue(msgspec.Struct, frozen=True, rename="camel"):
    catalog_version: str
    date_released: str
    count: int
    vulnerabilities: list[_Listed]


def read(documents: Iterable[Document]) -> Iterator[Entry]:
    """Yield a record for every listed CVE: the day it was listed, and its use for ransomware where CISA knows of one.

    Source: known_exploited_vulnerabilities_schema.json, cisagov/kev-data.
    """
    for document in documents:
        catalogue = decoded(document.read(), _Catalogue, document.name)
        if catalogue.count != len(catalogue.vulnerabilities):
            said = f"it says {catalogue.count} entries and has {len(catalogue.vulnerabilities)}"
            raise shapeless(document.name, said)
        yield Edition(moment(catalogue.date_released, document.name), catalogue.catalog_version)
        for listed in catalogue.vulnerabilities:
            known = listed.known_ransomware_campaign_use.strip().lower() == "known"
            yield CveRecord(
                cve_id(listed.cve_id, document.name),
                kev_added=listed.date_added,
                kev_due=listed.due_date,
                ransomware=True if known else None,  # "Unknown" is nobody's no
            )
