"""What a real service answers to every path of the table, as a file that tests can serve again without the service."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collectors.ai.fingerprints import ALLOWED, MARKS
from collectors.ai.http import Door

RECORDINGS = Path(__file__).parent / "recordings"
KEPT_BYTES = 600  # of a body without a mark: enough to see what it is


def recorded(port: int) -> dict[str, Any]:
    """Return status, head and as much of the body as holds every mark, by path; 404 that say nothing are left out."""
    found: dict[str, Any] = {}
    for path in sorted(ALLOWED):
        door = Door("127.0.0.1", port, tls=False)
        reply = door.get(path)
        door.close()
        if reply.status is not None and not (reply.status == 404 and path != "/"):
            found[path] = {"status": reply.status, "head": reply.head, "body": _kept(path, reply.body)}
    return found


def _kept(path: str, body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    ends = [match.end() for mark in MARKS.values() if mark.path == path and (match := re.search(mark.pattern, text))]
    kept = text[: max([KEPT_BYTES, *ends])]
    return text if len(text) < 4 * KEPT_BYTES else kept


def write(name: str, said: Mapping[str, Any]) -> None:
    """Write a recording."""
    RECORDINGS.mkdir(exist_ok=True)
    (RECORDINGS / f"{name}.json").write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")


def answers(name: str) -> dict[str, bytes]:
    """Return a recording as the bytes that a server sends."""
    said = json.loads((RECORDINGS / f"{name}.json").read_text())
    return {path: _bytes(one) for path, one in said["answers"].items()}


def _bytes(one: Mapping[str, Any]) -> bytes:
    body = one["body"].encode()
    head = "".join(f"{line}\r\n" for line in one["head"].split("\n") if line)
    return f"HTTP/1.1 {one['status']} recorded\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
