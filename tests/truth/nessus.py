"""`make ground-truth`: hosts and CVEs of a .nessus file as we read them, against nessus-file-reader."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from posture.imports import nessus
from tests.posture.imports import authored

HOSTS = 2_000


def main(python: str) -> int:
    """Print the counts of both; 1 when they differ."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "large.nessus"
        path.write_bytes(authored.large(HOSTS))
        ours = {host.asset: sorted(one.cve for one in host.findings) for host in nessus.read(path, datetime.now(UTC))}
        counter = Path(__file__).with_name("nessus_counts.py")
        said = subprocess.run((python, str(counter), str(path)), capture_output=True, text=True, check=True).stdout
        size = path.stat().st_size
    theirs: dict[str, list[str]] = json.loads(said)
    differ = [host for host in {*ours, *theirs} if ours.get(host) != theirs.get(host)]
    print(f".nessus of {size / 1e6:.0f} MB: {len(ours)} hosts and {sum(map(len, ours.values())):,} CVEs on them by us, "
          f"{len(theirs)} and {sum(map(len, theirs.values())):,} by nessus-file-reader, {len(differ)} hosts differ")  # fmt: skip
    return 1 if differ or not theirs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
