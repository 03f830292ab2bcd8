"""Bring the scripts of others that the dashboard may load, by the lock file, with their licences and hashes.

``make assets`` runs it; the build hook runs it for release wheels. What it writes is never committed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "reports" / "dashboard" / "assets"
TARGET = ROOT / "reports" / "dashboard" / "static" / "vendor"
FILES = {
    "cytoscape.min.js": "cytoscape/dist/cytoscape.min.js",
    "cytoscape.LICENSE.txt": "cytoscape/LICENSE",
}
MANIFEST = "manifest.json"


def bring(target: Path = TARGET) -> Path:
    """Return the folder with the files and their manifest; npm checks each package against the lock file's hash."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is not installed: apt-get install npm; without it the pages work plain")
    with tempfile.TemporaryDirectory() as place:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, place)
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=place, check=True)
        target.mkdir(parents=True, exist_ok=True)
        for name, inside in FILES.items():
            shutil.copyfile(Path(place) / "node_modules" / inside, target / name)
    hashes = {name: hashlib.sha256((target / name).read_bytes()).hexdigest() for name in sorted(FILES)}
    (target / MANIFEST).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    return target


if __name__ == "__main__":
    sys.stdout.write(f"{bring()}\n")
