"""A foreign package under one of our names is noticed before anything runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from posture.install import PACKAGES, refuse_foreign_packages

HOME = Path(__file__).parents[2]
CALL = "from posture.install import refuse_foreign_packages as r; r()"


def test_our_own_four_packages_are_let_through() -> None:
    refuse_foreign_packages()
    assert set(PACKAGES) == {"posture", "baselines", "collectors", "reports"}


def call(*places: Path) -> subprocess.CompletedProcess[str]:
    """Look from a process that finds packages in these places only, and first in the first."""
    argv = (sys.executable, "-c", f"import sys; sys.path[:0] = {[str(place) for place in places]!r}; {CALL}")
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ""})


@pytest.mark.parametrize("name", ["baselines", "collectors", "reports"])
def test_a_package_of_the_same_name_that_comes_first_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("raise SystemExit('foreign code ran')")
    done = call(tmp_path, HOME)
    assert done.returncode == 1
    assert f"the package `{name}` that Python finds is not ours" in done.stderr
    assert "foreign code ran" not in done.stderr


def test_a_missing_package_is_refused() -> None:
    found = (
        "import importlib.util as u; real = u.find_spec; u.find_spec = lambda n: None if n == 'reports' else real(n)"
    )
    argv = (sys.executable, "-c", f"{found}; {CALL}")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=HOME)
    assert "nothing instead of" in done.stderr
