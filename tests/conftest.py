"""Lab tests need root and the base file system; without them they are skipped loudly, or fail where they must run.

Files that take minutes begin first, so that at the end no worker waits for another.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.lab.host import BASE

HOME = Path(__file__).parent
LONG = (
    "lab/test_lab_scan.py",
    "collectors/network/test_exposure_scan.py",
    "lab/test_lab_ai_services.py",
    "posture/serve/test_serve_in_a_browser.py",
    "lab/test_lab_paths.py",
    "lab/test_lab_hostile_scan.py",
    "reports/test_html_in_a_browser.py",
)
"""The files that take longest, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, and skip what cannot run here.

    `make test` sets POSTURE_LAB_REQUIRED, and then nothing is skipped.
    """
    ranks = {(HOME / name).resolve(strict=True): rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONG)))
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
