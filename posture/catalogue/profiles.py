"""Profiles, agency overlays, and the baseline that comes of them; tailoring never edits a check file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from posture.catalogue.checkfile import SeverityWord, Text, param_fault
from posture.catalogue.digest import baseline_digest, check_digest
from posture.errors import BaselineError
from posture.evaluate.logic import assertions
from posture.evaluate.operators import value_fault
from posture.model.check import Baseline, Check, Json, ParamRef, Profile, Remediation, Severity, Tailoring
from posture.yamlfile import Located, convert, read, suggestion


class OverrideEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What changes for one check."""

    severity: SeverityWord | None = None
    days: int | None = None
    params: dict[str, Any] = {}
    reason: Text


class ClockUseEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A clock, and whether its dates bind here."""

    id: Text
    mode: Literal["binding", "informative"]


class ProfileFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An authority and clock set over the same checks."""

    schema: Literal["posture.profile/1"]
    id: Text
    title: Text
    version: Text
    max_age_days: int
    fail_threshold: SeverityWord = "low"
    clocks: list[ClockUseEntry]
    checks: Literal["all"] | list[Text] = "all"
    without: dict[str, Text] = {}
    overrides: dict[str, OverrideEntry] = {}


class OverlayFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An agency's departures from one profile; every one of them is printed in every report."""

    schema: Literal["posture.overlay/1"]
    id: Text
    title: Text
    profile: Text
    without: dict[str, Text] = {}
    overrides: dict[str, OverrideEntry] = {}


def read_profile(path: Path) -> tuple[Profile, ProfileFile, Located]:
    """Return a profile, and the file it was read from.

    Raises:
        BaselineError: with file, line and key.
    """
    located = read(path, raises=BaselineError)
    file = convert(located, ProfileFile)
    if file.max_age_days < 1:
        raise located.error("must be at least 1", "max_age_days")
    clocks = tuple((use.id, use.mode) for use in file.clocks)
    threshold = Severity[file.fail_threshold.upper()]
    return Profile(file.id, file.title, file.version, file.max_age_days, clocks, threshold), file, located


def make_baseline(
    path: Path,
    checks: Mapping[str, Check],
    removed: Mapping[str, str],
    *,
    overlay: Path | None = None,
) -> Baseline:
    """Return a profile's checks, with its own values and then an overlay's.

    Raises:
        BaselineError: a named check or parameter does not exist, or a value does not fit.
    """
    profile, file, located = read_profile(path)
    wanted = sorted(checks) if file.checks == "all" else file.checks
    known = _Known(checks, removed)
    chosen = {id_: known.check(id_, located, "checks") for id_ in wanted}
    chosen, _ = _tailored(chosen, file, located, known)
    tailoring: tuple[Tailoring, ...] = ()
    if overlay is not None:
        over_located = read(overlay, raises=BaselineError)
        over = convert(over_located, OverlayFile)
        if over.profile != profile.id:
            hint = f"choose profile {over.profile}, or another overlay"
            raise over_located.error(
                f"this overlay is for profile `{over.profile}`, not `{profile.id}`", "profile", hint=hint
            )
        chosen, tailoring = _tailored(chosen, over, over_located, known)
    if not chosen:
        raise BaselineError(f"profile {profile.id} selects no check", hint="an empty baseline would pass everything")
    baseline = Baseline(
        profile=profile,
        checks=tuple(chosen[id_] for id_ in sorted(chosen)),
        tailoring=tailoring,
        removed=tuple(sorted(removed.items())),
    )
    return replace(baseline, digest=baseline_digest(baseline))


class _Known:
    """The checks there are, and those that once were."""

    def __init__(self, checks: Mapping[str, Check], removed: Mapping[str, str]) -> None:
        self.checks = checks
        self.removed = removed

    def check(self, id_: str, located: Located, *at: str) -> Check:
        if id_ in self.removed:
            raise located.error(f"check {id_} was removed: {self.removed[id_]}", *at, hint="take it out")
        if id_ not in self.checks:
            raise located.error(f"no check `{id_}`", *at, hint=suggestion(id_, self.checks))
        return self.checks[id_]


def _tailored(
    chosen: Mapping[str, Check], file: ProfileFile | OverlayFile, located: Located, known: _Known
) -> tuple[dict[str, Check], tuple[Tailoring, ...]]:
    out = dict(chosen)
    rows: list[Tailoring] = []
    for id_, reason in sorted(file.without.items()):
        known.check(id_, located, "without", id_)
        if out.pop(id_, None) is not None:
            rows.append(Tailoring(id_, "selected", True, False, reason))
    for id_, entry in sorted(file.overrides.items()):
        known.check(id_, located, "overrides", id_)
        if id_ not in out:
            raise located.error(f"check {id_} is not selected", "overrides", id_, hint="remove the override")
        out[id_], changed = _overridden(out[id_], entry, located.at("overrides", id_))
        rows.extend(changed)
    return out, tuple(rows)


def _overridden(check: Check, entry: OverrideEntry, at: Located) -> tuple[Check, list[Tailoring]]:
    rows: list[Tailoring] = []
    changed = check
    if entry.severity is not None and Severity[entry.severity.upper()] is not check.severity:
        rows.append(Tailoring(check.id, "severity", check.severity.label, entry.severity, entry.reason))
        changed = replace(changed, severity=Severity[entry.severity.upper()])
    if entry.days is not None and entry.days != check.deadline_days:
        if entry.days < 1:
            raise at.error("must be at least 1", "days")
        rows.append(Tailoring(check.id, "days", check.deadline_days, entry.days, entry.reason))
        changed = replace(changed, deadline_days=entry.days)
    for name, value in sorted(entry.params.items()):
        changed, row = _with_param(changed, name, value, entry.reason, at)
        rows.extend(row)
    return replace(changed, digest=check_digest(changed)), rows


def _with_param(check: Check, name: str, value: Json, reason: str, at: Located) -> tuple[Check, list[Tailoring]]:
    params = {param.name: param for param in check.params}
    if name not in params:
        raise at.error(f"{check.id} has no parameter `{name}`", "params", name, hint=suggestion(name, params))
    old = params[name]
    fault = param_fault(old.type, value)
    for assertion in (*assertions(check.applicability), *assertions(check.condition)):
        if assertion.value == ParamRef(name):
            fault = fault or value_fault(assertion.op, value, assertion.scheme)
    if fault:
        raise at.error(fault, "params", name)
    if old.default == value:
        return check, []
    new = tuple(replace(param, default=value) if param.name == name else param for param in check.params)
    changed = replace(check, params=new, remediation=_following(check.remediation, old.default, value))
    return changed, [Tailoring(check.id, f"params.{name}", old.default, value, reason)]


def _following(remediation: Remediation, old: Json, new: Json) -> Remediation:
    """Return the fix with a list it quotes, joined by commas, as the profile has it: else it would not mend."""
    if not (isinstance(old, list) and isinstance(new, list)):
        return remediation
    before, after = (",".join(map(str, values)) for values in (old, new))
    if "," not in before:  # one word may stand anywhere and mean something else
        return remediation
    return replace(
        remediation,
        shell=remediation.shell.replace(before, after),
        ansible=tuple(_replaced(task, before, after) for task in remediation.ansible),
    )


def _replaced(value: Any, before: str, after: str) -> Any:
    if isinstance(value, str):
        return value.replace(before, after)
    if isinstance(value, list):
        return [_replaced(member, before, after) for member in value]
    if isinstance(value, Mapping):
        return {key: _replaced(member, before, after) for key, member in value.items()}
    return value
