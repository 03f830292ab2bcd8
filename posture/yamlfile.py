"""The only YAML reader: a safe subset, limited in size, where every value knows its file and line.

    located = read(Path("inventory.yaml"))          # ConfigError: file:line and a hint
    inventory = convert(located, InventoryFile)     # any msgspec.Struct or dataclass; unknown keys are errors
    raise located.error("no such zone", "hosts", 0, "zone", hint="…")

Strings, whole numbers, decimals, ``true``/``false`` and ``null`` only. What YAML versions read differently is
refused, with the hint to quote it: bare yes/no/on/off, leading zeros, exponents, ``.inf``. Dates stay text until a
type asks for one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml

from posture.errors import ConfigError, UsageError

MAX_FILE_BYTES = 8_000_000  # a 10,000-host inventory is about 4 MB
MAX_DEPTH = 40  # deepest nesting of a check file is 12
MAX_NODES = 1_000_000  # bounds memory where a small file nests densely

Step = str | int
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Located:
    """A value read from a file, with the line of everything in it."""

    file: str
    value: Any
    lines: Mapping[tuple[Step, ...], int] = field(default_factory=dict)
    root: tuple[Step, ...] = ()
    """Where this value stands in its file."""
    raises: type[UsageError] = ConfigError

    def at(self, *steps: Step) -> Located:
        """Return the value below these keys and indexes."""
        value = self.value
        for step in steps:
            value = value[step]
        return Located(self.file, value, self.lines, (*self.root, *steps), self.raises)

    def line(self, *steps: Step) -> int:
        """Return the line of the value below these steps, or of the nearest place above it that has one."""
        path = (*self.root, *steps)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, *steps: Step) -> str:
        """Return ``file:line`` of the value below these steps."""
        if not self.lines:
            return self.file
        return f"{self.file}:{self.line(*steps)}"

    def error(self, message: str, *steps: Step, hint: str = "") -> UsageError:
        """Return the error to raise for the value below these steps: ``file:line: key `a.b`: message``."""
        key = dotted((*self.root, *steps))
        named = f"key `{key}`: " if key else ""
        place = self.where(*steps)
        return self.raises(f"{place}: {named}{message}" if place else f"{named}{message}", hint=hint)


def read(path: Path, *, raises: type[UsageError] = ConfigError, foreign: bool = False) -> Located:
    """Return the one document of a YAML (or JSON) file.

    ``foreign`` is for files written for other programs, such as an Ansible inventory: what we would refuse as
    ambiguous, and anything with a tag, is kept as text.

    Raises:
        ConfigError: (or ``raises``) the file cannot be read, is too large, or says something we refuse.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise raises(f"{path}: {size_bytes} bytes is more than {MAX_FILE_BYTES}", hint="split the file")
        content = path.read_bytes()
    except OSError as error:
        raise raises(f"{path}: {error.strerror or error}", hint="check the path and its permissions") from None
    return read_bytes(content, str(path), raises=raises, foreign=foreign)


