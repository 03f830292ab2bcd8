"""Values of ours to canonical JSON and back, those with unions of dataclasses too.

msgspec refuses unions of two dataclasses (a check's ``Condition`` is one), so every dataclass carries its name under
``$``. Decoding is by the declared types: what does not fit raises, it is never guessed.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from posture.errors import StoreError
from posture.model.check import Json

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Return microseconds since 1970 UTC; exact."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(since_1970: int) -> datetime:
    """Return the aware UTC moment of microseconds since 1970; exact."""
    return _EPOCH + timedelta(microseconds=since_1970)


def encode(value: Any) -> bytes:
    """Return a value as canonical JSON: keys sorted, no spaces."""
    return msgspec.json.encode(_plain(value), order="sorted")


def decode(kind: type[T], content: bytes) -> T:
    """Return the value of a type from JSON that ``encode`` made.

    Raises:
        StoreError: it is not JSON, or does not fit the type.
    """
    try:
        return cast(T, _typed(kind, msgspec.json.decode(content)))
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as reason:
        raise StoreError(
            f"stored {kind.__name__} does not load: {reason}",
            hint="it was written by another version, or the store is damaged",
        ) from None


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"$": type(value).__name__, **fields}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    return value  # dates and times: msgspec writes RFC 3339


def _typed(kind: Any, plain: Any) -> Any:
    if kind is Any or kind is object or kind is Json or isinstance(kind, str):
        return plain
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, plain)
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(args, plain)
    if origin is Literal:
        if plain not in args:
            raise ValueError(f"{plain!r} is none of {args}")
        return plain
    if origin is tuple:
        members = [args[0]] * len(plain) if args[1:] == (...,) else args
        return tuple(_typed(member, item) for member, item in zip(members, plain, strict=True))
    if origin is list:
        return [_typed(args[0], item) for item in plain]
    if origin in (dict, Mapping):
        return {key: _typed(args[1], item) for key, item in plain.items()}
    if isinstance(kind, type) and issubclass(kind, (Enum, datetime, date, str, int, float, bool, bytes)):
        return msgspec.convert(plain, kind)
    raise TypeError(f"no way to read a {kind}")


def _dataclass(kind: Any, plain: Any) -> Any:
    if plain.get("$") != kind.__name__:
        raise ValueError(f"expected {kind.__name__}, found {plain.get('$')}")
    hints = _hints(kind)
    return kind(**{name: _typed(hints[name], member) for name, member in plain.items() if name in hints})


def _union(args: tuple[Any, ...], plain: Any) -> Any:
    if plain is None and types.NoneType in args:
        return None
    for member in args:
        if isinstance(plain, dict) and dataclasses.is_dataclass(member) and plain.get("$") == member.__name__:  # type: ignore[union-attr]
            return _typed(member, plain)
    scalars = [member for member in args if not dataclasses.is_dataclass(member) and member is not types.NoneType]
    if not scalars:
        raise ValueError(f"{plain!r} is none of {args}")
    if len(scalars) == 1:
        return _typed(scalars[0], plain)
    return plain  # a union of JSON kinds, such as ``Json``, stands as it is


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
