"""One run of the demo agency for all tests of the dashboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from served import make_demo


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo"))
