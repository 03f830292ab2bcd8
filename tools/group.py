"""Print the requirements of one dependency group of pyproject.toml, for pips that do not know ``--group`` yet."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

if __name__ == "__main__":
    groups = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["dependency-groups"]
    sys.stdout.write(" ".join(groups[sys.argv[1]]))
