"""The known vulnerabilities of an exchange record as CSAF 2.0, profile VEX; findings without a CVE have no place in it.

Source: OASIS CSAF 2.0, section 4.5 (profile 5: VEX) and 6.1 (mandatory tests).
"""

from __future__ import annotations

import re
from typing import Any

from reports.exchange.record import STATEMENT, ExchangeRecord, SharedVulnerability

_TLP = {
    "TLP:CLEAR": "WHITE",
    "TLP:GREEN": "GREEN",
    "TLP:AMBER": "AMBER",
    "TLP:AMBER+STRICT": "AMBER",
    "TLP:RED": "RED",
}
"""CSAF 2.0 knows the words of TLP 1; the exact one stands in the text beside it."""
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_NAMESPACE = "https://posture-scanner.invalid/exchange"


def csaf_of(record: ExchangeRecord) -> dict[str, Any] | None:
    """Return the document; ``None`` without any vulnerability: an empty VEX would read as "not affected"."""
    if not record.vulnerabilities:
        return None
    at = record.run.as_of.strftime("%Y-%m-%dT%H:%M:%SZ")
    products = sorted({(one.ecosystem, one.package) for one in record.vulnerabilities})
    return {
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "distribution": {"text": f"{record.tlp}. {record.marking}".strip(), "tlp": {"label": _TLP[record.tlp]}},
            "lang": "en",
            "notes": [
                {"category": "general", "title": "What this is", "text": STATEMENT},
                {
                    "category": "summary",
                    "title": "Coverage",
                    "text": _coverage(record),
                },
            ],
            "publisher": {
                "category": "user",
                "name": record.producer.organisation or "organisation not named",
                "namespace": _NAMESPACE,
            },
            "title": f"Known vulnerabilities of run {record.run.id}",
            "tracking": {
                "current_release_date": at,
                "generator": {"date": at, "engine": {"name": record.producer.tool}},
                "id": f"posture-{record.run.id}-{record.redaction}",
                "initial_release_date": at,
                "revision_history": [{"date": at, "number": "1", "summary": "First release"}],
                "status": "final",
                "version": "1",
            },
        },
        "product_tree": {
            "full_product_names": [
                {"name": f"{package} ({ecosystem})", "product_id": _id(ecosystem, package)}
                for ecosystem, package in products
            ]
        },
        "vulnerabilities": [_vulnerability(of_one) for of_one in _by_id(record)],
    }


def _coverage(record: ExchangeRecord) -> str:
    assessed, hosts = record.coverage.hosts_assessed_for_vulnerabilities, record.coverage.hosts
    return (
        f"{assessed} of {hosts} hosts were assessed for known vulnerabilities. What is not named here is not thereby "
        "unaffected."
    )


def _by_id(record: ExchangeRecord) -> list[list[SharedVulnerability]]:
    found: dict[str, list[SharedVulnerability]] = {}
    for one in record.vulnerabilities:
        found.setdefault(one.id, []).append(one)
    return [found[id_] for id_ in sorted(found)]


def _vulnerability(seen: list[SharedVulnerability]) -> dict[str, Any]:
    id_ = seen[0].id
    named = {"cve": id_} if _CVE.fullmatch(id_) else {"ids": [{"system_name": "vendor", "text": id_}]}
    unknown = [one for one in seen if set(one.states) == {"investigating"}]
    affected = [one for one in seen if one not in unknown]
    status = {
        **({"known_affected": [_id(one.ecosystem, one.package) for one in affected]} if affected else {}),
        **({"under_investigation": [_id(one.ecosystem, one.package) for one in unknown]} if unknown else {}),
    }
    return {
        **named,
        "notes": [{"category": "details", "title": "Where", "text": _words(seen)}],
        "product_status": status,
        **({"remediations": [_remedy(one) for one in affected]} if affected else {}),
    }


def _words(seen: list[SharedVulnerability]) -> str:
    kev = next((f"in KEV since {one.kev_listed}; " for one in seen if one.kev_listed), "")
    parts = (
        f"{one.package}: {one.hosts_affected} hosts, {one.hosts_exposed} of them exposed or not known not to be"
        + (f", due {one.due}" if one.due else "")
        + (f" ({', '.join(one.hosts)})" if one.hosts else "")
        for one in seen
    )
    return f"{kev}{'; '.join(parts)}."


def _remedy(one: SharedVulnerability) -> dict[str, Any]:
    if one.fixed:
        category, details = "vendor_fix", f"Update {one.package} to {', '.join(one.fixed)}."
    elif "will_not_fix" in one.states:
        category, details = "no_fix_planned", "The vendor says that no fix will come."
    else:
        category, details = "none_available", "No fixed version is known."
    return {"category": category, "details": details, "product_ids": [_id(one.ecosystem, one.package)]}


def _id(ecosystem: str, package: str) -> str:
    return f"{ecosystem}/{package}"
