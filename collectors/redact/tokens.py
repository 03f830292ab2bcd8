"""Tokens by their shape, and what stands before the host in a URL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.redact.spans import GONE, Span, already


def tokens(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find tokens that are known by their shape, and what an Authorization header carries."""
    for found in _TOKEN.finditer(raw):
        yield found.start(1), found.end(1), GONE
    for found in _AUTHORIZATION.finditer(lower):
        start, end = found.span(1)
        if not already(raw[start:end]) and not lower[start:end].strip(b".,").isalpha():
            yield start, end, GONE
    for found in _AUTHORIZATION_LINE.finditer(lower):
        if not already(found[1]):
            yield found.start(1), found.end(1), GONE


# `sk-ssh-…` and `sk-ecdsa-…` are FIDO key types of sshd, not API keys.
_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9_-])((?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{12,}|gh[pousr]_[A-Za-z0-9]{12,}|github_pat_[A-Za-z0-9_]{12,}"
    rb"|glpat-[A-Za-z0-9_-]{12,}|xox[abeprs]-[A-Za-z0-9-]{10,}|sk-(?!ssh-|ecdsa-)[A-Za-z0-9_-]{16,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"
    rb"|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{12,}|npm_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_-]{30,}"
    rb"|SG\.[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+)?|hv[sb]\.[A-Za-z0-9_-]{16,}|dop_v1_[0-9a-f]{16,}"
    rb"|AGE-SECRET-KEY-1[A-Z0-9]{8,}"
    rb"|nvapi-[A-Za-z0-9_-]{16,}|gsk_[A-Za-z0-9]{16,}"
    rb"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*)"
)
_AUTHORIZATION_LINE = re.compile(
    rb"authorization[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?"
    rb"(?:(?:bearer|basic|digest|negotiate|token|apikey|key)[ \t]{1,8})?+"
    rb"([^\s\"'<]{4,})"
)
_AUTHORIZATION = re.compile(rb"\b(?:bearer|basic|digest|negotiate)[ \t]{1,8}([a-z0-9._~+/=-]{8,})")


def user_in_url(raw: bytes, lower: bytes) -> Iterator[Span]:
    """Find the password of ``scheme://user:password@host``, and a user part long enough to be a token."""
    for found in _URL_USER.finditer(raw):
        if not already(found[1]):
            yield found.start(1), found.end(1), GONE
    for found in _URL_TOKEN.finditer(raw):
        if not already(found[1]):
            yield found.start(1), found.end(1), GONE


_URL_USER = re.compile(rb"://[^\s/@:\"'<>]{0,256}:([^\s/\"']{1,1024})@")
_URL_TOKEN = re.compile(rb"://([^\s/@:\"'<>]{20,1024})@")
