"""How much memory a scan of 200 hosts takes: every host of the fleet is visited under ten names."""

from __future__ import annotations

from bench.collection import POSTURE, verdict
from bench.fleet import in_scanner, visited_often
from tests.lab.fleet import Fleet

HOSTS = 200
LIMIT_MB = 300.0


def measure(fleet: Fleet) -> bool:
    """Print time and peak memory of the whole scan, reports included; return whether it stays below the limit."""
    print(
        f"\nA scan of {HOSTS} hosts, reports included ({fleet.size} lab hosts, each under {HOSTS // fleet.size} names)"
    )
    (fleet.work / "posture.db").unlink(missing_ok=True)
    files = ("-i", str(visited_often(fleet, HOSTS)), "--scope", str(fleet.work / "scope.yaml"))
    kept = ("-c", str(fleet.work / "posture.yaml"), "--out", str(fleet.work / "out"))
    ran = in_scanner(fleet, (str(POSTURE), "scan", "--no-network", "--exit-zero", *files, *kept))
    if ran.code:
        raise SystemExit(f"the scan failed with {ran.code}:\n{ran.output[-2000:]}")
    coverage = next((line for line in ran.output.splitlines() if line.startswith("Coverage")), "no coverage line")
    print(f"  {ran.wall_s:.1f} s; {coverage}")
    return verdict("peak memory of the scanning process", ran.peak_mb, at_most=LIMIT_MB, unit=f"MB of {LIMIT_MB:.0f}")
