"""What an operator installs stays under 100 MB: the core's own packages and all they need, byte code included."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_MB = 100
OURS = ("posture", "baselines", "collectors", "reports")


def needed(name: str) -> set[str]:
    """Return the distributions that installing this one brings, extras left out."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for requirement in distribution(waiting.pop()).requires or ():
            wanted, _, marker = requirement.partition(";")
            if "extra ==" in marker:
                continue
            plain = re.split(r"[^A-Za-z0-9._-]", wanted.strip(), maxsplit=1)[0].lower()
            if plain not in found and installed(plain):
                found.add(plain)
                waiting.append(plain)
    return found


def installed(name: str) -> bool:
    """Return whether it is here; one that a marker keeps away on this Python is not."""
    try:
        return distribution(name) is not None
    except PackageNotFoundError:
        return False


def size_mb(name: str) -> float:
    """Return what its files take on a disk of 4 KiB blocks, in 10^6 bytes."""
    files = (Path(str(file.locate())) for file in distribution(name).files or ())
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in files if path.is_file()) / 1e6


def test_the_core_install_is_small() -> None:
    sizes = {name: size_mb(name) for name in needed("posture-scanner")}
    own = (path for name in OURS for path in (ROOT / name).rglob("*") if path.is_file())
    sizes["posture-scanner"] = sum(-(-path.stat().st_size // 4096) * 4096 for path in own) / 1e6
    assert {"paramiko", "cryptography", "sqlalchemy", "msgspec"} <= sizes.keys()
    assert min(sizes[name] for name in ("cryptography", "sqlalchemy")) > 5, sizes  # it does measure
    largest = sorted(sizes.items(), key=lambda one: -one[1])[:8]
    assert sum(sizes.values()) < LIMIT_MB, largest
