"""Templates use the declared fields and no others, and every declared field is used."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from typing import Any

import pytest
from jinja2 import nodes

from reports import view
from reports.editions import document
from reports.html_report import TEMPLATES, environment

UNKNOWN = object()  # the type of loop variables, numbers and the like: no field may be read from it
BUILT_IN = {("loop", name) for name in ("first", "last", "index")}
DATES = {"date"}  # datetime.date() in the title


class Reader:
    """Follows the types of the view dataclasses through one template."""

    def __init__(self) -> None:
        self.env = environment()
        self.used: set[tuple[str, str]] = set()
        self.wrong: list[str] = []

    def template(self, name: str, scope: dict[str, Any]) -> None:
        source, _, _ = self.env.loader.get_source(self.env, name)  # type: ignore[union-attr]
        self.body(self.env.parse(source).body, scope)

    def body(self, body: list[nodes.Node], scope: dict[str, Any]) -> None:
        for node in body:
            self.statement(node, scope)

    def statement(self, node: nodes.Node, scope: dict[str, Any]) -> None:
        match node:
            case nodes.For():
                element = self.element(self.type_of(node.iter, scope))
                inner = {**scope, node.target.name: element, "loop": UNKNOWN}  # type: ignore[attr-defined]
                self.body(node.body, inner)
                self.body(node.else_, scope)
            case nodes.With():
                names = [target.name for target in node.targets]  # type: ignore[attr-defined]
                values = [self.type_of(value, scope) for value in node.values]
                self.body(node.body, {**scope, **dict(zip(names, values, strict=True))})
            case nodes.Include():
                self.template(node.template.value, scope)  # type: ignore[attr-defined]
            case nodes.If():
                self.type_of(node.test, scope)
                for part in (node.body, node.elif_, node.else_):
                    self.body(part, scope)
            case nodes.Output():
                for child in node.nodes:
                    self.type_of(child, scope)
            case _:
                self.wrong.append(f"{type(node).__name__} is not a statement this test can follow")

    def type_of(self, node: nodes.Node, scope: dict[str, Any]) -> Any:
        match node:
            case nodes.Name():
                if node.name not in scope:
                    self.wrong.append(f"line {node.lineno}: {node.name} is not in the context")
                return scope.get(node.name, UNKNOWN)
            case nodes.Getattr():
                return self.field(self.type_of(node.node, scope), node, scope)
            case nodes.Getitem():
                return self.element(self.type_of(node.node, scope))
            case _:
                for child in node.iter_child_nodes():
                    self.type_of(child, scope)
                return UNKNOWN

    def field(self, owner: Any, node: nodes.Getattr, scope: dict[str, Any]) -> Any:
        if isinstance(node.node, nodes.Name) and (node.node.name, node.attr) in BUILT_IN:
            return UNKNOWN
        if node.attr in DATES:
            return UNKNOWN
        hints = typing.get_type_hints(owner) if dataclasses.is_dataclass(owner) else {}
        if node.attr not in hints:
            self.wrong.append(f"line {node.lineno}: {getattr(owner, '__name__', owner)} has no field {node.attr}")
            return UNKNOWN
        self.used.add((owner.__name__, node.attr))
        hint = hints[node.attr]
        if isinstance(hint, types.UnionType):
            hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
        return hint

    def element(self, hint: Any) -> Any:
        return typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else UNKNOWN


@pytest.fixture(scope="module")
def reader() -> Reader:
    found = Reader()
    found.template("report.html.j2", {"page": view.ReportView, "css": UNKNOWN})
    return found


def test_templates_read_declared_fields_only(reader: Reader) -> None:
    assert reader.wrong == []


def test_every_declared_field_is_read(reader: Reader) -> None:
    through_filters = {("Share", "part"), ("Share", "whole"), ("Link", "text"), ("Link", "anchor")}
    declared = {
        (kind.__name__, field.name)
        for kind in vars(view).values()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type)
        for field in dataclasses.fields(kind)
    }
    assert declared - reader.used - through_filters == set()


def test_editions_read_declared_fields_only_and_every_one() -> None:
    found = Reader()
    found.template("edition.html.j2", {"page": document.Document, "css": UNKNOWN})
    assert found.wrong == []
    for_paper = {("Column", "share"), ("Document", "wide")}
    declared = {
        (kind.__name__, field.name)
        for kind in vars(document).values()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == document.__name__
        for field in dataclasses.fields(kind)
    }
    assert declared - found.used == for_paper


def test_paper_reads_every_declared_field_of_an_edition_too() -> None:
    paper = (TEMPLATES / "edition.typ").read_text()
    read = set(re.findall(r"\.([a-z_]+)", paper))
    for_pages = {"anchor"}
    declared = {
        field.name
        for kind in vars(document).values()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == document.__name__
        for field in dataclasses.fields(kind)
    }
    assert declared - read == for_pages
    assert "eval(" not in paper


def test_a_field_that_does_not_exist_would_be_noticed() -> None:
    found = Reader()
    tree = found.env.parse("{% for check in page.checks.checks %}{{ check.fix.secret }}{% endfor %}{{ nowhere }}")
    found.body(tree.body, {"page": view.ReportView})
    assert len(found.wrong) == 2


def test_no_template_turns_escaping_off() -> None:
    for path in TEMPLATES.rglob("*.j2"):
        text = path.read_text()
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape" not in text
