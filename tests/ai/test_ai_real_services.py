"""Real services, started for the test: told by content on any port, open and with a login, within eight requests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.ai.asking import ask
from tests.ai.real import DECOYS, LIGHT, Real, running
from tests.posture.store.real_postgres import programs

PROGRAMS = {"redis": "redis-server", "nginx": "nginx"}


def there(real: Real) -> None:
    missing = not real.installed or (real.service in PROGRAMS and shutil.which(PROGRAMS[real.service]) is None)
    missing = missing or (real.service == "postgres" and programs() is None)
    if missing:
        why = f"{real.service} is not installed: sh tests/ai/prepare.sh light"
        if os.environ.get("POSTURE_LAB_REQUIRED"):
            pytest.fail(why)
        pytest.skip(why)


@pytest.mark.parametrize("real", LIGHT, ids=lambda real: real.id)
def test_a_real_service_is_told_with_its_version_and_whether_it_is_open(real: Real, tmp_path: Path) -> None:
    there(real)
    with running(real, tmp_path / "home") as port:
        said, transcript = ask(port, tmp_path / "probes.jsonl")
    (sighting,) = said.services.items
    assert (sighting.service, sighting.access, sighting.source) == (real.service, real.access, "live")
    assert (sighting.version is None) == (real.service == "mcp")
    assert said.requests <= 8
    assert not [one for one in transcript.answers.values() if b"kanarie" in one.stdout]


@pytest.mark.parametrize("decoy", DECOYS, ids=lambda real: real.service)
def test_a_real_decoy_is_never_called_an_ai_service(decoy: Real, tmp_path: Path) -> None:
    there(decoy)
    with running(decoy, tmp_path / "home") as port:
        said, _ = ask(port, tmp_path / "probes.jsonl", requests=32)
    assert said.services.items == []
    assert [one.could_be for one in said.unidentified.items] == ([[]] if decoy.service == "nginx" else [])
