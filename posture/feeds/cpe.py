"""Versions that NVD calls vulnerable, by CPE: only for services that were seen from the network and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from posture.model.vulnerability import Advisory, FixState
from posture.vulnerabilities.services import ECOSYSTEM


class CpeMatch(msgspec.Struct, frozen=True, rename="camel"):
    """One line of a configuration."""

    criteria: str
    vulnerable: bool = False
    version_start_including: str = ""
    version_start_excluding: str = ""
    version_end_including: str = ""
    version_end_excluding: str = ""


class Node(msgspec.Struct, frozen=True, rename="camel"):
    """Lines of which one is enough."""

    cpe_match: list[CpeMatch] = []


class Configuration(msgspec.Struct, frozen=True):
    """Nodes; that another one must hold too ("running on") cannot be seen from the network and is left out."""

    nodes: list[Node] = []


_PARTS = re.compile(r"(?:[^:\\]|\\.)+")


def statements(cve: str, configurations: list[Configuration]) -> Iterator[Advisory]:
    """Yield one statement per product and interval of versions, each once."""
    lines = (line for one in configurations for node in one.nodes for line in node.cpe_match if line.vulnerable)
    yield from sorted({found for line in lines if (found := _statement(cve, line)) is not None})


def _statement(cve: str, line: CpeMatch) -> Advisory | None:
    parts = [re.sub(r"\\(.)", r"\1", part) for part in _PARTS.findall(line.criteria)]
    if len(parts) < 6 or parts[:2] != ["cpe", "2.3"] or parts[2] not in ("a", "o"):
        return None
    part, vendor, product, version = parts[2:6]
    # "After 1.0" is taken for "from 1.0": rather one too many.
    introduced = line.version_start_including or line.version_start_excluding or "0"
    fixed, last = line.version_end_excluding, line.version_end_including
    if version not in ("*", "-"):
        introduced, fixed, last = version, "", version
    state = FixState.FIXED_IN if fixed else FixState.NO_FIX
    return Advisory(cve, ECOSYSTEM, f"{part}:{vendor}:{product}"[:200], state, introduced, fixed, last)
