"""``python -m tests.lab clean`` removes what dead labs left; ``… up SEED`` holds an agency up until Enter is pressed."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.lab.agency import Agency
from tests.lab.network import clean


def main(arguments: list[str]) -> int:
    """Return an exit code."""
    match arguments:
        case ["clean"]:
            removed = clean()
            print(f"removed: {', '.join(removed) or 'nothing was left'}")
        case ["up", seed]:
            _up(int(seed))
        case _:
            print(__doc__)
            return 2
    return 0


def _up(seed: int) -> None:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="posture-lab-") as work, Agency(seed, Path(work)) as agency:
        print(f"up in {time.monotonic() - begun:.1f} s; files in {work}; enter with:")
        print(f"  nsenter --net=/run/netns/{agency.network.namespace('scanner')}")
        for host, faults in sorted(agency.planted.items()):
            print(f"  {host:8} {agency.builds[host].addresses[0]:12} {', '.join(faults)}")
        input("Enter ends it. ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
