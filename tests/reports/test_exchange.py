"""What may be shared: validated by others' programs, redacted at every level, inert, and the same bytes again."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sample_agency
import sample_known
import stix2validator

from posture.model.assessment import Assessment
from posture.model.vulnerability import FixState, Vulnerability
from reports.exchange.files import CSAF, RECORD, STIX, write_exchange
from reports.exchange.record import Redaction, Release, schema_bytes
from tests.shared_data import shared

LEVELS = pytest.mark.parametrize("level", Redaction, ids=lambda one: one.value)
MARKING = "CUI//SP-VULN"


def release(level: Redaction = Redaction.NONE, key: bytes = b"k" * 32) -> Release:
    return Release(level, "TLP:AMBER+STRICT", "Example Agency", "A. Reyes", key)


def written(place: Path, level: Redaction = Redaction.NONE, assessment: Assessment | None = None) -> dict[str, bytes]:
    write_exchange(assessment or sample_known.with_known(), place, release(level), marking=MARKING)
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)
    elif isinstance(value, str):
        yield value


@LEVELS
def test_the_record_is_of_its_published_schema_and_says_that_no_official_one_exists(
    level: Redaction, tmp_path: Path
) -> None:
    record = json.loads(written(tmp_path, level)[RECORD])
    jsonschema.Draft202012Validator(json.loads(schema_bytes())).validate(record)
    assert record["statement"].startswith("No official exchange format")
    assert (record["tlp"], record["marking"], record["redaction"]) == ("TLP:AMBER+STRICT", MARKING, level.value)
    assert record["coverage"]["possible"] and record["vulnerabilities"] and record["weaknesses"]
    assert all("not_checked" in one["results"] for one in record["weaknesses"]), "what is unknown stands beside it"


@LEVELS
def test_csaf_is_of_the_official_schema_and_every_product_has_an_action(level: Redaction, tmp_path: Path) -> None:
    document = json.loads(written(tmp_path, level)[CSAF])
    known = {one["product_id"] for one in document["product_tree"]["full_product_names"]}
    for one in document["vulnerabilities"]:
        affected = set(one["product_status"].get("known_affected", []))
        assert affected <= known
        assert {id_ for remedy in one.get("remediations", []) for id_ in remedy["product_ids"]} >= affected
        assert "known_not_affected" not in one["product_status"], "what was not seen is never called unaffected"
    schema = json.loads(shared("schemas/csaf_2.0.schema.json").read_bytes())
    jsonschema.Draft202012Validator(schema).validate(document)


@LEVELS
def test_stix_is_taken_by_the_validator_of_its_makers(level: Redaction, tmp_path: Path) -> None:
    bundle = written(tmp_path, level)[STIX].decode()
    found = stix2validator.validate_string(bundle, stix2validator.ValidationOptions(version="2.1"))
    assert found.is_valid, [str(error) for result in found.object_results for error in result.errors or ()]
    marks = {ref for one in json.loads(bundle)["objects"] for ref in one["object_marking_refs"]}
    assert marks == {"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"}


def test_no_host_leaves_where_it_should_not(tmp_path: Path) -> None:
    agency = sample_known.with_known()
    hosts = {entry.host.id for entry in agency.read_hosts()} - {"fleet"}
    affected = {"web-01", "db-01"}
    for level in (Redaction.HASHED, Redaction.COUNTS):
        said = set(
            strings([json.loads(one) for name, one in written(tmp_path / level, level).items() if "SUMS" not in name])
        )
        text = "\n".join(said)
        assert not [host for host in hosts if "-" in host and host in text], level
    kept = b"".join(written(tmp_path / "all").values()).decode()
    assert all(host in kept for host in affected)


def test_hashes_of_hosts_are_the_same_again_and_of_another_key_others(tmp_path: Path) -> None:
    assert release(Redaction.HASHED).host("web-01") == release(Redaction.HASHED).host("web-01")
    assert release(Redaction.HASHED).host("web-01") != release(Redaction.HASHED, b"x" * 32).host("web-01")


@LEVELS
def test_addresses_evidence_and_the_words_of_findings_stay_at_home(level: Redaction, tmp_path: Path) -> None:
    agency = sample_known.with_known()
    marked = tuple(replace(one, subject="SECRET-SUBJECT") for one in agency.findings)
    files = written(tmp_path, level, replace(agency, findings=marked))
    together = b"".join(files.values())
    assert b"SECRET-SUBJECT" not in together
    assert agency.run.operator.encode() not in together and agency.run.scanner.encode() not in together
    assert b"10.20." not in together


@LEVELS
def test_it_is_the_same_bytes_again_and_its_digests_are_right(level: Redaction, tmp_path: Path) -> None:
    first, second = written(tmp_path / "a", level), written(tmp_path / "b", level)
    assert first == second
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=tmp_path / "a", capture_output=True, check=False
    )
    assert done.returncode == 0
    assert all((tmp_path / "a" / name).stat().st_mode & 0o077 == 0 for name in first)


def hostile() -> Assessment:
    """Every string that a host, a package or an inventory can choose is hostile."""
    evil = "".join((sample_agency.MARKUP, sample_agency.READING_ORDER, sample_agency.TERMINAL, sample_agency.PROMPT))
    agency = sample_known.with_known()
    read = agency.read_vulnerabilities

    def spoiled(host: str) -> tuple[Vulnerability, ...]:
        return tuple(
            replace(
                one,
                host=evil,
                affected=replace(
                    one.affected, fixed=evil, package=replace(one.affected.package, name=evil, ecosystem=evil)
                ),
            )
            for one in read(host)
        )

    findings = tuple(replace(one, host=evil, subject=evil) for one in agency.findings)
    return replace(agency, read_vulnerabilities=spoiled, findings=findings, run=replace(agency.run, id=evil))


def test_nothing_hostile_acts_in_any_of_the_files(tmp_path: Path) -> None:
    files = written(tmp_path, Redaction.NONE, hostile())
    for name, content in files.items():
        assert b"<script" not in content and b"<img" not in content
        if name.endswith(".json"):
            said = list(strings(json.loads(content)))
            assert all(one.isprintable() for one in said)
            assert any("Ignore previous instructions" in one for one in said), "it is there to be seen"


def test_without_a_vulnerability_there_is_no_csaf_that_reads_as_unaffected(tmp_path: Path) -> None:
    assert CSAF in written(tmp_path)
    assert CSAF not in written(tmp_path, Redaction.NONE, sample_agency.agency())


def test_what_the_vendor_still_looks_into_is_under_investigation(tmp_path: Path) -> None:
    agency = sample_known.with_known()
    read = agency.read_vulnerabilities

    def unsure(host: str) -> tuple[Vulnerability, ...]:
        return tuple(replace(one, affected=replace(one.affected, state=FixState.INVESTIGATING)) for one in read(host))

    document = json.loads(written(tmp_path, Redaction.NONE, replace(agency, read_vulnerabilities=unsure))[CSAF])
    assert all(set(one["product_status"]) == {"under_investigation"} for one in document["vulnerabilities"])


def test_the_published_schema_is_the_one_in_the_docs() -> None:
    home = Path(__file__).parents[2]
    published = (home / "docs/schemas/exchange-1.schema.json").read_bytes()
    assert hashlib.sha256(published).digest() == hashlib.sha256(schema_bytes()).digest()
