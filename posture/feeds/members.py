"""Splits one large JSON object into its members without ever holding more than one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from posture.errors import FeedError
from posture.feeds.entries import shapeless

_MB = 1_000_000
_GAP_BYTES = 4 * _MB  # between two brackets stand a few strings; the longest description we saw has 5 KB
_DEPTH = 64

# Everything up to the next bracket that does not stand in a string, and that bracket.
_BRACKET = re.compile(rb'[^"{}\[\]]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"{}\[\]]*)*([{}\[\]])', re.DOTALL)
_KEY = re.compile(rb'\s*(?P<comma>,?)\s*(?P<key>"[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL)


def members(chunks: Iterable[bytes], name: str, most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield key and raw value of every member of the object; its values must be objects too.

    Raises:
        FeedError: it is cut short, no such object, or one member is longer than allowed.
    """
    supply, buffer = iter(chunks), bytearray()
    at = member = value = depth = count = 0
    while True:
        found = _BRACKET.match(buffer, at)
        if found is None:
            if len(buffer) - at > _GAP_BYTES or len(buffer) - member > most_bytes:
                raise FeedError(f"{name}: one entry is longer than {most_bytes // _MB} MB", hint="this is no such feed")
            del buffer[:member]
            at, value, member = at - member, value - member, 0
            chunk = next(supply, None)
            if chunk is None:
                raise shapeless(name, "cut short, or no JSON object")
            buffer += chunk
            continue
        at = found.end()
        opens = found[1] in b"{["
        depth += 1 if opens else -1
        if depth > _DEPTH:
            raise shapeless(name, f"nested more than {_DEPTH} deep")
        if opens and depth == 1:
            _only_space(buffer[member : at - 1], found[1] == b"{", name)
            member = at
        elif opens and depth == 2:
            key, value, count = _key(buffer[member : at - 1], count, name), at - 1, count + 1
        elif depth == 1:
            yield key, bytes(memoryview(buffer)[value:at])
            member = at
        elif depth == 0:
            _only_space(buffer[member : at - 1], found[1] == b"}", name)
            break
    for rest in (bytes(buffer[at:]), *supply):
        _only_space(rest, True, name)


def _key(text: bytes | bytearray, count: int, name: str) -> str:
    found = _KEY.fullmatch(text)
    if found is None or bool(found["comma"]) != bool(count):
        raise shapeless(name, "a member without a key")
    try:
        return msgspec.json.decode(found["key"], type=str)
    except msgspec.DecodeError as error:
        raise shapeless(name, str(error)) from error


def _only_space(text: bytes | bytearray, right_bracket: bool, name: str) -> None:
    if text.strip() or not right_bracket:
        raise shapeless(name, "no JSON object, or something around it")
