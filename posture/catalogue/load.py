"""The whole catalogue: checks, profiles, clocks, taxonomy, frameworks, weights, and the register of removed ids.

catalogue = load()                         # the baselines shipped with the program
baseline = catalogue.baseline("fceb")      # or baseline("fceb", overlay=Path("agency.yaml"))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from posture.catalogue.checkfile import Text, read_checks
from posture.catalogue.clockfile import read_clock
from posture.catalogue.profiles import make_baseline
from posture.catalogue.proven import Family, read_proven
from posture.catalogue.rulefile import read_rulebook
from posture.errors import BaselineError
from posture.model.check import Baseline, Check
from posture.model.clock import Clock
from posture.model.rule import RuleBook
from posture.plan.weights import CategoryWeight, Weights
from posture.yamlfile import convert, read, suggestion


class RemovedEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An id that is never used again."""

    id: Text
    reason: Text
    removed: date


class RemovedFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The register of removed checks."""

    schema: Literal["posture.removed/1"]
    removed: list[RemovedEntry]


class UnprovenFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The remediations nobody has tested to the end, and those shown in a guest that ordinary test runs do not boot."""

    schema: Literal["posture.unproven/1"]
    unproven: dict[str, Text]
    proven_in_guest: dict[str, date] = {}


class CategoryEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One way in which AI helps an attacker."""

    id: Text
    name: Text
    meaning: Text
    source: Text


class TaxonomyFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The AI-threat categories."""

    schema: Literal["posture.taxonomy/1"]
    as_of: date
    categories: list[CategoryEntry]


class FrameworkEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A publication that checks refer to."""

    id: Text
    title: Text
    version: Text
    status: Literal["final", "draft"]
    as_of: date
    source: Text
    note: str = ""


class FrameworksFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the references refer to; a draft is never called required."""

    schema: Literal["posture.frameworks/1"]
    frameworks: list[FrameworkEntry]


class CategoryWeightEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Three ordinal judgements from 1 to 3."""

    observed: Literal[1, 2, 3]
    speed: Literal[1, 2, 3]
    reach: Literal[1, 2, 3]
    why: Text
    source: Text


class WeightsFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Numbers that order work inside equal dates."""

    schema: Literal["posture.weights/1"]
    as_of: date
    calibrated: Literal[False]
    note: Text
    categories: dict[str, CategoryWeightEntry]
    leverage: dict[Literal["prevents", "slows", "limits_blast", "detects"], float]
    mandate: dict[Literal["binding", "published", "own"], float]
    context: dict[Literal["exposed", "high_value", "ai_service", "other"], float]


@dataclass(frozen=True, slots=True)
class Removed:
    """A check that left, and why."""

    id: str
    reason: str
    removed: date


@dataclass(frozen=True, slots=True)
class Category:
    """One AI-threat category."""

    id: str
    name: str
    meaning: str
    source: str


