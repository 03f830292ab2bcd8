"""JSON as every export writes it: keys sorted, strings inert, and nothing that a page could take for markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from reports.inert import inert

# Everything but printable ASCII, as it stands in encoded JSON: only then is a walk over the strings needed.
_FOREIGN = re.compile(rb'[^ -~]|\\[^"\\]')


def encode(value: object) -> bytes:
    """Return the value as one line of JSON; what a host chose in it is made inert."""
    encoded = msgspec.json.encode(value, order="sorted")
    if _FOREIGN.search(encoded):
        encoded = msgspec.json.encode(_inert_tree(msgspec.json.decode(encoded)), order="sorted")
    # So that a page may carry the file inside a script element; these three stand in strings only.
    return encoded.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")


def write_lines(file: BinaryIO, values: Iterable[object]) -> None:
    """Write each value on a line of its own (JSON Lines)."""
    for value in values:
        file.write(encode(value) + b"\n")


class Stream:
    """A list in a document that is written while it is read, so that it is never whole in memory."""

    def __init__(self, values: Iterable[object]) -> None:
        self.values = values


def write_document(file: BinaryIO, value: Any) -> None:
    """Write a document in which any list may be a ``Stream``; keys in the order given."""
    for piece in _pieces(value):
        file.write(piece)
    file.write(b"\n")


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, Stream):
        yield b"["
        for number, member in enumerate(value.values):
            yield b",\n" if number else b"\n"
            yield encode(member)
        yield b"]"
    elif isinstance(value, dict) and _holds_stream(value):
        yield b"{"
        for number, (key, member) in enumerate(value.items()):
            yield b"%s\n%s:" % (b"," if number else b"", encode(key))
            yield from _pieces(member)
        yield b"}"
    elif isinstance(value, list) and any(_holds_stream(member) for member in value):
        yield b"["
        for number, member in enumerate(value):
            yield b"," if number else b""
            yield from _pieces(member)
        yield b"]"
    else:
        yield encode(value)


def _holds_stream(value: Any) -> bool:
    if isinstance(value, Stream):
        return True
    if isinstance(value, dict):
        return any(_holds_stream(member) for member in value.values())
    return isinstance(value, list) and any(_holds_stream(member) for member in value)


def _inert_tree(value: Any) -> Any:
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, list):
        return [_inert_tree(member) for member in value]
    if isinstance(value, dict):
        return {inert(key): _inert_tree(member) for key, member in value.items()}
    return value
