"""Every export is accepted by a program that is not ours, offline: official schemas, and the parsers of its readers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import reading_back
import sample_agency
import sample_known
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema
from syslog_rfc5424_parser import SyslogMessage

from posture.model.assessment import Assessment
from reports import formats, stig
from reports.inert import clip, inert
from reports.lines_jsonl import lines_schema_bytes
from reports.ocsf import write_ocsf
from tests.shared_data import ROOT, shared

AGENCIES: dict[str, Assessment] = {
    "agency": sample_agency.with_disa_rules(),
    "clean": sample_agency.clean(blind=False),
    "nothing": sample_agency.nothing_assessed(),
    "fleet": sample_agency.with_fleet(),
    "waived": sample_agency.all_waived(),
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format of every agency, by name of the agency."""
    directory = tmp_path_factory.mktemp("exports")
    for name, assessment in AGENCIES.items():
        formats.write_all(assessment, directory / name, marking="CUI", formats=formats.FORMATS[1:])
    return directory


def check_schema(schema: Path, files: list[Path]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("schemas/oscal_complete_schema_1.2.3.json", "*/oscal/*.json"),
        ("schemas/hdf-exec-json.schema.json", "*/results.hdf.json"),
        ("schemas/sarif-schema-2.1.0.json", "*/findings.sarif"),
    ],
)
def test_the_official_schema_takes_it(schema: str, pattern: str, out: Path) -> None:
    files = sorted(out.glob(pattern))
    assert len(files) >= len(AGENCIES)
    done = check_schema(shared(schema), files)
    assert done.returncode == 0, done.stdout


def test_the_official_schema_can_refuse(out: Path, tmp_path: Path) -> None:
    document = reading_back.read_json(out / "agency" / "oscal" / "assessment-results.json")
    document["assessment-results"]["results"][0]["findings"][0]["target"]["status"]["state"] = "unknown"
    (tmp_path / "broken.json").write_text(json.dumps(document))
    assert check_schema(shared("schemas/oscal_complete_schema_1.2.3.json"), [tmp_path / "broken.json"]).returncode == 1


def test_our_own_schema_takes_every_line(out: Path) -> None:
    schema = json.loads(lines_schema_bytes())
    assert (ROOT / "docs/schemas/lines-1.schema.json").read_bytes() == lines_schema_bytes()
    validator = jsonschema.Draft202012Validator(schema)
    for name in AGENCIES:
        for line in reading_back.read_lines(out / name / "posture.jsonl"):
            validator.validate(line)
    assert not validator.is_valid({"type": "finding"})


def test_ocsf_takes_every_event(out: Path) -> None:
    schema = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema("1.8.0"))).get_class_schema("compliance_finding")
    validator = jsonschema.Draft202012Validator(schema)
    for name in AGENCIES:
        events = reading_back.read_lines(out / name / "findings.ocsf.jsonl")
        assert events
        # one of each kind is enough: they are made alike
        kinds = {
            (one["activity_id"], one["compliance"]["status_id"], "owner" in one["resources"][0]): one for one in events
        }
        for event in kinds.values():
            validator.validate(event)
    assert not validator.is_valid({**events[0], "activity_id": "one"})


def test_ocsf_takes_every_known_vulnerability(tmp_path: Path) -> None:
    schema = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema("1.8.0"))).get_class_schema("vulnerability_finding")
    validator = jsonschema.Draft202012Validator(schema)
    whole = sample_known.with_known()
    write_ocsf(whole, tmp_path / "o.jsonl", marking="CUI")
    events = [one for one in reading_back.read_lines(tmp_path / "o.jsonl") if one["class_uid"] == 2002]
    known = [one for entry in whole.read_hosts() for one in whole.read_vulnerabilities(entry.host.id)]
    assert len(events) == len(known) > 0
    for event, one in zip(events, known, strict=True):
        validator.validate(event)
        assert event["unmapped"]["bod_26_04_outcome"] == one.decision.outcome
        assert event["unmapped"]["publicly_exposed"] != "false" or one.exposure.exposed is False


