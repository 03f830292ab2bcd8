"""What sysctl files set for the next boot, and where that is not what runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from collectors.records import FoundFile, settled

SYSCTL_DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
"""Highest precedence first."""


def configured(files: Iterable[FoundFile], known: Iterable[str]) -> dict[str, int | str]:
    """Return the value each key will have after the next boot; patterns are spread over the ``known`` keys.

    Source: sysctl.d(5), CONFIGURATION DIRECTORIES AND PRECEDENCE and CONFIGURATION FORMAT. `/etc/sysctl.conf` comes
    last, as in `sysctl --system`.
    """
    explicit: dict[str, str] = {}
    patterns: dict[str, str] = {}
    excluded: set[str] = set()
    for key, value in _assignments(_in_order(files)):
        if value is None:
            excluded.add(key)
        elif any(mark in key for mark in "*?["):
            patterns.pop(key, None)
            patterns[key] = value
        else:
            explicit[key] = value
    for pattern, value in reversed(patterns.items()):
        for key in known:
            if key not in excluded and fnmatchcase(key, pattern):
                explicit.setdefault(key, value)
    return {key: settled(value) for key, value in sorted(explicit.items())}


def differing(wanted: Mapping[str, int | str], running: Mapping[str, int | str]) -> list[str]:
    """Return the keys that run with another value than the configured one, sorted."""
    return sorted(key for key, value in wanted.items() if key in running and _same(value) != _same(running[key]))


def _in_order(files: Iterable[FoundFile]) -> list[FoundFile]:
    """Return the files that count, in the order in which they are applied."""
    chosen: dict[str, FoundFile] = {}
    last = []
    rank = {directory: at for at, directory in enumerate(SYSCTL_DIRECTORIES)}
    for file in sorted(files, key=lambda one: rank.get(one.path.rpartition("/")[0], len(rank))):
        directory, _, name = file.path.rpartition("/")
        if file.path == "/etc/sysctl.conf":
            last.append(file)
        elif directory in rank and name.endswith(".conf"):
            chosen.setdefault(name, file)
    return [chosen[name] for name in sorted(chosen)] + last


def _assignments(files: Iterable[FoundFile]) -> Iterable[tuple[str, str | None]]:
    """Yield every assignment; a key with ``None`` is left out of later patterns."""
    for file in files:
        for line in file.text.splitlines():
            text = line.strip()
            if not text or text[0] in "#;":
                continue
            key, equals, value = text.partition("=")
            name = _dotted(key.strip().removeprefix("-").strip())
            if equals:
                yield name, value.strip()
            elif text.startswith("-"):
                yield name, None


def _dotted(key: str) -> str:
    """Return the key with dots; when its first separator is a slash, the two are swapped (sysctl.d(5))."""
    first = next((letter for letter in key if letter in "./"), ".")
    return key if first == "." else key.translate(str.maketrans("./", "/."))


def _same(value: int | str) -> str:
    return " ".join(str(value).split())
