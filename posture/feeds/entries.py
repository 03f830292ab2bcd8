"""What readers hand on, one by one, and the way they open a document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from posture.errors import FeedError
from posture.feeds.container import Document
from posture.model.vulnerability import Advisory, CveRecord, SupportCycle


@dataclass(frozen=True, slots=True)
class Edition:
    """What a document says of its own age; the newest one of a feed stands for it."""

    as_of: datetime | None
    """Aware, UTC."""
    version: str = ""
    """Empty where the moment is all there is."""


Entry = Advisory | CveRecord | SupportCycle | Edition
"""A ``CveRecord`` carries only what its own feed knows."""
Reader = Callable[[Iterable[Document]], Iterator[Entry]]
"""Pure: documents in, entries out; holds one document at a time."""

_T = TypeVar("_T")
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")


def decoded(content: bytes | msgspec.Raw, shape: type[_T], name: str) -> _T:
    """Return the JSON of a document in the shape its feed must have.

    Raises:
        FeedError: it is no JSON, or has another shape.
    """
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise shapeless(name, str(error)) from error


def shapeless(name: str, what: str) -> FeedError:
    """Return the error for a document that does not look like its feed."""
    return FeedError(
        f"{name}: not what this feed looks like: {what}", hint="fetch it again; name another feed for another file"
    )


def cve_id(text: str, name: str) -> str:
    """Return a CVE id in capitals.

    Raises:
        FeedError: it is none.
    """
    if not is_cve(text):
        raise shapeless(name, f"`{text[:40]}` is no CVE id")
    return text.upper()


def is_cve(text: str) -> bool:
    """Return whether a text is a CVE id, in any letter case."""
    return _CVE.fullmatch(text.upper()) is not None


def moment(text: str, name: str) -> datetime:
    """Return an ISO 8601 moment as aware UTC; one without a zone is UTC.

    Raises:
        FeedError: it is none.
    """
    try:
        read = datetime.fromisoformat(text.strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise shapeless(name, f"`{text[:40]}` is no moment") from None


def members(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list, or in one object, as objects: SSVC options come as either."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
