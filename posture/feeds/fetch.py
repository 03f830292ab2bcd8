"""Fetches a feed over https into a file: capped, with a deadline, and not again when it has not changed."""

from __future__ import annotations

import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from posture import __version__
from posture.errors import FeedError
from posture.feeds.registry import Feed

_CHUNK = 256 * 1024
_SILENCE_S = 60.0  # without a byte
_WHOLE_S = 3 * 3600.0  # an 85 MB archive over a slow satellite link took an hour and a half
_POINTER_BYTES = 1_000
_HINT = "`posture feeds import` takes the file by hand; `feeds.urls` in the configuration names a mirror"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A feed that came over the network."""

    path: Path
    url: str
    etag: str
    modified_at: datetime | None


@contextmanager
def fetched(feed: Feed, url: str, etag: str = "") -> Iterator[Fetched | None]:
    """Yield the feed in a file that goes away afterwards; ``None`` when the server says it has not changed.

    ``etag`` is that of the copy we have, empty without one.

    Raises:
        FeedError: not https, no answer, an answer that is none, or more bytes than the feed may have.
    """
    with TemporaryDirectory(prefix="posture-feed-") as work:
        yield _fetch(feed, url, etag, Path(work))


def _fetch(feed: Feed, url: str, etag: str, work: Path) -> Fetched | None:
    if feed.pointer and urllib.parse.urlsplit(url).path.endswith(".txt"):
        url = _pointed_to(feed, url)
    path = work / (urllib.parse.urlsplit(url).path.rsplit("/", 1)[-1] or feed.id)
    with _answer(feed, url, etag) as answer:
        if answer is None:
            return None
        size = _save(feed, answer, path)
        said = answer.headers.get("Content-Length")
        if said is not None and said.isdecimal() and int(said) != size:
            raise FeedError(f"{feed.id}: {url} broke off after {size} of {said} bytes", hint=_HINT)
        return Fetched(path, url, answer.headers.get("ETag", "")[:200], _modified(answer.headers))


def _pointed_to(feed: Feed, url: str) -> str:
    with _answer(feed, url, "") as answer:
        content: bytes = answer.read(_POINTER_BYTES) if answer else b""
    name = content.decode("ascii", "replace").strip()
    # A name and nothing else: it must not lead to another place.
    if not name or not all(char.isalnum() or char in "._-" for char in name) or ".." in name:
        raise FeedError(f"{feed.id}: {url} names no file beside it: `{name[:60]}`", hint=_HINT)
    return urllib.parse.urljoin(url, name)


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.lower().startswith("https://"):
            raise urllib.error.URLError("it redirects to a place without https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _answer(feed: Feed, url: str, etag: str) -> Iterator[Any]:
    if not url.lower().startswith("https://"):
        raise FeedError(f"{feed.id}: `{url}` is no https URL", hint=_HINT)
    headers = {"User-Agent": f"posture-scanner/{__version__}", **({"If-None-Match": etag} if etag else {})}
    asked = urllib.request.Request(url, headers=headers)  # noqa: S310 - https was checked
    opener = urllib.request.build_opener(_HttpsOnly())
    try:
        with opener.open(asked, timeout=_SILENCE_S) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        if error.code != 304:
            raise FeedError(f"{feed.id}: {url} answers {error.code}", hint=_HINT) from error
        yield None
    except (urllib.error.URLError, HTTPException, TimeoutError, OSError) as error:
        why = getattr(error, "reason", None) or error
        raise FeedError(f"{feed.id}: {url} cannot be fetched: {why}", hint=_HINT) from error


def _save(feed: Feed, answer: Any, path: Path) -> int:
    most, begun, size = feed.limits.file_bytes, time.monotonic(), 0
    with path.open("wb") as file:
        while chunk := answer.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise FeedError(f"{feed.id}: more than {most // 1_000_000} MB come from {answer.url}", hint=_HINT)
            if time.monotonic() - begun > _WHOLE_S:
                raise FeedError(f"{feed.id}: not whole after {_WHOLE_S / 3600:.0f} hours", hint=_HINT)
            file.write(chunk)
    return size


def _modified(headers: HTTPMessage) -> datetime | None:
    try:
        return parsedate_to_datetime(headers.get("Last-Modified", "")).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
