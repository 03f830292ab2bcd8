"""What real heavy services answered, served again: the collector tells them as it told the real ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.ai.fingerprints import BY_ID, SEEN_LIVE, hits
from tests.ai.asking import ask
from tests.ai.real import HEAVY, LIGHT
from tests.ai.recording import RECORDINGS, answers
from tests.collectors.ai_servers import NOT_FOUND, answering

NAMES = sorted(path.stem for path in RECORDINGS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_service_is_told_as_the_real_one_was(name: str, tmp_path: Path) -> None:
    expected = json.loads((RECORDINGS / f"{name}.json").read_text())
    with answering({"*": NOT_FOUND, **answers(name)}) as server:
        said, _ = ask(server.port, tmp_path / "probes.jsonl")
        whole, _ = ask(server.port, tmp_path / "probes.jsonl", requests=32)
    assert [(one.service, one.access) for one in said.services.items] == [(expected["service"], expected["access"])]
    (sighting,) = whole.services.items
    assert sighting.source == "live"
    assert said.requests <= 8


def test_the_table_calls_live_what_was_seen_and_nothing_else() -> None:
    seen = set()
    for name in NAMES:
        said = json.loads((RECORDINGS / f"{name}.json").read_text())
        for path, one in said["answers"].items():
            found = hits(path, one["status"], one["head"], one["body"].encode())
            own = {mark.id for mark in BY_ID[said["service"]].marks}
            seen |= {hit.mark for hit in found} & own
    assert seen == SEEN_LIVE


def test_every_state_of_every_real_service_has_a_recording() -> None:
    assert sorted(real.id for real in (*LIGHT, *HEAVY)) == NAMES
