"""Real files published by others, which the project does not carry: found through POSTURE_SHARED, or beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def shared(name: str) -> Path:
    """Return the path of a file below the shared data; skips the test, visibly, where it is absent."""
    home = Path(os.environ.get("POSTURE_SHARED") or ROOT.parent / "shared")
    path = home / "data" / name
    if not path.exists():
        pytest.skip(f"not here: {path} (set POSTURE_SHARED)")
    return path
