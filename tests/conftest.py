"""Lab tests need root and the base file system; without them they are skipped loudly, or fail where they must run."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.lab.host import BASE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here; `make test` sets POSTURE_LAB_REQUIRED, and then nothing is skipped."""
    reason = _missing()
    if not reason or os.environ.get("POSTURE_LAB_REQUIRED"):
        return
    for item in items:
        if item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.skip(reason=reason))


def _missing() -> str:
    if os.geteuid() != 0:
        return "the lab needs root"
    absent = [
        program for program in ("ip", "nft", "nsenter", "unshare", "nmap", "ssh") if shutil.which(program) is None
    ]
    if absent:
        return f"the lab needs {', '.join(absent)}: run tests/lab/prepare.sh"
    if not (BASE / ".complete").exists():
        return f"no base file system in {BASE}: run tests/lab/prepare.sh"
    return ""
