"""Conditions as they are written in check files, and the guard rails that hold before any scan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from posture.errors import BaselineError
from posture.evaluate.operators import NEED_ON_EMPTY, OPERATORS, QUANTIFIERS, SETS, value_fault
from posture.evaluate.paths import FactPath, parse_path
from posture.model.check import All, AnyOf, Assertion, Condition, FactRef, Not, OnAbsent, Param, ParamRef, When
from posture.yamlfile import Located, Step, suggestion

MAX_DEPTH = 6  # the deepest condition of our baselines has four levels

Word = Literal["fail", "pass", "not_applicable"]


class WhenEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The branch counts only while the parameter has this value."""

    param: str
    equals: Any


class ConditionEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A combinator (`all`, `any`, `not`) or an assertion (`fact`, `op`, `value` …), either with `when`."""

    all: list[ConditionEntry] | None = None
    any: list[ConditionEntry] | None = None
    not_: ConditionEntry | None = msgspec.field(name="not", default=None)
    when: WhenEntry | None = None
    id: str = ""
    fact: str = ""
    op: str = ""
    value: Any = msgspec.UNSET
    on_absent: Word | None = None
    on_empty: Word | None = None
    where: ConditionEntry | None = None
    scheme: str = ""
    message: str = ""


@dataclass(slots=True)
class Reader:
    """Turns the entries of one check into conditions; assertion ids are unique within it."""

    located: Located
    """The check, so that errors name its file and line."""
    params: Mapping[str, Param]
    ids: set[str] = field(default_factory=set)
    used_params: set[str] = field(default_factory=set)
    unnamed: int = 0

    def condition(self, entry: ConditionEntry, at: tuple[Step, ...], *, named: bool) -> Condition:
        """Return the condition written at this place; ``named`` assertions must carry an id.

        Raises:
            BaselineError: with file, line and key.
        """
        return self._read(entry, at, _Inside(named=named))

    def _read(self, entry: ConditionEntry, at: tuple[Step, ...], inside: _Inside) -> Condition:
        if inside.depth > MAX_DEPTH:
            raise self.located.error(f"more than {MAX_DEPTH} levels", *at, hint="split the check")
        forms = [name for name in ("all", "any", "not_", "op") if getattr(entry, name) not in (None, "")]
        if len(forms) != 1:
            raise self.located.error("a condition is one of: all, any, not, or an assertion with `op`", *at)
        self._refuse_strays(entry, forms[0], at)
        condition = self._combined(entry, forms[0], at, inside.deeper())
        if entry.when is None:
            return condition
        return When(self._param(entry.when.param, at), self._when_value(entry.when, at), condition)

    def _refuse_strays(self, entry: ConditionEntry, form: str, at: tuple[Step, ...]) -> None:
        if form == "op":
            return
        for name in ("id", "fact", "on_absent", "on_empty", "where", "scheme", "message"):
            if getattr(entry, name):
                raise self.located.error(
                    f"`{name}` belongs to an assertion", *at, name, hint="give it an `op`, or remove it"
                )
        if entry.value is not msgspec.UNSET:
            raise self.located.error("`value` belongs to an assertion", *at, "value")

    def _combined(self, entry: ConditionEntry, form: str, at: tuple[Step, ...], inside: _Inside) -> Condition:
        if form == "op":
            return self._assertion(entry, at, inside)
        if form == "not_" and entry.not_ is not None:
            return Not(self._read(entry.not_, (*at, "not"), inside.negated()))
        members = entry.all if form == "all" else entry.any
        if not members:
            raise self.located.error("no members", *at, form, hint="an empty group would decide by itself")
        read = tuple(self._read(member, (*at, form, index), inside) for index, member in enumerate(members))
        return All(read) if form == "all" else AnyOf(read)

    def _assertion(self, entry: ConditionEntry, at: tuple[Step, ...], inside: _Inside) -> Assertion:
        if entry.op not in OPERATORS:
            raise self.located.error(f"unknown operator `{entry.op}`", *at, "op", hint=suggestion(entry.op, OPERATORS))
        path = self._path(entry.fact, (*at, "fact"), relative=inside.where)
        self._shape(entry, path, at, inside)
        where = None
        if entry.where is not None:
            where = self._read(entry.where, (*at, "where"), inside.element())
        return Assertion(
            id=self._id(entry, at, inside),
            fact=path.text,
            op=entry.op,
            value=self._value(entry, at),
            on_absent=OnAbsent(entry.on_absent or "fail"),
            on_empty=OnAbsent(entry.on_empty) if entry.on_empty else None,
            where=where,
            scheme=entry.scheme,
            message=self._message(entry, at),
        )

    def _shape(self, entry: ConditionEntry, path: FactPath, at: tuple[Step, ...], inside: _Inside) -> None:
        """Refuse what the operator has no use for, and what would decide without being asked."""
        op = entry.op
        if path.spreads and op not in (*QUANTIFIERS, *SETS):
            raise self.located.error(
                f"`{op}` on a path with [*]", *at, "fact", hint="use every, some or none_of with `where`"
            )
        if (op in QUANTIFIERS) != (entry.where is not None):
            message = f"`{op}` needs `where`" if op in QUANTIFIERS else f"`{op}` takes no `where`"
            raise self.located.error(message, *at, hint=f"`where` goes with: {', '.join(QUANTIFIERS)}")
        if op in NEED_ON_EMPTY and entry.on_empty is None:
            hint = "on_empty: fail, pass or not_applicable"
            raise self.located.error(f"`{op}` must say what an empty list means", *at, hint=hint)
        if entry.on_empty is not None and op not in (*NEED_ON_EMPTY, *SETS):
            raise self.located.error(f"`{op}` takes no `on_empty`", *at, "on_empty")
        if op in ("exists", "absent") and entry.on_absent is not None:
            raise self.located.error(f"`{op}` is about absence itself", *at, "on_absent", hint="remove on_absent")
        if inside.not_ and op not in ("exists", "absent") and entry.on_absent is None:
            hint = "inside `not`, a fail becomes a pass: write on_absent"
            raise self.located.error("on_absent is not given", *at, hint=hint)

    def _value(self, entry: ConditionEntry, at: tuple[Step, ...]) -> Any:
        value = None if entry.value is msgspec.UNSET else entry.value
        if isinstance(value, dict) and value.keys() == {"param"}:
            name = self._param(str(value["param"]), (*at, "value"))
            self._fits(entry, self.params[name].default, at)
            return ParamRef(name)
        if isinstance(value, dict) and value.keys() == {"fact"}:
            text = str(value["fact"])
            self._path(text, (*at, "value", "fact"), relative=text.startswith("."))
            if OPERATORS[entry.op].kind not in ("scalar", "scalars", "number"):
                raise self.located.error(f"`{entry.op}` cannot compare with another fact", *at, "value")
            return FactRef(text)
        self._fits(entry, value, at)
        return value

    def _fits(self, entry: ConditionEntry, value: Any, at: tuple[Step, ...]) -> None:
        try:
            fault = value_fault(entry.op, value, entry.scheme)
        except BaselineError as error:
            raise self.located.error(str(error), *at, "value", hint=error.hint) from None
        if fault:
            raise self.located.error(f"`{entry.op}` {fault}", *at, "value")

    def _param(self, name: str, at: tuple[Step, ...]) -> str:
        if name not in self.params:
            raise self.located.error(f"unknown parameter `{name}`", *at, hint=suggestion(name, self.params))
        self.used_params.add(name)
        return name

    def _when_value(self, when: WhenEntry, at: tuple[Step, ...]) -> Any:
        default = self.params[when.param].default
        if type(default) is not type(when.equals):
            raise self.located.error("`equals` is of another type than the parameter", *at, "when", "equals")
        return when.equals

    def _path(self, text: str, at: tuple[Step, ...], *, relative: bool) -> FactPath:
        try:
            return parse_path(text, relative=relative)
        except BaselineError as error:
            raise self.located.error(str(error), *at, hint=error.hint) from None

    def _id(self, entry: ConditionEntry, at: tuple[Step, ...], inside: _Inside) -> str:
        if inside.where:
            return entry.id
        if not entry.id and not inside.named:
            self.unnamed += 1
            return f"applies-{self.unnamed}"
        if not _ID.match(entry.id):
            raise self.located.error(
                f"`{entry.id}` is not an assertion id", *at, "id", hint="lower case, digits, _ and -"
            )
        if entry.id in self.ids:
            raise self.located.error(f"assertion id `{entry.id}` is used twice", *at, "id")
        self.ids.add(entry.id)
        return entry.id

    def _message(self, entry: ConditionEntry, at: tuple[Step, ...]) -> str:
        strange = [slot for slot in re.findall(r"\{([^}]*)\}", entry.message) if slot not in ("actual", "expected")]
        if strange:
            raise self.located.error(f"unknown slot {{{strange[0]}}}", *at, "message", hint="{actual} and {expected}")
        return entry.message


_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")


@dataclass(frozen=True, slots=True)
class _Inside:
    """Where in a condition we are."""

    named: bool
    where: bool = False
    not_: bool = False
    depth: int = 0

    def deeper(self) -> _Inside:
        return _Inside(self.named, self.where, self.not_, self.depth + 1)

    def negated(self) -> _Inside:
        return _Inside(self.named, self.where, True, self.depth)

    def element(self) -> _Inside:
        return _Inside(False, True, self.not_, self.depth)
