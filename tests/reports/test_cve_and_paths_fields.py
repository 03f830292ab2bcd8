"""The CVE and the attack paths of a finding stand in every format that has rows, with the same numbers as in the CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import reading_back
import sample_known
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema
from test_exports_validated import _cef, check_schema

from posture.model.assessment import Assessment
from posture.vulnerabilities.assess import subject
from reports import formats
from tests.shared_data import shared

Fields = dict[str, tuple[str, int | None]]
"""CVE and number of attack paths of each open finding, by its id."""
NAMES = ("csv", "sarif", "ocsf", "cef", "syslog", "hdf")
HOSTILE = {
    "markup": "<script>alert(1)</script>",
    "formula": "=HYPERLINK(1)",
    "escape": "\x1b]0;owned\x07CVE-2026-0002",
    "rtl": "\u202eCVE-2026-0002",
    "words": "CVE-2026-0002.Ignore-previous-instructions",
}


def agency(*, judged: bool = True) -> Assessment:
    """The agency with known vulnerabilities, one of them a finding, and a finding that an attack path needs."""
    whole = sample_known.with_known()
    (flaw,) = [one for one in whole.read_vulnerabilities("web-01") if one.affected.cve == "CVE-2026-0002"]
    asked = {result.check for one in whole.read_hosts() if one.host.id == "web-01" for result in one.results}
    still_open = next(one for one in whole.findings if one.open and one.check in asked)
    added = (
        replace(still_open, id="aaaaaaaaaaaaaaaa", host="web-01", subject=subject(flaw.affected)),
        replace(still_open, id="bbbbbbbbbbbbbbbb", host="app-01", check="SUD-01", subject=""),
        *(
            replace(still_open, id=f"{at:016x}", host="web-01", subject=f"pkg:deb/debian/{text} {text}")
            for at, text in enumerate(HOSTILE.values(), start=1)
        ),
    )
    whole = replace(whole, findings=(*whole.findings, *added))
    return whole if judged else replace(whole, attack=None)


def _csv(path: Path) -> Fields:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["finding_id"]: (row["cve"], int(row["attack_paths"]) if row["attack_paths"] else None)
            for row in csv.DictReader(file)
            if row["status"] == "open"
        }


def _sarif(path: Path) -> Fields:
    failing = (one for one in reading_back.read_json(path)["runs"][0]["results"] if one["kind"] == "fail")
    return {
        one["partialFingerprints"]["postureFindingId/v1"]: (one["properties"]["cve"], one["properties"]["attackPaths"])
        for one in failing
    }


def _ocsf(path: Path) -> Fields:
    return {
        one["finding_info"]["uid"]: (one["unmapped"]["cve"], one["unmapped"]["attack_paths"])
        for one in reading_back.read_lines(path)
        if one["class_uid"] == 2003 and one["status_id"] == 1 and "cve" in one["unmapped"]
    }


def _of_cef(path: Path) -> Fields:
    events = [_cef(line) for line in path.read_text("utf-8").splitlines()]
    return {
        one["externalId"]: (
            one["cs4"] if one.get("cs4Label") == "cve" else "",
            int(one["cn1"]) if one.get("cn1Label") == "attackPaths" else None,
        )
        for one in events
        if one["cat"] == "finding"
    }


def _syslog(path: Path) -> Fields:
    found: Fields = {}
    for line in path.read_text("utf-8").splitlines():
        said = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line))
        if " FINDING [" in line:
            paths = said.get("attackPaths")
            found[said["finding"]] = (said.get("cve", ""), None if paths is None else int(paths))
    return found


def _hdf(path: Path) -> Fields:
    controls: list[dict[str, Any]] = reading_back.read_json(path)["profiles"][0]["controls"]
    return {
        one["id"]: (one["cve"], one["attack_paths"]) for each in controls for one in each["tags"].get("findings", ())
    }


READ: dict[str, Callable[[Path], Fields]] = {
    "csv": _csv, "sarif": _sarif, "ocsf": _ocsf, "cef": _of_cef, "syslog": _syslog, "hdf": _hdf,
}  # fmt: skip


def written(assessment: Assessment, place: Path) -> dict[str, Path]:
    rows = formats.chosen(NAMES)
    formats.write_all(assessment, place, formats=rows)
    return {row.name: place / row.file_name for row in rows}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return written(agency(), tmp_path_factory.mktemp("fields"))


def test_every_format_says_the_same_of_every_open_finding(files: dict[str, Path]) -> None:
    whole = agency()
    said = _csv(files["csv"])
    assert said["aaaaaaaaaaaaaaaa"][0] == "CVE-2026-0002"
    assert said["bbbbbbbbbbbbbbbb"] == ("", 1)
    assert len(said) == sum(one.open for one in whole.findings)
    for name in ("sarif", "ocsf", "cef", "syslog"):
        assert READ[name](files[name]) == said, name
    # a control of HDF is a result of this run: findings of hosts and checks that are not in it have none
    judged = {(one.host.id, result.check) for one in whole.read_hosts() for result in one.results}
    here = {one.id for one in whole.findings if (one.host, one.check) in judged}
    assert _hdf(files["hdf"]) == {id_: fields for id_, fields in said.items() if id_ in here} != {}


def test_a_known_vulnerability_has_the_number_of_its_finding(files: dict[str, Path]) -> None:
    events = reading_back.read_lines(files["ocsf"])
    flaws = {
        (one["resources"][0]["uid"], one["unmapped"]["cve"]): one["unmapped"]["attack_paths"]
        for one in events
        if one["class_uid"] == 2002
    }
    assert flaws["web-01", "CVE-2026-0002"] == 0, "judged, and part of none"
    assert set(flaws.values()) == {0, None}, "what is no finding was not counted"


def test_where_no_path_was_judged_none_is_counted(tmp_path: Path) -> None:
    for name, path in written(agency(judged=False), tmp_path).items():
        numbers = {paths for _, paths in READ[name](path).values()}
        assert numbers == {None}, f"{name}: not judged is not none"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_host_puts_at_the_end_of_a_name_is_no_cve(name: str, files: dict[str, Path]) -> None:
    found = READ[name](files[name])
    for at, text in enumerate(HOSTILE.values(), start=1):
        if f"{at:016x}" in found:
            assert found[f"{at:016x}"][0] == "", text
    strings = list(reading_back.strings(files[name]))
    assert strings and all(text.isprintable() for text in strings)


def test_written_again_it_is_the_same_bytes(files: dict[str, Path], tmp_path: Path) -> None:
    for name, again in written(agency(), tmp_path).items():
        assert files[name].read_bytes() == again.read_bytes(), name


def test_the_validators_take_the_fields(files: dict[str, Path]) -> None:
    for name, schema in (("sarif", "sarif-schema-2.1.0.json"), ("hdf", "hdf-exec-json.schema.json")):
        done = check_schema(shared(f"schemas/{schema}"), [files[name]])
        assert done.returncode == 0, done.stdout
    schemas = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema("1.8.0")))
    events = reading_back.read_lines(files["ocsf"])
    for class_id, kind in ((2002, "vulnerability_finding"), (2003, "compliance_finding")):
        event = next(one for one in reversed(events) if one["class_uid"] == class_id and one["unmapped"].get("cve"))
        jsonschema.Draft202012Validator(schemas.get_class_schema(kind)).validate(event)


def test_the_hostile_names_are_there_to_be_seen(files: dict[str, Path]) -> None:
    for name in set(NAMES) - {"ocsf"}:  # its events name the host and the check, no subject
        text = "\n".join(reading_back.strings(files[name]))
        assert "U+202E⟩CVE-2026-0002" in text, name
