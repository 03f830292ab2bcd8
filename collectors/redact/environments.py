"""Environments of units and containers: names stay, values go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.redact.spans import GONE, Span, already


def environments(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find the values in ``Environment=`` lines of units and ``"Env"`` lists of containers."""
    for line in _ENVIRONMENT.finditer(raw):
        for word in _UNIT_WORD.finditer(raw, line.start(1), line.end(1)):
            yield from _variable(word.start(), word[0])
    for found in _DOCKER_ENV.finditer(raw):
        for word in _JSON_STRING.finditer(raw, found.start(1), found.end(1)):
            yield from _variable(word.start(), word[0])


_ENVIRONMENT = re.compile(rb"^[ \t]{0,40}(?:Default|Manager)?Environment=((?:[^\n\\]|\\[\s\S])*)", re.MULTILINE)
_UNIT_WORD = re.compile(
    rb"\"(?:[^\"\\]|\\[\s\S])*\"?|'(?:[^'\\]|\\[\s\S])*'?|(?:[^\s\"'\\]|\\[^\n])(?:[^\s\\]|\\[^\n])*"
)
_DOCKER_ENV = re.compile(rb"\"Env\"\s{0,8}:\s{0,8}\[((?:\s{0,80}\"(?:[^\"\\]|\\.)*\"\s{0,80},?)*)")
_JSON_STRING = re.compile(rb"\"(?:[^\"\\]|\\.)*\"?")


def _variable(start: int, word: bytes) -> Iterator[Span]:
    """Find the value in ``NAME=value``, with or without quotes around both."""
    equals = word.find(b"=")
    if equals < 0:
        return
    value_at = equals + 1
    end = len(word)
    for quote in (b'"', b"'"):
        if (
            end > value_at
            and word.endswith(quote)
            and (word.startswith(quote) or word[value_at : value_at + 1] == quote)
        ):
            end -= 1
            value_at += word[value_at : value_at + 1] == quote and not word.startswith(quote)
            break
    if value_at < end and not already(word[value_at:end]):
        yield start + value_at, start + end, GONE