@dataclass(frozen=True)
class Catalogue:
    """Everything a baselines directory holds; parts are read when first asked for."""

    directory: Path

    @cached_property
    def checks(self) -> Mapping[str, Check]:
        """Every check by id.

        Raises:
            BaselineError: a file does not load, or an id is used twice or again after its removal.
        """
        found: dict[str, Check] = {}
        gone = {entry.id: entry for entry in self.removed}
        for path in sorted((self.directory / "checks").glob("*.yaml")):
            for check in read_checks(path, name=f"checks/{path.name}"):
                if check.id in found:
                    message = f"{path}: check id {check.id} is already used at {found[check.id].source}"
                    raise BaselineError(message, hint="give the new check a new id")
                if check.id in gone:
                    message = f"{path}: check id {check.id} was removed on {gone[check.id].removed}"
                    raise BaselineError(message, hint="ids are never reused: give the new check a new id")
                self._check_categories(path, check)
                found[check.id] = check
        if not found:
            raise BaselineError(f"{self.directory}/checks holds no check", hint="is this a baselines directory?")
        return dict(sorted(found.items()))

    @cached_property
    def removed(self) -> tuple[Removed, ...]:
        """Ids that once existed."""
        file = convert(read(self.directory / "removed.yaml", raises=BaselineError), RemovedFile)
        return tuple(Removed(e.id, e.reason, e.removed) for e in sorted(file.removed, key=lambda e: e.id))

    @cached_property
    def unproven(self) -> Mapping[str, str]:
        """By check id, why no test has shown that the remediation mends it; without the file nothing is claimed.

        Raises:
            BaselineError: the file names a check there is none of.
        """
        return {} if self._proof is None else dict(sorted(self._proof.unproven.items()))

    @cached_property
    def proven_in_guest(self) -> Mapping[str, date]:
        """By check id, when `make guest` last showed that the remediation mends it and its rollback undoes it.

        Raises:
            BaselineError: the file names a check there is none of, or one of its unproven ones.
        """
        return {} if self._proof is None else dict(sorted(self._proof.proven_in_guest.items()))

    @cached_property
    def _proof(self) -> UnprovenFile | None:
        path = self.directory / "unproven.yaml"
        if not path.exists():
            return None
        located = read(path, raises=BaselineError)
        file = convert(located, UnprovenFile)
        for section, named in (("unproven", file.unproven), ("proven_in_guest", file.proven_in_guest)):
            for id_ in named:
                if id_ not in self.checks:
                    raise located.error(f"no check `{id_}`", section, hint=suggestion(id_, self.checks))
        for id_ in file.proven_in_guest.keys() & file.unproven.keys():
            raise located.error(f"`{id_}` is both unproven and proven", "proven_in_guest", hint="keep one of them")
        return file

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """What our reading of each family of systems is proven on."""
        return read_proven(self.directory / "proven.yaml")

    @cached_property
    def rulebook(self) -> RuleBook:
        """The rules of the attack graph.

        Raises:
            BaselineError: a file does not load.
        """
        return read_rulebook(self.directory / "graph")

    @cached_property
    def categories(self) -> Mapping[str, Category]:
        """The AI-threat categories by id."""
        file = convert(read(self.directory / "taxonomy.yaml", raises=BaselineError), TaxonomyFile)
        return {
            e.id: Category(e.id, e.name, e.meaning.strip(), e.source)
            for e in sorted(file.categories, key=lambda e: e.id)
        }

    @property
    def taxonomy(self) -> Mapping[str, str]:
        """AIT id to name."""
        return {id_: category.name for id_, category in self.categories.items()}

    @cached_property
    def frameworks(self) -> tuple[FrameworkEntry, ...]:
        """The publications that references name."""
        file = convert(read(self.directory / "frameworks.yaml", raises=BaselineError), FrameworksFile)
        return tuple(sorted(file.frameworks, key=lambda e: e.id))

    @cached_property
    def clocks(self) -> tuple[Clock, ...]:
        """Every clock, in id order."""
        clocks = [read_clock(path) for path in sorted((self.directory / "clocks").glob("*.yaml"))]
        return tuple(sorted(clocks, key=lambda clock: clock.id))

    @cached_property
    def weights(self) -> Weights:
        """The uncalibrated weights."""
        located = read(self.directory / "weights.yaml", raises=BaselineError)
        file = convert(located, WeightsFile)
        strange = sorted(set(file.categories) ^ set(self.categories))
        if strange:
            raise located.error(f"{strange[0]} must stand both here and in taxonomy.yaml", "categories")
        return Weights(
            categories={
                k: CategoryWeight(e.observed, e.speed, e.reach, e.why) for k, e in sorted(file.categories.items())
            },
            leverage={str(k): v for k, v in file.leverage.items()},
            mandate={str(k): v for k, v in file.mandate.items()},
            context={str(k): v for k, v in file.context.items()},
        )

    @property
    def profile_ids(self) -> tuple[str, ...]:
        """The profiles there are."""
        return tuple(sorted(path.stem for path in (self.directory / "profiles").glob("*.yaml")))

    def baseline(self, profile: str, *, overlay: Path | None = None) -> Baseline:
        """Return what one assessment is judged by.

        Raises:
            BaselineError: no such profile, or something in it does not fit.
        """
        if profile not in self.profile_ids:
            raise BaselineError(f"no profile `{profile}`", hint=suggestion(profile, self.profile_ids))
        path = self.directory / "profiles" / f"{profile}.yaml"
        gone = {entry.id: entry.reason for entry in self.removed}
        baseline = make_baseline(path, self.checks, gone, overlay=overlay)
        strange = sorted({id_ for id_, _ in baseline.profile.clocks} - {clock.id for clock in self.clocks})
        if strange:
            ids = [clock.id for clock in self.clocks]
            raise BaselineError(f"{path}: no clock `{strange[0]}`", hint=suggestion(strange[0], ids))
        return baseline

    def _check_categories(self, path: Path, check: Check) -> None:
        for category in check.threat.categories:
            if category not in self.categories:
                message = f"{path}: {check.id}: no AI-threat category `{category}`"
                raise BaselineError(message, hint=suggestion(category, self.categories))


def load(directory: Path | None = None) -> Catalogue:
    """Return the catalogue of a directory, or the one shipped with the program.

    Raises:
        BaselineError: it is not a baselines directory.
    """
    # the wheel is always unpacked, so that package data are plain files
    place = directory or Path(str(files("baselines")))
    if not (place / "checks").is_dir():
        raise BaselineError(f"{place}: no `checks` folder in it", hint="is this a baselines directory?")
    return Catalogue(place)
