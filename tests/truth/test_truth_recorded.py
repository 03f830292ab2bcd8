"""Recorded hosts of Debian 11, 12 and 13 against ground truth; `make ground-truth` does it at full size, on real ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from collectors.transports.replay import read_transcript
from tests.truth.agreement import compare

HOME = Path(__file__).parents[2]
RECORDED = {
    "bullseye": HOME / "tests/collectors/fixtures/hosts/recorded_debian11.json.xz",
    "bookworm": HOME / "posture/demo_agency/transcripts/portal-web1.json.xz",
    "trixie": HOME / "tests/collectors/fixtures/hosts/recorded_debian13.json.xz",
}


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="the truth is dpkg's")
def test_every_affected_package_of_recorded_hosts_is_the_one_that_independent_code_finds(tmp_path: Path) -> None:
    hosts = {name: read_transcript(path) for name, path in RECORDED.items()}
    for codename, found in compare(hosts, tmp_path, rows=1_500).items():
        assert found.rows > 1_400, codename
        assert len(found.truth) > 200, codename
        assert found.differences == [], codename
