"""Unit files: systemd reads them, nothing in a path can add a line, and they give away little."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from posture.errors import UsageError
from posture.schedule.units import Placement, units

PLACE = Placement(
    (sys.executable, "-m", "posture"), "/etc/posture/posture.yaml", user="daemon", serve=("--port", "8443")
)
ANALYZE = shutil.which("systemd-analyze")


def written(place: Path) -> Path:
    for name, text in units(PLACE).items():
        (place / name).write_text(text)
    return place


@pytest.mark.skipif(ANALYZE is None, reason="no systemd here")
def test_systemd_has_nothing_to_say_against_them(tmp_path: Path) -> None:
    files = sorted(str(one) for one in written(tmp_path).iterdir())
    done = subprocess.run((ANALYZE, "verify", "--man=no", *files), capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "posture" in line]
    assert ours == []


@pytest.mark.skipif(ANALYZE is None, reason="no systemd here")
def test_the_service_is_hardened(tmp_path: Path) -> None:
    argv = (ANALYZE, "security", "--offline=true", "--no-pager", str(written(tmp_path) / "posture.service"))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    said = re.search(r"exposure level.*?: ([\d.]+)", done.stdout)
    assert said is not None, done.stdout + done.stderr
    assert float(said[1]) < 3.0


def test_words_are_quoted_as_systemd_reads_them() -> None:
    odd = Placement(("/opt/my tools/posture",), "/etc/100%/$x\"y'.yaml")
    (line,) = (line for line in units(odd)["posture.service"].splitlines() if line.startswith("ExecStart="))
    assert line == (
        'ExecStart="/opt/my tools/posture" serve --config "/etc/100%%/$$x\\"y\'.yaml" --out /var/lib/posture/out'
    )


@pytest.mark.parametrize("text", ["a\nExecStartPre=/bin/x", "a\x1b[0m", ""])
def test_no_path_can_add_a_line(text: str) -> None:
    with pytest.raises(UsageError):
        units(Placement((text,), "/etc/posture.yaml"))
    with pytest.raises(UsageError):
        units(Placement(("/x",), "/etc/posture.yaml", user=text))
