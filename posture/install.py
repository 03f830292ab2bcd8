"""Refuses to run when a foreign package answers to one of our package names.

The distribution is ``posture-scanner``; another project on the package index is called ``posture`` and imports under
that name too. An environment with both would run half of each, so the command line looks before it does anything.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from posture.errors import UsageError

PACKAGES = ("posture", "baselines", "collectors", "reports")


def refuse_foreign_packages() -> None:
    """Return when all four packages come from one place.

    Raises:
        UsageError: one is missing or lies elsewhere.
    """
    home = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        places = [Path(place).resolve().parent for place in (spec.submodule_search_locations or ())] if spec else []
        if home not in places:
            found = str(places[0]) if places else "nothing"
            raise UsageError(
                f"the package `{name}` that Python finds is not ours: {found} instead of {home}",
                hint="give posture-scanner an environment of its own: python3 -m venv .venv, then install it there",
            )
