"""`make ground-truth`: the lab's bases of Debian 11, 12 and 13 against a tracker of 70 MB; a difference fails."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from collectors import os_release, packages
from collectors.base import Answer, Session, Transcript
from posture.model.observation import Origin
from tests.truth.agreement import compare

BASES = Path("/var/cache/posture-lab")
SUITES = ("bullseye", "bookworm", "trixie")
ROWS, LEAST_BYTES = 36_000, 70_000_000


def main() -> int:
    """Print one line per host; 1 when the lists differ."""
    hosts = {suite: _host(suite) for suite in SUITES}
    with tempfile.TemporaryDirectory() as work:
        found = compare(hosts, Path(work), ROWS, LEAST_BYTES)
        size = (Path(work) / "tracker.json").stat().st_size
    print(f"tracker: {size / 1e6:.0f} MB, {found['bookworm'].rows:,} CVE-package rows over the hosts' own packages")
    for suite, both in found.items():
        listed = hosts[suite].answers["packages.dpkg"].stdout.count(b"\n")
        print(f"{suite}: {listed} packages, {len(both.ours):,} affected by us, {len(both.truth):,} by independent code, "
              f"{len(both.differences)} differences")  # fmt: skip
        for line in both.differences[:20]:
            print(f"  {line} ({'ours' if line in both.ours else 'truth'} only)")
    return 1 if any(both.differences or not both.truth for both in found.values()) else 0


def _host(suite: str) -> Transcript:
    """Return what the collectors' own commands say in the base."""
    base = Path(os.environ.get("POSTURE_LAB_BASES", BASES)) / f"{suite}-v1"
    asked = {"os.release": os_release.COMMANDS[0], "packages.dpkg": packages.COMMANDS[0]}
    answers = {}
    for id_, command in asked.items():
        ran = subprocess.run(("chroot", str(base), *command.argv), capture_output=True, check=True)
        answers[id_] = Answer(command, ran.stdout, ran.stderr, ran.returncode, 0)
    session = Session(suite, "root", "self", Origin.LIVE, datetime.now(UTC))
    return Transcript(session, answers)


if __name__ == "__main__":
    sys.exit(main())