@pytest.mark.skipif(shutil.which("xmllint") is None, reason="xmllint is not here: apt-get install libxml2-utils")
def test_disas_own_schema_takes_the_checklists(out: Path) -> None:
    files = [str(path) for path in sorted((out / "agency" / "ckl").iterdir())]
    assert len(files) == 8
    schema = str(shared("schemas/U_Checklist_Schema_V2.xsd"))
    done = subprocess.run(
        ["xmllint", "--nonet", "--noout", "--schema", schema, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not here: `make validate-formats` installs it"
)
def test_promtool_takes_the_gauges(out: Path) -> None:
    for name in AGENCIES:
        metrics = (out / name / "posture.prom").read_bytes()
        done = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_syslog_message_is_read_back_whole(out: Path) -> None:
    lines = (out / "agency" / "findings.syslog").read_text("utf-8").splitlines()
    for line in lines:
        message = SyslogMessage.parse(line)
        assert message.appname == "posture"
        assert message.msgid in ("RUN", "FINDING", "BLINDSPOT")
        assert line.count("\n") == 0 and len(line.encode()) < 2048
    read = [SyslogMessage.parse(line) for line in lines]
    subjects = [one.sd["posture@32473"].get("subject") for one in read if one.msgid == "FINDING"]
    assert clip(inert(sample_agency.READING_ORDER), 120) in subjects


def test_every_cef_event_is_read_back_whole(out: Path) -> None:
    agency = AGENCIES["agency"]
    events = [_cef(line) for line in (out / "agency" / "findings.cef").read_text("utf-8").splitlines()]
    ids = {event["externalId"] for event in events if event["cat"] == "finding"}
    assert ids == {finding.id for finding in agency.findings if finding.open}
    hostile = next(event for event in events if event["sig"] == "SUD-01" and event["dhost"] == "hostile")
    assert sample_agency.FORMULA in hostile["msg"], "an equals sign in a value starts no field"


def _cef(line: str) -> dict[str, str]:
    """Read a line as the CEF guide says: seven fields between bars, then key=value with escaped equals signs."""
    version, vendor, _, _, sig, name, severity, rest = line.split("|", 7)
    assert (version, vendor) == ("CEF:0", "posture-scanner") and 0 <= int(severity) <= 10 and name
    fields: dict[str, str] = {}
    key = ""
    for part in rest.split(" "):
        before, mark, after = part.partition("=")
        if mark and before.isalnum() and not before.endswith("\\"):
            key = before
            fields[key] = after
        else:
            fields[key] += f" {part}"
    return {"sig": sig, **{name: value.replace("\\=", "=").replace("\\\\", "\\") for name, value in fields.items()}}


# --- checklists ---------------------------------------------------------------------------------------------------


def test_a_checklist_says_good_only_of_what_asks_the_same_or_more(out: Path) -> None:
    document = reading_back.read_json(out / "agency" / "cklb" / "app-02.cklb")
    (found,) = document["stigs"]
    assert found["stig_id"] == "RHEL_9_STIG", "the Ubuntu rules of the same checks concern no Red Hat host"
    by_vuln = {rule["group_id"]: rule["status"] for rule in found["rules"]}
    assert by_vuln == {
        "V-257000": "not_a_finding",  # ACC-01, equivalent, passes
        "V-257001": "not_a_finding",  # EXP-04, equivalent, passes
        "V-257002": "open",  # KRN-03, equivalent, fails
        "V-257003": "open",  # LOG-02, looser, fails; its waiver changes nothing
        "V-257004": "not_reviewed",  # MAN-01 waits for a person
        "V-257005": "not_a_finding",  # SSH-02, stricter, and TIM-01, equivalent: both pass
        "V-257006": "not_reviewed",  # SUD-01, partial, passes
    }


@pytest.mark.parametrize(
    ("relation", "on_pass", "on_fail"),
    [
        ("equivalent", "not_a_finding", "open"),
        ("stricter", "not_a_finding", "not_reviewed"),
        ("looser", "not_reviewed", "open"),
        ("partial", "not_reviewed", "not_reviewed"),
    ],
)
def test_the_relation_decides(relation: str, on_pass: str, on_fail: str) -> None:
    assert stig.review_of(relation, stig.Status.PASS) == on_pass
    assert stig.review_of(relation, stig.Status.FAIL) == on_fail
    for status in (stig.Status.NOT_CHECKED, stig.Status.ERROR, stig.Status.MANUAL):
        assert stig.review_of(relation, status) == "not_reviewed"


@pytest.mark.parametrize(
    ("benchmark", "platform", "concerned"),
    [
        ("RHEL_9_STIG", "Red Hat Enterprise Linux 9.4 (Plow)", True),
        ("RHEL_9_STIG", "Red Hat Enterprise Linux 8.10 (Ootpa)", False),
        ("RHEL_9_STIG", "Rocky Linux 9.4", False),
        ("RHEL_9_STIG", "", False),
        ("CAN_Ubuntu_24-04_STIG", "Ubuntu 24.04.1 LTS", True),
        ("CAN_Ubuntu_24-04_STIG", "Ubuntu 22.04.5 LTS", False),
        ("GPOS_SRG", "Debian GNU/Linux 12 (bookworm)", False),
    ],
)
def test_a_benchmark_concerns_its_own_platform_only(benchmark: str, platform: str, concerned: bool) -> None:
    assert stig.concerns(benchmark, platform) is concerned


# --- OSCAL: what no schema sees -----------------------------------------------------------------------------------


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from _nodes(member)
    elif isinstance(value, list):
        for member in value:
            yield from _nodes(member)


REFERENCES = ("observation-uuid", "risk-uuid", "finding-uuid", "subject-uuid", "actor-uuid", "component-uuid")


def dangling(document: Any) -> list[str]:
    """Return every reference of an OSCAL document that leads to nothing in it."""
    known = {node["uuid"] for node in _nodes(document) if "uuid" in node}
    parties = {uuid for node in _nodes(document) for uuid in node.get("party-uuids", ())}
    found = [node[key] for node in _nodes(document) for key in REFERENCES if key in node]
    return sorted(uuid for uuid in {*found, *parties} if uuid not in known)


@pytest.mark.parametrize("name", AGENCIES)
def test_every_reference_in_oscal_leads_somewhere(name: str, out: Path) -> None:
    for path in (out / name / "oscal").iterdir():
        document = reading_back.read_json(path)
        assert dangling(document) == [], path.name
        uuids = [node["uuid"] for node in _nodes(document) if "uuid" in node]
        assert len(uuids) == len(set(uuids)), "a UUID stands for one thing"
        for node in _nodes(document):
            for prop in node.get("props", ()):
                assert "ns" in prop or prop["name"] in ("marking", "version", "ipv4-address", "ipv6-address")


def test_a_finding_without_its_observation_is_noticed(out: Path) -> None:
    document = reading_back.read_json(out / "agency" / "oscal" / "assessment-results.json")
    del document["assessment-results"]["results"][0]["observations"][0]
    assert dangling(document)


def test_the_documents_refer_to_each_other_by_name(out: Path) -> None:
    home = out / "agency" / "oscal"
    results = reading_back.read_json(home / "assessment-results.json")["assessment-results"]
    plan = reading_back.read_json(home / results["import-ap"]["href"])["assessment-plan"]
    poam = reading_back.read_json(home / "poam.json")["plan-of-action-and-milestones"]
    assert plan["import-ssp"] == poam["import-ssp"]
    assert (home / plan["import-ssp"]["href"]).is_file()
    in_results = {finding["uuid"] for finding in results["results"][0]["findings"]}
    assert {one["uuid"] for one in poam["findings"]} <= in_results, "the POA&M speaks of the same findings"
