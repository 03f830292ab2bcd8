"""Whether one version of a package comes before another, by the rules of its own ecosystem."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from univers.versions import DebianVersion, InvalidVersion, PypiVersion, RpmVersion, SemverVersion

_SCHEMES: dict[str, type[Any]] = {
    "Debian": DebianVersion,
    "Ubuntu": DebianVersion,
    "Red Hat": RpmVersion,
    "Rocky Linux": RpmVersion,
    "AlmaLinux": RpmVersion,
    "PyPI": PypiVersion,
    "npm": SemverVersion,
    "CPE": DebianVersion,  # no order is defined; numbers as numbers and the rest as text serves most products
}
"""OSV ecosystem to the order of its versions."""


class UnorderedError(ValueError):
    """A version that its ecosystem's rules cannot place."""


def older(ecosystem: str, version: str, than: str) -> bool:
    """Return whether a version comes before another.

    Raises:
        UnorderedError: nobody can say: the ecosystem is not one of ours, or a version is none.
    """
    try:
        return bool(_parsed(ecosystem, version) < _parsed(ecosystem, than))
    except (InvalidVersion, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UnorderedError(f"{ecosystem}: {version} against {than}") from error


def is_rpm(ecosystem: str) -> bool:
    """Return whether the ecosystem's packages are rpms, whose streams are patched side by side."""
    return _SCHEMES.get(_line(ecosystem)) is RpmVersion


def project_name(text: str) -> str:
    """Return a Python project's name as the index compares it: lower case, one dash for any run of ``-_.``.

    Source: packaging.python.org, name normalization.
    """
    return re.sub(r"[-_.]+", "-", text).lower()


@lru_cache(maxsize=65_536)
def _parsed(ecosystem: str, version: str) -> Any:
    scheme = _SCHEMES.get(_line(ecosystem))
    if scheme is None:
        raise UnorderedError(ecosystem)
    return scheme(version)


def _line(ecosystem: str) -> str:
    return ecosystem.split(":", 1)[0]
