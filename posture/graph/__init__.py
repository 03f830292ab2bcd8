"""The attack graph as arrays: least fixed point, best derivations, probabilities, landmarks, cuts and what-if.

``from posture.graph import need_extra`` first: everything but this file needs the extra ``graph``.
"""

from __future__ import annotations

from importlib.util import find_spec

from posture.errors import UsageError

_NEEDED = ("numpy", "scipy", "networkx")


def extra_installed() -> bool:
    """Return whether attack paths can be computed here."""
    return all(find_spec(name) is not None for name in _NEEDED)


def need_extra() -> None:
    """Return if attack paths can be computed here.

    Raises:
        UsageError: the extra is not installed.
    """
    if not extra_installed():
        raise UsageError(
            "attack paths need the extra `graph` (numpy, scipy, networkx), which is not installed",
            hint="pip install 'posture-scanner[graph]'; everything else works without it",
        )
