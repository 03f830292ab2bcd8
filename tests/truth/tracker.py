"""Writes a Debian tracker in its true shape over given source packages; equal seeds give equal bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import IO, Any

CODENAMES = ("bullseye", "bookworm", "trixie", "forky", "sid")
Sources = Mapping[str, Mapping[str, str]]
"""Codename to source package to the version that hosts have."""


def write(file: IO[str], sources: Sources, rows: int, *, seed: int = 14409, least_bytes: int = 0) -> int:
    """Write it and return how many CVE-package rows over the given packages are in it; more follow until it is as long.

    One row is one package and one CVE, with a status for every release.
    """
    draw = random.Random(seed)
    names = sorted({name for by_name in sources.values() for name in by_name})
    weights = [draw.paretovariate(1.1) for _ in names]  # a few packages have most of the CVEs, as the kernel has
    share = {name: max(1, round(rows * weight / sum(weights))) for name, weight in zip(names, weights, strict=True)}
    written, size = 0, file.write("{")
    for index, name in enumerate((*names, *_strangers(least_bytes))):
        if index >= len(names) and size >= least_bytes:
            break
        cves = dict(_cve(draw, name, sources, index * 1000 + number) for number in range(share.get(name, 40)))
        size += file.write(f"{',' if index else ''}\n {json.dumps(name)}: {json.dumps(cves)}")
        written += len(cves) if name in share else 0
    file.write("\n}\n")
    return written


def _strangers(least_bytes: int) -> Iterator[str]:
    return (f"stranger-{number}" for number in range(1_000_000 if least_bytes else 0))


def _cve(draw: random.Random, name: str, sources: Sources, number: int) -> tuple[str, dict[str, Any]]:
    temporary = draw.random() < 0.01
    cve = (
        f"TEMP-{number:07}-{draw.randrange(16**6):06X}"
        if temporary
        else f"CVE-{draw.randint(2005, 2026)}-{10_000 + number}"
    )
    releases = {}
    for codename in CODENAMES:
        if draw.random() < 0.03:
            continue  # the tracker is silent on releases that never had the package
        version = sources.get(codename, {}).get(name, "1.0-1")
        releases[codename] = _release(draw, version)
    return cve, {"scope": draw.choice(("local", "remote")), "description": _description(draw), "releases": releases}


def _release(draw: random.Random, version: str) -> dict[str, Any]:
    said: dict[str, Any] = {"repositories": {"main": version, "security": version}}
    match draw.choices(("below", "same", "above", "near", "never", "open", "undetermined"), (34, 12, 16, 8, 8, 20, 2))[
        0
    ]:
        case "near":
            said |= {"status": "resolved", "fixed_version": _near(draw, version)}
        case "below":
            said |= {"status": "resolved", "fixed_version": _below(draw, version)}
        case "same":
            said |= {"status": "resolved", "fixed_version": version}
        case "above":
            said |= {"status": "resolved", "fixed_version": _above(draw, version)}
        case "never":
            said |= {"status": "resolved", "fixed_version": "0"}
        case "open":
            said |= {"status": "open"}
            if draw.random() < 0.5:
                said |= {"nodsa": "Minor issue", "nodsa_reason": draw.choice(("", "ignored", "postponed"))}
        case _:
            said |= {"status": "undetermined"}
    urgencies = ("not yet assigned", "unimportant", "low", "medium", "high**", "end-of-life")
    return {**said, "urgency": draw.choices(urgencies, (60, 12, 10, 8, 7, 3))[0]}


def _below(draw: random.Random, version: str) -> str:
    return draw.choice((f"{version}~", f"{version}~deb1", "0.0.1-1", f"{version}~rc1+b1"))


def _above(draw: random.Random, version: str) -> str:
    return draw.choice((f"{version}+deb12u1", f"{version}.1", f"{version}+b1", f"99:{version}"))


def _near(draw: random.Random, version: str) -> str:
    """Return the version with one of its digits drawn anew: older, newer or the same."""
    at = draw.choice([index for index, char in enumerate(version) if char.isdigit()])
    return version[:at] + str(draw.randrange(10)) + version[at + 1 :]


def _description(draw: random.Random) -> str:
    words = ("a", "crafted", "packet", 'lets "users"', "read {memory}", "beyond [the] end", "of", "a buffer\\", "ü")
    return " ".join(draw.choices(words, k=draw.randint(10, 90)))
