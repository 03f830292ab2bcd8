"""Every ATT&CK, ATLAS, DISA and 800-53 reference, proved against the published lists in ../shared/data/references."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest

from posture.catalogue.load import load
from posture.model.check import Check

PLACE = Path(os.environ.get("POSTURE_SHARED") or Path(__file__).parents[4] / "shared") / "data" / "references"
CHECKS = [pytest.param(check, id=check.id) for check in load().checks.values()]

pytestmark = pytest.mark.skipif(not PLACE.is_dir(), reason=f"{PLACE} is not here: references are not proved")


def rows(name: str) -> list[dict[str, str]]:
    with (PLACE / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def stig() -> dict[tuple[str, str, str], dict[str, str]]:
    out = {}
    for row in rows("disa_stig_rules.csv"):
        release = re.match(r"Release: (\d+)", row["release"])
        assert release
        out[(row["benchmark_id"], f"{row['version']}R{release[1]}", row["vuln_id"])] = row
    return out


@pytest.fixture(scope="module")
def controls() -> set[str]:
    found = set()
    for row in rows("cci_to_800-53r5.csv"):
        match = re.match(r"([A-Z]{2}-\d+)\s*(\(\d+\))?", row["nist_800_53_rev5"])
        if match:
            found.add(match[1] + (match[2] or ""))
            found.add(match[1])
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_disa_rules_exist_as_they_are_quoted(check: Check, stig: dict[tuple[str, str, str], dict[str, str]]) -> None:
    for rule in check.references.stig:
        row = stig.get((rule.benchmark, rule.version, rule.vuln_id))
        assert row is not None, f"{rule.benchmark} {rule.version} {rule.vuln_id} is not in the list"
        assert (rule.rule_id, rule.stig_id, rule.severity) == (row["rule_id"], row["stig_id"], row["severity"])


@pytest.mark.parametrize("check", CHECKS)
def test_attack_and_atlas_techniques_exist(check: Check) -> None:
    attack = {row["id"]: row["state"] for row in rows("attack_enterprise_techniques_2025-11.csv")}
    atlas = {row["id"] for row in rows("atlas_techniques_5.6.0.csv")}
    threat = check.threat
    assert not threat.attack or threat.attack_version == "18.1"
    assert not threat.atlas or threat.atlas_version == "5.6.0"
    for technique in threat.attack:
        assert attack.get(technique) == "", f"{technique} is {attack.get(technique, 'unknown')}"
    assert set(threat.atlas) <= atlas


@pytest.mark.parametrize("check", CHECKS)
def test_controls_are_in_revision_5(check: Check, controls: set[str]) -> None:
    assert [c for c in check.references.nist_800_53r5 if c not in controls] == []
