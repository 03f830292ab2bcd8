"""Heavy real services, by `make ai-services`: each is started, told by content within eight requests, and recorded.

POSTURE_AI_RECORD=1 writes what they answer to tests/ai/recordings, from which the ordinary tests go on.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.ai.asking import ask
from tests.ai.real import HEAVY, LIGHT, Real, running
from tests.ai.recording import recorded, write


@pytest.mark.parametrize("real", [*LIGHT, *HEAVY], ids=lambda real: real.id)
def test_a_heavy_service_is_told_and_recorded(real: Real, tmp_path: Path) -> None:
    assert real.installed, "sh tests/ai/prepare.sh heavy"
    with running(real, tmp_path / "home") as port:
        said, transcript = ask(port, tmp_path / "probes.jsonl")
        if os.environ.get("POSTURE_AI_RECORD"):
            version = next((one.version for one in said.services.items), None)
            write(
                real.id, {"service": real.service, "access": real.access, "version": version, "answers": recorded(port)}
            )
    assert [(one.service, one.access) for one in said.services.items] == [(real.service, real.access)]
    assert not [one for one in transcript.answers.values() if b"kanarie" in one.stdout]
