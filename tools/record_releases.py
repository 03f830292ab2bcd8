"""Records what a host of each Debian release answers: ``.venv/bin/python -m tools.record_releases``.

Needs root and the base file systems of ``make compare``. Each host is a namespace host of the lab on that release's own
packages, read by the collectors as root; kernel, clock and hardware are those of the machine that records.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "tests/collectors/fixtures/hosts"
CACHE = Path("/var/cache/posture-lab")
RELEASES = {"bullseye": "debian11", "trixie": "debian13"}


def main() -> int:
    """Record every release, each in a process of its own: the lab takes its base from the environment."""
    for suite, name in RELEASES.items():
        environment = {**os.environ, "POSTURE_LAB_CACHE": str(CACHE / f"{suite}-compare-v1")}
        subprocess.run([sys.executable, "-m", __spec__.name, name], check=True, env=environment)
    return 0


def record(name: str) -> int:
    """Bring up one host and write down what it says."""
    # Only now: the lab reads the environment when it is imported.
    from collectors.transports.replay import write_transcript  # noqa: PLC0415
    from tests.lab.host import Host, key_pair  # noqa: PLC0415
    from tests.lab.looking import transcript_of  # noqa: PLC0415
    from tests.lab.network import Network  # noqa: PLC0415
    from tests.lab.places import blank, welcome  # noqa: PLC0415

    FIXTURES.mkdir(exist_ok=True)
    with Network() as network:
        build = blank(network, name, "servers", 10)
        welcome(build, key_pair("ed25519")[1])
        with Host(build, network) as host:
            path = FIXTURES / f"recorded_{name}.json.xz"
            write_transcript(path, transcript_of(host))
            path.chmod(0o644)
            print(f"{path}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(record(sys.argv[1]) if len(sys.argv) > 1 else main())
