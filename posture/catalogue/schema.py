"""The JSON schema of check files, for editors; ``baselines/schema.json`` is written from it."""

from __future__ import annotations

from typing import Any

import msgspec

from posture.catalogue.checkfile import CheckFile
from posture.evaluate.operators import OPERATORS


def check_file_schema() -> dict[str, Any]:
    """Return the schema of a check file; the loader checks more than a schema can say."""
    schema = msgspec.json.schema(CheckFile)
    schema["$defs"]["ConditionEntry"]["properties"]["op"] = {"enum": sorted(OPERATORS)}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "posture.check/1", **schema}


def render_schema() -> bytes:
    """Return the bytes of ``baselines/schema.json``."""
    return msgspec.json.format(msgspec.json.encode(check_file_schema(), order="sorted"), indent=2) + b"\n"


if __name__ == "__main__":
    from pathlib import Path

    (Path(__file__).parents[2] / "baselines" / "schema.json").write_bytes(render_schema())