def read_bytes(content: bytes, file: str, *, raises: type[UsageError] = ConfigError, foreign: bool = False) -> Located:
    """Return the one document in these bytes; ``file`` is the name that errors show.

    Raises:
        ConfigError: (or ``raises``) it is too large, not UTF-8, or says something we refuse.
    """
    if len(content) > MAX_FILE_BYTES:
        raise raises(f"{file}: more than {MAX_FILE_BYTES} bytes", hint="split the file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise raises(f"{file}:{line}: not UTF-8", hint="save the file as UTF-8") from None
    return _Reader(file, text, raises, foreign).document()


def plain(located: Located) -> Any:
    """Return the value without its lines."""
    return located.value


def convert(located: Located | Mapping[str, Any], type_: type[T]) -> T:
    """Return the value as this type (a ``msgspec.Struct``, a dataclass, ``dict[str, …]``, …).

    A plain mapping, not read from a file, is converted too; its errors name the key only.

    Raises:
        ConfigError: (or what ``located.raises`` says) a key is unknown, missing, or of the wrong type.
    """
    if not isinstance(located, Located):
        located = Located("", located)
    _refuse_unknown(located, (), located.value, msgspec.inspect.type_info(type_))
    try:
        return msgspec.convert(located.value, type_, strict=True, str_keys=True)
    except msgspec.ValidationError as error:
        message, _, path_text = str(error).partition(" - at ")
        steps = _steps_of(located.value, path_text.strip("`"), type_)
    raise located.error(_in_words(message), *steps, hint=_hint(located, message, steps))


def dotted(steps: Iterable[Step]) -> str:
    """Return steps as they are shown to people: ``hosts[0].port``."""
    out = ""
    for step in steps:
        out += f"[{step}]" if isinstance(step, int) else f".{step}" if out else step
    return out


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean `x`?``, or the known words when none is near."""
    words = sorted(set(known))
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else f"one of: {', '.join(words)}" if words else ""


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_AMBIGUOUS = frozenset({"yes", "no", "on", "off"})
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_BASED_INT = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+\Z")
_SURPRISE = re.compile(
    r"[-+]?0[0-9_]+\Z"  # 0600: octal in YAML 1.1, six hundred in 1.2
    r"|[-+]?[0-9][0-9_]*\.?[0-9_]*[eE][-+]?[0-9]+\Z"  # 12e34: a number, or part of a digest
    r"|[-+]?\.[0-9]+\Z|[-+]?[0-9]+\.\Z|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"
    r"|[-+]?[0-9]+(?:_[0-9]+)+\Z|0b[01]+\Z"
)
_MAX_INT_DIGITS = 18  # fits 64 bits


class _Reader:
    """Builds plain values from parser events, so that nothing is resolved behind our back."""

    def __init__(self, file: str, text: str, raises: type[UsageError], foreign: bool) -> None:
        self.file = file
        self.foreign = foreign
        self.raises = raises
        self.lines: dict[tuple[Step, ...], int] = {}
        self.nodes = 0
        self.events = self._events(text)

    def document(self) -> Located:
        value: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, "a second document", hint="one document a file: remove `---`")
                value = self._node(next(self.events), ())
        return Located(self.file, value, self.lines, (), self.raises)

    def _events(self, text: str) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            words = ", ".join(part for part in (error.context, error.problem) if part)
            raise self.raises(f"{self.file}:{line}: not YAML: {words}", hint="check indentation and quotes") from None
        except yaml.YAMLError as error:
            first = str(error).split("\n", 1)[0]
            raise self.raises(f"{self.file}: not YAML: {first}", hint="remove control characters") from None

    def _node(self, event: yaml.Event, path: tuple[Step, ...]) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            self._refuse(event, f"more than {MAX_NODES} values or {MAX_DEPTH} levels", hint="split the file")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse(event, "anchors and aliases are not allowed", hint="write the value out in both places")
        if getattr(event, "tag", None) and not self.foreign:
            self._refuse(event, f"the tag `{event.tag}` is not allowed", hint="remove it, or quote the value")  # type: ignore[attr-defined]
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event)

    def _mapping(self, path: tuple[Step, ...]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                self._refuse(event, "a key must be plain text", hint="quote it")
            key = str(event.value)
            if not self.foreign and not event.style and key.lower() in _AMBIGUOUS | {"", "~", "null"}:
                self._refuse(event, f"the bare key `{key}` reads as something else", hint=f'quote it: "{key}"')
            if key in out:
                first = self.lines[(*path, key)]
                self._refuse(event, f"key `{key}` was already given on line {first}", hint="keep one of them")
            self.lines[(*path, key)] = _line(event)
            out[key] = self._node(next(self.events), (*path, key))
        return out

    def _sequence(self, path: tuple[Step, ...]) -> list[Any]:
        out: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            out.append(self._node(event, (*path, len(out))))
        return out

    def _scalar(self, event: Any) -> Any:
        text = str(event.value)
        if event.style:  # empty for plain text
            return text
        if self.foreign and (event.tag or text.lower() in _AMBIGUOUS or _SURPRISE.match(text)):
            return text
        if text.lower() in _AMBIGUOUS:
            message = f"bare `{text}` is a word to some readers and a truth value to others"
            self._refuse(event, message, hint=f'quote it: "{text}" (or write true/false)')
        if _SURPRISE.match(text):
            message = f"bare `{text}` reads differently in different YAML versions"
            self._refuse(event, message, hint=f'quote it: "{text}", or write it as a plain number')
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        return self._number(event, text)

    def _number(self, event: yaml.Event, text: str) -> int | float | str:
        if _INT.match(text):
            if len(text) > _MAX_INT_DIGITS:
                self._refuse(event, f"`{text[:30]}` is too large a number", hint="quote it")
            return int(text)
        if _BASED_INT.match(text):
            return int(text[: _MAX_INT_DIGITS - 2], 0)
        return float(text) if _FLOAT.match(text) else text

    def _refuse(self, event: yaml.Event, message: str, *, hint: str) -> NoReturn:
        raise self.raises(f"{self.file}:{_line(event)}: {message}", hint=hint)


def _refuse_unknown(located: Located, steps: tuple[Step, ...], value: Any, info: msgspec.inspect.Type) -> None:
    """Raise for the first key that no type along the way knows; msgspec does so for some types only."""
    inner = _member_for(value, info)
    if isinstance(value, dict) and isinstance(inner, (msgspec.inspect.StructType, msgspec.inspect.DataclassType)):
        fields = {entry.encode_name: entry.type for entry in inner.fields}
        tag = {inner.tag_field} if isinstance(inner, msgspec.inspect.StructType) and inner.tag_field else set()
        for key, below in value.items():
            if key in tag:
                continue
            if key not in fields:
                raise located.error("unknown key", *steps, key, hint=suggestion(key, {*fields, *tag}))
            _refuse_unknown(located, (*steps, key), below, fields[key])
    elif isinstance(value, dict) and isinstance(inner, msgspec.inspect.DictType):
        for key, below in value.items():
            _refuse_unknown(located, (*steps, key), below, inner.value_type)
    elif isinstance(value, list):
        element = getattr(inner, "item_type", None)
        for index, below in enumerate(value):
            if element is not None:
                _refuse_unknown(located, (*steps, index), below, element)


def _member_for(value: Any, info: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """Return the member of a union that would read this value; msgspec allows one mapping and one array, or tags."""
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if not isinstance(info, msgspec.inspect.UnionType):
        return info
    for member in info.types:
        if isinstance(value, dict) and isinstance(member, msgspec.inspect.StructType) and member.tag_field:
            if value.get(member.tag_field) == member.tag:
                return member
        elif (
            isinstance(value, dict)
            and isinstance(
                member, (msgspec.inspect.StructType, msgspec.inspect.DataclassType, msgspec.inspect.DictType)
            )
        ) or (isinstance(value, list) and hasattr(member, "item_type")):
            return member
    return info


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


_PATH_PART = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")


def _steps_of(value: Any, path_text: str, type_: Any) -> tuple[Step, ...]:
    """Return the steps of a msgspec error path such as ``$.hosts[0].port``; ``[...]`` stands for an unnamed map key."""
    steps: list[Step] = []
    here = value
    for match in _PATH_PART.finditer(path_text.removeprefix("key in ")):
        name, index, anywhere = match.groups()
        if anywhere:
            if not isinstance(here, dict):
                break
            key = _culprit(value, tuple(steps), here, type_)
            if key is None:
                break
            step: Step = key
        else:
            step = int(index) if index is not None else name
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            break
        steps.append(step)
    return tuple(steps)


def _culprit(value: Any, steps: tuple[Step, ...], mapping: dict[str, Any], type_: Any) -> str | None:
    """Return the first key of the mapping whose value alone already does not convert."""
    for key, below in mapping.items():
        try:
            msgspec.convert(_replaced(value, steps, {key: below}), type_, strict=True, str_keys=True)
        except msgspec.ValidationError:
            return key
    return None


def _replaced(value: Any, steps: tuple[Step, ...], new: Any) -> Any:
    if not steps:
        return new
    head, rest = steps[0], steps[1:]
    if isinstance(value, list):
        return [_replaced(below, rest, new) if index == head else below for index, below in enumerate(value)]
    return {key: _replaced(below, rest, new) if key == head else below for key, below in value.items()}


_TYPE_NAMES = {
    "`object`": "a mapping",
    "`array`": "a list",
    "`str`": "text",
    "`int`": "a whole number",
    "`bool`": "true or false",
    "`float`": "a number",
    "`null`": "nothing",
}


def _in_words(message: str) -> str:
    for name, words in _TYPE_NAMES.items():
        message = message.replace(name, words)
    message = message.replace("Object missing required field", "missing key").replace("Object contains", "")
    return message[:1].lower() + message[1:].strip()


_EXPECTED_TEXT = re.compile(r"Expected `(?:str|str \| .*)`, got `(?:int|float|bool)`")


def _hint(located: Located, message: str, steps: tuple[Step, ...]) -> str:
    if _EXPECTED_TEXT.search(message):
        return "quote it"
    if message.startswith("Invalid enum value"):
        return "check the spelling"
    return ""
