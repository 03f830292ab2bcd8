"""Fact paths against the published schemas of the topics: a check is checked before any scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from posture.errors import BaselineError
from posture.evaluate.paths import Each, FactPath, Field, Pick, Step, is_listing, type_word
from posture.yamlfile import suggestion

Schema = Mapping[str, Any]
ANY = "anything"


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand at a place: alternatives of one topic's JSON schema, ``null`` left out."""

    alternatives: tuple[Schema, ...]
    root: Schema

    @property
    def kinds(self) -> frozenset[str]:
        """Of ``text number bool list map anything``."""
        return frozenset(kind for schema in self.alternatives for kind in _kinds(schema))

    @property
    def words(self) -> frozenset[Any]:
        """The only values there are, when the schema lists them; empty otherwise."""
        if not all("enum" in schema or "const" in schema for schema in self.alternatives):
            return frozenset()
        return frozenset(word for schema in self.alternatives for word in schema.get("enum", [schema.get("const")]))


def shape_at(path: FactPath, schemas: Mapping[str, Schema]) -> Shape:
    """Return what may stand at the end of a path.

    Raises:
        BaselineError: no such topic or field.
    """
    if path.topic not in schemas:
        raise BaselineError(f"no topic `{path.topic}`", hint=suggestion(path.topic, schemas))
    return below(_shape(schemas[path.topic], schemas[path.topic]), path.steps)


def below(shape: Shape, steps: Iterable[Step]) -> Shape:
    """Return what may stand below a shape.

    Raises:
        BaselineError: no such field, or a list is expected where there is none.
    """
    for step in steps:
        match step:
            case Field(name=name):
                shape = _field(shape, name)
            case Each():
                shape = element_of(shape)
            case Pick(key=key):
                shape = element_of(shape)
                _field(shape, key)
    return shape


def element_of(shape: Shape) -> Shape:
    """Return what a list's elements are.

    Raises:
        BaselineError: it is no list.
    """
    found = [_items(schema, shape.root) for schema in shape.alternatives]
    elements = [schema for schema in found if schema is not None]
    if not elements:
        raise BaselineError("this is not a list", hint="[*] and [key=value] go with lists")
    return _join(elements, shape.root)


def value_fault(value: Any, shape: Shape) -> str:
    """Return why a value of an example cannot stand in a topic's facts; empty when it can. Fields may be missing."""
    if value is None or ANY in shape.kinds:
        return ""
    if isinstance(value, list) or is_listing(value):
        return _list_fault(value["items"] if isinstance(value, dict) else value, shape)
    if isinstance(value, dict):
        for key, inner in value.items():
            try:
                fault = value_fault(inner, _field(shape, key))
            except BaselineError as error:
                return f"{error} ({error.hint})"
            if fault:
                return f"{key}: {fault}"
        return ""
    kind = "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    if kind not in shape.kinds:
        return f"{type_word(value)} where the topic has {' or '.join(sorted(shape.kinds))}"
    return (
        f"`{value}` is not one of {sorted(map(str, shape.words))}" if shape.words and value not in shape.words else ""
    )


def _list_fault(values: list[Any], shape: Shape) -> str:
    try:
        element = element_of(shape)
    except BaselineError:
        return f"a list where the topic has {' or '.join(sorted(shape.kinds))}"
    return next((fault for value in values if (fault := value_fault(value, element))), "")


def _shape(schema: Schema, root: Schema) -> Shape:
    return _join([schema], root)


def _join(schemas: Iterable[Schema], root: Schema) -> Shape:
    out: list[Schema] = []
    for schema in schemas:
        out.extend(_expanded(schema, root))
    return Shape(tuple(out), root)


def _expanded(schema: Schema, root: Schema) -> list[Schema]:
    """Return the alternatives of a schema without references and without ``null``."""
    if "$ref" in schema:
        return _expanded(root["$defs"][str(schema["$ref"]).rsplit("/", 1)[1]], root)
    if "anyOf" in schema:
        return [inner for one in schema["anyOf"] for inner in _expanded(one, root)]
    return [] if schema.get("type") == "null" else [schema]


def _kinds(schema: Schema) -> set[str]:
    if "enum" in schema or "const" in schema:
        words = schema.get("enum", [schema.get("const")])
        return {"text" if isinstance(word, str) else "number" for word in words}
    names = {"string": "text", "integer": "number", "number": "number", "boolean": "bool", "array": "list"}
    kind = schema.get("type")
    if kind == "object":
        return {"list"} if _is_listing(schema) else {"map"}
    return {names.get(str(kind), ANY)}


def _is_listing(schema: Schema) -> bool:
    return set(schema.get("properties", {})) == {"items", "complete"}


def _items(schema: Schema, root: Schema) -> Schema | None:
    if _is_listing(schema):
        schema = schema["properties"]["items"]
    if schema.get("type") == "array":
        items: Schema = schema.get("items", {})
        return items
    return {} if "type" not in schema and "enum" not in schema else None


def _field(shape: Shape, name: str) -> Shape:
    found: list[Schema] = []
    known: set[str] = set()
    for schema in shape.alternatives:
        if _is_listing(schema):
            continue
        properties = schema.get("properties", {})
        known |= set(properties)
        extra = schema.get("additionalProperties")
        if name in properties:
            found.append(properties[name])
        elif isinstance(extra, Mapping):
            found.append(extra)
        elif extra is True or ANY in _kinds(schema) or (schema.get("type") == "object" and not properties):
            found.append({})
    if not found:
        hint = suggestion(name, known) if known else "the place above it holds no fields"
        raise BaselineError(f"no field `{name}`", hint=hint)
    return _join(found, shape.root)
