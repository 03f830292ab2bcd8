"""What our reading of each family of systems is proven on, and what a report has to say of it on its first page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from posture.catalogue.checkfile import Text
from posture.catalogue.reach import NETWORK_TOPICS
from posture.errors import BaselineError
from posture.evaluate.judge import topics_of
from posture.model.check import Check
from posture.yamlfile import convert, read

NOT_OF_A_HOST = NETWORK_TOPICS | {"ai", "declared", "fleet", "scanning", "vulnerabilities"}
"""Topics that no login brings: they read the same whatever the host runs."""


class FamilyEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One family as it is written."""

    id: Text
    title: Text
    names: list[Text]
    recorded: list[Text] = []
    authored: dict[str, Text] = {}
    note: str = ""


class ProvenFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The whole page."""

    schema: Literal["posture.proven/1"]
    as_of: date
    families: list[FamilyEntry]


@dataclass(frozen=True, slots=True)
class Family:
    """Systems that answer alike."""

    id: str
    title: str
    names: tuple[str, ...]
    """How their own names begin, such as ``Rocky Linux``."""
    recorded: tuple[str, ...] = ()
    """Topics proven on transcripts of real hosts, sorted."""
    authored: tuple[tuple[str, str], ...] = ()
    """Topics proven on transcripts written by hand only, each with where in the tests that is; sorted."""


def read_proven(path: Path) -> tuple[Family, ...]:
    """Return the families of a file, in id order; none when there is no such file.

    Raises:
        BaselineError: with file, line and key.
    """
    if not path.exists():
        return ()
    located = read(path, raises=BaselineError)
    file = convert(located, ProvenFile)
    for number, entry in enumerate(file.families):
        twice = sorted(set(entry.recorded) & set(entry.authored))
        if twice:
            raise located.error(f"`{twice[0]}` is both recorded and authored", "families", number, hint="keep recorded")
    found = (
        Family(e.id, e.title, tuple(e.names), tuple(sorted(e.recorded)), tuple(sorted(e.authored.items())))
        for e in file.families
    )
    return tuple(sorted(found, key=lambda family: family.id))


def provenance_notes(families: Iterable[Family], checks: Iterable[Check], platforms: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence for each family of these hosts whose reading is not wholly proven on recordings.

    ``platforms`` holds what each host calls itself; hosts that did not say are left out: nothing was read there. A
    check is as well proven as the least of the topics it asks.
    """
    known = list(families)
    if not known:
        return ()
    asked = [topics for check in checks if (topics := frozenset(topics_of(check)) - NOT_OF_A_HOST)]
    hosts = Counter(_family(platform, known) for platform in platforms if platform)
    notes = [_note(family, count, asked) for family, count in hosts.items() if family is not None]
    strange = hosts.get(None, 0)
    if strange:
        notes.append(
            f"{_hosts(strange)} a system that none of our transcripts comes from: what is read there is unproven."
        )
    return tuple(sorted(note for note in notes if note))


def _family(platform: str, families: list[Family]) -> Family | None:
    fits = (family for family in families if any(platform.startswith(name) for name in family.names))
    return next(fits, None)


def _note(family: Family, hosts: int, asked: list[frozenset[str]]) -> str:
    level = {**dict.fromkeys(dict(family.authored), "authored"), **dict.fromkeys(family.recorded, "recorded")}
    counts = Counter(_worst(topics, level) for topics in asked)
    if counts["recorded"] == len(asked):
        return ""
    return (
        f"{_hosts(hosts)} {family.title}. Of {len(asked)} checks that read one, {counts['recorded']} are proven "
        f"on transcripts recorded there, {counts['authored']} only on transcripts written by hand from its documented "
        f"formats, and {counts['unproven']} on neither."
    )


def _worst(topics: frozenset[str], level: Mapping[str, str]) -> str:
    found = {level.get(topic, "unproven") for topic in topics}
    return next(word for word in ("unproven", "authored", "recorded") if word in found)


def _hosts(count: int) -> str:
    return f"{count:,} host runs" if count == 1 else f"{count:,} hosts run"
