"""Values from hosts as short, harmless text."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from posture.evaluate.paths import Absent, Blank, Found, Place, as_text, is_listing

MAX_TEXT = 300  # fits a table cell; what is cut is named by length and digest
_LABELS = ("name", "user", "path", "fingerprint", "unit", "id", "address", "port")


def short(text: str, limit: int = MAX_TEXT) -> str:
    """Return the text on one line with control and format characters made visible, capped.

    A cut text ends with its length and digest, so that two different values never read the same.
    """
    if len(text) > limit:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        text = f"{text[: limit - 40]}"
        return f"{_visible(text)[: limit - 40]}… (cut, sha256 {digest})"
    seen = _visible(text)
    return seen if len(seen) <= limit else short(seen, limit)


def show(value: Any) -> str:
    """Return a value as text, uncut: text bare, lists with commas, mappings as ``key=value``."""
    if is_listing(value):
        more = [] if value["complete"] is True else ["…"]
        return ", ".join([*map(show, value["items"]), *more]) or "empty"
    if isinstance(value, list):
        return ", ".join(map(show, value)) or "empty"
    if isinstance(value, dict):
        return " ".join(f"{key}={show(below)}" for key, below in sorted(value.items())) or "empty"
    if value is None:
        return "absent"
    return (value or '""') if isinstance(value, str) else as_text(value)


def show_place(place: Place) -> str:
    """Return what stands at a place, or that it is absent, or why it is unseen."""
    match place:
        case Found(value=value):
            return show(value)
        case Absent():
            return "absent"
        case Blank(reason=reason, detail=detail):
            return f"not seen: {reason.value}" + (f" ({detail})" if detail else "")


def show_element(element: Place, fields: tuple[str, ...]) -> str:
    """Return the name of a list element and the fields a condition asked for: ``toor (uid=0)``."""
    if not isinstance(element, Found) or not isinstance(element.value, dict):
        return show_place(element)
    value = element.value
    label = next((key for key in _LABELS if isinstance(value.get(key), (str, int))), "")
    told = [f"{key}={show(value.get(key))}" for key in fields if key != label and key in value]
    if not label:
        return " ".join(told) or json.dumps(value, sort_keys=True)
    return show(value[label]) + (f" ({', '.join(told)})" if told else "")


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return named.get(char) or f"\\u{{{ord(char):x}}}"
